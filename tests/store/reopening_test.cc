// SPDX-License-Identifier: Apache-2.0
// Deliveries that are opened again, held by both stores; and the two held against each other.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <tuple>
#include <vector>

#include "store/memory_store.h"
#include "store/message_ids.h"
#include "store/reopening_rules.h"
#include "tests/store/store_rig.h"

namespace headrace::store {
namespace {

enum class Kind { kMemory, kRocks };

constexpr EndpointNumber kEndpoint{1};

class ReopeningTest : public ::testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    rig_.options.retention_ms = 10'000;
    if (GetParam() == Kind::kMemory) {
      memory_ = std::make_unique<MemoryStore>(rig_.options, rig_.clock, 1);
    } else {
      ASSERT_TRUE(rig_.open());
    }
  }

  EventStore& store() { return memory_ ? *memory_ : rig_.store(); }
  // As after a kill; the store in memory just stays.
  void restart() {
    if (memory_) return;
    rig_.close();
    ASSERT_TRUE(rig_.open());
  }
  core::WallMs now() const { return rig_.clock.wall; }
  Placed put(const MessageSpec& spec = {}) { return commit_one(store(), rig_.pool, spec, now()); }
  std::vector<Delivery> load(EndpointNumber endpoint = kEndpoint, core::WallMs at = 0) {
    return load_all(store(), rig_.pool, static_cast<std::uint32_t>(endpoint), at == 0 ? now() : at);
  }
  void end(const Delivery& delivery, Verdict verdict, core::WallMs next_at = 0) {
    Group group;
    group.outcomes.push_back(make_outcome(delivery, verdict, next_at));
    ASSERT_TRUE(commit(store(), group));
  }
  Placed put_closed(Verdict verdict = Verdict::kDead) {
    const Placed placed = put();
    for (const Delivery& delivery : load()) end(delivery, verdict);
    return placed;
  }
  std::vector<Reopened> reopen(std::vector<Reopening> reopenings) {
    Group group;
    group.reopenings = std::move(reopenings);
    EXPECT_TRUE(commit(store(), group));
    return group.reopened;
  }
  Reopened reopen(const Placed& placed, EndpointNumber endpoint = kEndpoint, core::WallMs due = 1,
                  EventNumber event = EventNumber::kNone) {
    return reopen(std::vector{Reopening{placed.id, placed.position, endpoint, event, due}}).at(0);
  }
  std::vector<MessageId> dead(EndpointNumber endpoint = kEndpoint) {
    std::vector<MessageId> ids;
    const auto records = store().list_dead(endpoint, MessageId{}, 1'000);
    for (const DeadRecord& record : *records) ids.push_back(record.message);
    return ids;
  }

  StoreRig rig_;
  std::unique_ptr<MemoryStore> memory_;
};

TEST_P(ReopeningTest, AClosedDeliveryWaitsAgainWithItsAttemptsNumberedOn) {
  for (const Verdict verdict : {Verdict::kDead, Verdict::kDelivered}) {
    const Placed placed = put_closed(verdict);
    ASSERT_EQ(reopen(placed, kEndpoint, now() + 5), Reopened::kYes);
    EXPECT_TRUE(load().empty());
    restart();
    auto loaded = load(kEndpoint, now() + 5);
    ASSERT_EQ(loaded.size(), 1u);
    EXPECT_EQ(loaded[0].message, placed.id);
    EXPECT_EQ(loaded[0].attempts, 1);
    EXPECT_EQ(loaded[0].attempts_before, 1);
    EXPECT_EQ(loaded[0].ticket.due, now() + 5);
    EXPECT_EQ(loaded[0].ticket.position, placed.position);
    end(loaded[0], Verdict::kRetry, now() + 9);
    restart();
    loaded = load(kEndpoint, now() + 9);
    ASSERT_EQ(loaded.size(), 1u);
    EXPECT_EQ(loaded[0].attempts, 2);
    EXPECT_EQ(loaded[0].attempts_before, 1);
    end(loaded[0], Verdict::kDelivered);
    EXPECT_TRUE(load(kEndpoint, now() + 100).empty());
    EXPECT_EQ(store().list_attempts(kEndpoint, placed.id)->size(), 3u);
  }
}

TEST_P(ReopeningTest, AnOpenDeliveryIsLeftAloneWherever) {
  const Placed waits = put();
  EXPECT_EQ(reopen(waits), Reopened::kOpen);
  end(load()[0], Verdict::kRetry, now() + 50);
  EXPECT_EQ(reopen(waits), Reopened::kOpen);
  EXPECT_TRUE(load().empty()) << "its time stands";
  Group in_memory;  // no pending entry, no attempt
  in_memory.intakes.push_back(make_intake(rig_.pool, {}, now()));
  ASSERT_TRUE(store().append(in_memory));
  in_memory.low_water = in_memory.placed[0].position;
  ASSERT_TRUE(store().apply(in_memory));
  EXPECT_EQ(reopen(in_memory.placed[0]), Reopened::kOpen);
  EXPECT_TRUE(load().empty());
}

TEST_P(ReopeningTest, AReopenedDeliveryIsOpenUntilItEndsAgain) {
  const Placed placed = put_closed();
  ASSERT_EQ(reopen(placed), Reopened::kYes);
  EXPECT_EQ(reopen(placed), Reopened::kOpen) << "though its last attempt is final";
  restart();
  EXPECT_EQ(reopen(placed), Reopened::kOpen);
  end(load().at(0), Verdict::kRetry, now());
  EXPECT_EQ(reopen(placed), Reopened::kOpen);
  end(load().at(0), Verdict::kDead);
  ASSERT_EQ(reopen(placed), Reopened::kYes);
  EXPECT_EQ(load().at(0).attempts_before, 3);
}

TEST_P(ReopeningTest, OneGroupOpensADeliveryOnce) {
  const Placed placed = put_closed();
  const Reopening one{placed.id, placed.position, kEndpoint, EventNumber::kNone, 1};
  Reopening later = one;
  later.due = now() + 7;
  EXPECT_EQ(reopen({one, later, one}),
            (std::vector{Reopened::kYes, Reopened::kOpen, Reopened::kOpen}));
  EXPECT_EQ(load(kEndpoint, now() + 100).size(), 1u);
}

TEST_P(ReopeningTest, AMessageGoesToEndpointsItDidNotGoToAndShowsThem) {
  MessageSpec spec;
  spec.endpoints = {4, 2};
  const Placed placed = put(spec);
  EXPECT_EQ(reopen(placed, EndpointNumber{9}), Reopened::kYes);
  EXPECT_EQ(reopen(placed, EndpointNumber{3}), Reopened::kYes);
  EXPECT_EQ(reopen(placed, EndpointNumber{3}), Reopened::kOpen) << "no attempt was made yet";
  restart();
  const std::vector expected = {EndpointNumber{4}, EndpointNumber{2}, EndpointNumber{3},
                                EndpointNumber{9}};
  EXPECT_EQ(store().read_targets(placed.id)->targets, expected);
  EXPECT_EQ(store().read_message(placed.id)->targets, expected);
  EXPECT_EQ(store().read_targets(placed.id)->reopened.size(), 2u);
  const auto loaded = load(EndpointNumber{9});
  ASSERT_EQ(loaded.size(), 1u);
  EXPECT_EQ(loaded[0].attempts, 0);
  EXPECT_EQ(loaded[0].attempts_before, 0);
  EXPECT_EQ(loaded[0].payload.body.in(loaded[0].payload.buffer), spec.body);
}

TEST_P(ReopeningTest, AnUnmatchedMessageIsOfTheEventItIsGiven) {
  MessageSpec spec;
  spec.endpoints = {};
  spec.status = MessageStatus::kUnmatched;
  const Placed placed = put(spec);
  ASSERT_EQ(reopen(placed, kEndpoint, 1, EventNumber{70}), Reopened::kYes);
  restart();
  const auto record = store().find_message(placed.id);
  EXPECT_EQ(record->event, EventNumber{70});
  EXPECT_EQ(record->status, MessageStatus::kRouted);
  EXPECT_EQ(record->position, placed.position);
  EXPECT_EQ(record->body_bytes, spec.body.size());
  EXPECT_EQ(store().list_messages(LinkNumber{1}, MessageId{}, 10)->at(0).event, EventNumber{70});
  EXPECT_EQ(store().read_message(placed.id)->record.event, EventNumber{70});
  EXPECT_EQ(load().at(0).event, EventNumber{70});
}

TEST_P(ReopeningTest, AMessageThatIsGoneIsSkipped) {
  const Placed placed = put_closed();
  Placed unknown = placed;
  unknown.id.bits.high += 1;
  EXPECT_EQ(reopen(unknown), Reopened::kGone);
  rig_.clock.wall += 10'001;
  ASSERT_TRUE(store().retain(now()));
  EXPECT_EQ(reopen(placed), Reopened::kGone);
  EXPECT_TRUE(load().empty());
}

TEST_P(ReopeningTest, RetentionKeepsWhatWasOpenedAgain) {
  MessageSpec spec;
  spec.body = std::string(9'000, 'b');
  const Placed placed = put(spec);
  end(load().at(0), Verdict::kDead);
  ASSERT_EQ(reopen(placed), Reopened::kYes);
  spec.endpoints = {};
  for (int i = 0; i < 10; ++i) put(spec);  // the message is in a segment that is full
  rig_.clock.wall += 20'000;
  put(spec);
  ASSERT_TRUE(store().retain(now()));
  restart();
  ASSERT_TRUE(store().retain(now()));
  const auto loaded = load();
  ASSERT_EQ(loaded.size(), 1u);
  EXPECT_EQ(loaded[0].payload.body.in(loaded[0].payload.buffer), spec.body);
  end(loaded[0], Verdict::kDelivered);
  ASSERT_TRUE(store().retain(now()));
  if (memory_) return;
  const std::vector<std::string> paths = rig_.files.paths();
  EXPECT_EQ(std::count(paths.begin(), paths.end(), rig_.segment_path(1)), 0)
      << "nothing needs it any more";
}

TEST_P(ReopeningTest, TheDeadAreListedNewestFirstUntilTheyAreOpenedAgain) {
  std::vector<Placed> placed;
  for (int i = 0; i < 4; ++i) placed.push_back(put_closed());
  put_closed(Verdict::kDelivered);
  MessageSpec other;
  other.endpoints = {2};
  put(other);
  end(load(EndpointNumber{2}).at(0), Verdict::kDead);
  EXPECT_EQ(dead(), (std::vector{placed[3].id, placed[2].id, placed[1].id, placed[0].id}));
  const auto page = store().list_dead(kEndpoint, placed[3].id, 2);
  ASSERT_EQ(page->size(), 2u);
  EXPECT_EQ((*page)[0].message, placed[2].id);
  ASSERT_EQ(reopen(placed[2]), Reopened::kYes);
  restart();
  EXPECT_EQ(dead(), (std::vector{placed[3].id, placed[1].id, placed[0].id}));
  end(load().at(0), Verdict::kDead);
  EXPECT_EQ(dead().size(), 4u);
  EXPECT_EQ(dead(EndpointNumber{2}).size(), 1u);
  EXPECT_TRUE(dead(EndpointNumber{3}).empty());
}

TEST_P(ReopeningTest, ADeadRecordSaysWhatCameOfTheDelivery) {
  MessageSpec spec;
  spec.link = 7;
  put(spec);
  Group group;
  group.outcomes.push_back(make_outcome(load().at(0), Verdict::kDead));
  group.outcomes[0].error = AttemptError::kTls;
  group.outcomes[0].started_at = 500;
  group.outcomes[0].duration_us = 3'999;
  ASSERT_TRUE(commit(store(), group));
  restart();
  const auto records = store().list_dead(kEndpoint, MessageId{}, 10);
  ASSERT_EQ(records->size(), 1u);
  const DeadRecord& record = records->front();
  EXPECT_EQ(record.endpoint, kEndpoint);
  EXPECT_EQ(record.event, EventNumber{9});
  EXPECT_EQ(record.link, LinkNumber{7});
  EXPECT_EQ(record.died_at, 503u);
  EXPECT_EQ(record.attempts, 1);
  EXPECT_EQ(record.error, AttemptError::kTls);
  EXPECT_EQ(record.http_status, 503);
  rig_.clock.wall += 10'001;
  ASSERT_TRUE(store().retain(now()));
  EXPECT_TRUE(dead().empty());
}

TEST_P(ReopeningTest, WhatWaitsIsListedInPagesWithoutItsMessages) {
  for (int i = 0; i < 3; ++i) put();
  auto loaded = load();
  end(loaded[1], Verdict::kRetry, now() + 40);
  const Placed closed = put_closed();  // ends the two that are ready as well
  ASSERT_EQ(reopen(closed, kEndpoint, now() + 30), Reopened::kYes);
  const Placed fresh = put();
  MessageSpec other;
  other.endpoints = {2};
  put(other);
  std::vector<PendingItem> items;
  core::WallMs due = 0;
  MessageId after;
  for (;;) {
    const auto page = store().list_pending(kEndpoint, due, after, 1);
    ASSERT_TRUE(page);
    if (page->empty()) break;
    ASSERT_EQ(page->size(), 1u);
    items.push_back(page->front());
    due = items.back().due;
    after = items.back().message;
  }
  ASSERT_EQ(items.size(), 3u);
  EXPECT_EQ(items[0].message, fresh.id);
  EXPECT_EQ(items[0].due, 0u);
  EXPECT_EQ(items[0].position, fresh.position);
  EXPECT_EQ(items[1].message, closed.id);
  EXPECT_EQ(items[1].due, now() + 30);
  EXPECT_EQ(items[1].attempts_before, 1);
  EXPECT_EQ(items[2].message, loaded[1].message);
  EXPECT_EQ(items[2].attempts, 1);
  EXPECT_EQ(items[2].attempts_before, 0);
}

INSTANTIATE_TEST_SUITE_P(Stores, ReopeningTest, ::testing::Values(Kind::kMemory, Kind::kRocks),
                         [](const auto& kind) {
                           return kind.param == Kind::kMemory ? "Memory" : "Rocks";
                         });

// --- One store against the other ----------------------------------------------------------------

// Both do the same; the one on disk is killed whenever the case says so, between the two halves of
// a group as well.
class Twins {
 public:
  Twins() : memory_(rig_.options, rig_.clock, 1) {
    rig_.options.replay_bytes_max = 4 * 1024;
    RC_ASSERT(rig_.open().has_value());
  }

  void step(int kind, std::uint32_t a, std::uint32_t b) {
    rig_.clock.wall += 1;
    switch (kind) {
      case 0:
        return put(a, b);
      case 1:
      case 2:
        return end(a, b);
      case 3:
      case 4:
        return reopen(a, b);
      case 5:
        return kill();
      case 6:
        RC_ASSERT(rig_.store().checkpoint().has_value());
        return;
      default:
        kills_in_group_ = true;
        return;
    }
  }

  void compare() {
    for (std::uint32_t endpoint = 1; endpoint <= kEndpoints; ++endpoint) {
      RC_ASSERT(waiting(memory_, endpoint) == waiting(rig_.store(), endpoint));
      RC_ASSERT(dead(memory_, endpoint) == dead(rig_.store(), endpoint));
      for (std::size_t i = 0; i < messages_.size(); ++i) {
        RC_ASSERT(attempts(memory_, endpoint, i) == attempts(rig_.store(), endpoint, i));
      }
    }
    for (std::size_t i = 0; i < messages_.size(); ++i) {
      const auto left = memory_.read_targets(id(memory_, i));
      const auto right = rig_.store().read_targets(id(rig_.store(), i));
      RC_ASSERT(left->targets == right->targets);
      RC_ASSERT(left->record.event == right->record.event);
      RC_ASSERT(left->record.status == right->record.status);
    }
  }

 private:
  static constexpr std::uint32_t kEndpoints = 3;
  struct Pair {
    Placed memory;
    Placed rocks;
  };
  using Row = std::tuple<std::size_t, core::WallMs, int, int>;

  bool is_memory(const EventStore& store) const { return &store == &memory_; }
  const Placed& placed(const EventStore& store, std::size_t i) const {
    return is_memory(store) ? messages_[i].memory : messages_[i].rocks;
  }
  MessageId id(const EventStore& store, std::size_t i) const { return placed(store, i).id; }
  std::size_t index(const EventStore& store, MessageId message) const {
    for (std::size_t i = 0; i < messages_.size(); ++i) {
      if (id(store, i) == message) return i;
    }
    return messages_.size();
  }

  void kill() {
    rig_.close();
    RC_ASSERT(rig_.open().has_value());
  }
  // Spills all that comes in, so that both stores hold the same whenever one is killed.
  Group commit(EventStore& store, Group group) {
    RC_ASSERT(store.append(group).has_value());
    for (std::size_t i = 0; i < group.intakes.size(); ++i) {
      for (const EndpointNumber endpoint : group.intakes[i].targets.list()) {
        group.spilled.push_back({endpoint, 0, group.placed[i].id, group.placed[i].position, 0});
      }
    }
    if (!is_memory(store)) {
      group.low_water = kept_;
      if (lag_++ % 3 == 0) kept_ = store.end();  // so that some is replayed on top of itself
      if (std::exchange(kills_in_group_, false)) {
        kill();
        return group;
      }
    }
    RC_ASSERT(store.apply(group).has_value());
    return group;
  }

  void put(std::uint32_t a, std::uint32_t b) {
    MessageSpec spec;
    spec.endpoints.clear();
    for (std::uint32_t endpoint = 1; endpoint <= kEndpoints; ++endpoint) {
      if ((a >> endpoint & 1) != 0) spec.endpoints.push_back(endpoint);
    }
    spec.status = spec.endpoints.empty() ? MessageStatus::kUnmatched : MessageStatus::kRouted;
    spec.body = std::string(b % 300, 'x');
    Pair pair;
    for (EventStore* store : stores()) {
      Group group;
      group.intakes.push_back(make_intake(rig_.pool, spec, rig_.clock.wall));
      (is_memory(*store) ? pair.memory : pair.rocks) = commit(*store, std::move(group)).placed[0];
    }
    messages_.push_back(pair);
  }

  void end(std::uint32_t a, std::uint32_t b) {
    constexpr Verdict kVerdicts[] = {Verdict::kDelivered, Verdict::kDead, Verdict::kRetry,
                                     Verdict::kReturned};
    for (EventStore* store : stores()) {
      const auto loaded = load_all(*store, rig_.pool, 1 + a % kEndpoints, ~std::uint64_t{0});
      if (loaded.empty()) continue;
      Group group;
      group.outcomes.push_back(
          make_outcome(loaded[b % loaded.size()], kVerdicts[b / 16 % 4], rig_.clock.wall + b % 7));
      commit(*store, std::move(group));
    }
  }

  void reopen(std::uint32_t a, std::uint32_t b) {
    if (messages_.empty()) return;
    std::vector<Reopened> results[2];
    for (EventStore* store : stores()) {
      Group group;
      for (std::uint32_t i = 0; i <= b % 4; ++i) {
        const Placed& message = placed(*store, (a + i * (b / 8)) % messages_.size());
        const EndpointNumber endpoint{1 + (a / 16 + i) % kEndpoints};
        const EventNumber event{b % 5 == 0 ? 70 + b % 3 : 0};
        group.reopenings.push_back(
            {message.id, message.position, endpoint, event, rig_.clock.wall + b % 9});
      }
      results[is_memory(*store) ? 0 : 1] = commit(*store, std::move(group)).reopened;
    }
    RC_ASSERT(results[0] == results[1]);
  }

  std::vector<EventStore*> stores() { return {&memory_, &rig_.store()}; }

  std::vector<Row> waiting(EventStore& store, std::uint32_t endpoint) {
    std::vector<Row> rows;
    const auto items = store.list_pending(EndpointNumber{endpoint}, 0, MessageId{}, 1'000);
    for (const PendingItem& item : *items) {
      rows.emplace_back(index(store, item.message), item.due, item.attempts, item.attempts_before);
    }
    RC_ASSERT(load_all(store, rig_.pool, endpoint, ~std::uint64_t{0}).size() == rows.size());
    return rows;
  }
  std::vector<Row> dead(EventStore& store, std::uint32_t endpoint) {
    std::vector<Row> rows;
    const auto records = store.list_dead(EndpointNumber{endpoint}, MessageId{}, 1'000);
    for (const DeadRecord& record : *records) {
      rows.emplace_back(index(store, record.message), record.died_at, record.attempts,
                        static_cast<int>(record.event));
    }
    return rows;
  }
  std::vector<Row> attempts(EventStore& store, std::uint32_t endpoint, std::size_t i) {
    std::vector<Row> rows;
    const auto records = store.list_attempts(EndpointNumber{endpoint}, id(store, i));
    for (const AttemptRecord& record : *records) {
      rows.emplace_back(i, record.next_at, record.attempt, static_cast<int>(record.verdict));
      RC_ASSERT(record.attempt == rows.size());
    }
    return rows;
  }

  StoreRig rig_;
  MemoryStore memory_;
  std::vector<Pair> messages_;
  LogPosition kept_{};
  std::size_t lag_ = 0;
  bool kills_in_group_ = false;
};

RC_GTEST_PROP(ReopeningTwinsTest, BothStoresAgreeWhateverIsAskedAndWheneverOneIsKilled, ()) {
  const auto steps = *rc::gen::container<std::vector<std::tuple<int, int, int>>>(
      rc::gen::tuple(rc::gen::inRange(0, 8), rc::gen::inRange(0, 256), rc::gen::inRange(0, 256)));
  Twins twins;
  for (const auto& [kind, a, b] : steps) {
    twins.step(kind, static_cast<std::uint32_t>(a), static_cast<std::uint32_t>(b));
  }
  twins.compare();
}

RC_GTEST_PROP(ReopeningRulesTest, ReopeningTwiceIsReopeningOnce, ()) {
  const auto endpoints =
      *rc::gen::container<std::vector<std::uint8_t>>(rc::gen::inRange<std::uint8_t>(0, 20));
  MessageEntry once;
  MessageEntry twice;
  std::map<std::uint8_t, std::uint16_t> model;
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    const auto attempts = static_cast<std::uint16_t>(i);
    ReopeningRecord record;
    record.reopening.endpoint = EndpointNumber{endpoints[i]};
    record.attempts_before = attempts;
    model[endpoints[i]] = attempts;
    reopen_in(once, record);
    reopen_in(twice, record);
    reopen_in(twice, record);
  }
  RC_ASSERT(once.reopened.size() == model.size());
  RC_ASSERT(twice.reopened.size() == model.size());
  std::size_t at = 0;
  for (const auto& [endpoint, attempts] : model) {
    RC_ASSERT(once.reopened[at].endpoint == EndpointNumber{endpoint});
    RC_ASSERT(once.reopened[at].attempts_before == attempts);
    RC_ASSERT(find_reopened(twice.reopened, EndpointNumber{endpoint})->attempts_before == attempts);
    ++at;
  }
}

}  // namespace
}  // namespace headrace::store
