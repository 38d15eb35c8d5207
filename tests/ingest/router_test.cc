// SPDX-License-Identifier: Apache-2.0
#include "ingest/router.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "core/limits.h"
#include "tests/ingest/routes.h"
#include "tests/support/deflated.h"

namespace headrace::ingest {
namespace {

using core::EndpointNumber;
using selector::BodyKind;
using store::MessageStatus;

TEST(DeclaredBodyTest, FollowsTypeAndEncoding) {
  struct Case {
    const char* type;
    const char* encoding;
    std::size_t size;
    BodyKind kind;
    bool explicitly;
  };
  for (const Case& given : std::vector<Case>{
           {"application/json", "", 2, BodyKind::kJson, true},
           {"Application/JSON; charset=utf-8", "", 2, BodyKind::kJson, true},
           {"application/cloudevents+json", "", 2, BodyKind::kJson, true},
           {"application/json", "", 0, BodyKind::kJson, true},
           {"application/x-www-form-urlencoded", "", 2, BodyKind::kForm, true},
           {"", "", 2, BodyKind::kJson, false},
           {"text/plain", "", 2, BodyKind::kJson, false},
           {"", "", 0, BodyKind::kRaw, false},
           {"application/json", "br", 2, BodyKind::kRaw, true},
           {"application/json", "gzip", 2, BodyKind::kJson, true},
           {"", "gzip", 2, BodyKind::kJson, false},
           {"application/json", "identity", 2, BodyKind::kJson, true},
       }) {
    const DeclaredBody declared = declared_body(given.type, given.encoding, given.size);
    EXPECT_EQ(declared.kind, given.kind) << given.type << ' ' << given.encoding;
    EXPECT_EQ(declared.explicitly, given.explicitly) << given.type << ' ' << given.encoding;
  }
}

class RouterTest : public testing::Test {
 protected:
  void publish(const selector::LinkRoute& route) { routes.publish(table_of({route})); }
  void publish(const selector::LinkRoute& route, const selector::WebhookRoute& webhook) {
    routes.publish(table_of({route}, webhook));
  }

  Result<void> route(std::string_view body, DeclaredBody declared = {BodyKind::kJson, true}) {
    intake = prepared;
    intake.payload.buffer = pool.acquire(body.size());
    std::memcpy(intake.payload.buffer.data(), body.data(), body.size());
    intake.payload.body = {0, static_cast<std::uint32_t>(body.size())};
    const Router::Route found = router.find(token_of(1), kNow);
    EXPECT_TRUE(found);
    return router.route(found, declared, name, intake);
  }
  std::vector<EndpointNumber> targets() const {
    return {intake.targets.list().begin(), intake.targets.list().end()};
  }

  static constexpr core::WallMs kNow = 1'000'000;
  static constexpr std::size_t kPoolBytes = 64 * core::limits::kKiB;
  core::BufferPool pool{kPoolBytes};
  core::SnapshotCell<selector::RoutingTable> routes{table_of({link_route(1)})};
  Router router{routes, pool, 99};
  MessageName name;        // what it has besides its payload
  store::Intake prepared;  // what an intake is before it is routed
  store::Intake intake;
};

TEST_F(RouterTest, KnowsItsLinksOnly) {
  EXPECT_TRUE(router.find(token_of(1), kNow));
  EXPECT_FALSE(router.find(token_of(2), kNow));
  EXPECT_FALSE(router.find("", kNow));
  EXPECT_FALSE(router.find(token_of(1) + "0", kNow));
  EXPECT_FALSE(router.find(token_of(1).substr(1), kNow));
  publish(link_route(2));
  EXPECT_TRUE(router.find(token_of(2), kNow));
}

TEST_F(RouterTest, EventsGoToTheLinksEndpoints) {
  ASSERT_TRUE(route(R"({"action":"issue"})"));
  EXPECT_EQ(intake.link, core::LinkNumber{1});
  EXPECT_EQ(intake.event, kIssue);
  EXPECT_EQ(intake.status, MessageStatus::kRouted);
  EXPECT_EQ(targets(), std::vector{EndpointNumber{1}});
}

TEST_F(RouterTest, PayloadWithoutAnEventIsUnmatched) {
  ASSERT_TRUE(route(R"({"action":"star"})"));
  EXPECT_EQ(intake.event, core::EventNumber::kNone);
  EXPECT_EQ(intake.status, MessageStatus::kUnmatched);
  EXPECT_EQ(intake.targets.size(), 0u);
  EXPECT_EQ(router.counters().unmatched.value(), 1u);
}

TEST_F(RouterTest, EventThatNobodyWantsHasNoEndpoint) {
  auto link = link_route(1);
  link.endpoints.clear();
  publish(link);
  ASSERT_TRUE(route(R"({"action":"push"})"));
  EXPECT_EQ(intake.event, kPush);
  EXPECT_EQ(intake.status, MessageStatus::kNoEndpoint);
  EXPECT_EQ(router.counters().no_endpoint.value(), 1u);
}

TEST_F(RouterTest, CompressedBodyIsLookedIntoAndStaysAsItCame) {
  const std::string body = test::deflated(R"({"action":"issue"})", test::Frame::kGzip);
  ASSERT_TRUE(route(body, declared_body("application/json", "gzip", body.size())));
  EXPECT_EQ(intake.event, kIssue);
  EXPECT_EQ(intake.payload.body.in(intake.payload.buffer), body);
  ASSERT_TRUE(route(body, declared_body("", "gzip", body.size())));
  EXPECT_EQ(intake.event, kIssue) << "tried, if nothing is said of its type";
}

TEST_F(RouterTest, CompressedBodyThatIsNoneIsMalformedWhereJsonWasDeclared) {
  const auto declared = declared_body("application/json", "gzip", 2);
  EXPECT_EQ(route("{}", declared).error().code, ErrorCode::kMalformed);
  const std::string no_json = test::deflated("{", test::Frame::kGzip);
  EXPECT_EQ(route(no_json, declared).error().code, ErrorCode::kMalformed);
  EXPECT_EQ(router.counters().bad_coding.value(), 1u);
  ASSERT_TRUE(route("{}", declared_body("text/plain", "gzip", 2)));
  EXPECT_EQ(intake.status, MessageStatus::kUnmatched);
}

TEST_F(RouterTest, WebhooksLimitHoldsForWhatIsDecompressed) {
  auto webhook = webhook_route();
  const std::string text = R"({"action":"issue","more":")" + std::string(500, 'x') + "\"}";
  webhook.body_bytes_max = text.size();
  publish(link_route(1), webhook);
  const std::string body = test::deflated(text, test::Frame::kGzip);
  const auto declared = declared_body("application/json", "gzip", body.size());
  EXPECT_TRUE(route(body, declared));
  webhook.body_bytes_max = text.size() - 1;
  publish(link_route(1), webhook);
  EXPECT_EQ(route(body, declared).error().code, ErrorCode::kTooLarge);
  webhook.payload = selector::PayloadRule::kRaw;
  publish(link_route(1), webhook);
  EXPECT_TRUE(route(body, declared)) << "a webhook of raw payloads does not look into them";
}

TEST_F(RouterTest, EventLinkIsNotAskedForTheEvent) {
  auto link = link_route(1);
  link.pinned = kIssue;
  publish(link);
  ASSERT_TRUE(route(R"({"action":"push"})"));
  EXPECT_EQ(intake.event, kIssue);
  ASSERT_TRUE(route(R"({})"));
  EXPECT_EQ(intake.event, kIssue);
}

TEST_F(RouterTest, EndpointsOfOneEventGetThatOne) {
  auto link = link_route(1);
  link.by_event = {{kPush, target(10)}, {kPush, target(11)}, {kIssue, target(12)}};
  publish(link);
  ASSERT_TRUE(route(R"({"action":"push"})"));
  EXPECT_EQ(targets(), (std::vector{EndpointNumber{1}, EndpointNumber{10}, EndpointNumber{11}}));
  ASSERT_TRUE(route(R"({"action":"issue"})"));
  EXPECT_EQ(targets(), (std::vector{EndpointNumber{1}, EndpointNumber{12}}));
}

TEST_F(RouterTest, TargetsThatDoNotFitInPlaceAreSpilled) {
  for (std::uint32_t count = 0; count <= 3 * store::Targets::kInPlace; ++count) {
    auto link = link_route(1);
    link.endpoints.clear();
    std::vector<EndpointNumber> expected;
    for (std::uint32_t i = 0; i < count; ++i) {
      expected.push_back(EndpointNumber{100 + i});
      if (i % 2 == 0) {
        link.endpoints.push_back(target(100 + i));
      } else {
        link.by_event.emplace_back(kPush, target(100 + i));
      }
    }
    publish(link);
    ASSERT_TRUE(route(R"({"action":"push"})"));
    auto sorted = targets();
    std::sort(sorted.begin(), sorted.end());
    EXPECT_EQ(sorted, expected);
  }
}

TEST_F(RouterTest, NoMemoryForTheTargetsIsAnotherTry) {
  auto link = link_route(1);
  link.endpoints.assign(2 * store::Targets::kInPlace, target(5));
  publish(link);
  std::vector<core::BufferRef> all;
  // Leaves room for the body, and none behind it.
  for (std::size_t i = 0; i + 1 < kPoolBytes / 1024; ++i) all.push_back(pool.acquire(1024));
  auto routed = route(R"({"action":"push"})");
  ASSERT_FALSE(routed);
  EXPECT_EQ(routed.error().code, ErrorCode::kUnavailable);
}

TEST_F(RouterTest, BodyThatIsNotTheDeclaredJsonIsRefusedWithItsFault) {
  auto routed = route(R"({"action":"push",})");
  ASSERT_FALSE(routed);
  EXPECT_EQ(routed.error().code, ErrorCode::kMalformed);
  EXPECT_EQ(routed.error().detail, 17);
  EXPECT_NE(routed.error().what.find("byte 17"), std::string::npos) << routed.error().what;
  EXPECT_EQ(router.counters().invalid_json.value(), 1u);
}

TEST_F(RouterTest, BodyThatOnlyLooksLikeJsonIsTakenAsItIs) {
  ASSERT_TRUE(route("not json", {BodyKind::kJson, false}));
  EXPECT_EQ(intake.status, MessageStatus::kUnmatched);
  ASSERT_TRUE(route(R"({"action":"push"})", {BodyKind::kJson, false}));
  EXPECT_EQ(intake.event, kPush);
}

TEST_F(RouterTest, WebhookMayTakeAnyBytes) {
  auto webhook = webhook_route();
  webhook.payload = selector::PayloadRule::kRaw;
  publish(link_route(1), webhook);
  EXPECT_TRUE(route("{{{"));
  EXPECT_EQ(intake.status, MessageStatus::kUnmatched);
}

TEST_F(RouterTest, FormsAreLookedIntoToo) {
  ASSERT_TRUE(route("action=issue&x=1", {BodyKind::kForm, true}));
  EXPECT_EQ(intake.event, kIssue);
}

TEST_F(RouterTest, EventThatIsSetAlreadyIsNotLookedFor) {
  prepared.event = kIssue;
  auto link = link_route(1);
  link.pinned = kPush;
  link.by_event = {{kIssue, target(12)}};
  publish(link);
  ASSERT_TRUE(route(R"({"action":"push"})"));
  EXPECT_EQ(intake.event, kIssue);
  EXPECT_EQ(targets(), (std::vector{EndpointNumber{1}, EndpointNumber{12}}));
}

TEST_F(RouterTest, FilteredEndpointsGetWhatTheirFilterAccepts) {
  auto webhook = webhook_route();
  webhook.program = action_program({{2, R"({"$Event{n}":{"gte":10}})"}, {3, R"({"$Event{n}":1})"}});
  auto link = link_route(1);
  link.endpoints = {target(1), target(2, true)};
  link.by_event = {{kPush, target(3, true)}, {kPush, target(4, true)}};  // 4 has no filter
  publish(link, webhook);
  ASSERT_TRUE(route(R"({"action":"push","n":10})"));
  EXPECT_EQ(targets(), (std::vector{EndpointNumber{1}, EndpointNumber{2}, EndpointNumber{4}}));
  ASSERT_TRUE(route(R"({"action":"push","n":1})"));
  EXPECT_EQ(targets(), (std::vector{EndpointNumber{1}, EndpointNumber{3}, EndpointNumber{4}}));
  ASSERT_TRUE(route(R"({"action":"issue","n":1})"));
  EXPECT_EQ(targets(), std::vector{EndpointNumber{1}});
}

TEST_F(RouterTest, MessageThatNoFilterAcceptsHasNoEndpoint) {
  auto webhook = webhook_route();
  webhook.program = action_program({{2, R"({"$Event{n}":1})"}});
  auto link = link_route(1);
  link.endpoints = {target(2, true)};
  publish(link, webhook);
  ASSERT_TRUE(route(R"({"action":"push","n":2})"));
  EXPECT_EQ(intake.event, kPush);
  EXPECT_EQ(intake.status, MessageStatus::kNoEndpoint);
  ASSERT_TRUE(route(R"({"action":"push","n":1})"));
  EXPECT_EQ(intake.status, MessageStatus::kRouted);
}

class RouterDedupeTest : public RouterTest {
 protected:
  RouterDedupeTest() {
    auto webhook = webhook_route();
    webhook.dedupes = true;
    publish(link_route(1), webhook);
  }
  Bits128 by_header(std::string_view value) {
    return router.name_of(router.find(token_of(1), kNow), {}, value).key;
  }
  Bits128 key_of(std::string_view body) {
    EXPECT_TRUE(route(body));
    return intake.dedupe_key;
  }
};

TEST_F(RouterDedupeTest, PayloadNamesTheMessage) {
  const Bits128 key = key_of(R"({"action":"push","id":"a-1"})");
  EXPECT_NE(key, Bits128{});
  EXPECT_EQ(key_of(R"({"id":"a-1","action":"star"})"), key) << "whatever the event";
  EXPECT_NE(key_of(R"({"action":"push","id":"a-2"})"), key);
  EXPECT_NE(by_header("a-1"), key) << "a header's names are others";
  EXPECT_EQ(key_of(R"({"action":"push"})"), Bits128{});
  EXPECT_EQ(key_of(R"({"action":"push","id":""})"), Bits128{});
  EXPECT_EQ(key_of(R"({"action":"push","id":{"a":1}})"), Bits128{});
}

TEST_F(RouterDedupeTest, NameThatIsTooLongNamesNothing) {
  const auto with = [](std::size_t size) {
    return R"({"id":")" + std::string(size, 'x') + R"("})";
  };
  EXPECT_NE(key_of(with(core::limits::kDedupeKeyBytesMax)), Bits128{});
  EXPECT_EQ(key_of(with(core::limits::kDedupeKeyBytesMax + 1)), Bits128{});
}

TEST_F(RouterDedupeTest, HeadersNameComesFirst) {
  name.key = {1, 2};
  EXPECT_EQ(key_of(R"({"action":"push","id":"a-1"})"), (Bits128{1, 2}));
}

TEST_F(RouterDedupeTest, PayloadsNameComesFirstWhereItIsBelieved) {
  const Bits128 key = key_of(R"({"action":"push","id":"a-1"})");
  name = {{1, 2}, true};
  EXPECT_EQ(key_of(R"({"action":"push","id":"a-1"})"), key);
  EXPECT_EQ(key_of(R"({"action":"push"})"), (Bits128{1, 2}));
}

TEST_F(RouterDedupeTest, TestIsNobodysDuplicate) {
  name.key = {1, 2};
  prepared.is_test = true;
  EXPECT_EQ(key_of(R"({"action":"push","id":"a-1"})"), Bits128{});
}

TEST_F(RouterDedupeTest, WebhookThatDoesNotAskForItHasNoKey) {
  publish(link_route(1));
  EXPECT_EQ(key_of(R"({"action":"push","id":"a-1"})"), Bits128{});
}

TEST_F(RouterTest, NameOfAMessageIsOfTheLinkAndTheValue) {
  routes.publish(table_of({link_route(1), link_route(2)}));
  const auto key_of = [](Router& by, std::uint32_t link, std::string_view value) {
    return by.name_of(by.find(token_of(link), kNow), {}, value).key;
  };
  const Bits128 key = key_of(router, 1, "delivery-1");
  EXPECT_EQ(key_of(router, 1, "delivery-1"), key);
  EXPECT_NE(key_of(router, 1, "delivery-2"), key);
  EXPECT_NE(key_of(router, 2, "delivery-1"), key);
  Router other(routes, pool, 100);
  EXPECT_NE(key_of(other, 1, "delivery-1"), key);
  Router same(routes, pool, 99);
  EXPECT_EQ(key_of(same, 1, "delivery-1"), key);
  EXPECT_NE(key, Bits128{});
  EXPECT_EQ(key_of(router, 1, ""), Bits128{}) << "no value, no key";
}

// What is signed names a message before what is not.
TEST_F(RouterTest, NameOfAVerifiedMessageIsWhatItsProviderSigned) {
  const auto publish_with = [this](const char* verification, bool by_body) {
    auto link = link_route(1);
    link.verifier = *verification::Verifier::make(verification);
    auto webhook = webhook_route();
    webhook.dedupes = true;
    webhook.dedupes_by_body = by_body;
    publish(link, webhook);
  };
  const auto name_of = [this](std::string_view replay_id, std::string_view value) {
    return router.name_of(router.find(token_of(1), kNow), replay_id, value);
  };
  constexpr auto kStripe = R"({"provider":"stripe","secrets":["k"]})";
  constexpr auto kMailgun = R"({"provider":"mailgun","secrets":["k"]})";
  constexpr auto kGithub = R"({"provider":"github","secrets":["k"]})";
  publish_with(kStripe, true);
  const MessageName first = name_of("signed", "header");
  EXPECT_NE(first.key, Bits128{});
  EXPECT_EQ(name_of("signed", "another header").key, first.key);
  EXPECT_NE(name_of("signed, too", "header").key, first.key);
  EXPECT_NE(name_of("", "signed").key, first.key) << "a header's names are others";
  EXPECT_TRUE(first.payload_first) << "all of the body is signed";
  publish_with(kStripe, false);
  EXPECT_FALSE(name_of("signed", "").payload_first) << "a header or the query is not";
  publish_with(kMailgun, true);
  EXPECT_FALSE(name_of("signed", "").payload_first) << "the body is not";
  publish_with(kGithub, true);
  EXPECT_TRUE(name_of("", "header").payload_first) << "a header is nobody's word";
}

}  // namespace
}  // namespace headrace::ingest
