// SPDX-License-Identifier: Apache-2.0
// Tells providers where to post, by the machinery that delivers messages: a call is a message on
// the system link to an endpoint of its own, so it is durable, retried by the schedule, and on
// record.
//
// Threads: hand_over() and wait_for() from any; on_outcome() on the store thread. What comes of a
// call is written down on a thread of the registrar's own, as a change of a definition waits for
// the disk. Lifecycle: start(); release() before the submitter stops; stop() behind the store
// thread's last outcome.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>
#include <vector>

#include "core/log.h"
#include "core/loop.h"
#include "engine/registry.h"
#include "ingest/submitter.h"
#include "store/event_store.h"

namespace headrace::engine {

class Registrar final {
 public:
  Registrar(Registry& registry, const store::EventStore& store, const core::Clock& clock,
            core::LogSink& log);
  Registrar(const Registrar&) = delete;
  ~Registrar();

  // As store::OutcomeListener.
  void on_outcome(const store::Outcome& outcome) noexcept;

  // Takes up what an earlier run left: calls that it did not hand over, outcomes that it did not
  // note.
  void start(ingest::Submitter& submitter);
  // Lets everybody go who waits; nobody waits any more.
  void release();
  // Writes down what came of calls until now. Requires: no outcome comes any more.
  void stop();

  void hand_over(const std::vector<core::EndpointNumber>& calls);
  // Until each of the calls had its first answer, or the time is over. Returns early when stopping.
  void wait_for(const std::vector<core::EndpointNumber>& calls, std::chrono::milliseconds limit);

 private:
  void submit(core::EndpointNumber number);
  bool take_in_hand(core::EndpointNumber number);
  void put_down(core::EndpointNumber number);
  void on_submitted(core::EndpointNumber number, const Result<store::Answer>& answer);
  void note(const CallOutcome& outcome);
  bool is_answered(core::EndpointNumber number) const;
  void announce();
  void take_up();
  void take_up_in(core::SteadyMs delay);
  static void on_timer(core::Timer& timer) noexcept;

  Registry& registry_;
  const store::EventStore& store_;
  core::LogSink& log_;
  core::LoopThread thread_;
  core::Timer timer_;  // for what the store did not take, and now and then
  core::SteadyMs timer_due_ = 0;
  ingest::Submitter* submitter_ = nullptr;
  bool started_ = false;
  std::mutex mutex_;  // the API's threads wait on it
  std::condition_variable changed_;
  std::uint64_t changes_ = 0;
  std::set<core::EndpointNumber> in_hand_;  // given to the submitter, not answered yet
  bool stopping_ = false;
};

}  // namespace headrace::engine
