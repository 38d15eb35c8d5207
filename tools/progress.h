// SPDX-License-Identifier: Apache-2.0
// How far a job is, as one line for a terminal.
//
// Pure. What a job's error says came from strangers in part; control characters never reach a
// terminal as they are.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tools/json_value.h"

namespace headrace::tools {

struct JobProgress {
  std::string status;  // "counting", "running", "paused", "done", "cancelled", "failed"
  std::optional<std::uint64_t> total;
  std::uint64_t matched = 0;
  std::uint64_t scanned = 0;
  std::uint64_t failed = 0;
  std::uint64_t per_second = 0;

  bool is_over() const noexcept;
  // Everything was done, and nothing of it failed.
  bool is_success() const noexcept { return status == "done" && failed == 0; }
};

// kProtocol: it is not a job.
Result<JobProgress> progress_of(const Json& job);

// "running [####······] 42 %, 420 of 1000, 100/s, 6s left", not wider than `width` columns.
std::string progress_line(const JobProgress& progress, std::size_t width);
// "1h 2m", "3m 4s", "5s": two units at most.
std::string span_text(std::uint64_t seconds);

}  // namespace headrace::tools
