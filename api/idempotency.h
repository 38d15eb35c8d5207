// SPDX-License-Identifier: Apache-2.0
// Remembers the answers of requests that bear an Idempotency-Key, so that a repeat is answered and
// not done again.
//
// In memory, and bounded: the oldest answers are forgotten first. Threads: any.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "api/request.h"
#include "core/clock.h"

namespace headrace::api {

struct IdempotencyLimits {
  std::size_t answers_max = 4096;
  std::size_t bytes_max = std::size_t{32} << 20;  // of their bodies, header lines and keys
  std::chrono::milliseconds window = std::chrono::hours(24);
};

class Idempotency {
 public:
  enum class Verdict : std::uint8_t {
    kRun,       // new: do it, then finish()
    kReplay,    // done before: `reply` is what was answered
    kMismatch,  // the key was used for another request
    kRunning,   // the first one is not answered yet
    kWithheld,  // done before, and the answer was not to be kept
  };
  struct Answer {
    Verdict verdict = Verdict::kRun;
    Reply reply{};
  };

  explicit Idempotency(const core::Clock& clock, IdempotencyLimits limits = {})
      : clock_(clock), limits_(limits) {}

  // `key` names the client's key and whose it is; `request` what is asked for, as a digest.
  Answer begin(const std::string& key, std::string_view request);
  // What begin() of the same key let run was answered. Only 2xx and 4xx are remembered, and not
  // 401 and 403: those say nothing about what the request did. `is_secret`: a 2xx is remembered,
  // and its content is not.
  void finish(const std::string& key, const Reply& reply, bool is_secret);

  std::size_t size() const;  // answers remembered, and requests running

 private:
  struct Entry {
    std::string request;
    bool is_running = true;
    bool is_withheld = false;
    Reply reply;
    std::uint64_t expires_at = 0;  // steady, in milliseconds
    std::list<std::string>::iterator age;
  };
  using Entries = std::unordered_map<std::string, Entry>;

  std::uint64_t now_ms() const noexcept { return clock_.steady_ns() / 1'000'000; }
  static std::size_t bytes_of(const std::string& key, const Entry& entry) noexcept;
  void forget_oldest();
  void expire();

  const core::Clock& clock_;
  const IdempotencyLimits limits_;
  // The worker threads meet here; held for a look-up or an insertion.
  mutable std::mutex mutex_;
  Entries entries_;
  std::list<std::string> by_age_;  // keys of what is answered, the oldest first
  std::size_t bytes_ = 0;
};

}  // namespace headrace::api
