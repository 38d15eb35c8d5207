// SPDX-License-Identifier: Apache-2.0
// What `bench run` can play: which definitions, which endpoints, which load, and in which order.
//
// Pure: tables, and the texts that the processes of a run are told.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/result.h"
#include "tools/bench/corpus.h"
#include "tools/json_value.h"

namespace headrace::bench_tools {

enum class Flow : std::uint8_t {
  kSteady,   // a warm-up, then the load, until everything has arrived and is on record
  kBacklog,  // the load while the sink is not there, then the sink: its drain is what is measured
  kKills,    // the load, while the daemon is killed and started again
};

struct Scenario {
  std::string_view name;
  std::string_view help;
  Flow flow = Flow::kSteady;
  std::uint32_t endpoints = 1;  // that answer at once
  std::uint32_t bad = 0;        // that do not, beside them
  bool is_matched = true;       // messages are of an event that somebody wants
  bool is_fanned_out = false;   // each message goes to every endpoint, else each link to its own
  double per_second = 0;        // of an open loop; 0: a closed loop
  std::uint64_t messages = 0;   // 0: as many as the duration brings
  std::uint64_t kill_every_ns = 0;  // of kKills; 0: once, in the middle
};

std::span<const Scenario> all_scenarios() noexcept;
const Scenario* find_scenario(std::string_view name) noexcept;  // null: there is none
const Scenario& chaos_scenario() noexcept;  // `bench chaos`, which is none of the above

struct RunOptions {
  std::uint64_t duration_ns = 10'000'000'000;
  std::uint64_t warmup_ns = 2'000'000'000;
  unsigned repeat = 1;
  std::string data;    // where the temporary directory is made; empty: TMPDIR or /tmp
  std::string daemon;  // another program to measure; empty: this one
  std::string durability = "fsync";
  std::string signing = "none";
  std::string github;  // GitHub's examples; empty: made bodies
  std::string size = "7k";
  unsigned connections = 64;
  unsigned ingest_loops = 1;
  unsigned shards = 1;
  std::uint64_t kill_every_ns = 0;
  std::uint64_t seed = 1;
  std::vector<std::string> daemon_flags;  // further ones
  std::vector<std::string> load_flags;
  bool keep = false;  // ledgers and data, and say where they are
  // What the scenario says, unless these do.
  std::optional<double> per_second;
  std::optional<std::uint32_t> endpoints;
  std::optional<std::uint64_t> messages;

  static constexpr std::uint32_t kEndpointsMax = 1000;

  // kInvalidArgument.
  Result<void> check() const;
};

// The scenario as the options have it. kInvalidArgument.
Result<Scenario> adjusted(const Scenario& scenario, const RunOptions& options);

// The one field by which messages are told what they are.
struct RoutedField {
  std::string selector;  // "$Event{type}"
  std::string value;
};
// A field that has the same text in every payload. kInvalidArgument: there is none that we know.
Result<RoutedField> routed_field(const Corpus& corpus);
double mean_body_bytes(const Corpus& corpus) noexcept;

// --- what the processes are told ---

tools::Json webhook_definition();
tools::Json event_definition(const Scenario& scenario, const RoutedField& field);
// Of endpoint `index`, at `sink` ("http://127.0.0.1:1234"). Signed with `secret`; empty: not.
tools::Json endpoint_definition(const Scenario& scenario, const std::string& secret,
                                const std::string& sink, std::uint32_t index);
// The good ones first.
std::string sink_script(const Scenario& scenario, std::uint64_t seed);

struct LoadAim {
  std::vector<std::string> links;
  std::string ledger_directory;
  std::uint64_t run = 0;
  std::uint64_t duration_ns = 0;
  bool is_held = false;
};
std::vector<std::string> load_arguments(const Scenario& scenario, const RunOptions& options,
                                        const LoadAim& aim);
std::vector<std::string> daemon_arguments(const RunOptions& options, const std::string& directory,
                                          std::uint16_t ingest_port, std::uint16_t api_port);

}  // namespace headrace::bench_tools
