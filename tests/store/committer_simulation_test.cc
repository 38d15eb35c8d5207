// SPDX-License-Identifier: Apache-2.0
// Random traffic, outcomes, clocks and failures against a model of what the committer promises.
//
// Each seed turns a random set of troubles on. A failing seed is named and can be run alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "core/limits.h"
#include "core/random.h"
#include "tests/store/committer_rig.h"
#include "tests/support/sanitized.h"

namespace headrace::store {
namespace {

namespace limits = core::limits;
using std::chrono::milliseconds;

class Simulation {
 public:
  explicit Simulation(std::uint64_t seed) : random_(seed) {
    lanes_ = static_cast<std::uint32_t>(1 + below(4));
    retries_ = chance(2);
    holds_ = chance(2);
    returns_ = chance(2);
    dead_ = chance(2);
    faults_ = chance(3);
    clock_jumps_ = chance(3);
    restarts_ = chance(3);
    log_growth_ = chance(3);
    slow_ = chance(2);
    reopens_ = chance(2);
    pauses_ = chance(3);
    rig_.before_start = [this](Committer& committer) {
      for (const std::uint32_t lane : paused_) committer.hold(EndpointNumber{lane});
    };
    rig_.on_delivery = [this](const Delivery& delivery) { on_delivery(delivery); };
  }

  void run() {
    ASSERT_TRUE(rig_.start());
    for (int round = 0; round < 50 && !testing::Test::HasFailure(); ++round) {
      trouble();
      arrive();
      reopen_some();
      rig_.turn();
      take_answers();
      end_some();
      rig_.turn();  // whether an answer came during a hold is asked at the time at which it came
      rig_.pass(milliseconds(below(3000)));
      take_answers();
    }
    finish();
  }

 private:
  struct Part {  // one delivery
    bool in_hand = false;
    bool over = false;
    std::uint32_t attempts = 0;
    core::WallMs next_at = 0;
    std::uint32_t attempts_before = 0;
    bool asked = false;  // to be opened again
  };
  struct LaneModel {
    std::size_t in_hand = 0;
    core::WallMs hold_until = 0;
    bool probing = false;
    MessageId last_first_attempt;
  };
  using PartKey = std::pair<MessageId, std::uint32_t>;

  std::uint64_t below(std::uint64_t bound) { return random_.next() % bound; }
  bool chance(std::uint64_t one_in) { return below(one_in) == 0; }
  // Nothing that makes a delivery come a second time.
  bool first_attempts_only() const {
    return !retries_ && !holds_ && !returns_ && !restarts_ && !reopens_;
  }

  void trouble() {
    rig_.store.faults = {};
    if (faults_ && chance(4)) {
      rig_.store.faults.append = chance(2);
      rig_.store.faults.apply = chance(2);
      rig_.store.faults.load = chance(2);
    }
    if (log_growth_ && chance(4)) rig_.store.grow_log(limits::kReplayBytesMax);
    if (clock_jumps_ && chance(10)) {
      const auto hour = std::chrono::hours(1);
      rig_.clock.set_wall(chance(2) ? hour : -hour);
    }
    if (restarts_ && chance(15)) restart();
    if (pauses_ && chance(4)) {
      const auto lane = static_cast<std::uint32_t>(1 + below(lanes_));
      if (paused_.insert(lane).second) {
        rig_.committer->hold(EndpointNumber{lane});
      } else {
        release(lane);
      }
    }
  }

  void release(std::uint32_t lane) {
    paused_.erase(lane);
    rig_.committer->release(EndpointNumber{lane});
  }

  // Asks for some that are over, and for some that are not; what is asked as it ends may be either.
  void reopen_some() {
    if (!reopens_ || parts_.empty() || !chance(3)) return;
    for (std::uint64_t count = 1 + below(20); count != 0; --count) {
      auto it = parts_.begin();
      std::advance(it,
                   static_cast<std::ptrdiff_t>(below(std::min<std::size_t>(parts_.size(), 500))));
      reopen(it->first, it->second);
    }
  }

  void reopen(const PartKey& key, Part& part) {
    if (part.asked || part.attempts > 40) return;
    const auto record = rig_.memory.find_message(key.first);
    ASSERT_TRUE(record);
    const core::WallMs due = rig_.now() + (chance(2) ? 0 : below(20'000));
    part.asked = true;
    const bool was_over = part.over;
    rig_.committer->reopen(
        {{key.first, record->position, EndpointNumber{key.second}, EventNumber::kNone, due}},
        [this, &part, due, was_over](Result<ReopenResult> result) {
          part.asked = false;
          if (!result) return;
          ASSERT_EQ(result->reopened + result->open, 1u);
          if (result->reopened == 0) return;
          ASSERT_TRUE(was_over) << "an open delivery was opened again";
          part.over = false;
          --over_;
          part.next_at = due;
          part.attempts_before = part.attempts;
          ++reopened_;
        });
  }

  void restart() {
    rig_.store.faults = {};
    rig_.committer->stop_hand_over();
    rig_.turn();
    take_answers();
    for (const Delivery& delivery : rig_.held) put_down(delivery);
    rig_.stop();
    take_answers();
    lane_models_.clear();  // holds are not remembered
    ASSERT_TRUE(rig_.start());
  }

  void arrive() {
    const std::uint64_t burst = chance(5) ? 1 + below(1500) : below(40);
    for (std::uint64_t i = 0; i < burst; ++i) {
      std::vector<std::uint32_t> targets;
      for (std::uint32_t lane = 1; lane <= lanes_; ++lane) {
        if (chance(2)) targets.push_back(lane);
      }
      const std::uint64_t token = rig_.push(targets);
      asked_.emplace(token, std::move(targets));
    }
  }

  void take_answers() {
    for (const auto& [token, answer] : std::exchange(rig_.answers, {})) {
      const auto asked = asked_.find(token);
      ASSERT_NE(asked, asked_.end()) << "an answer to nothing";
      for (const std::uint32_t lane : asked->second) {
        if (answer.acceptance == Acceptance::kStored) parts_.try_emplace({answer.id, lane});
      }
      asked_.erase(asked);
    }
  }

  void on_delivery(const Delivery& delivery) {
    const auto number = static_cast<std::uint32_t>(delivery.endpoint);
    // Its answer may lie in the mail yet, as the same iteration brought both.
    Part& part = parts_[{delivery.message, number}];
    LaneModel& lane = lane_models_[number];
    ASSERT_FALSE(part.in_hand) << "handed over twice at a time";
    ASSERT_FALSE(part.over) << "handed over after its end";
    ASSERT_EQ(delivery.attempts, part.attempts);
    ASSERT_EQ(delivery.attempts_before, part.attempts_before);
    ASSERT_FALSE(paused_.contains(number)) << "handed over though its lane is held";
    ASSERT_GE(rig_.now(), part.next_at) << "handed over before its time";
    // Whether a hold was over when an answer came is another matter if the clock jumped in between.
    if (!clock_jumps_) {
      ASSERT_GE(rig_.now(), lane.hold_until) << "handed over during a hold";
      ASSERT_TRUE(!lane.probing || lane.in_hand == 0) << "more than one probe";
    }
    part.in_hand = true;
    ++lane.in_hand;
    ASSERT_LE(lane.in_hand, limits::kLaneWindowMax);
    if (!first_attempts_only()) return;
    ASSERT_LT(lane.last_first_attempt, delivery.message) << "out of the order of arrival";
    lane.last_first_attempt = delivery.message;
  }

  Part& put_down(const Delivery& delivery) {
    const auto number = static_cast<std::uint32_t>(delivery.endpoint);
    Part& part = parts_.at({delivery.message, number});
    part.in_hand = false;
    --lane_models_.at(number).in_hand;
    return part;
  }

  void end_some() {
    // Outcomes of one iteration are one group; more would be taken in two.
    std::uint64_t count = slow_ ? below(60) : 500 + below(500);
    for (; count != 0 && !rig_.held.empty(); --count) {
      const std::size_t which = chance(4) ? below(rig_.held.size()) : 0;
      Delivery delivery = std::move(rig_.held[which]);
      rig_.held.erase(rig_.held.begin() + static_cast<std::ptrdiff_t>(which));
      end(std::move(delivery));
    }
  }

  void end(Delivery delivery) {
    Part& part = put_down(delivery);
    LaneModel& lane = lane_models_.at(static_cast<std::uint32_t>(delivery.endpoint));
    const Ending ending = draw(part.attempts);
    if (ending.verdict != Verdict::kReturned) ++part.attempts;
    part.over = ending.verdict == Verdict::kDelivered || ending.verdict == Verdict::kDead;
    if (part.over) ++over_;
    if (ending.verdict == Verdict::kRetry) part.next_at = ending.next_at;
    if (ending.hold_until != 0) {
      lane.hold_until = std::max(lane.hold_until, ending.hold_until);
      lane.probing = true;
    } else if (ending.http_status != 0 && rig_.now() >= lane.hold_until) {  // it answers again
      lane.probing = false;
      lane.hold_until = 0;
    }
    rig_.end(std::move(delivery), ending);
  }

  Ending draw(std::uint32_t attempts) {
    const core::WallMs later = rig_.now() + 1 + below(20'000);
    if (quiet_ || attempts > 20) return delivered();
    if (retries_ && chance(4)) return retry_at(later);
    if (holds_ && chance(50)) return unreachable_until(later);
    if (returns_ && chance(20)) return returned();
    if (returns_ && holds_ && chance(50)) return returned(later);
    if (dead_ && chance(20)) return {Verdict::kDead, 0, 0, 410};
    return delivered();
  }

  void finish() {
    quiet_ = true;
    slow_ = false;
    for (const std::uint32_t lane : std::set(paused_)) release(lane);
    rig_.store.faults = {};
    // A clock that was set back makes some wait for hours.
    for (int round = 0; round < 800 && !testing::Test::HasFailure(); ++round) {
      if (over_ == parts_.size() && asked_.empty()) break;
      rig_.pass(std::chrono::minutes(1));
      take_answers();
      end_some();
    }
    rig_.pass(std::chrono::minutes(1));
    EXPECT_TRUE(asked_.empty()) << asked_.size() << " intakes were never answered";
    EXPECT_EQ(over_, parts_.size()) << "deliveries that never came to an end";
    EXPECT_TRUE(rig_.memory.pending_endpoints().value().empty());
    EXPECT_EQ(rig_.committer->counters().in_memory.value(), 0u);
    for (const auto& [key, part] : parts_) {
      const auto attempts = rig_.memory.list_attempts(EndpointNumber{key.second}, key.first);
      ASSERT_EQ(attempts.value().size(), part.attempts);
    }
  }

  core::Random random_;
  std::uint32_t lanes_ = 1;
  bool retries_, holds_, returns_, dead_, faults_, clock_jumps_, restarts_, log_growth_, slow_;
  bool reopens_, pauses_;
  bool quiet_ = false;
  std::set<std::uint32_t> paused_;
  std::size_t reopened_ = 0;
  std::map<PartKey, Part> parts_;
  std::map<std::uint32_t, LaneModel> lane_models_;
  std::map<std::uint64_t, std::vector<std::uint32_t>> asked_;
  std::size_t over_ = 0;
  CommitterRig rig_;
};

class CommitterSimulation : public testing::TestWithParam<std::uint64_t> {};

TEST_P(CommitterSimulation, EveryAcceptedDeliveryEndsOnceUnderAnyTrouble) {
  constexpr std::uint64_t kSeeds = test::kSanitized ? 2 : 6;
  for (std::uint64_t seed = GetParam(); seed < GetParam() + kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Simulation(seed).run();
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, CommitterSimulation,
                         testing::Values(0, 10, 20, 30, 40, 50, 60, 70));

}  // namespace
}  // namespace headrace::store
