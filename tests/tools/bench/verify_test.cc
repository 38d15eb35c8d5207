// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/verify.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

namespace headrace::bench_tools {
namespace {

using Records = std::vector<LedgerRecord>;
using Names = std::vector<std::string_view>;

constexpr std::uint64_t kRun = 7;
constexpr std::uint64_t kMs = 1'000'000;

LedgerRecord loaded(LedgerEvent event, std::uint64_t number, std::uint64_t when_ns) {
  return {
      .run = kRun, .number = number, .body_hash = number * 31, .when_ns = when_ns, .event = event};
}

LedgerRecord received(std::uint64_t number, std::uint64_t when_ns, std::uint32_t endpoint = 0,
                      std::uint16_t status = 200) {
  return {.run = kRun,
          .number = number,
          .body_hash = number * 31,
          .when_ns = when_ns,
          .endpoint = endpoint,
          .status = status,
          .event = LedgerEvent::kReceived};
}

VerifyReport verify_records(const Records& load, const Records& sink, VerifyOptions options = {},
                            bool load_is_closed = true) {
  const LedgerView views[] = {
      {.kind = LedgerKind::kLoad, .run = kRun, .records = load, .is_closed = load_is_closed},
      {.kind = LedgerKind::kSink, .records = sink}};
  return verify(views, options);
}

// Ten thousand messages, one each millisecond, accepted and delivered within two.
struct Flow {
  static constexpr std::uint64_t kCount = 10'000;

  Flow() {
    for (std::uint64_t i = 0; i < kCount; ++i) {
      load.push_back(loaded(LedgerEvent::kDue, i, i * kMs));
      load.push_back(loaded(LedgerEvent::kAccepted, i, (i + 1) * kMs));
      sink.push_back(received(i, (i + 2) * kMs));
    }
  }
  VerifyReport verified(VerifyOptions options = {}) const {
    return verify_records(load, sink, options);
  }

  Records load;
  Records sink;
};

TEST(VerifyTest, WhatWasAcceptedAndDeliveredIsWell) {
  const VerifyReport report = Flow().verified({.allow_duplicates = false});
  EXPECT_EQ(report.accepted, Flow::kCount);
  EXPECT_EQ(report.delivered, Flow::kCount);
  EXPECT_EQ(report.deliveries, Flow::kCount);
  EXPECT_EQ(report.inversions.count, 0u);
  EXPECT_EQ(report.breaches({.allow_duplicates = false}), Names{});
  EXPECT_EQ(report.from_due.count(), Flow::kCount);
  EXPECT_EQ(report.from_due.min(), 2 * kMs);
  EXPECT_EQ(report.from_due.max(), 2 * kMs);
  EXPECT_EQ(report.from_accepted.max(), kMs);
}

TEST(VerifyTest, ASinkThatDropsOneOfTenThousandIsFound) {
  Flow flow;
  flow.sink.erase(flow.sink.begin() + 4321);
  const VerifyReport report = flow.verified();
  EXPECT_EQ(report.lost.count, 1u);
  EXPECT_EQ(report.lost_deliveries, 1u);
  ASSERT_EQ(report.lost.examples.size(), 1u);
  EXPECT_EQ(report.lost.examples[0], (MessageId{kRun, 4321}));
  EXPECT_EQ(report.delivered, Flow::kCount - 1);
  EXPECT_EQ(report.undelivered.count, 0u);
  EXPECT_EQ(report.breaches({}), Names{"lost"});
}

TEST(VerifyTest, ASinkThatAnswersTwiceIsFound) {
  Flow flow;
  flow.sink.push_back(received(17, 99 * kMs));
  const VerifyReport report = flow.verified();
  EXPECT_EQ(report.duplicated.count, 1u);
  EXPECT_EQ(report.duplicated.examples[0].number, 17u);
  EXPECT_EQ(report.delivered, Flow::kCount);
  EXPECT_EQ(report.from_due.count(), Flow::kCount);
  EXPECT_EQ(report.breaches({}), Names{});
  EXPECT_EQ(report.breaches({.allow_duplicates = false}), Names{"duplicated"});
}

TEST(VerifyTest, AByteThatFlippedIsFound) {
  Flow flow;
  flow.sink[9999].body_hash ^= 1;
  const VerifyReport report = flow.verified();
  EXPECT_EQ(report.altered.count, 1u);
  EXPECT_EQ(report.altered.examples[0].number, 9999u);
  EXPECT_EQ(report.breaches({}), Names{"altered"});
}

TEST(VerifyTest, WhatWasNeverAcceptedMustNotArrive) {
  Flow flow;
  flow.load.push_back(loaded(LedgerEvent::kDue, Flow::kCount, 1));
  flow.load.push_back(loaded(LedgerEvent::kRefused, Flow::kCount, 2));
  flow.sink.push_back(received(Flow::kCount, 3));      // refused
  flow.sink.push_back(received(Flow::kCount, 4));      // and once more
  flow.sink.push_back(received(Flow::kCount + 1, 5));  // never sent
  flow.sink.push_back(received(Flow::kCount + 1, 5, 1));
  LedgerRecord other = received(1, 6);
  other.run = kRun + 1;  // of no known run
  flow.sink.push_back(other);
  const VerifyReport report = flow.verified();
  EXPECT_EQ(report.refused, 1u);
  EXPECT_EQ(report.unaccepted.count, 3u);
  EXPECT_EQ(report.lost.count, 0u);
  EXPECT_EQ(report.breaches({}), Names{"unaccepted"});
}

TEST(VerifyTest, AnAnswerThatIsNotKnownMakesBothEndsAllowed) {
  Flow flow;
  constexpr std::uint64_t kFirst = Flow::kCount;
  for (std::uint64_t i = kFirst; i < kFirst + 4; ++i)
    flow.load.push_back(loaded(LedgerEvent::kDue, i, 1));
  flow.load.push_back(loaded(LedgerEvent::kUnknown, kFirst, 2));
  flow.load.push_back(loaded(LedgerEvent::kUnknown, kFirst + 1, 2));
  flow.sink.push_back(received(kFirst, 3));
  flow.sink.push_back(received(kFirst + 2, 3));  // the load was killed before an answer
  const VerifyReport report = flow.verified();
  EXPECT_EQ(report.unknown, 4u);
  EXPECT_EQ(report.unknown_delivered, 2u);
  EXPECT_EQ(report.breaches({}), Names{});
}

TEST(VerifyTest, OneTryThatBrokeLeavesARefusedMessageUnknown) {
  const Records load = {loaded(LedgerEvent::kDue, 1, 1), loaded(LedgerEvent::kUnknown, 1, 2),
                        loaded(LedgerEvent::kDue, 1, 3), loaded(LedgerEvent::kRefused, 1, 4)};
  const VerifyReport report = verify_records(load, {received(1, 5)});
  EXPECT_EQ(report.unknown, 1u);
  EXPECT_EQ(report.unaccepted.count, 0u);
}

TEST(VerifyTest, WhatAKilledLoadDidNotWriteIsNoBreach) {
  EXPECT_EQ(verify_records({}, {received(1, 5)}, {}, false).breaches({}), Names{});
  EXPECT_EQ(verify_records({}, {received(1, 5)}, {}, true).breaches({}), Names{"unaccepted"});
}

TEST(VerifyTest, AnAnswerOtherThanSuccessIsNoDelivery) {
  Flow flow;
  flow.sink[5].status = 500;
  flow.sink[6].status = 0;
  const VerifyReport report = flow.verified();
  EXPECT_EQ(report.lost.count, 2u);
  EXPECT_EQ(report.undelivered.count, 2u);
  const VerifyReport allowed = flow.verified({.allow_undelivered = true});
  EXPECT_EQ(allowed.lost.count, 0u);
  EXPECT_EQ(allowed.undelivered.count, 2u);
  flow.sink.push_back(received(5, 99 * kMs));
  flow.sink.push_back(received(6, 99 * kMs));
  EXPECT_EQ(flow.verified({.allow_duplicates = false}).breaches({}), Names{});
}

TEST(VerifyTest, EachEndpointOfAFanOutCounts) {
  Records load = {loaded(LedgerEvent::kDue, 1, 1), loaded(LedgerEvent::kAccepted, 1, 2)};
  Records sink;
  for (std::uint32_t endpoint = 0; endpoint < 100; ++endpoint)
    if (endpoint != 42) sink.push_back(received(1, 3, endpoint));
  const VerifyReport report = verify_records(load, sink, {.endpoints_per_message = 100});
  EXPECT_EQ(report.lost.count, 1u);
  EXPECT_EQ(report.lost_deliveries, 1u);
  EXPECT_EQ(report.duplicated.count, 0u);
  EXPECT_EQ(verify_records(load, sink, {.endpoints_per_message = 98}).more_endpoints, 1u);
}

TEST(VerifyTest, BadSignaturesAndMissingIdsAreBreaches) {
  Flow flow;
  flow.sink[3].event = LedgerEvent::kBadSignature;
  flow.sink.push_back({.run = 0, .when_ns = 1, .status = 200, .event = LedgerEvent::kReceived});
  const VerifyReport report = flow.verified();
  EXPECT_EQ(report.bad_signatures.count, 1u);
  EXPECT_EQ(report.unidentified, 1u);
  EXPECT_EQ(report.breaches({}), (Names{"unidentified", "bad_signatures"}));
}

TEST(VerifyTest, OvertakingIsCountedWhereOrderIsKnown) {
  Records load;
  for (std::uint64_t i = 0; i < 4; ++i) {
    load.push_back(loaded(LedgerEvent::kDue, i, 10 * i));
    load.push_back(loaded(LedgerEvent::kAccepted, i, 10 * i + 5));
  }
  const auto inversions = [&](const Records& sink) {
    return verify_records(load, sink).inversions.count;
  };
  EXPECT_EQ(inversions({received(0, 50), received(1, 51), received(2, 52)}), 0u);
  EXPECT_EQ(inversions({received(1, 50), received(0, 51), received(2, 52)}), 1u);
  EXPECT_EQ(inversions({received(3, 50), received(0, 51), received(1, 52), received(2, 53)}), 3u);
  // Two endpoints see two orders; a failed try or a duplicate is no delivery.
  EXPECT_EQ(inversions({received(1, 50, 1), received(0, 51, 2)}), 0u);
  EXPECT_EQ(inversions({received(1, 50, 0, 500), received(0, 51), received(1, 52)}), 0u);
  EXPECT_EQ(inversions({received(0, 50), received(1, 51), received(0, 52)}), 0u);
  // Messages that were on their way at the same time have no order.
  load[2].when_ns = 4;
  EXPECT_EQ(inversions({received(1, 50), received(0, 51)}), 0u);
  // Neither have those of two links.
  load[2].when_ns = 10;
  load[2].endpoint = load[3].endpoint = 1;
  EXPECT_EQ(inversions({received(1, 50), received(0, 51)}), 0u);
}

TEST(VerifyTest, ManyLedgersAreOne) {
  const Flow flow;
  const std::span<const LedgerRecord> load(flow.load);
  const std::span<const LedgerRecord> sink(flow.sink);
  const LedgerView views[] = {
      {.kind = LedgerKind::kSink, .records = sink.first(3), .is_closed = false, .bytes_cut = 5},
      {.kind = LedgerKind::kLoad, .run = kRun, .records = load.subspan(5001)},
      {.kind = LedgerKind::kSink, .records = sink.subspan(3)},
      {.kind = LedgerKind::kLoad, .run = kRun, .records = load.first(5001)}};
  const VerifyReport report = verify(views, {});
  EXPECT_EQ(report.delivered, Flow::kCount);
  EXPECT_EQ(report.breaches({}), Names{});
  EXPECT_EQ(report.ledgers, 4u);
  EXPECT_EQ(report.unclosed_ledgers, 1u);
  EXPECT_EQ(report.bytes_cut, 5u);
}

// The same by sets and in words, for whatever the two ledgers hold.
struct Model {
  std::set<std::uint64_t> due, accepted, refused, maybe;
  std::map<std::uint64_t, std::uint64_t> due_ns, accepted_ns;
  std::map<std::pair<std::uint64_t, std::uint32_t>, std::uint64_t> first;  // delivery
  std::set<std::pair<std::uint64_t, std::uint32_t>> reached;
  std::set<std::uint64_t> seen;
  std::uint64_t duplicated = 0, altered = 0;

  Model(const Records& load, const Records& sink) {
    for (const LedgerRecord& record : load) {
      if (record.event == LedgerEvent::kDue) {
        due.insert(record.number);
        due_ns[record.number] = record.when_ns;
      } else if (record.event == LedgerEvent::kAccepted) {
        accepted.insert(record.number);
        accepted_ns[record.number] = record.when_ns;
      } else if (record.event == LedgerEvent::kRefused) {
        refused.insert(record.number);
      }
    }
    for (const std::uint64_t number : due)
      if (!accepted.contains(number) && !refused.contains(number)) maybe.insert(number);
    for (const LedgerRecord& record : sink) {
      seen.insert(record.number);
      if (!due.contains(record.number)) continue;
      altered += record.body_hash != record.number * 31 ? 1 : 0;
      const std::pair key(record.number, record.endpoint);
      reached.insert(key);
      if (record.status != 200) continue;
      if (!first.try_emplace(key, record.when_ns).second) ++duplicated;
    }
  }

  std::uint64_t endpoints_of(std::uint64_t number) const {
    std::uint64_t count = 0;
    for (const auto& [key, when] : first) count += key.first == number ? 1 : 0;
    return count;
  }
  std::uint64_t lost(std::uint64_t wanted) const {
    std::uint64_t count = 0;
    for (const std::uint64_t number : accepted) count += endpoints_of(number) < wanted ? 1 : 0;
    return count;
  }
  std::uint64_t unaccepted() const {
    std::uint64_t count = 0;
    for (const std::uint64_t number : seen)
      count += accepted.contains(number) || maybe.contains(number) ? 0 : 1;
    return count;
  }
  // Deliveries before which, at the same endpoint, there is one of a message due only afterwards.
  std::uint64_t inversions() const {
    std::uint64_t count = 0;
    for (const auto& [key, when] : first) {
      if (!accepted.contains(key.first)) continue;
      bool is_overtaken = false;
      for (const auto& [other, other_when] : first)
        is_overtaken |= other.second == key.second && other_when < when &&
                        due_ns.at(other.first) > accepted_ns.at(key.first);
      count += is_overtaken ? 1 : 0;
    }
    return count;
  }
};

Records any_load() {
  Records load;
  const auto count = *rc::gen::inRange<std::uint64_t>(0, 30);
  std::uint64_t now = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    now += *rc::gen::inRange<std::uint64_t>(0, 10);
    load.push_back(loaded(LedgerEvent::kDue, i, now));
    const auto event = *rc::gen::weightedElement<int>({{6, 2}, {1, 3}, {1, 4}, {1, 0}});
    const std::uint64_t answered = now + *rc::gen::inRange<std::uint64_t>(0, 20);
    if (event != 0) load.push_back(loaded(static_cast<LedgerEvent>(event), i, answered));
  }
  return *rc::gen::arbitrary<bool>() ? load : Records(load.rbegin(), load.rend());
}

Records any_sink() {
  Records sink;
  const auto count = *rc::gen::inRange<std::uint64_t>(0, 80);
  for (std::uint64_t i = 0; i < count; ++i) {
    LedgerRecord record = received(*rc::gen::inRange<std::uint64_t>(0, 32), i + 1,
                                   *rc::gen::inRange<std::uint32_t>(0, 3));
    record.status = *rc::gen::weightedElement<std::uint16_t>({{5, 200}, {1, 500}, {1, 0}});
    if (*rc::gen::inRange(0, 10) == 9) record.body_hash ^= 4;
    sink.push_back(record);
  }
  return sink;
}

RC_GTEST_PROP(VerifyPropertyTest, SaysWhatAModelOfSetsSays, ()) {
  const Records load = any_load();
  const Records sink = any_sink();
  const auto wanted = *rc::gen::inRange<std::uint32_t>(1, 4);
  const Model model(load, sink);
  const VerifyReport report = verify_records(load, sink, {.endpoints_per_message = wanted});
  RC_ASSERT(report.accepted == model.accepted.size());
  RC_ASSERT(report.unknown == model.maybe.size());
  RC_ASSERT(report.accepted + report.refused + report.unknown == model.due.size());
  RC_ASSERT(report.lost.count == model.lost(wanted));
  RC_ASSERT(report.delivered + report.lost.count == report.accepted);
  RC_ASSERT(report.duplicated.count == model.duplicated);
  RC_ASSERT(report.altered.count == model.altered);
  RC_ASSERT(report.unaccepted.count == model.unaccepted());
  RC_ASSERT(report.inversions.count == model.inversions());
  RC_ASSERT(report.received == sink.size());
}

}  // namespace
}  // namespace headrace::bench_tools
