// SPDX-License-Identifier: Apache-2.0
// `headrace bench load`: its flags, and what it prints.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "headrace/result.h"
#include "tools/bench/expect.h"
#include "tools/bench/load.h"

namespace headrace::bench_tools {

// "200us", "50ms", "10s" or "5m" in nanoseconds. kInvalidArgument.
Result<std::uint64_t> parse_duration(std::string_view text);
// A flag that takes one. Ownership: `ns` outlives `command`.
void add_time_flag(CLI::App& command, const char* name, std::uint64_t& ns, const char* help);

class LoadCommand {
 public:
  // Adds the flags. Ownership: `command` must not be parsed once this is gone.
  explicit LoadCommand(CLI::App& command);
  LoadCommand(const LoadCommand&) = delete;
  LoadCommand& operator=(const LoadCommand&) = delete;

  // Answers the exit code: kFailed for a run that is not valid, kBreach for one that is not as
  // expected.
  int run();

 private:
  void add_schedule();
  void add_connections();
  void add_payloads();
  void add_messages();
  void add_output();
  void add_text(const char* name, std::string& value, const char* type, const char* help);
  void add_share(const char* name, double& share, const char* help);

  Result<Corpus> corpus() const;
  Result<std::optional<Signer>> signer() const;
  Result<std::vector<Link>> aim();
  Result<int> load();
  Result<int> measure(const Messages& messages);
  // Shows it and judges it: the exit code.
  int show(bool is_valid, const std::string& json, const std::string& table) const;
  Result<int> search_knee(const Messages& messages);
  Result<LoadResult> run_watched(const Messages& messages);
  bool is_carried(const LoadResult& result) const;
  Result<void> write_percentiles(const LoadResult& result) const;

  CLI::App& command_;
  LoadOptions options_;
  MessagesOptions messages_;
  GeneratorOptions generator_;
  std::vector<std::string> urls_;
  std::vector<std::string> tokens_;
  std::string ingest_ = "http://127.0.0.1:8080";
  std::string shape_ = "constant";
  std::string size_ = "7k";
  std::string folder_;
  std::string github_;
  std::vector<std::string> events_;
  std::string provider_;
  std::string secret_file_;
  std::string tls_roots_;
  bool tls_unchecked_ = false;
  std::string run_;
  std::string percentiles_file_;
  double lag_max_percent_ = 1;
  std::uint64_t knee_p99_ns_ = 50'000'000;
  bool hold_ = false;
  std::vector<std::string> expect_;
  std::vector<Expectation> expectations_;
  bool json_ = false;
  bool no_progress_ = false;
};

}  // namespace headrace::bench_tools
