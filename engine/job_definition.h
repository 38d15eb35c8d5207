// SPDX-License-Identifier: Apache-2.0
// A job as the registry family keeps it: what it is to do and how far it is (JSON; frozen names,
// see docs/storage.md). On the disk kKind and a slash stand before its key.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "headrace/jobs.h"
#include "headrace/result.h"

namespace headrace::engine {

struct JobDefinition {
  static constexpr std::string_view kKind = "job";
  enum class Stage : std::uint8_t {  // Frozen.
    kCounting = 1,
    kRunning = 2,
    kDone = 3,
    kCancelled = 4,
    kFailed = 5,
  };

  JobId id;
  std::string workspace;
  JobKind kind = JobKind::kReplay;  // Frozen.
  HistoryFilter filter;
  EndpointId to;
  std::uint32_t per_second = 0;
  std::string payload;
  bool is_dry_run = false;
  core::WallMs created_at = 0;
  // How far it is.
  Stage stage = Stage::kCounting;
  bool is_counted = false;  // `total` is all of it
  bool is_paused = false;
  std::string cursor;  // everything before it is done, in this stage
  std::uint64_t total = 0;
  std::uint64_t scanned = 0;
  std::uint64_t done = 0;
  std::uint64_t skipped = 0;
  std::uint64_t failed = 0;
  std::string error;
  core::WallMs ended_at = 0;
  double lately = 0;  // done a second; not kept on the disk

  bool is_over() const noexcept { return stage >= Stage::kDone; }
  // Messages that went nowhere, to be routed again.
  bool is_of_unrouted() const noexcept {
    return kind == JobKind::kReplay && filter.message_state.has_value();
  }
  // `filter`, bounded by the time at which the job was made.
  HistoryFilter bounded_filter() const;

  std::string key() const;
  std::string to_json() const;
  static Result<JobDefinition> from_json(std::string_view text);
};

// In the words of the public API.
Job describe(const JobDefinition& job);

}  // namespace headrace::engine
