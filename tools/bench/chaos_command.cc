// SPDX-License-Identifier: Apache-2.0
// headrace bench chaos: kills the daemon again and again under load, and counts what became of each
// message that it had accepted.
#include <memory>

#include "tools/bench/bench_command.h"
#include "tools/bench/load_command.h"
#include "tools/bench/run_command.h"

namespace headrace::tools {

void add_chaos_command(BenchCommands& commands) {
  constexpr std::uint64_t kMinuteNs = 60'000'000'000;
  const auto flags = std::make_shared<BenchRunFlags>();
  flags->options.duration_ns = kMinuteNs;
  CLI::App& command =
      commands.add("chaos", "kill the daemon again and again under load; nothing may be lost",
                   [flags] { return play_scenario(bench_tools::chaos_scenario(), *flags); });
  add_run_flags(command, *flags);
  bench_tools::add_time_flag(command, "--every", flags->options.kill_every_ns,
                             "from when it serves to its next kill, a quarter more or less (2s)");
  command.footer(kRunFooter);
}

}  // namespace headrace::tools
