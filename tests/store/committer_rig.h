// SPDX-License-Identifier: Apache-2.0
// A committer on a loop that the test turns by hand; the test is the ingest origin and the shards.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/buffer.h"
#include "core/limits.h"
#include "core/log.h"
#include "core/loop.h"
#include "core/mailbox.h"
#include "store/committer.h"
#include "store/memory_store.h"
#include "tests/support/faulty_store.h"
#include "tests/support/manual_clock.h"

namespace headrace::store {

// How a delivery ends.
struct Ending {
  Verdict verdict = Verdict::kDelivered;
  core::WallMs next_at = 0;
  core::WallMs hold_until = 0;
  std::uint16_t http_status = 200;
  bool blocks = false;
};

inline Ending delivered() { return {}; }
inline Ending retry_at(core::WallMs next_at) { return {Verdict::kRetry, next_at, 0, 500}; }
inline Ending unreachable_until(core::WallMs until) { return {Verdict::kRetry, until, until, 0}; }
inline Ending blocked_until(core::WallMs until) {
  return {Verdict::kRetry, until, until, 500, true};
}
inline Ending returned(core::WallMs hold_until = 0) {
  return {Verdict::kReturned, 0, hold_until, 0};
}

class CommitterRig {
 public:
  static constexpr std::size_t kShards = 2;

  CommitterRig();
  ~CommitterRig();

  // A committer on the store, started. The result of start().
  Result<void> start();
  // As the engine does: hands back what the shards hold, then stops and destroys the committer.
  void stop();

  // Of the messages that follow.
  LinkNumber link{1};
  bool is_test = false;
  bool finish_in_place = true;               // of committers that are started from now on
  core::SteadyMs outcomes_wait = 0;          // likewise
  std::map<std::uint32_t, LaneTerms> terms;  // by endpoint; one that is not there has the default
  OutcomeListener* listener = nullptr;       // of committers that are started from now on

  // Gives a message to the committer, not yet looked at; its token.
  std::uint64_t push(const std::vector<std::uint32_t>& endpoints, std::string_view body = "{}",
                     std::uint64_t dedupe = 0);
  // The same, and what it was answered.
  Answer accept(const std::vector<std::uint32_t>& endpoints, std::string_view body = "{}",
                std::uint64_t dedupe = 0);
  // Ends a delivery that was handed over.
  void end(Delivery delivery, const Ending& ending = {});
  // Ends all that are held, oldest first.
  void end_all(const Ending& ending = {});

  // Turns the loop until nothing comes any more.
  void turn();
  void pass(std::chrono::milliseconds by);
  core::WallMs now() const { return clock.wall_ms(); }

  // Takes the oldest delivery held; fails the test when there is none.
  Delivery take();
  std::vector<MessageId> held_ids() const;
  const Answer& answer_to(std::uint64_t token) const { return answers.at(token); }

  test::ManualClock clock;
  core::BufferPool payloads{std::size_t{512} << 20};
  core::NullLogSink log;
  MemoryStore memory;
  test::FaultyStore store{memory};
  std::map<std::uint64_t, Answer> answers;  // by token
  std::vector<Delivery> held;               // handed over and not ended, in order of arrival
  // Called with each delivery as it is handed over, before it is held.
  std::function<void(const Delivery&)> on_delivery;
  // Called with each committer before it is started.
  std::function<void(Committer&)> before_start;
  std::size_t handed_over = 0;
  std::unique_ptr<Committer> committer;

 private:
  void collect_answers();
  void collect_deliveries(std::size_t shard);

  core::Mailbox<Intake> intakes_{core::limits::kIntakeQueueMax};
  core::Mailbox<Outcome> outcomes_{core::limits::kOutcomeMailboxSize};
  core::Mailbox<Answer> answer_mail_{core::limits::kAnswerMailboxSize};
  std::vector<std::unique_ptr<core::Mailbox<Delivery>>> delivery_mail_;
  core::Mailbox<Intake>::Sender intake_sender_{intakes_};
  core::Mailbox<Outcome>::Sender outcome_sender_{outcomes_};
  std::uint64_t next_token_ = 1;

 public:
  core::Loop loop{clock};  // last: mailboxes outlive the loop that they are open on
};

}  // namespace headrace::store
