// SPDX-License-Identifier: Apache-2.0
// Seeded lives of a store that is killed, loses power and is opened again: what was acknowledged is
// there, and what is open is found.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "store/message_ids.h"
#include "tests/store/store_rig.h"
#include "tests/support/sanitized.h"

namespace headrace::store {
namespace {

constexpr std::uint32_t kEndpoints = 4;
constexpr std::size_t kCrashesPerLife = 6;
// Calls that change the disk: an opening makes about 60, a group 2 to 4, a flush about 40.
constexpr std::uint64_t kChangesOfAnOpening = 80;
constexpr std::uint64_t kChangesOfAFewGroups = 150;

// How often the stores of a test die; HEADRACE_ROUNDS for a long run.
std::size_t rounds() {
  const char* const asked = std::getenv("HEADRACE_ROUNDS");
  constexpr std::size_t kUsual = test::kSanitized ? 60 : 240;
  return asked == nullptr ? kUsual : std::strtoul(asked, nullptr, 10);
}

// Whether a store is told the truth by its disk.
struct Disk {
  Durability durability = Durability::kFsync;
  bool lies = false;
};

// What the world was told, and what is therefore owed.
class Life {
 public:
  Life(std::uint64_t seed, Disk disk) : random_(seed) {
    rig_.options.durability = disk.durability;
    rig_.files.ignore_syncs(disk.lies);
    if (seed % 2 == 0) rig_.options.replay_bytes_max = 8 * 1024;  // flushes on the way
  }

  // The number of broken promises; a store that does not open breaks all of them.
  std::size_t run(std::size_t crashes) {
    if (!reopen()) return fault("it does not open");
    for (std::size_t crash = 0; crash < crashes; ++crash) {
      if (random_.below(2) == 0) {  // it dies in the middle of something
        rig_.files.power_off_at(1 + random_.below(kChangesOfAFewGroups), random_.next());
      }
      const std::uint64_t steps = 1 + random_.below(25);
      for (std::uint64_t i = 0; i < steps && step(); ++i) {
      }
      die();
      if (!reopen()) return fault("it does not open");
      check();
    }
    return broken_;
  }
  const std::string& story() const { return story_; }

 private:
  enum class Fate { kOpen, kClosedUnsynced, kClosed };
  struct Promise {
    std::string body;
    EventNumber event{9};
    LogPosition position{};
    std::map<std::uint32_t, Fate> deliveries;
  };

  std::size_t fault(const std::string& what) {
    story_ += what + "; ";
    return ++broken_;
  }

  bool reopen() {
    held_.clear();
    while (random_.below(4) == 0) {  // dies once more in the middle of the opening
      rig_.files.power_off_at(1 + random_.below(kChangesOfAnOpening), random_.next());
      (void)rig_.open();
      if (rig_.files.is_on()) break;
      lose_power();
    }
    rig_.files.power_off_at(0, 0);
    const auto opened = rig_.open();
    if (!opened) story_ += opened.error().what + "; ";
    return opened.has_value();
  }

  void die() {
    if (rig_.files.is_on() && random_.below(2) == 0) {
      rig_.files.power_off_at(0, 0);
      return rig_.close();
    }
    lose_power();
  }

  void lose_power() {
    rig_.cut_power(random_.next());
    for (auto& [id, promise] : promises_) {
      for (auto& [endpoint, fate] : promise.deliveries) {
        // Its outcome was not synced: it may have been forgotten, and then it is owed again.
        if (fate == Fate::kClosedUnsynced) uncertain_[{id, endpoint}] = true;
      }
    }
  }

  // False: it dies here, between append and apply.
  bool step() {
    rig_.clock.wall += random_.below(10);
    if (random_.below(12) == 0) {
      if (rig_.store().checkpoint()) settle();
      return rig_.files.is_on();
    }
    if (random_.below(4) == 0 && !change_definitions()) return false;
    Group group;
    add_intakes(group);
    add_outcomes(group);
    add_reopenings(group);
    if (!rig_.store().append(group)) {
      if (rig_.files.is_on()) fault("append failed");
      group.intakes.clear();  // nobody was told that they are accepted
      perhaps_ = std::exchange(group.reopenings, {});
      group.reopened.clear();
      remember(group);
      return false;
    }
    remember(group);
    if (random_.below(15) == 0) return false;
    keep_or_spill(group);
    if (!rig_.store().apply(group) && rig_.files.is_on()) fault("apply failed");
    return rig_.files.is_on();
  }

  // Some definitions are written, some deleted, as one; large ones take several blocks.
  bool change_definitions() {
    std::vector<DefinitionChange> changes(1 + random_.below(3));
    wanted_ = definitions_;
    for (DefinitionChange& change : changes) {
      change.key = "webhook/" + std::to_string(random_.below(12));
      if (random_.below(4) != 0) {
        const std::size_t bytes = random_.below(4) == 0 ? random_.below(20'000) : 60;
        change.value = std::string(bytes, static_cast<char>('a' + random_.below(26)));
        wanted_[change.key] = *change.value;
      } else {
        wanted_.erase(change.key);
      }
    }
    const auto changed = rig_.store().change_definitions(changes);
    if (changed) definitions_ = wanted_;
    if (!changed && rig_.files.is_on()) fault("a change of the registry failed");
    return changed.has_value();
  }

  void add_intakes(Group& group) {
    const std::uint64_t count = random_.below(3) == 0 ? 0 : 1 + random_.below(5);
    for (std::uint64_t i = 0; i < count; ++i) {
      MessageSpec spec;
      spec.body = std::string(random_.below(600), static_cast<char>('a' + random_.below(26)));
      spec.link = 1 + static_cast<std::uint32_t>(random_.below(3));
      spec.endpoints.clear();
      for (std::uint32_t e = 1; e <= kEndpoints; ++e) {
        if (random_.below(2) == 0) spec.endpoints.push_back(e);
      }
      group.intakes.push_back(make_intake(rig_.pool, spec, rig_.clock.wall));
    }
  }

  // Some of what is held in memory, and some of what is loaded, comes to an end.
  void add_outcomes(Group& group) {
    std::vector<PendingPut> left;
    for (const PendingPut& put : held_) {
      if (random_.below(2) == 0) {
        left.push_back(put);
        continue;
      }
      const auto endpoint = static_cast<std::uint32_t>(put.endpoint);
      const Verdict verdict = draw_verdict();
      const auto attempt = static_cast<std::uint16_t>(verdict == Verdict::kReturned ? 0 : 1);
      group.outcomes.push_back(
          make_outcome(put.message, put.position, endpoint, verdict, attempt, rig_.clock.wall + 5));
    }
    held_ = std::move(left);
    const auto endpoint = 1 + static_cast<std::uint32_t>(random_.below(kEndpoints));
    for (const Delivery& delivery : load_all(rig_.store(), rig_.pool, endpoint, rig_.clock.wall)) {
      if (random_.below(3) != 0) continue;
      group.outcomes.push_back(make_outcome(delivery, draw_verdict(), rig_.clock.wall + 5));
    }
  }

  // Some that are over, some that are open, and some that never were.
  void add_reopenings(Group& group) {
    if (promises_.empty() || random_.below(3) != 0) return;
    for (std::uint64_t count = 1 + random_.below(6); count != 0; --count) {
      auto it = promises_.begin();
      std::advance(it, static_cast<std::ptrdiff_t>(random_.below(promises_.size())));
      const EndpointNumber endpoint{1 + static_cast<std::uint32_t>(random_.below(kEndpoints))};
      const EventNumber event{random_.below(4) == 0 ? 70u : 0u};
      group.reopenings.push_back(
          {it->first, it->second.position, endpoint, event, rig_.clock.wall + random_.below(9)});
    }
  }

  Verdict draw_verdict() {
    constexpr Verdict kVerdicts[] = {Verdict::kDelivered, Verdict::kDead, Verdict::kRetry,
                                     Verdict::kReturned};
    return kVerdicts[random_.below(4)];
  }

  // Before the group's outcomes: whether a delivery is open is asked of what was before it.
  void remember_reopenings(const Group& group) {
    if (group.reopened.size() != group.reopenings.size()) fault("a reopening without an answer");
    for (std::size_t i = 0; i < group.reopened.size(); ++i) {
      const Reopening& reopening = group.reopenings[i];
      Promise& promise = promises_[reopening.message];
      const auto endpoint = static_cast<std::uint32_t>(reopening.endpoint);
      const auto known = promise.deliveries.find(endpoint);
      const bool open = known != promise.deliveries.end() && known->second == Fate::kOpen;
      if (group.reopened[i] != (open ? Reopened::kOpen : Reopened::kYes)) {
        fault("a delivery is not what it was thought to be");
      }
      if (open) continue;
      promise.deliveries[endpoint] = Fate::kOpen;
      if (reopening.event != EventNumber::kNone) promise.event = reopening.event;
    }
  }

  void remember(const Group& group) {
    remember_reopenings(group);
    for (std::size_t i = 0; i < group.intakes.size(); ++i) {
      Promise promise;
      const Payload& payload = group.intakes[i].payload;
      promise.body = payload.body.in(payload.buffer);
      promise.position = group.placed[i].position;
      for (const EndpointNumber endpoint : group.intakes[i].targets.list()) {
        promise.deliveries[static_cast<std::uint32_t>(endpoint)] = Fate::kOpen;
      }
      if (!promises_.emplace(group.placed[i].id, std::move(promise)).second) fault("id reused");
    }
    for (const Outcome& outcome : group.outcomes) {
      if (outcome.verdict != Verdict::kDelivered && outcome.verdict != Verdict::kDead) continue;
      const auto promise = promises_.find(outcome.message);
      if (promise == promises_.end()) continue;  // was there though nobody was told
      const auto endpoint = static_cast<std::uint32_t>(outcome.endpoint);
      promise->second.deliveries[endpoint] = Fate::kClosedUnsynced;
      uncertain_.erase({outcome.message, endpoint});
    }
    const bool reopened = std::find(group.reopened.begin(), group.reopened.end(), Reopened::kYes) !=
                          group.reopened.end();
    if (!group.intakes.empty() || reopened) settle();
  }

  // Something was synced, and with it all that was appended before.
  void settle() {
    if (rig_.options.durability == Durability::kOs) return;
    for (auto& [id, promise] : promises_) {
      for (auto& [endpoint, fate] : promise.deliveries) {
        if (fate == Fate::kClosedUnsynced && !uncertain_.contains({id, endpoint})) {
          fate = Fate::kClosed;
        }
      }
    }
  }

  void keep_or_spill(Group& group) {
    for (std::size_t i = 0; i < group.intakes.size(); ++i) {
      const Placed& placed = group.placed[i];
      for (const EndpointNumber endpoint : group.intakes[i].targets.list()) {
        const PendingPut put{endpoint, 0, placed.id, placed.position, 0};
        (random_.below(2) == 0 ? held_ : group.spilled).push_back(put);
      }
    }
    group.low_water = rig_.store().end();
    for (const PendingPut& put : held_) group.low_water = std::min(group.low_water, put.position);
  }

  // What was promised is there; of a change whose end nobody was told, all or nothing.
  void check_definitions() {
    std::map<std::string, std::string> found;
    (void)rig_.store().scan_definitions(
        "", [&](std::string_view key, std::string_view value) { found[std::string(key)] = value; });
    if (found != definitions_ && found != wanted_) fault("definitions are not what was promised");
    definitions_ = wanted_ = std::move(found);
  }

  void check() {
    check_definitions();
    std::map<std::pair<MessageId, std::uint32_t>, int> waiting;
    for (std::uint32_t endpoint = 1; endpoint <= kEndpoints; ++endpoint) {
      for (const Delivery& d : load_all(rig_.store(), rig_.pool, endpoint, ~std::uint64_t{0})) {
        if (++waiting[{d.message, endpoint}] != 1) fault("waits twice");
        const auto promise = promises_.find(d.message);
        if (promise == promises_.end()) continue;
        const auto attempts = rig_.store().list_attempts(d.endpoint, d.message);
        if (!attempts || attempts->size() != d.attempts) fault("attempts are missing");
        if (d.attempts_before > d.attempts) fault("more attempts before than there were");
        if (d.payload.body.in(d.payload.buffer) != promise->second.body) fault("other bytes");
      }
    }
    take_up_perhaps(waiting);
    for (auto& [id, promise] : promises_) {
      const auto content = rig_.store().read_message(id);
      if (!content) fault("a message is gone");
      if (content && content->body != promise.body) fault("a message has other bytes");
      if (content && content->record.event != promise.event) fault("a message has another event");
      if (content && content->targets.size() != promise.deliveries.size())
        fault("a target is gone");
      for (auto& [endpoint, fate] : promise.deliveries) check(id, endpoint, fate, waiting);
    }
    uncertain_.clear();
  }

  // Reopenings of which nobody was told whether they succeeded: those that did are owed from here
  // on.
  template <class Waiting>
  void take_up_perhaps(const Waiting& waiting) {
    for (const Reopening& reopening : std::exchange(perhaps_, {})) {
      const auto endpoint = static_cast<std::uint32_t>(reopening.endpoint);
      if (!waiting.contains({reopening.message, endpoint})) continue;
      Promise& promise = promises_[reopening.message];
      promise.deliveries[endpoint] = Fate::kOpen;
      const auto message = rig_.store().find_message(reopening.message);
      if (message && message->event == reopening.event) promise.event = reopening.event;
    }
  }

  template <class Waiting>
  void check(MessageId id, std::uint32_t endpoint, Fate& fate, const Waiting& waiting) {
    const bool waits = waiting.contains({id, endpoint});
    if (fate == Fate::kOpen && !waits) fault("a delivery is gone");
    if (fate == Fate::kClosed && waits) fault("a closed delivery is open again");
    if (is_dead(id, endpoint) != is_listed_dead(id, endpoint, waits)) fault("not among the dead");
    if (fate != Fate::kClosedUnsynced) return;
    if (waits && !uncertain_.contains({id, endpoint})) fault("an outcome is gone");
    fate = waits ? Fate::kOpen : Fate::kClosed;  // the opening synced what it found
  }

  // By its last attempt, and whether it was opened again since.
  bool is_dead(MessageId id, std::uint32_t endpoint) {
    const auto attempts = rig_.store().list_attempts(EndpointNumber{endpoint}, id);
    return attempts && !attempts->empty() && attempts->back().verdict == Verdict::kDead;
  }
  bool is_listed_dead(MessageId id, std::uint32_t endpoint, bool waits) {
    const auto dead = rig_.store().list_dead(EndpointNumber{endpoint}, MessageId{}, 1'000'000);
    const bool listed = std::any_of(dead->begin(), dead->end(),
                                    [&](const DeadRecord& record) { return record.message == id; });
    if (listed && waits) fault("what waits is among the dead");
    return listed || (waits && is_dead(id, endpoint));
  }

  core::Random random_;
  StoreRig rig_;
  std::vector<PendingPut> held_;  // handed over, in memory only
  std::map<std::string, std::string> definitions_;
  std::map<std::string, std::string> wanted_;  // with the last change, whether it succeeded or not
  std::map<MessageId, Promise> promises_;
  std::vector<Reopening> perhaps_;  // of the append that the power cut fell into
  std::map<std::pair<MessageId, std::uint32_t>, bool> uncertain_;
  std::size_t broken_ = 0;
  std::string story_;
};

TEST(PowerCutTest, NothingThatWasPromisedIsEverLost) {
  for (std::uint64_t seed = 1; seed <= rounds() / kCrashesPerLife; ++seed) {
    Life life(seed, {});
    ASSERT_EQ(life.run(kCrashesPerLife), 0u) << "seed " << seed << ": " << life.story();
  }
}

TEST(PowerCutTest, DirectoriesOfANewStoreSurviveLikeWhatIsInThem) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    StoreRig rig;
    ASSERT_TRUE(rig.open());
    const Placed placed = commit_one(rig.store(), rig.pool, {}, rig.clock.wall);
    rig.cut_power(seed);
    const auto opened = rig.open();
    ASSERT_TRUE(opened) << "seed " << seed << ": " << opened.error().what;
    EXPECT_TRUE(rig.store().read_message(placed.id)) << "seed " << seed;
  }
}

std::size_t lives_with_loss(Disk disk) {
  std::size_t lives = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) lives += Life(seed, disk).run(4) != 0 ? 1 : 0;
  return lives;
}

constexpr const char* kShowsNothing = "the simulated power cuts lose nothing, so they show nothing";

TEST(PowerCutTest, WithoutSyncingMessagesAreLost) {
  EXPECT_GT(lives_with_loss({.durability = Durability::kOs}), 3u) << kShowsNothing;
}

TEST(PowerCutTest, OnADiskThatLiesAboutSyncsMuchIsLost) {
  EXPECT_GT(lives_with_loss({.lies = true}), 7u) << kShowsNothing;
}

}  // namespace
}  // namespace headrace::store
