// SPDX-License-Identifier: Apache-2.0
// The definitions' form on disk is frozen: what an older version wrote must be read for ever.
#include "engine/definitions.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace headrace::engine {
namespace {

LinkDefinition product_link() {
  return {.id = LinkId{{1, 2}},
          .number = core::LinkNumber{7},
          .token = Bits128{3, 4},
          .app = "github",
          .webhook = "repo",
          .env = "prd",
          .product = "shop"};
}

EndpointDefinition endpoint() {
  EndpointDefinition result;
  result.id = EndpointId{{5, 6}};
  result.number = core::EndpointNumber{9};
  result.product = "shop";
  result.app = "github";
  result.webhook = "repo";
  result.env = "prd";
  result.url = "https://example.com/hook?a=1";
  result.method = "PUT";
  result.in_flight_max = 12;
  return result;
}

TEST(DefinitionsTest, LinkIsWrittenAsFrozen) {
  EXPECT_EQ(product_link().key(), "link/default/product/shop/github/repo/prd");
  EXPECT_EQ(product_link().to_json(),
            R"({"id":"lnk_00000000000LygHa16AHYI","number":7,"token":"000000000013w2qk3IUqeq",)"
            R"("app":"github","webhook":"repo","env":"prd","product":"shop"})");
  LinkDefinition of_app = product_link();
  of_app.product.clear();
  EXPECT_EQ(of_app.key(), "link/default/app/github/repo/prd");
}

TEST(DefinitionsTest, WebhookIsWrittenAsFrozen) {
  const WebhookDefinition webhook{.app = "github",
                                  .tag = "repo",
                                  .name = "Re\"po",
                                  .description = "\xc3\xa4",
                                  .envs = {"prd", "snd"},
                                  .raw_payload = true,
                                  .body_bytes_max = 1048576};
  EXPECT_EQ(webhook.key(), "webhook/default/github/repo");
  EXPECT_EQ(
      webhook.to_json(),
      "{\"app\":\"github\",\"tag\":\"repo\",\"name\":\"Re\\\"po\",\"description\":\"\xc3\xa4\","
      "\"envs\":[\"prd\",\"snd\"],\"raw_payload\":true,\"body_bytes_max\":1048576}");
}

TEST(DefinitionsTest, EventIsWrittenAsFrozen) {
  const EventDefinition event{.app = "github",
                              .tag = "repo:starred",
                              .name = "Starred",
                              .description = "",
                              .selector = "$Event{action}",
                              .value = "created",
                              .sample = "{ \"n\": 1E+400 }",
                              .number = core::EventNumber{3}};
  EXPECT_EQ(event.key(), "event/default/github/repo:starred");
  EXPECT_EQ(event.webhook(), "repo");
  EXPECT_EQ(
      event.to_json(),
      R"({"app":"github","tag":"repo:starred","name":"Starred","description":"",)"
      R"("selector":"$Event{action}","value":"created","sample":"{ \"n\": 1E+400 }","number":3})");
}

TEST(DefinitionsTest, EndpointIsWrittenAsFrozen) {
  EndpointDefinition definition = endpoint();
  EXPECT_EQ(definition.key(), "endpoint/default/shop/github/repo/prd");
  const std::string common =
      R"({"id":"ep_00000000001ltPPu5UpPlO","number":9,"product":"shop","app":"github",)"
      R"("webhook":"repo","env":"prd","url":"https://example.com/hook?a=1","method":"PUT",)"
      R"("in_flight_max":12)";
  EXPECT_EQ(definition.to_json(), common + "}");
  definition.retry_schedule = {std::chrono::milliseconds(1500), std::chrono::milliseconds(0)};
  EXPECT_EQ(definition.to_json(), common + R"(,"retry_schedule_ms":[1500,0]})");
}

TEST(DefinitionsTest, CounterIsWrittenAsFrozen) {
  const CounterDefinition counter{
      .next_link = 2, .next_endpoint = 3, .next_event = 4, .dedupe_seed = ~std::uint64_t{0}};
  EXPECT_EQ(counter.key(), "counter/default");
  EXPECT_EQ(
      counter.to_json(),
      R"({"next_link":2,"next_endpoint":3,"next_event":4,"dedupe_seed":18446744073709551615})");
}

// Reading what was written gives what is written again.
template <class Definition>
void expect_round_trip(const Definition& definition) {
  const auto read = Definition::from_json(definition.to_json());
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_EQ(read->to_json(), definition.to_json());
  EXPECT_EQ(read->key(), definition.key());
}

TEST(DefinitionsTest, AllDefinitionsSurviveTheirJson) {
  expect_round_trip(product_link());
  EndpointDefinition scheduled = endpoint();
  expect_round_trip(scheduled);
  scheduled.retry_schedule.emplace();
  expect_round_trip(scheduled);
  scheduled.retry_schedule->push_back(std::chrono::hours(10));
  expect_round_trip(scheduled);
  expect_round_trip(WebhookDefinition{.app = "a", .tag = "b", .envs = {"x"}, .body_bytes_max = 1});
  expect_round_trip(EventDefinition{.app = "a",
                                    .tag = "b:c",
                                    .selector = "$Event{\\.}",
                                    .value = std::string("nul\0tab\t", 8),
                                    .number = core::EventNumber{0xffffffff}});
  expect_round_trip(CounterDefinition{.dedupe_seed = 1});
}

TEST(DefinitionsTest, WhatIsNotADefinitionIsCorrupted) {
  for (const char* text : {"", "[]", "{}", "nonsense", "{\"app\":1}"}) {
    EXPECT_EQ(WebhookDefinition::from_json(text).error().code, ErrorCode::kCorrupted) << text;
    EXPECT_EQ(EventDefinition::from_json(text).error().code, ErrorCode::kCorrupted) << text;
    EXPECT_EQ(LinkDefinition::from_json(text).error().code, ErrorCode::kCorrupted) << text;
    EXPECT_EQ(EndpointDefinition::from_json(text).error().code, ErrorCode::kCorrupted) << text;
    EXPECT_EQ(CounterDefinition::from_json(text).error().code, ErrorCode::kCorrupted) << text;
  }
}

}  // namespace
}  // namespace headrace::engine
