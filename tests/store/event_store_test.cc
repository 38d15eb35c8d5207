// SPDX-License-Identifier: Apache-2.0
// The contract of EventStore, held by the one on disk and by its twin in memory.
#include "store/event_store.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "store/memory_store.h"
#include "store/message_ids.h"
#include "tests/store/store_rig.h"

namespace headrace::store {
namespace {

enum class Kind { kMemory, kRocks };

class EventStoreTest : public ::testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    rig_.options.retention_ms = 10'000;
    rig_.options.dedupe_window_ms = 1'000;
    if (GetParam() == Kind::kMemory) {
      memory_ = std::make_unique<MemoryStore>(rig_.options, rig_.clock, 1);
    } else {
      ASSERT_TRUE(rig_.open());
    }
  }

  EventStore& store() { return memory_ ? *memory_ : rig_.store(); }
  core::WallMs now() const { return rig_.clock.wall; }
  Placed put(const MessageSpec& spec) { return commit_one(store(), rig_.pool, spec, now()); }
  std::vector<Delivery> load(std::uint32_t endpoint, core::WallMs at) {
    return load_all(store(), rig_.pool, endpoint, at);
  }
  void end(std::vector<Outcome> outcomes) {
    Group group;
    group.outcomes = std::move(outcomes);
    ASSERT_TRUE(commit(store(), group));
  }

  StoreRig rig_;
  std::unique_ptr<MemoryStore> memory_;
};

TEST_P(EventStoreTest, MessageIsReadBackByteForByte) {
  MessageSpec spec;
  spec.body = std::string("\0\xff{\"a\": 1}\r\n", 13);
  spec.endpoints = {5, 3, 9, 1, 2, 8, 7, 6};
  spec.link = 42;
  spec.is_test = true;
  const Placed placed = put(spec);
  ASSERT_EQ(placed.acceptance, Acceptance::kStored);
  const auto content = store().read_message(placed.id);
  ASSERT_TRUE(content);
  EXPECT_EQ(content->body, spec.body);
  EXPECT_EQ(content->headers, spec.headers);
  EXPECT_EQ(content->query, spec.query);
  EXPECT_EQ(content->method, core::Method::kPost);
  ASSERT_EQ(content->targets.size(), spec.endpoints.size());
  for (std::size_t i = 0; i < spec.endpoints.size(); ++i) {
    EXPECT_EQ(content->targets[i], EndpointNumber{spec.endpoints[i]});
  }
  const MessageRecord& record = content->record;
  EXPECT_EQ(record.id, placed.id);
  EXPECT_EQ(record.received_at, now());
  EXPECT_EQ(record.link, LinkNumber{42});
  EXPECT_EQ(record.event, EventNumber{9});
  EXPECT_EQ(record.status, MessageStatus::kRouted);
  EXPECT_TRUE(record.is_test);
  EXPECT_EQ(record.body_bytes, spec.body.size());
  EXPECT_EQ(record.position, placed.position);
}

TEST_P(EventStoreTest, WhoAMessageGoesToIsReadWithoutIt) {
  for (const std::size_t count : {0u, 1u, 6u, 7u, 300u}) {
    MessageSpec spec;
    spec.body = std::string(50'000, 'x');
    spec.endpoints.clear();
    for (std::size_t i = 0; i < count; ++i) {
      spec.endpoints.push_back(static_cast<std::uint32_t>(1'000 - i));
    }
    const Placed placed = put(spec);
    const auto read = store().read_targets(placed.id);
    ASSERT_TRUE(read);
    std::vector<std::uint32_t> targets;
    for (const EndpointNumber target : read->targets) {
      targets.push_back(static_cast<std::uint32_t>(target));
    }
    EXPECT_EQ(targets, spec.endpoints);
    EXPECT_EQ(read->record.id, placed.id);
    EXPECT_EQ(read->record.position, placed.position);
    EXPECT_EQ(read->record.event, EventNumber{9});
    EXPECT_EQ(read->record.body_bytes, spec.body.size());
  }
}

TEST_P(EventStoreTest, TestStaysATestHoweverOftenItIsTried) {
  for (const bool is_test : {true, false}) {
    MessageSpec spec;
    spec.endpoints = {is_test ? 1u : 2u};
    spec.is_test = is_test;
    const Placed placed = put(spec);
    const auto fresh = load(spec.endpoints[0], now());
    ASSERT_EQ(fresh.size(), 1u);
    EXPECT_EQ(fresh[0].is_test, is_test);
    end({make_outcome(fresh[0], Verdict::kRetry, now() + 5)});
    const auto again = load(spec.endpoints[0], now() + 5);
    ASSERT_EQ(again.size(), 1u);
    EXPECT_EQ(again[0].attempts, 1);
    EXPECT_EQ(again[0].is_test, is_test);
    EXPECT_EQ(store().find_message(placed.id)->is_test, is_test);
  }
}

TEST_P(EventStoreTest, MessagesOfTheSystemLinkAreMessagesLikeAny) {
  MessageSpec spec;
  spec.link = static_cast<std::uint32_t>(core::kSystemLink);
  const Placed placed = put(spec);
  ASSERT_EQ(placed.acceptance, Acceptance::kStored);
  EXPECT_EQ(link_of(placed.id), core::kSystemLink);
  EXPECT_EQ(store().read_message(placed.id)->body, spec.body);
  const auto listed = store().list_messages(core::kSystemLink, MessageId{}, 10);
  ASSERT_EQ(listed->size(), 1u);
  EXPECT_EQ((*listed)[0].id, placed.id);
  ASSERT_EQ(load(1, now()).size(), 1u);
  EXPECT_EQ(load(1, now())[0].link, core::kSystemLink);
}

TEST_P(EventStoreTest, EmptyMessageIsReadBackEmpty) {
  MessageSpec spec;
  spec.body = spec.headers = spec.query = "";
  const Placed placed = put(spec);
  const auto content = store().read_message(placed.id);
  ASSERT_TRUE(content);
  EXPECT_EQ(content->headers + content->query + content->body, "");
  const auto loaded = load(1, now());
  ASSERT_EQ(loaded.size(), 1u);
  EXPECT_EQ(loaded[0].payload.bytes(), 0u);
}

TEST_P(EventStoreTest, UnknownMessageIsNotFound) {
  const MessageId unknown{Bits128{std::uint64_t{now()} << 16, 7}};
  EXPECT_EQ(store().find_message(unknown).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store().read_message(unknown).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store().read_targets(unknown).error().code, ErrorCode::kNotFound);
}

TEST_P(EventStoreTest, IdsGrowEvenWhenTheClockGoesBack) {
  MessageId last;
  for (int i = 0; i < 50; ++i) {
    if (i % 3 == 0) rig_.clock.wall -= 700;
    rig_.clock.wall += 200;
    const Placed placed = put({});
    EXPECT_GT(placed.id, last);
    EXPECT_GT(placed.id.bits.high, last.bits.high);
    last = placed.id;
  }
}

TEST_P(EventStoreTest, PositionsGrow) {
  LogPosition last{};
  for (int i = 0; i < 20; ++i) {
    const Placed placed = put({});
    EXPECT_GT(placed.position, last);
    EXPECT_GT(store().end(), placed.position);
    last = placed.position;
  }
}

TEST_P(EventStoreTest, DuplicateWithinTheWindowGetsTheFirstId) {
  MessageSpec spec;
  spec.dedupe = 5;
  const Placed first = put(spec);
  rig_.clock.wall += 999;
  const Placed second = put(spec);
  EXPECT_EQ(second.acceptance, Acceptance::kDuplicate);
  EXPECT_EQ(second.id, first.id);
  EXPECT_EQ(load(1, now()).size(), 1u);
}

TEST_P(EventStoreTest, KeyIsForgottenWhenItsWindowEnds) {
  MessageSpec spec;
  spec.dedupe = 5;
  const Placed first = put(spec);
  rig_.clock.wall += 1'000;
  const Placed second = put(spec);
  EXPECT_EQ(second.acceptance, Acceptance::kStored);
  EXPECT_NE(second.id, first.id);
}

TEST_P(EventStoreTest, DuplicatesWithinOneGroupAreFound) {
  Group group;
  for (const std::uint64_t key : {7u, 0u, 7u, 8u, 0u, 7u}) {
    MessageSpec spec;
    spec.dedupe = key;
    group.intakes.push_back(make_intake(rig_.pool, spec, now()));
  }
  ASSERT_TRUE(commit(store(), group));
  const auto acceptance = [&](std::size_t i) { return group.placed[i].acceptance; };
  for (const std::size_t i : {0u, 1u, 3u, 4u}) EXPECT_EQ(acceptance(i), Acceptance::kStored) << i;
  for (const std::size_t i : {2u, 5u}) {
    EXPECT_EQ(acceptance(i), Acceptance::kDuplicate) << i;
    EXPECT_EQ(group.placed[i].id, group.placed[0].id) << i;
  }
}

TEST_P(EventStoreTest, ReadyDeliveriesComeInOrderOfMessage) {
  std::vector<MessageId> ids;
  for (int i = 0; i < 10; ++i) ids.push_back(put({}).id);
  const auto loaded = load(1, now());
  ASSERT_EQ(loaded.size(), ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    EXPECT_EQ(loaded[i].message, ids[i]);
    EXPECT_EQ(loaded[i].attempts, 0);
    EXPECT_TRUE(loaded[i].ticket.pending_entry);
    EXPECT_EQ(loaded[i].ticket.due, 0u);
  }
}

TEST_P(EventStoreTest, LoadedDeliveryCarriesThePayloadAsReceived) {
  MessageSpec spec;
  spec.body = "{\"exact\": \"bytes\"}";
  spec.link = 6;
  const Placed placed = put(spec);
  const auto loaded = load(1, now());
  ASSERT_EQ(loaded.size(), 1u);
  const Payload& payload = loaded[0].payload;
  EXPECT_EQ(payload.body.in(payload.buffer), spec.body);
  EXPECT_EQ(payload.headers.in(payload.buffer), spec.headers);
  EXPECT_EQ(payload.query.in(payload.buffer), spec.query);
  EXPECT_EQ(payload.method, core::Method::kPost);
  EXPECT_EQ(loaded[0].link, LinkNumber{6});
  EXPECT_EQ(loaded[0].event, EventNumber{9});
  EXPECT_EQ(loaded[0].received_at, now());
  EXPECT_EQ(loaded[0].ticket.position, placed.position);
}

TEST_P(EventStoreTest, RetriesDueComeBeforeReadyOnesAndInOrderOfTime) {
  const Placed late = put({});
  const Placed early = put({});
  const Placed fresh = put({});
  auto loaded = load(1, now());
  ASSERT_EQ(loaded.size(), 3u);
  end({make_outcome(loaded[0], Verdict::kRetry, now() + 20),
       make_outcome(loaded[1], Verdict::kRetry, now() + 10)});
  EXPECT_EQ(load(1, now() + 9).size(), 1u);
  loaded = load(1, now() + 20);
  ASSERT_EQ(loaded.size(), 3u);
  EXPECT_EQ(loaded[0].message, early.id);
  EXPECT_EQ(loaded[1].message, late.id);
  EXPECT_EQ(loaded[2].message, fresh.id);
  EXPECT_EQ(loaded[0].attempts, 1);
  EXPECT_EQ(loaded[0].ticket.due, now() + 10);
}

TEST_P(EventStoreTest, CursorNeverGivesADeliveryTwice) {
  for (int i = 0; i < 25; ++i) put({});
  PendingCursor cursor;
  std::vector<Delivery> out;
  std::map<MessageId, int> seen;
  bool more = true;
  for (int round = 0; round < 10 && more; ++round) {
    out.clear();
    const auto load =
        store().load_pending(EndpointNumber{1}, cursor, now(), {10, 1 << 20}, rig_.pool, out);
    ASSERT_TRUE(load);
    EXPECT_EQ(load->count, out.size());
    for (const Delivery& delivery : out) ++seen[delivery.message];
    more = load->more_ready;
    EXPECT_EQ(more, seen.size() < 25);
  }
  EXPECT_EQ(seen.size(), 25u);
  for (const auto& [id, times] : seen) EXPECT_EQ(times, 1);
}

TEST_P(EventStoreTest, CursorPassesOverRetriesThatWereLoaded) {
  for (int i = 0; i < 6; ++i) put({});
  std::vector<Outcome> outcomes;
  for (const Delivery& delivery : load(1, now())) {
    outcomes.push_back(make_outcome(delivery, Verdict::kRetry, now() + 5));
  }
  end(std::move(outcomes));
  PendingCursor cursor;
  std::vector<Delivery> out;
  auto load =
      store().load_pending(EndpointNumber{1}, cursor, now() + 5, {4, 1 << 20}, rig_.pool, out);
  ASSERT_TRUE(load);
  EXPECT_EQ(load->count, 4u);
  EXPECT_EQ(load->next_due, now() + 5);
  EXPECT_FALSE(load->more_ready);
  load = store().load_pending(EndpointNumber{1}, cursor, now() + 5, {4, 1 << 20}, rig_.pool, out);
  ASSERT_TRUE(load);
  EXPECT_EQ(load->count, 2u);
  EXPECT_FALSE(load->next_due);
  std::map<MessageId, int> seen;
  for (const Delivery& delivery : out) ++seen[delivery.message];
  EXPECT_EQ(seen.size(), 6u);
}

TEST_P(EventStoreTest, LoadStopsWhenThePoolIsExhaustedAndGoesOnFromThere) {
  MessageSpec spec;
  spec.body = std::string(900, 'x');
  for (int i = 0; i < 5; ++i) put(spec);
  core::BufferPool small(2 * 1024);
  PendingCursor cursor;
  std::vector<Delivery> out;
  const auto load_some = [&] {
    return store().load_pending(EndpointNumber{1}, cursor, now(), {100, 1 << 20}, small, out);
  };
  auto load = load_some();
  ASSERT_TRUE(load);
  EXPECT_EQ(load->count, 2u);
  EXPECT_TRUE(load->more_ready);
  out.clear();
  EXPECT_EQ(load_some()->count, 2u);
  out.clear();
  load = load_some();
  EXPECT_EQ(load->count, 1u);
  EXPECT_FALSE(load->more_ready);
  out.clear();
}

TEST_P(EventStoreTest, LoadStopsBehindTheBytesAskedFor) {
  MessageSpec spec;
  spec.body = std::string(1'000, 'x');
  for (int i = 0; i < 5; ++i) put(spec);
  PendingCursor cursor;
  std::vector<Delivery> out;
  ASSERT_TRUE(store().load_pending(EndpointNumber{1}, cursor, now(), {1, 1}, rig_.pool, out));
  ASSERT_EQ(out.size(), 1u);
  const std::size_t buffer = out.front().payload.buffer.capacity();
  const auto load =
      store().load_pending(EndpointNumber{1}, cursor, now(), {100, buffer + 1}, rig_.pool, out);
  ASSERT_TRUE(load);
  EXPECT_EQ(load->count, 2u);
}

TEST_P(EventStoreTest, DeliveredAndDeadDeliveriesWaitNoMore) {
  for (int i = 0; i < 3; ++i) put({});
  const auto loaded = load(1, now());
  end({make_outcome(loaded[0], Verdict::kDelivered), make_outcome(loaded[1], Verdict::kDead)});
  const auto left = load(1, now());
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].message, loaded[2].message);
}

TEST_P(EventStoreTest, ReturnedDeliveryWaitsAgainAndLeavesNoAttempt) {
  Group group;
  group.intakes.push_back(make_intake(rig_.pool, {}, now()));
  ASSERT_TRUE(store().append(group));
  group.low_water = group.placed[0].position;
  ASSERT_TRUE(store().apply(group));
  EXPECT_TRUE(load(1, now()).empty());
  const MessageId id = group.placed[0].id;
  end({make_outcome(id, group.placed[0].position, 1, Verdict::kReturned, 0)});
  const auto loaded = load(1, now());
  ASSERT_EQ(loaded.size(), 1u);
  EXPECT_EQ(loaded[0].message, id);
  end({make_outcome(loaded[0], Verdict::kReturned)});
  EXPECT_EQ(load(1, now()).size(), 1u);
  EXPECT_TRUE(store().list_attempts(EndpointNumber{1}, id)->empty());
}

TEST_P(EventStoreTest, EndpointsDoNotSeeEachOthersDeliveries) {
  MessageSpec spec;
  spec.endpoints = {1, 2, 0xffffffff};
  put(spec);
  for (const std::uint32_t endpoint : spec.endpoints) {
    const auto loaded = load(endpoint, now());
    ASSERT_EQ(loaded.size(), 1u) << endpoint;
    end({make_outcome(loaded[0], Verdict::kDelivered)});
    EXPECT_TRUE(load(endpoint, now()).empty());
  }
  EXPECT_TRUE(store().pending_endpoints()->empty());
}

TEST_P(EventStoreTest, PendingEndpointsSayWhatWaits) {
  MessageSpec spec;
  spec.endpoints = {3, 7};
  put(spec);
  end({make_outcome(load(7, now())[0], Verdict::kRetry, now() + 30)});
  spec.endpoints = {9};
  put(spec);
  end({make_outcome(load(9, now())[0], Verdict::kRetry, now() + 40)});
  put(spec);
  const auto waiting = store().pending_endpoints();
  ASSERT_TRUE(waiting);
  ASSERT_EQ(waiting->size(), 3u);
  EXPECT_EQ((*waiting)[0].endpoint, EndpointNumber{3});
  EXPECT_TRUE((*waiting)[0].has_ready);
  EXPECT_FALSE((*waiting)[0].next_due);
  EXPECT_FALSE((*waiting)[1].has_ready);
  EXPECT_EQ((*waiting)[1].next_due, now() + 30);
  EXPECT_TRUE((*waiting)[2].has_ready);
  EXPECT_EQ((*waiting)[2].next_due, now() + 40);
}

TEST_P(EventStoreTest, AttemptsAreKeptWithTheirResponses) {
  const Placed placed = put({});
  const Delivery first = load(1, now())[0];
  Outcome refused = make_outcome(first, Verdict::kRetry, now() + 5);
  refused.error = AttemptError::kTimeout;
  end({refused});
  Outcome done = make_outcome(load(1, now() + 5)[0], Verdict::kDelivered);
  set_response(done, rig_.pool, "server: x\r\n", "ok");
  end({done});
  const auto attempts = store().list_attempts(EndpointNumber{1}, placed.id);
  ASSERT_TRUE(attempts);
  ASSERT_EQ(attempts->size(), 2u);
  EXPECT_EQ((*attempts)[0].attempt, 1);
  EXPECT_EQ((*attempts)[0].verdict, Verdict::kRetry);
  EXPECT_EQ((*attempts)[0].error, AttemptError::kTimeout);
  EXPECT_EQ((*attempts)[0].http_status, 503);
  EXPECT_EQ((*attempts)[0].next_at, now() + 5);
  EXPECT_EQ((*attempts)[1].attempt, 2);
  EXPECT_EQ((*attempts)[1].verdict, Verdict::kDelivered);
  EXPECT_EQ((*attempts)[1].started_at, 77u);
  EXPECT_EQ((*attempts)[1].duration_us, 1500u);
  EXPECT_EQ((*attempts)[1].response_head, "server: x\r\n");
  EXPECT_EQ((*attempts)[1].response_body, "ok");
  EXPECT_TRUE(store().list_attempts(EndpointNumber{2}, placed.id)->empty());
}

TEST_P(EventStoreTest, EndpointAttemptsComeNewestFirstAndWholeMessagesAtATime) {
  std::vector<MessageId> ids;
  for (int i = 0; i < 4; ++i) ids.push_back(put({}).id);
  for (int round = 0; round < 2; ++round) {
    std::vector<Outcome> outcomes;
    for (const Delivery& delivery : load(1, now())) {
      outcomes.push_back(make_outcome(delivery, Verdict::kRetry, now()));
    }
    end(std::move(outcomes));
  }
  const auto page = store().list_endpoint_attempts(EndpointNumber{1}, MessageId{}, 3);
  ASSERT_TRUE(page);
  ASSERT_EQ(page->size(), 4u);
  EXPECT_EQ((*page)[0].message, ids[3]);
  EXPECT_EQ((*page)[3].message, ids[2]);
  const auto rest = store().list_endpoint_attempts(EndpointNumber{1}, ids[2], 100);
  ASSERT_EQ(rest->size(), 4u);
  EXPECT_EQ((*rest)[0].message, ids[1]);
  EXPECT_EQ((*rest)[3].message, ids[0]);
}

TEST_P(EventStoreTest, MessagesOfALinkComeNewestFirstInPages) {
  std::vector<MessageId> ids;
  for (int i = 0; i < 9; ++i) {
    MessageSpec spec;
    spec.link = i % 3 == 0 ? 4 : (i % 3 == 1 ? 5 : 0xffffffff);
    const Placed placed = put(spec);
    if (spec.link == 5) ids.push_back(placed.id);
    rig_.clock.wall += 3;
  }
  const auto page = store().list_messages(LinkNumber{5}, MessageId{}, 2);
  ASSERT_TRUE(page);
  ASSERT_EQ(page->size(), 2u);
  EXPECT_EQ((*page)[0].id, ids[2]);
  EXPECT_EQ((*page)[1].id, ids[1]);
  const auto rest = store().list_messages(LinkNumber{5}, ids[1], 10);
  ASSERT_EQ(rest->size(), 1u);
  EXPECT_EQ((*rest)[0].id, ids[0]);
  EXPECT_EQ(store().list_messages(LinkNumber{0xffffffff}, MessageId{}, 10)->size(), 3u);
  EXPECT_TRUE(store().list_messages(LinkNumber{6}, MessageId{}, 10)->empty());
}

TEST_P(EventStoreTest, RetentionHidesWhatIsOldButNotWhatIsOpen) {
  const Placed old = put({});
  MessageSpec other;
  other.endpoints = {2};
  const Placed closed = put(other);
  end({make_outcome(load(2, now())[0], Verdict::kDelivered)});
  rig_.clock.wall += 10'001;
  const Placed fresh = put({});
  ASSERT_TRUE(store().retain(now()));
  EXPECT_EQ(store().find_message(old.id).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store().read_message(closed.id).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store().read_targets(closed.id).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(store().find_message(fresh.id));
  EXPECT_EQ(store().list_messages(LinkNumber{1}, MessageId{}, 10)->size(), 1u);
  EXPECT_TRUE(store().list_attempts(EndpointNumber{2}, closed.id)->empty());
  EXPECT_TRUE(store().list_endpoint_attempts(EndpointNumber{2}, MessageId{}, 10)->empty());
  const auto loaded = load(1, now());
  ASSERT_EQ(loaded.size(), 2u);
  EXPECT_EQ(loaded[0].message, old.id);
}

TEST_P(EventStoreTest, EachLinkHasItsOwnRetentionAndItMayChange) {
  MessageSpec spec;
  std::map<std::uint32_t, Placed> placed;
  for (const std::uint32_t link : {1u, 2u, 3u}) {
    spec.link = link;
    placed[link] = put(spec);
    end({make_outcome(load(1, now())[0], Verdict::kDelivered)});
  }
  store().set_retention({{LinkNumber{1}, 1'000}, {LinkNumber{2}, 50'000}});
  const auto found = [&](std::uint32_t link) {
    const bool there = store().find_message(placed[link].id).has_value();
    EXPECT_EQ(store().list_messages(LinkNumber{link}, MessageId{}, 10)->size(), there ? 1u : 0u);
    EXPECT_EQ(store().list_attempts(EndpointNumber{1}, placed[link].id)->size(), there ? 1u : 0u);
    return there;
  };
  rig_.clock.wall += 1'001;
  ASSERT_TRUE(store().retain(now()));
  EXPECT_FALSE(found(1));
  EXPECT_TRUE(found(2));
  EXPECT_TRUE(found(3));
  EXPECT_EQ(store().list_endpoint_attempts(EndpointNumber{1}, MessageId{}, 10)->size(), 2u);
  rig_.clock.wall += 10'000;
  ASSERT_TRUE(store().retain(now()));
  EXPECT_TRUE(found(2));
  EXPECT_FALSE(found(3)) << "not named: the store's own retention";
  store().set_retention({{LinkNumber{2}, 2'000}});
  ASSERT_TRUE(store().retain(now()));
  EXPECT_FALSE(found(2));
}

TEST_P(EventStoreTest, ErasedMessageIsFoundNowhereAndItsNeighboursAre) {
  MessageSpec spec;
  spec.endpoints = {1, 2, 3};
  const Placed before = put(spec);
  spec.dedupe = 5;
  const Placed erased = put(spec);
  spec.dedupe = 0;
  const Placed after = put(spec);
  end({make_outcome(load(1, now())[1], Verdict::kDelivered)});
  end({make_outcome(load(2, now())[1], Verdict::kRetry, now() + 100)});
  const std::vector<MessageId> ids = {erased.id, MessageId{Bits128{1, 1}}, erased.id};
  const auto count = store().erase(ids);
  ASSERT_TRUE(count);
  EXPECT_EQ(*count, 1u);
  ASSERT_TRUE(store().finish_erasures());
  EXPECT_EQ(store().find_message(erased.id).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store().read_message(erased.id).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store().list_messages(LinkNumber{1}, MessageId{}, 10)->size(), 2u);
  for (const std::uint32_t endpoint : {1u, 2u, 3u}) {
    EXPECT_TRUE(store().list_attempts(EndpointNumber{endpoint}, erased.id)->empty());
    const auto waiting = load(endpoint, now() + 1'000);
    ASSERT_EQ(waiting.size(), 2u) << endpoint;
    EXPECT_EQ(waiting[0].message, before.id);
    EXPECT_EQ(waiting[1].message, after.id);
  }
  EXPECT_EQ(store().read_message(before.id)->body, spec.body);
  spec.dedupe = 5;
  EXPECT_EQ(put(spec).acceptance, Acceptance::kStored) << "nothing is known of the erased one";
  EXPECT_EQ(*store().erase({&erased.id, 1}), 0u);
}

TEST_P(EventStoreTest, DefinitionsAreChangedTogetherAndScannedInOrder) {
  const std::vector<DefinitionChange> first = {
      {"app/b", "2"}, {"app/a", "1"}, {"apple", "x"}, {"web/a", "y"}};
  ASSERT_TRUE(store().change_definitions(first));
  const std::vector<DefinitionChange> second = {{"app/a", std::nullopt}, {"app/c", "3"}};
  ASSERT_TRUE(store().change_definitions(second));
  std::string seen;
  ASSERT_TRUE(store().scan_definitions("app/", [&](std::string_view key, std::string_view value) {
    seen += std::string(key) + "=" + std::string(value) + ";";
  }));
  EXPECT_EQ(seen, "app/b=2;app/c=3;");
}

TEST_P(EventStoreTest, EmptyGroupChangesNothing) {
  Group group;
  ASSERT_TRUE(commit(store(), group));
  ASSERT_TRUE(store().checkpoint());
  EXPECT_TRUE(store().pending_endpoints()->empty());
}

INSTANTIATE_TEST_SUITE_P(Stores, EventStoreTest, ::testing::Values(Kind::kMemory, Kind::kRocks),
                         [](const auto& kind) {
                           return kind.param == Kind::kMemory ? "Memory" : "Rocks";
                         });

}  // namespace
}  // namespace headrace::store
