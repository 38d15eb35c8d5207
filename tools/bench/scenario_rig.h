// SPDX-License-Identifier: Apache-2.0
// A daemon, a sink and loads on loopback, in a temporary directory: what every scenario is played
// with.
//
// The directory and the processes are gone when this is, whatever happened. Ports are chosen once
// and kept, so that what is started again is where it was.
// Threads: one.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tools/api_client.h"
#include "tools/bench/processes.h"
#include "tools/bench/run_result.h"
#include "tools/bench/scenario.h"

namespace headrace::tools {

// What a daemon counted since its start.
struct DaemonCounters {
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;
  std::uint64_t delivered = 0;
  std::uint64_t dead = 0;
  std::uint64_t attempts = 0;
  std::uint64_t failed_attempts = 0;
  std::uint64_t outcomes_recorded = 0;
};

class ScenarioRig {
 public:
  using Patience = std::chrono::milliseconds;

  ScenarioRig(bench_tools::Scenario scenario, bench_tools::RunOptions options);
  ~ScenarioRig();
  ScenarioRig(const ScenarioRig&) = delete;
  ScenarioRig& operator=(const ScenarioRig&) = delete;

  // Makes the directory and chooses ports. kStorageFailed, kUnavailable.
  Result<void> prepare();

  Result<void> start_sink();
  Result<void> start_daemon();  // and waits until it takes messages
  Result<void> define(const bench_tools::RoutedField& field);
  // A load that is connected and waits for tell(), or with `is_held` false is on its way.
  Result<bench_tools::Child*> start_load(std::uint64_t run, std::uint64_t duration_ns,
                                         bool is_held);

  void kill_daemon();
  // In order, so that their ledgers and stores are whole.
  Result<void> stop_sink();
  Result<void> stop_daemon();

  Result<DaemonCounters> counters();
  Result<bench_tools::ProcessUsage> daemon_usage() const;
  Result<bench_tools::ProcessUsage> sink_usage() const;  // of none while there is no sink

  // Until the child has ended. kFailed's kinds: it took too long, or we were interrupted.
  Result<void> wait_for_end(bench_tools::Child& child, Patience patience);
  // A moment, in which signals and children are heard. kCancelled: we were interrupted.
  Result<void> pass(std::chrono::milliseconds moment);

  const std::string& directory() const noexcept { return directory_; }
  std::string ledger_directory() const { return directory_ + "/ledger"; }
  bool is_pinned() const noexcept { return placement_.is_pinned(); }
  const std::string& version() const noexcept { return version_; }

 private:
  Result<Json> call(Method method, const std::string& target, const Json& body);
  Result<std::string> next_line(bench_tools::Child& child, Patience patience);
  Result<bool> wait_until_serving(bench_tools::Child& child);
  Result<std::string> add_endpoint(std::uint32_t index);
  std::string link_url(std::string_view link) const;
  Error ended(const bench_tools::Child& child) const;
  Result<bench_tools::Child*> start(const char* name, const std::string& program,
                                    std::vector<std::string> arguments,
                                    const std::vector<unsigned>& cpus);

  const bench_tools::Scenario scenario_;
  const bench_tools::RunOptions options_;
  std::string directory_;
  std::string secret_;  // that deliveries are signed with; empty: they are not
  std::uint16_t ingest_port_ = 0;
  std::uint16_t api_port_ = 0;
  std::uint16_t sink_port_ = 0;
  bench_tools::Placement placement_;
  bench_tools::Processes processes_;
  bench_tools::Child* daemon_ = nullptr;
  bench_tools::Child* sink_ = nullptr;
  std::unique_ptr<ApiClient> client_;
  std::vector<std::string> links_;
  std::string version_;
};

}  // namespace headrace::tools
