// SPDX-License-Identifier: Apache-2.0
// The definitions' form on disk is frozen: what an older version wrote must be read for ever.
#include "engine/definitions.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace headrace::engine {
namespace {

using std::chrono::milliseconds;

WorkspaceDefinition workspace() { return {"acme", "Acme", 1'700'000'000'000}; }

KeyDefinition key() {
  return {.id = KeyId{{1, 2}},
          .workspace = "acme",
          .name = "ci",
          .scopes = 5,
          .secret_hash = "00ff",
          .created_at = 1,
          .expires_at = 2,
          .last_used_at = 3};
}

WebhookDefinition webhook() {
  return {.number = core::WebhookNumber{4},
          .workspace = "acme",
          .app = "github",
          .tag = "repo",
          .name = "Re\"po",
          .description = "\xc3\xa4",
          .envs = {{.slug = "prd"},
                   {.slug = "snd",
                    .registration_url = "https://api.example.com/{id}",
                    .method = "PUT",
                    .sample = "{\"body\": {\"n\":1.10}}",
                    .unregistration_url = "https://api.example.com/:id",
                    .unregistration_method = "POST"}},
          .raw_payload = true,
          .body_bytes_max = 1048576,
          .dedupe = "$Event{id}",
          .revision = 12};
}

EventDefinition event() {
  return {.workspace = "acme",
          .app = "github",
          .tag = "repo:starred",
          .name = "Starred",
          .description = "",
          .selector = "$Event{action}",
          .value = "created",
          .value_given = true,
          .sample = "{ \"n\": 1E+400 }",
          .number = core::EventNumber{3},
          .revision = 5};
}

ConnectionDefinition connection() { return {"acme", "shop", "gh", "github", 6}; }

EndpointDefinition endpoint() {
  EndpointDefinition result;
  result.id = EndpointId{{5, 6}};
  result.number = core::EndpointNumber{9};
  result.workspace = "acme";
  result.product = "shop";
  result.access_tag = "gh";
  result.app = "github";
  result.webhook = "repo";
  result.env = "prd";
  result.url = "https://example.com/hook?a=1";
  result.method = "PUT";
  result.auth = "{\"headers\":{\"A\":\"$Secret{T}\"}}";
  result.events = {"repo:starred", "repo:forked"};
  result.filter = "{\"$Event{n}\":1}";
  result.delivery.in_flight_max = 12;
  result.revision = 7;
  return result;
}

DeliverySettings all_settings() {
  DeliverySettings all;
  all.retry.emplace();
  all.retry->exponential = {milliseconds(1000), 1.5, milliseconds(60'000), 7};
  all.retry->jitter_percent = 0;
  all.retry_on = {"410"};
  all.final_on = {"4xx"};
  all.retry_after_max = milliseconds(60'000);
  all.breaker = {milliseconds(1000), 5, 0.5, milliseconds(100), milliseconds(200), 2};
  all.rate_limit = {2.5, 3};
  all.order = Order::kByKey;
  all.order_by = "$Event{customer.id}";
  all.retry_share_percent = 25;
  all.head_of_line = HeadOfLine::kSkip;
  all.in_flight_max = 12;
  all.adaptive = true;
  all.connect_timeout = milliseconds(1);
  all.attempt_timeout = milliseconds(2);
  all.disable_after = milliseconds(3);
  return all;
}

LinkDefinition link() {
  return {.id = LinkId{{1, 2}},
          .number = core::LinkNumber{7},
          .token = Bits128{3, 4},
          .previous_token = Bits128{5, 6},
          .previous_until = 8,
          .workspace = "acme",
          .app = "github",
          .webhook = "repo",
          .env = "prd",
          .product = "shop",
          .access_tag = "gh",
          .event = "repo:starred",
          .revision = 9};
}

CallDefinition call() {
  CallDefinition result;
  result.id = EndpointId{{7, 8}};
  result.number = core::EndpointNumber{11};
  result.purpose = CallDefinition::Purpose::kUnregister;
  result.workspace = "acme";
  result.product = "shop";
  result.access_tag = "gh";
  result.app = "github";
  result.webhook = "repo";
  result.env = "prd";
  result.url = "https://api.example.com/1";
  result.method = "DELETE";
  result.headers = {{"A", "1"}, {"A", "2"}};
  result.query = {{"q", ""}};
  result.params = {{"id", "1"}};
  result.body = "{\"n\":123456789012345678901234567890}";
  result.message = MessageId{{9, 10}};
  result.succeeded = true;
  result.given_up = true;
  result.attempts = 2;
  result.http_status = 503;
  result.error = "timeout";
  result.response = "no";
  result.called_at = 3;
  result.next_at = 4;
  return result;
}

RetiredDefinition retired() {
  return {.what = RetiredDefinition::What::kEndpoint,
          .number = 9,
          .id = Bits128{5, 6},
          .workspace = "acme",
          .app = "github",
          .webhook = "repo",
          .env = "prd",
          .product = "shop",
          .event = "repo:starred",
          .retired_at = 77};
}

TEST(DefinitionsTest, KeysBeginWithTheWorkspaceAndEndWithTheNarrowestName) {
  EXPECT_EQ(workspace().key(), "acme");
  EXPECT_EQ(key().key(), "acme/key_00000000000LygHa16AHYI");
  EXPECT_EQ(webhook().key(), "acme/github/repo");
  EXPECT_EQ(event().key(), "acme/github/repo:starred");
  EXPECT_EQ(event().webhook(), "repo");
  EXPECT_EQ(event().event_part(), "starred");
  EXPECT_EQ(connection().key(), "acme/shop/gh");
  EXPECT_EQ(endpoint().key(), "acme/github/repo/prd/shop");
  EXPECT_EQ(endpoint().second_key(), "acme/shop/github/repo/prd");
  EXPECT_EQ(link().key(), "acme/github/repo/prd/shop/repo:starred");
  EXPECT_EQ(link().second_key(), "acme/shop/github/repo/prd/repo:starred");
  LinkDefinition of_app = link();
  of_app.product.clear();
  EXPECT_EQ(of_app.key(), "acme/github/repo/prd");
  EXPECT_EQ(of_app.second_key(), "");
  EXPECT_EQ(call().key(), "acme/github/repo/prd/shop");
  EXPECT_EQ(call().second_key(), "acme/shop/github/repo/prd");
  EXPECT_EQ(retired().key(), "2/9");
  EXPECT_EQ(CounterDefinition().key(), "all");
}

TEST(DefinitionsTest, WorkspaceIsWrittenAsFrozen) {
  EXPECT_EQ(workspace().to_json(), R"({"tag":"acme","name":"Acme","created_at":1700000000000})");
}

TEST(DefinitionsTest, KeyIsWrittenAsFrozen) {
  EXPECT_EQ(key().to_json(),
            R"({"id":"00000000000LygHa16AHYI","workspace":"acme","name":"ci","scopes":5,)"
            R"("secret_hash":"00ff","created_at":1,"expires_at":2,"last_used_at":3})");
}

TEST(DefinitionsTest, WebhookIsWrittenAsFrozen) {
  EXPECT_EQ(
      webhook().to_json(),
      "{\"number\":4,\"workspace\":\"acme\",\"app\":\"github\",\"tag\":\"repo\",\"name\":"
      "\"Re\\\"po\",\"description\":\"\xc3\xa4\",\"envs\":["
      R"({"slug":"prd","method":"POST","unregistration_method":"DELETE"},)"
      R"({"slug":"snd","registration_url":"https://api.example.com/{id}","method":"PUT",)"
      R"("sample":"{\"body\": {\"n\":1.10}}","unregistration_url":"https://api.example.com/:id",)"
      R"("unregistration_method":"POST"}],"raw_payload":true,"body_bytes_max":1048576,)"
      R"("dedupe":"$Event{id}","revision":12})");
}

TEST(DefinitionsTest, EventIsWrittenAsFrozen) {
  EXPECT_EQ(event().to_json(),
            R"({"workspace":"acme","app":"github","tag":"repo:starred","name":"Starred",)"
            R"("selector":"$Event{action}","value":"created","value_given":true,)"
            R"("sample":"{ \"n\": 1E+400 }","number":3,"revision":5})");
}

TEST(DefinitionsTest, ConnectionIsWrittenAsFrozen) {
  EXPECT_EQ(
      connection().to_json(),
      R"({"workspace":"acme","product":"shop","access_tag":"gh","app":"github","revision":6})");
}

TEST(DefinitionsTest, EndpointIsWrittenAsFrozen) {
  EndpointDefinition definition = endpoint();
  const std::string front =
      R"({"id":"00000000001ltPPu5UpPlO","number":9,"workspace":"acme","product":"shop",)"
      R"("access_tag":"gh","app":"github","webhook":"repo","env":"prd",)"
      R"("url":"https://example.com/hook?a=1","method":"PUT",)"
      R"("auth":"{\"headers\":{\"A\":\"$Secret{T}\"}}","events":["repo:starred","repo:forked"],)"
      R"("filter":"{\"$Event{n}\":1}",)";
  EXPECT_EQ(definition.to_json(), front + R"("delivery":{"in_flight_max":12},"revision":7})");
  definition.delivery = {};
  definition.delivery.retry.emplace().schedule = {milliseconds(1500), milliseconds(0)};
  definition.state = EndpointState::kDisabled;
  definition.state_reason = StateReason::kFailing;
  definition.state_since = 12;
  EXPECT_EQ(definition.to_json(),
            front + R"("delivery":{"retry":{"schedule_ms":[1500,0]}},"state":3,"state_reason":2,)"
                    R"("state_since":12,"revision":7})");
  EXPECT_EQ(EndpointDefinition().to_json(), "{}");
  definition.delivery = all_settings();
  EXPECT_NE(
      definition.to_json().find(
          R"("delivery":{"retry":{"exponential":{"base_ms":1000,"factor":1.5,"cap_ms":60000,"count":7},)"
          R"("jitter_percent":0},"retry_on":["410"],"final_on":["4xx"],"retry_after_max_ms":60000,)"
          R"("breaker":{"window_ms":1000,"count_min":5,"threshold":0.5,"open_for_ms":100,)"
          R"("open_for_max_ms":200,"probes":2},"rate_limit":{"per_second":2.5,"burst":3},"order":2,)"
          R"("order_by":"$Event{customer.id}","head_of_line":1,"retry_share_percent":25,"in_flight_max":12,"adaptive":true,"connect_timeout_ms":1,)"
          R"("attempt_timeout_ms":2,"disable_after_ms":3},)"),
      std::string::npos)
      << definition.to_json();
  definition.delivery = {.breaker = std::nullopt, .disable_after = std::nullopt};
  EXPECT_NE(definition.to_json().find(R"("delivery":{"breaker":null,"disable_after_ms":null},)"),
            std::string::npos);
}

TEST(DefinitionsTest, LinkIsWrittenAsFrozen) {
  EXPECT_EQ(link().to_json(),
            R"({"id":"00000000000LygHa16AHYI","number":7,"token":"000000000013w2qk3IUqeq",)"
            R"("previous_token":"00000000001ltPPu5UpPlO","previous_until":8,"workspace":"acme",)"
            R"("app":"github","webhook":"repo","env":"prd","product":"shop","access_tag":"gh",)"
            R"("event":"repo:starred","revision":9})");
}

TEST(DefinitionsTest, CallIsWrittenAsFrozen) {
  EXPECT_EQ(call().to_json(),
            R"({"id":"00000000002Tqlz47h9yrw","number":11,"purpose":2,"workspace":"acme",)"
            R"("product":"shop","access_tag":"gh","app":"github","webhook":"repo","env":"prd",)"
            R"("url":"https://api.example.com/1","method":"DELETE",)"
            R"("headers":[["A","1"],["A","2"]],"query":[["q",""]],"params":[["id","1"]],)"
            R"("body":"{\"n\":123456789012345678901234567890}",)"
            R"("message":"00000000003Bo8YE9tUXyU","succeeded":true,"given_up":true,"attempts":2,)"
            R"("http_status":503,"error":"timeout","response":"no","called_at":3,"next_at":4})");
}

TEST(DefinitionsTest, RetiredIsWrittenAsFrozen) {
  EXPECT_EQ(retired().to_json(),
            R"({"what":2,"number":9,"id":"00000000001ltPPu5UpPlO","workspace":"acme",)"
            R"("app":"github","webhook":"repo","env":"prd","product":"shop",)"
            R"("event":"repo:starred","retired_at":77})");
}

TEST(DefinitionsTest, CounterIsWrittenAsFrozen) {
  const CounterDefinition counter{.next_webhook = 1,
                                  .next_link = 2,
                                  .next_endpoint = 3,
                                  .next_event = 4,
                                  .next_revision = 5,
                                  .dedupe_seed = ~std::uint64_t{0}};
  EXPECT_EQ(counter.to_json(),
            R"({"next_webhook":1,"next_link":2,"next_endpoint":3,"next_event":4,)"
            R"("next_revision":5,"dedupe_seed":18446744073709551615})");
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
  expect_round_trip(workspace());
  expect_round_trip(key());
  expect_round_trip(webhook());
  expect_round_trip(event());
  expect_round_trip(connection());
  expect_round_trip(endpoint());
  expect_round_trip(link());
  expect_round_trip(call());
  expect_round_trip(retired());
  expect_round_trip(CounterDefinition{.dedupe_seed = 1});
}

TEST(DefinitionsTest, WhatIsLeftOutSurvivesAsItsDefault) {
  EndpointDefinition plain;
  const auto read = [&plain] { return EndpointDefinition::from_json(plain.to_json())->delivery; };
  expect_round_trip(plain);
  EXPECT_EQ(read(), DeliverySettings());
  plain.delivery.retry.emplace();  // no retry, which is not the default
  plain.delivery.breaker.reset();
  plain.delivery.disable_after.reset();
  expect_round_trip(plain);
  EXPECT_EQ(read(), plain.delivery);
  plain.delivery = all_settings();
  expect_round_trip(plain);
  EXPECT_EQ(read(), all_settings());
  expect_round_trip(EventDefinition{.tag = "b:c",
                                    .selector = "$Event{\\.}",
                                    .value = std::string("nul\0tab\t", 8),
                                    .number = core::EventNumber{0xffffffff}});
}

template <class Definition>
void expect_corrupted(std::string_view text) {
  const auto read = Definition::from_json(text);
  ASSERT_FALSE(read) << text;
  EXPECT_EQ(read.error().code, ErrorCode::kCorrupted) << text;
  EXPECT_NE(read.error().what.find("(" + std::string(Definition::kKind) + ")"), std::string::npos)
      << read.error().what;
}

TEST(DefinitionsTest, WhatIsNotADefinitionIsCorruptedAndNamesItsKind) {
  for (const char* text : {"", "[]", "nonsense", "1", "null", "{\"workspace\":1,\"tag\":1}"}) {
    expect_corrupted<WorkspaceDefinition>(text);
    expect_corrupted<WebhookDefinition>(text);
    if (std::string_view(text).starts_with("{")) continue;
    expect_corrupted<CounterDefinition>(text);
  }
  for (const char* text : {"{\"workspace\":1}", "{\"workspace\":[]}", "[]"}) {
    expect_corrupted<KeyDefinition>(text);
    expect_corrupted<EventDefinition>(text);
    expect_corrupted<ConnectionDefinition>(text);
    expect_corrupted<EndpointDefinition>(text);
    expect_corrupted<LinkDefinition>(text);
    expect_corrupted<CallDefinition>(text);
    expect_corrupted<RetiredDefinition>(text);
  }
}

TEST(DefinitionsTest, MembersOfAnotherTypeAreCorrupted) {
  expect_corrupted<KeyDefinition>(R"({"id":"short"})");
  expect_corrupted<LinkDefinition>(R"({"token":"!!!!!!!!!!!!!!!!!!!!!!"})");
  expect_corrupted<WebhookDefinition>(R"({"envs":[{"slug":1}]})");
  expect_corrupted<WebhookDefinition>(R"({"envs":["prd"]})");
  expect_corrupted<WebhookDefinition>(R"({"raw_payload":1})");
  expect_corrupted<EndpointDefinition>(R"({"events":["a",1]})");
  expect_corrupted<EndpointDefinition>(R"({"delivery":{"retry":{"schedule_ms":[-1]}}})");
  expect_corrupted<CallDefinition>(R"({"headers":[["a"]]})");
  expect_corrupted<CallDefinition>(R"({"headers":{"a":"b"}})");
  expect_corrupted<CounterDefinition>(R"({"next_link":"1"})");
  expect_corrupted<CounterDefinition>(R"({"next_link":-1})");
}

}  // namespace
}  // namespace headrace::engine
