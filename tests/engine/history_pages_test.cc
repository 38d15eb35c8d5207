// SPDX-License-Identifier: Apache-2.0
// Pages of what happened against a plain list of everything, and how much work one call does.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <functional>
#include <string>
#include <tuple>
#include <vector>

#include "core/limits.h"
#include "engine/catalog.h"
#include "engine/history.h"
#include "tests/engine/history_world.h"
#include "tests/support/master_key.h"
#include "tests/support/reading_store.h"

namespace headrace::engine {
namespace {

using store::AttemptError;
using store::Verdict;

struct Tried {
  std::uint32_t endpoint = 0;
  std::uint32_t number = 0;
  DeliveryState state = DeliveryState::kDelivered;
  std::uint16_t http_status = 0;
  std::string error;
};

struct Kept {
  Sent sent;
  std::vector<Tried> tried;  // in order of the receivers, then of time
};

// One row of any list, comparable.
using Row = std::tuple<MessageId, EndpointId, std::uint32_t, DeliveryState, std::uint16_t,
                       std::string, LinkId, std::string>;

std::string tag_of(std::uint32_t event) {
  for (const EventFact& fact : event_facts()) {
    if (fact.number == event) return fact.tag;
  }
  return {};
}

// The plain reading of a filter: every condition by itself, over everything that is known.
class Naive {
 public:
  Naive(const std::vector<Kept>& all, const HistoryFilter& filter) : all_(all), filter_(filter) {}

  std::vector<Row> messages() const {
    std::vector<Row> rows;
    each([&](const Kept& kept) {
      const Sent& sent = kept.sent;
      if (filter_.endpoint && std::none_of(sent.endpoints.begin(), sent.endpoints.end(),
                                           [&](auto number) { return is_wanted(number); }))
        return;
      rows.emplace_back(sent.id, EndpointId{}, 0, DeliveryState::kWaiting, 0, "",
                        link_of(sent.link), tag_of(sent.event));
    });
    return rows;
  }

  std::vector<Row> deliveries() const {
    std::vector<Row> rows;
    each([&](const Kept& kept) {
      for (const std::uint32_t endpoint : kept.sent.endpoints) {
        Tried last{endpoint, 0, DeliveryState::kWaiting, 0, ""};
        for (const Tried& tried : kept.tried) {
          if (tried.endpoint == endpoint) last = tried;
        }
        if (!is_wanted(endpoint) || !is_wanted(last)) continue;
        rows.emplace_back(kept.sent.id, endpoint_of(endpoint), last.number, last.state,
                          last.http_status, last.error, link_of(kept.sent.link),
                          tag_of(kept.sent.event));
      }
    });
    return rows;
  }

  std::vector<Row> attempts() const {
    std::vector<Row> rows;
    each([&](const Kept& kept) {
      for (const std::uint32_t endpoint : kept.sent.endpoints) {
        for (const Tried& tried : kept.tried) {
          if (tried.endpoint != endpoint || !is_wanted(endpoint) || !is_wanted(tried)) continue;
          rows.emplace_back(kept.sent.id, endpoint_of(endpoint), tried.number, tried.state,
                            tried.http_status, tried.error, LinkId{}, "");
        }
      }
    });
    return rows;
  }

 private:
  template <class Visit>
  void each(const Visit& visit) const {
    for (auto it = all_.rbegin(); it != all_.rend(); ++it) {
      if (is_wanted(it->sent)) visit(*it);
    }
  }
  bool is_wanted(const Sent& sent) const {
    const LinkFact& link = link_fact(sent.link);
    const auto is = [](const std::string& wanted, const std::string& name) {
      return wanted.empty() || wanted == name;
    };
    const bool by_access = filter_.product == "shop" && filter_.app == "money";
    return link.workspace == kHome && (!filter_.message || filter_.message == sent.id) &&
           (!filter_.link || filter_.link == link_of(sent.link)) &&
           is(by_access ? "billing" : filter_.app, link.app) && is(filter_.webhook, link.webhook) &&
           is(filter_.env, link.env) && is(filter_.product, link.product) &&
           is(filter_.event, tag_of(sent.event)) &&
           (!filter_.message_state || state_of(sent.status) == *filter_.message_state) &&
           sent.at >= filter_.since.value_or(0) && sent.at < filter_.until.value_or(~UnixMs{0});
  }
  bool is_wanted(std::uint32_t endpoint) const {
    return !filter_.endpoint || filter_.endpoint == endpoint_of(endpoint);
  }
  bool is_wanted(const Tried& tried) const {
    if (filter_.delivery_state && *filter_.delivery_state != tried.state) return false;
    if (filter_.http_status && *filter_.http_status != tried.http_status) return false;
    if (filter_.error.empty()) return true;
    if (filter_.error == "any") return !tried.error.empty();
    if (filter_.error == "none") return tried.error.empty();
    return filter_.error == tried.error;
  }

  const std::vector<Kept>& all_;
  const HistoryFilter& filter_;
};

Row row_of(const Message& item) {
  return {item.id, EndpointId{}, 0, DeliveryState::kWaiting, 0, "", item.link, item.event};
}
Row row_of(const Delivery& item) {
  return {item.message,     item.endpoint, item.attempts, item.state,
          item.http_status, item.error,    item.link,     item.event};
}
Row row_of(const Attempt& item) {
  return {item.message,     item.endpoint, item.number, item.state,
          item.http_status, item.error,    LinkId{},    ""};
}

// All pages to the end, of random sizes; `between` is called after each.
template <class List>
std::vector<Row> follow(const List& list, HistoryFilter filter,
                        const std::function<void()>& between) {
  std::vector<Row> rows;
  do {
    filter.page.count_max = *rc::gen::inRange<std::size_t>(1, 8);
    const auto page = list(filter);
    RC_ASSERT(page.has_value());
    RC_ASSERT(page->items.size() <= filter.page.count_max);
    for (const auto& item : page->items) rows.push_back(row_of(item));
    filter.page.cursor = page->next;
    between();
  } while (!filter.page.cursor.empty());
  return rows;
}

template <class T>
T one_of(std::vector<T> values) {
  return values[*rc::gen::inRange<std::size_t>(0, values.size())];
}

Kept send_random(HistoryWorld& world) {
  const LinkFact& link = one_of(link_facts());
  std::vector<std::uint32_t> events = {0};
  for (const EventFact& fact : event_facts()) {
    if (fact.workspace == link.workspace && fact.app == link.app) events.push_back(fact.number);
  }
  const std::uint32_t event = one_of(events);
  std::vector<std::uint32_t> endpoints;
  for (const std::uint32_t receiver : link.receivers) {
    if (event != 0 && *rc::gen::inRange(0, 4) > 0) endpoints.push_back(receiver);
  }
  Kept kept{world.send(link.number, event, endpoints), {}};
  for (const std::uint32_t endpoint : endpoints) {
    const int count = *rc::gen::inRange(0, 4);
    for (int i = 1; i <= count; ++i) {
      const bool is_last = i == count;
      const auto verdict =
          is_last ? one_of<Verdict>({Verdict::kRetry, Verdict::kDead, Verdict::kDelivered})
                  : Verdict::kRetry;
      const auto error = one_of<AttemptError>(
          {AttemptError::kNone, AttemptError::kTimeout, AttemptError::kConnect});
      const auto status =
          error == AttemptError::kNone ? one_of<std::uint16_t>({200, 503}) : std::uint16_t{0};
      world.attempt(kept.sent, endpoint, verdict, status, error);
      kept.tried.push_back({endpoint, static_cast<std::uint32_t>(i), state_of(verdict), status,
                            error == AttemptError::kNone ? "" : std::string(to_string(error))});
    }
  }
  world.rig.clock.wall += *rc::gen::inRange(0u, 3u);
  return kept;
}

bool once_in(int count) { return *rc::gen::inRange(0, count) == 0; }

HistoryFilter random_filter(const std::vector<Kept>& all) {
  HistoryFilter filter;
  std::vector<MessageId> mine;
  for (const Kept& kept : all) {
    if (link_fact(kept.sent.link).workspace == kHome) mine.push_back(kept.sent.id);
  }
  if (once_in(8) && !mine.empty()) filter.message = one_of(mine);
  if (once_in(6)) filter.link = link_of(one_of<std::uint32_t>({1, 2, 3, 4, 5, 6, 7, 8, 9}));
  if (once_in(3)) filter.endpoint = endpoint_of(one_of<std::uint32_t>({1, 2, 3, 4}));
  if (once_in(5)) filter.app = one_of<std::string>({"github", "billing", "nothing"});
  if (once_in(8)) filter.webhook = one_of<std::string>({"repo", "pay", "nothing"});
  if (once_in(8)) filter.env = one_of<std::string>({"prd", "snd", "nothing"});
  if (once_in(6)) filter.product = one_of<std::string>({"shop", "crm", "nothing"});
  if (filter.product == "shop" && once_in(2)) filter.app = "money";
  if (filter.app == "github" && once_in(2))
    filter.event = one_of<std::string>({"repo:opened", "repo:closed", "repo:gone"});
  if (once_in(6))
    filter.message_state = one_of<MessageState>(
        {MessageState::kRouted, MessageState::kUnmatched, MessageState::kNoEndpoint});
  if (!all.empty() && once_in(4)) filter.since = one_of(all).sent.at + *rc::gen::inRange(0u, 2u);
  if (!all.empty() && once_in(4)) filter.until = one_of(all).sent.at + *rc::gen::inRange(0u, 2u);
  return filter;
}

void add_outcome_filters(HistoryFilter& filter) {
  if (once_in(4))
    filter.delivery_state =
        one_of<DeliveryState>({DeliveryState::kWaiting, DeliveryState::kRetrying,
                               DeliveryState::kDelivered, DeliveryState::kDead});
  if (once_in(4)) filter.http_status = one_of<std::uint16_t>({0, 200, 503});
  if (once_in(4))
    filter.error = one_of<std::string>({"any", "none", "timeout", "connect", "resolve"});
}

TEST(HistoryPagesTest, PagesTogetherAreThePlainListWhateverComesInMeanwhile) {
  EXPECT_TRUE(rc::check([] {
    HistoryWorld world(HistoryWorld::Kind::kMemory);
    std::vector<Kept> all;
    const int count = *rc::gen::inRange(0, 40);
    for (int i = 0; i < count; ++i) all.push_back(send_random(world));
    const std::vector<Kept> before = all;
    const auto send_more = [&] {
      if (once_in(2)) all.push_back(send_random(world));
    };
    const HistoryFilter filter = random_filter(before);
    HistoryFilter of_outcomes = filter;
    add_outcome_filters(of_outcomes);
    const History& history = world.history();
    // What comes in meanwhile belongs to whoever begins anew.
    RC_ASSERT(follow([&](const auto& f) { return history.messages(kHome, f); }, filter,
                     send_more) == Naive(before, filter).messages());
    const std::vector<Kept> more = all;
    RC_ASSERT(follow([&](const auto& f) { return history.deliveries(kHome, f); }, of_outcomes,
                     send_more) == Naive(more, of_outcomes).deliveries());
    const std::vector<Kept> still_more = all;
    RC_ASSERT(follow([&](const auto& f) { return history.attempts(kHome, f); }, of_outcomes,
                     send_more) == Naive(still_more, of_outcomes).attempts());
  }));
}

// --- How much one call does --------------------------------------------------------------------

TEST(HistoryPagesTest, FilterThatFindsNothingEndsAfterPagesOfBoundedWork) {
  HistoryWorld world(HistoryWorld::Kind::kMemory);
  const Sent first = world.send(1, 1, {kShopEndpoint});
  world.send_many(1, 6000);
  world.send_many(6, 4000);
  HistoryFilter filter{.message_state = MessageState::kRouted};
  std::size_t pages = 0;
  for (;; ++pages) {
    const auto page = world.history().messages(kHome, filter);
    ASSERT_TRUE(page);
    if (page->next.empty()) {
      ASSERT_EQ(page->items.size(), 1u);  // the oldest of all
      EXPECT_EQ(page->items[0].id, first.id);
      break;
    }
    EXPECT_TRUE(page->items.empty());
    filter.page.cursor = page->next;
  }
  EXPECT_EQ(pages, 10001 / core::limits::kHistoryMessagesMax);
}

TEST(HistoryPagesTest, MessageToManyIsCutInTheMiddle) {
  HistoryWorld world(HistoryWorld::Kind::kMemory);
  world.send(1, 1, {kShopEndpoint});
  std::vector<std::uint32_t> receivers;
  for (std::uint32_t i = 0; i < 5000; ++i) receivers.push_back(1000 + i);
  receivers.back() = kShopEndpoint;
  const Sent many = world.send(1, 1, receivers);
  world.attempt(many, kShopEndpoint, Verdict::kDead, 410);

  HistoryFilter filter;
  filter.page.count_max = 1000;
  std::size_t shown = 0;
  do {
    const auto page = world.history().deliveries(kHome, filter);
    ASSERT_TRUE(page);
    shown += page->items.size();
    filter.page.cursor = page->next;
  } while (!filter.page.cursor.empty());
  EXPECT_EQ(shown, 5001u);

  const auto find = [&](const auto& list, HistoryFilter wanted) {
    std::size_t pages = 1;
    std::size_t found = 0;
    for (;; ++pages) {
      const auto page = list(wanted);
      EXPECT_TRUE(page);
      found += page->items.size();
      if (page->next.empty()) break;
      wanted.page.cursor = page->next;
    }
    EXPECT_EQ(found, 1u);
    return pages;
  };
  const History& history = world.history();
  EXPECT_EQ(find([&](const auto& f) { return history.deliveries(kHome, f); },
                 {.delivery_state = DeliveryState::kDead}),
            1 + 5000 / core::limits::kHistoryReadsMax);
  EXPECT_EQ(find([&](const auto& f) { return history.attempts(kHome, f); }, {.error = "none"}),
            1 + 5000 / core::limits::kHistoryReadsMax);
}

TEST(HistoryPagesTest, MessagesOfAnEndpointAreReadInBoundedNumber) {
  HistoryWorld world(HistoryWorld::Kind::kMemory);
  for (std::size_t i = 0; i <= core::limits::kHistoryReadsMax; ++i)
    world.send(1, 1, {kCrmEndpoint});
  test::ReadingStore counted(world.store());
  const History history(counted, world.registry());
  HistoryFilter filter{.endpoint = endpoint_of(kShopEndpoint)};
  auto page = history.messages(kHome, filter);
  ASSERT_TRUE(page);
  EXPECT_TRUE(page->items.empty());
  EXPECT_EQ(counted.targets_read(), core::limits::kHistoryReadsMax);
  ASSERT_FALSE(page->next.empty());
  filter.page.cursor = page->next;
  page = history.messages(kHome, filter);
  EXPECT_TRUE(page->items.empty());
  EXPECT_TRUE(page->next.empty());
  EXPECT_EQ(counted.targets_read(), core::limits::kHistoryReadsMax + 1);
}

// A message that becomes visible after its link was read, followed by one on a link that is read
// later: a page with the second and a cursor behind it would lose the first.
TEST(HistoryPagesTest, NothingIsPassedOverWhenMessagesComeInWhileLinksAreRead) {
  for (std::size_t read = 0; read < 24; ++read) {
    HistoryWorld world(HistoryWorld::Kind::kMemory);
    std::vector<MessageId> sent = {world.send(1, 1, {1}).id};
    test::ReadingStore busy(world.store());
    busy.before_list = [&](std::size_t number) {
      if (number != read) return;
      for (const std::uint32_t link : {1u, 7u, 3u, 8u, 9u})
        sent.push_back(world.send(link, 1, {}).id);
    };
    const History history(busy, world.registry());
    HistoryFilter filter;
    filter.page.count_max = 3;  // the page goes on to what was there before
    std::vector<MessageId> seen;
    do {
      const auto page = history.messages(kHome, filter);
      ASSERT_TRUE(page);
      for (const Message& message : page->items) seen.push_back(message.id);
      filter.page.cursor = page->next;
    } while (!filter.page.cursor.empty());
    // Whatever was seen first, everything older was seen too.
    ASSERT_FALSE(seen.empty());
    std::reverse(sent.begin(), sent.end());
    const auto first = std::find(sent.begin(), sent.end(), seen.front());
    EXPECT_EQ(seen, std::vector<MessageId>(first, sent.end())) << "at read " << read;
  }
}

TEST(HistoryPagesTest, TooManyLinksAreRefusedUntilTheFilterIsNarrower) {
  HistoryWorld world(HistoryWorld::Kind::kMemory);
  Change change;
  for (std::uint32_t i = 0; i < core::limits::kLinksPerQueryMax; ++i) {
    LinkDefinition link;
    link.workspace = std::string(kHome);
    link.app = "github";
    link.webhook = "repo";
    link.env = "prd";
    link.product = "p" + std::to_string(i);
    link.number = core::LinkNumber{1000 + i};
    link.id = link_of(1000 + i);
    link.token = {10, i};
    change.put(std::move(link));
  }
  ASSERT_TRUE(world.store().change_definitions(change.for_store()));
  const auto registry =
      Registry::load(world.store(), world.rig.clock,
                     {.retention = std::chrono::hours(24), .master_key = test::fixed_master_key()});
  ASSERT_TRUE(registry);
  const History history(world.store(), **registry);
  const Sent sent = world.send(1007, 1, {});
  const auto refused = history.messages(kHome, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(refused.error().what.find("narrow"), std::string::npos);
  for (const HistoryFilter& filter :
       {HistoryFilter{.product = "p7"}, HistoryFilter{.link = link_of(1007)},
        HistoryFilter{.message = sent.id}}) {
    const auto page = history.messages(kHome, filter);
    ASSERT_TRUE(page);
    ASSERT_EQ(page->items.size(), 1u);
    EXPECT_EQ(page->items[0].id, sent.id);
  }
  EXPECT_TRUE(history.messages(kElsewhere, {}));
}

}  // namespace
}  // namespace headrace::engine
