// SPDX-License-Identifier: Apache-2.0
// headrace bench sink: endpoints that answer as a script says, until SIGTERM or SIGINT.
#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/loop.h"
#include "ingest/listener.h"
#include "tools/bench/bench_command.h"
#include "tools/bench/endpoint_sink.h"
#include "tools/exit_code.h"
#include "tools/run_command.h"

namespace headrace::tools {
namespace {

using bench_tools::EndpointSink;
using bench_tools::LedgerWriter;
using bench_tools::SinkCounters;
using bench_tools::SinkFault;
using bench_tools::SinkScript;

struct SinkFlags {
  std::string listen = "127.0.0.1:0";
  std::uint32_t endpoints = 1;
  std::string script;
  std::optional<std::uint64_t> seed;
  std::string secret;
  std::string ledger;
  bool ports = false;
  bool json = false;
};

Result<SinkScript> script_of(const SinkFlags& flags) {
  SinkScript script = flags.seed ? SinkScript::from_seed(*flags.seed, flags.endpoints)
                                 : SinkScript::plain(flags.endpoints);
  if (!flags.script.empty()) {
    std::ifstream file(flags.script, std::ios::binary);
    const std::string text(std::istreambuf_iterator<char>(file), {});
    if (!file) return Error{ErrorCode::kInvalidArgument, flags.script + " cannot be read"};
    auto parsed = SinkScript::parse(text);
    if (!parsed) return Error{parsed.error().code, flags.script + ": " + parsed.error().what};
    script = std::move(*parsed);
  }
  if (!flags.secret.empty()) {
    if (!bench_tools::secret_key(flags.secret))
      return Error{ErrorCode::kInvalidArgument, "--secret must be whsec_ and base64"};
    for (auto& behaviour : script.behaviours) behaviour.secret = flags.secret;
  }
  return script;
}

// One socket for all endpoints, or one for each: then the first has the port that was asked for
// and the others those behind it, or any where that is 0.
Result<std::vector<std::string>> listen_on(const SinkFlags& flags, std::uint32_t endpoints,
                                           EndpointSink& sink) {
  auto address = ingest::ListenAddress::parse(flags.listen);
  if (!address) return address.error();
  std::vector<std::string> bound;
  for (std::uint32_t i = 0; i < (flags.ports ? endpoints : 1); ++i) {
    auto socket = ingest::BoundSocket::bind(*address);
    if (!socket) return socket.error();
    bound.push_back(socket->address().to_string());
    if (auto listening = sink.listen(socket->release(), flags.ports ? i : EndpointSink::kByPath);
        !listening)
      return listening.error();
    auto& port = address->address.ss_family == AF_INET
                     ? reinterpret_cast<sockaddr_in&>(address->address).sin_port
                     : reinterpret_cast<sockaddr_in6&>(address->address).sin6_port;
    if (port != 0) port = htons(static_cast<std::uint16_t>(ntohs(port) + 1));
  }
  return bound;
}

void say_where(const std::vector<std::string>& addresses, bool as_json) {
  if (as_json) {
    Json list = Json::array();
    for (const std::string& address : addresses)
      list.items.push_back(Json::string("http://" + address));
    Json line = Json::object();
    line.set("listening", std::move(list));
    print(to_text(line) + '\n');
  } else {
    for (const std::string& address : addresses) print(fmt::format("sink on http://{}\n", address));
  }
  std::fflush(stdout);
}

double cpu_us() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const auto us = [](const timeval& time) {
    return 1e6 * static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec);
  };
  return us(usage.ru_utime) + us(usage.ru_stime);
}

Json result_of(const SinkCounters& counters, double cpu_us_used) {
  Json json = Json::object();
  set_number(json, "connections", counters.connections);
  set_number(json, "requests", counters.requests);
  set_number(json, "body_bytes", counters.body_bytes);
  Json answered = Json::object();
  for (std::size_t status = 0; status < counters.answered.size(); ++status)
    if (counters.answered[status] > 0)
      set_number(answered, std::to_string(status), counters.answered[status]);
  json.set("answered", std::move(answered));
  Json faults = Json::object();
  for (std::size_t i = 1; i < counters.faults.size(); ++i)
    set_number(faults, to_string(static_cast<SinkFault>(i)), counters.faults[i]);
  json.set("faults", std::move(faults));
  set_number(json, "bad_signatures", counters.bad_signatures);
  set_number(json, "unidentified", counters.unidentified);
  set_number(json, "unknown_endpoints", counters.unknown_endpoints);
  set_number(json, "malformed", counters.malformed);
  set_number(json, "gave_up", counters.gave_up);
  set_number(json, "cpu_us", cpu_us_used);
  if (counters.requests > 0)
    set_number(json, "cpu_us_per_request", cpu_us_used / static_cast<double>(counters.requests));
  return json;
}

// Ends the loop at the first of the signals that ask for it.
class Ending {
 public:
  Ending(core::Loop& loop, EndpointSink& sink) : loop_(loop), sink_(sink) {
    constexpr int kSignals[] = {SIGTERM, SIGINT};
    for (std::size_t i = 0; i < 2; ++i) {
      uv_signal_init(loop.uv(), &signals_[i]);
      signals_[i].data = this;
      uv_signal_start(
          &signals_[i], [](uv_signal_t* handle, int) { static_cast<Ending*>(handle->data)->end(); },
          kSignals[i]);
    }
  }
  void end() {
    for (uv_signal_t& handle : signals_) uv_close(reinterpret_cast<uv_handle_t*>(&handle), nullptr);
    sink_.stop([this] { loop_.stop(); });
  }

 private:
  core::Loop& loop_;
  EndpointSink& sink_;
  uv_signal_t signals_[2];
};

int run_bench_sink(const SinkFlags& flags) {
  signal(SIGPIPE, SIG_IGN);
  auto script = script_of(flags);
  if (!script) return fail(kConfiguration, script.error().what);
  std::optional<LedgerWriter> ledger;
  if (!flags.ledger.empty()) {
    auto created = LedgerWriter::create(
        flags.ledger,
        {.kind = bench_tools::LedgerKind::kSink, .started_ns = bench_tools::wall_clock_ns()}, 0);
    if (!created) return fail(kConfiguration, created.error().what);
    ledger.emplace(std::move(*created));
  }
  const core::SystemClock clock;
  core::Loop loop(clock);
  EndpointSink sink(loop, *script, ledger ? &*ledger : nullptr);
  Ending ending(loop, sink);
  auto addresses = listen_on(flags, script->endpoints(), sink);
  if (!addresses) {
    ending.end();
    loop.run();
    return fail(kConfiguration, addresses.error().what);
  }
  say_where(*addresses, flags.json);
  const double before_us = cpu_us();
  loop.run();
  show(result_of(sink.counters(), cpu_us() - before_us), flags.json);
  if (!ledger) return kOk;
  auto closed = ledger->close(bench_tools::wall_clock_ns());
  return closed ? kOk : fail(kFailed, closed.error().what);
}

}  // namespace

void add_sink_command(BenchCommands& commands) {
  const auto flags = std::make_shared<SinkFlags>();
  CLI::App& command = commands.add("sink", "be endpoints that answer as a script says",
                                   [flags] { return run_bench_sink(*flags); });
  command.add_option("--listen", flags->listen, "HOST:PORT; endpoint N is /N there");
  command.add_flag("--ports", flags->ports, "a port an endpoint instead of a path");
  command.add_option("--endpoints", flags->endpoints, "how many endpoints, without a script")
      ->check(CLI::Range(1U, SinkScript::kEndpointsMax))
      ->type_name("NUMBER");
  CLI::Option* const script =
      command.add_option("--script", flags->script, "JSON file that says what they do")
          ->type_name("FILE");
  command.add_option("--seed", flags->seed, "let chance say what they do, this one")
      ->excludes(script)
      ->type_name("NUMBER");
  command.add_option("--secret", flags->secret, "Standard Webhooks secret of all signatures")
      ->type_name("whsec_…");
  command.add_option("--ledger", flags->ledger, "directory to note in what was received")
      ->type_name("DIR");
  command.add_flag("--json", flags->json, "addresses and counts as a JSON object each");
}

}  // namespace headrace::tools
