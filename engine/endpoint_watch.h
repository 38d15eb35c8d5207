// SPDX-License-Identifier: Apache-2.0
// Disables endpoints that are gone (410), or that did nothing but fail for as long as they may, and
// says so: a log line, a counter, and a message of the system webhook.
//
// Since when an endpoint fails is known to the store thread, for as long as the process runs. What
// happened before is looked up once, with the first failure after a start: as far back as the last
// kAttemptsLookedAt attempts on record.
//
// Threads: on_…() on the store thread; the rest on a thread of the watch's own, as a change of a
// definition waits for the disk. Lifecycle: start(); stop() behind the store thread's
// last outcome.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <set>

#include "core/log.h"
#include "core/loop.h"
#include "core/metrics.h"
#include "core/snapshot.h"
#include "dispatch/endpoint.h"
#include "engine/registry.h"
#include "store/event_store.h"
#include "store/outcome_listener.h"

namespace headrace::engine {

struct WatchCounters {
  core::Counter gone;     // endpoints disabled as they answered 410
  core::Counter failing;  // likewise, as they did nothing but fail
};

// Since when an endpoint does nothing but fail, by what is on record.
struct FailingPast {
  core::WallMs since = 0;
  std::uint32_t failures = 0;
};

class EndpointWatch {
 public:
  static constexpr std::size_t kAttemptsLookedAt = 100;

  struct Links {
    Registry& registry;
    const store::EventStore& store;
    core::LogSink& log;
    // Hands a message in. Any thread; never blocks. `stored` is called once, from any thread.
    std::function<void(SystemMessage, std::function<void(bool)> stored)> submit;
    // Committer::extend_failing(), from any thread.
    std::function<void(const store::Failing& told, const FailingPast& past)> extend;
  };

  EndpointWatch(Links links, const core::Clock& clock);
  EndpointWatch(const EndpointWatch&) = delete;
  ~EndpointWatch();

  void start();
  // Writes down what was heard until now. Requires: nothing comes any more.
  void stop();

  // As store::OutcomeListener.
  void on_gone(const store::Outcome& outcome) noexcept;
  void on_failing(const store::Failing& failing) noexcept;
  void on_breaker(const store::Outcome& outcome) noexcept;

  const WatchCounters& counters() const noexcept { return counters_; }

 private:
  void complain(const Complaint& complaint);
  void disable(const Complaint& complaint);
  void look_back(const store::Failing& failing, std::chrono::milliseconds disable_after);
  void send(std::optional<SystemMessage> message);

  const Links links_;
  core::SnapshotReader<dispatch::EndpointTable> endpoints_;  // of the store thread
  core::LoopThread thread_;
  WatchCounters counters_;
  bool started_ = false;
  std::mutex mutex_;                        // the store thread puts in, the watch takes out
  std::set<core::EndpointNumber> in_hand_;  // complained about; more of the same says nothing new
};

// Walks back from the newest attempts until one was delivered, or as far as `attempts_max`.
// nullopt: the last of them was delivered, or there are none.
std::optional<FailingPast> failing_past(const store::EventStore& store,
                                        core::EndpointNumber endpoint, core::WallMs before,
                                        std::size_t attempts_max);

}  // namespace headrace::engine
