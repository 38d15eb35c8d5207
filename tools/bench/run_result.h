// SPDX-License-Identifier: Apache-2.0
// What a run found: one object for programs, a table for people.
//
// Pure. Members, their order and units are those of `run` in docs/bench-result.schema.json.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/histogram.h"
#include "tools/bench/process_usage.h"
#include "tools/bench/scenario.h"
#include "tools/bench/verify.h"
#include "tools/json_value.h"

namespace headrace::bench_tools {

struct Machine {
  std::size_t cpus = 0;
  std::string cpu_model;
  std::string kernel;
  std::uint64_t memory_bytes = 0;
  std::string filesystem;  // of the daemon's data
  bool is_pinned = false;
};
Machine this_machine(const std::string& data_directory);

// Of one moment, about the time since the one before.
struct SeriesPoint {
  double t_s = 0;
  double accepted_per_s = 0;
  double delivered_per_s = 0;
  double backlog = 0;  // deliveries that are open
  double errors_per_s = 0;
  double cpu_us_per_event = 0;
  std::uint64_t rss_bytes = 0;
};

// What the ledgers of the measured messages say of times, in ns.
struct RunTimes {
  std::uint64_t accepted = 0;
  std::uint64_t first_due_ns = 0;  // wall clock
  std::uint64_t last_answer_ns = 0;
  std::uint64_t first_receipt_ns = 0;
  std::uint64_t last_receipt_ns = 0;
  core::Histogram accept;  // from due to accepted, of what is measured
};
// Requires: ledgers of one run whose numbers count from 0, but for those that are apart.
RunTimes times_of(std::span<const LedgerView> ledgers);

struct RunRecord {
  Scenario scenario;
  RunOptions options;
  std::uint64_t started_ns = 0;  // wall clock
  std::string version;           // of the daemon
  Machine machine;
  RoutedField field;
  double body_bytes = 0;  // mean

  ProcessUsage daemon;  // of the measured window only, but for memory
  ProcessUsage sink;
  double load_cpu_us = 0;
  std::uint64_t events = 0;                         // accepted
  std::uint64_t deliveries = 0;                     // answered 2xx by the sink, by its ledger
  std::optional<std::uint64_t> deliveries_counted;  // by the daemon's metrics
  std::uint64_t span_ns = 0;                        // of the window
  core::Histogram accept;
  core::Histogram e2e;
  std::uint64_t kills = 0;
  std::uint64_t restart_max_ns = 0;  // from a kill until messages were taken again

  tools::Json load;    // what `bench load --json` said
  tools::Json verify;  // what `bench verify --json` would say
  std::vector<SeriesPoint> series;
  std::vector<std::string> faults;  // why the run says nothing; empty: it is valid
};

tools::Json run_json(const RunRecord& record);
std::string run_table(const RunRecord& record);
// Of several runs: median, least and most of the figures that people compare.
std::string repeats_table(const std::vector<tools::Json>& runs);

}  // namespace headrace::bench_tools
