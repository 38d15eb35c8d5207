// SPDX-License-Identifier: Apache-2.0
// Every problem that the table says a route can answer is provoked there, and answered like that.
#include <functional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "tests/api/api_fixture.h"

namespace headrace::api {
namespace {

using core::Method;

// Everything that routes need, by the names of their paths.
class FailuresTest : public ApiTest {
 protected:
  FailuresTest() {
    make_webhook();
    body_of(
        post("/v1/apps/forge/webhooks", R"({"tag":"other","name":"O","envs":[{"slug":"prd"}]})"),
        201);
    body_of(put("/v1/products/shop/apps/forge", R"({"app":"forge"})"), 201);
    const Json made = make_link("shop", "http://127.0.0.1:1/hook");
    values = {{"workspace", "second"},
              {"app", "forge"},
              {"webhook", "repo"},
              {"env", "snd"},
              {"event", "repo:push"},
              {"product", "shop"},
              {"access_tag", "forge"},
              {"link", made["id"]},
              {"endpoint", made["endpoint"]},
              {"key", "key_0000000000000000000001"},
              {"message", "msg_0000000000000000000001"},
              {"job", "job_0000000000000000000001"},
              {"secret", "KEY"}};
    body_of(put("/v1/secrets/KEY", R"({"value":"v"})"), 200);
    link = made["link"];
    body_of(post("/v1/workspaces", R"({"tag":"second","name":"Second"})"), 201);
  }

  std::string target(const Route& route, const PathValues& instead = {}) const {
    std::string path(route.path);
    for (const std::string_view name : path_names(route.path)) {
      const auto other = instead.find(name);
      const std::string hole = "{" + std::string(name) + "}";
      path.replace(path.find(hole), hole.size(),
                   other == instead.end() ? values.find(name)->second : other->second);
    }
    return path;
  }
  // A body that the route takes.
  static std::string body(const Route& route) {
    static const std::map<std::string_view, std::string> bodies = {
        {"WorkspaceSpec", R"({"tag":"third","name":"Third"})"},
        {"KeySpec", R"({"name":"k","scopes":["read"]})"},
        {"WebhookSpec", R"({"tag":"new","name":"New","envs":[{"slug":"prd"}]})"},
        {"WebhookPatch", R"({"name":"Changed"})"},
        {"EventSpec", R"({"tag":"repo:new","name":"New","selector":"$Event{new}"})"},
        {"EventPatch", R"({"name":"Changed"})"},
        {"MatchRequest", R"({"payload":{"action":"push"}})"},
        {"TriggerSpec", R"({"env":"prd","payload":{"action":"push"}})"},
        {"EndpointTestSpec", R"({"payload":{"action":"push"}})"},
        {"ConnectionSpec", R"({"app":"forge"})"},
        {"EnableSpec", R"({"access_tag":"forge","webhook_tag":"repo",
                           "envs":[{"slug":"prd","url":"http://127.0.0.1:1/"}]})"},
        {"DisableSpec", R"({"access_tag":"forge","webhook_tag":"repo"})"},
        {"EndpointSpec", R"({"access_tag":"forge","webhook_tag":"repo","env":"snd",
                             "url":"http://127.0.0.1:1/"})"},
        {"EndpointPatch", R"({"state":"disabled"})"},
        {"LinkSpec", R"({"access_tag":"forge","webhook_tag":"repo","env":"prd"})"},
        {"RotateSpec", R"({"grace":"1h"})"},
        {"SecretSpec", R"({"value":"another"})"},
        {"SigningRotation", R"({"grace":"1h"})"},
        {"ReplaySpec", R"({"app":"forge"})"},
        {"DeadRetrySpec", R"({"app":"forge"})"},
        {"ErasureSpec", R"({"app":"forge"})"}};
    const auto it = bodies.find(route.body);
    return it == bodies.end() ? std::string() : it->second;
  }

  // How a failure is brought about where it is not the same on every route.
  using Provocation = std::function<Reply(const Route&)>;
  using Key = std::tuple<std::string_view, int, std::string_view>;  // operation, status, code
  std::map<Key, Provocation> provocations();
  Reply provoke(const Route& route, const Failure& failure);
  Reply provoke_by_rule(const Route& route, std::string_view code);
  Reply provoke_of(const Route& route, const Failure& failure);

  Reply ask(const Route& route, const std::string& body, const Headers& headers = {}) {
    return handle(route.method, target(route), body, headers);
  }

  // A job that is over.
  std::string ended_job() {
    const std::string id = body_of(post("/v1/replays", "{}"), 202)["id"];
    wait_until("/v1/jobs/" + id, [](const Json& job) { return job["status"] == "done"; });
    return id;
  }

  std::map<std::string_view, std::string> values;
  std::string link;
};

// What any route answers in the same situation.
Reply FailuresTest::provoke_by_rule(const Route& route, std::string_view code) {
  if (code == "unauthorized") return ask(route, body(route), {{"authorization", "Bearer hrk_no"}});
  if (code == "forbidden") {
    // A key of another scope; one of another workspace where any scope will do.
    Headers key = make_key(route.access == Access::kReplay ? "read" : "replay");
    if (route.access == Access::kAny) key["headrace-workspace"] = "second";
    return ask(route, body(route), key);
  }
  if (code == "precondition_failed") return ask(route, body(route), {{"if-match", "\"999999\""}});
  if (code == "unsupported_media_type")
    return ask(route, body(route), {{"content-type", "text/plain"}});
  if (code == "too_large") return ask(route, std::string(kBodyBytesMax + 1, ' '));
  if (code == "idempotency_mismatch") {
    ask(route, body(route) + " ", {{"idempotency-key", "m"}});
    return ask(route, body(route), {{"idempotency-key", "m"}});
  }
  if (code == "idempotency_replayed") {
    ask(route, body(route), {{"idempotency-key", "r"}});
    return ask(route, body(route), {{"idempotency-key", "r"}});
  }
  EXPECT_EQ(code, "idempotency_in_progress") << "nothing provokes it";
  routes->idempotency_for_test().begin(
      idempotency_key({.workspace = "default", .is_operator = true},
                      engine->workspace_info("default")->created_at, "p"),
      idempotency_digest(request_of(route.method, target(route), body(route), {})));
  return ask(route, body(route), {{"idempotency-key", "p"}});
}

// What is special to one route.
std::map<FailuresTest::Key, FailuresTest::Provocation> FailuresTest::provocations() {
  const auto send = [&](std::string body) {
    return Provocation([this, body](const Route& of) { return ask(of, body); });
  };
  const auto at = [&](PathValues instead, std::string body = {}) {
    return Provocation([this, instead, body](const Route& of) {
      return handle(of.method, target(of, instead), body);
    });
  };
  // The event "push" is of two webhooks then.
  const auto ambiguous = [&](std::string body) {
    return Provocation([this, body](const Route& of) {
      post("/v1/apps/forge/events", R"({"tag":"other:push","name":"P","selector":"$Event{a}"})");
      return handle(of.method, target(of, {{"event", "push"}}), body);
    });
  };
  const Provocation of_ended_job = [this](const Route& of) {
    return handle(of.method, target(of, {{"job", ended_job()}}));
  };
  return {
      {{"pauseJob", 409, "conflict"}, of_ended_job},
      {{"resumeJob", 409, "conflict"}, of_ended_job},
      {{"cancelJob", 409, "conflict"}, of_ended_job},
      {{"retryDelivery", 409, "conflict"},
       [this](const Route& of) {  // nobody listens there, so it is open for long
         const std::string message = post_message(link, R"({"action":"push"})");
         return handle(of.method, target(of, {{"message", message}}));
       }},
      {{"createWorkspace", 409, "conflict"}, send(R"({"tag":"second","name":"x"})")},
      {{"deleteWorkspace", 409, "conflict"},
       [this](const Route& of) {
         post("/v1/apps/a/webhooks", R"({"tag":"w","name":"W","envs":[{"slug":"prd"}]})",
              {{"headrace-workspace", "second"}});
         return ask(of, {});
       }},
      {{"deleteApp", 409, "conflict"}, send("")},
      {{"createWebhook", 409, "conflict"},
       send(R"({"tag":"repo","name":"x","envs":[{"slug":"prd"}]})")},
      {{"createWebhook", 422, "malformed"},
       send(R"({"tag":"x","name":"x","dedupe":"$Event{","envs":[{"slug":"prd"}]})")},
      {{"updateWebhook", 422, "malformed"}, send(R"({"dedupe":"$Event{"})")},
      {{"deleteWebhook", 409, "conflict"}, send("")},
      {{"deleteWebhookEnv", 409, "conflict"}, at({{"env", "prd"}})},
      {{"matchWebhook", 422, "malformed"},
       send(R"({"body":"{","content_type":"application/json"})")},
      {{"createEvent", 409, "conflict"},
       send(R"({"tag":"repo:push","name":"x","selector":"$Event{b}"})")},
      {{"createEvent", 422, "malformed"},
       send(R"({"tag":"repo:x","name":"x","selector":"$Event{a}{b"})")},
      {{"getEvent", 409, "conflict"}, ambiguous("")},
      {{"updateEvent", 409, "conflict"}, ambiguous(R"({"name":"x"})")},
      {{"updateEvent", 422, "malformed"}, send(R"({"selector":"$Event{"})")},
      {{"deleteEvent", 409, "conflict"}, ambiguous("")},
      {{"triggerEvent", 409, "conflict"}, ambiguous(R"({"env":"prd","payload":{}})")},
      {{"triggerEvent", 422, "malformed"}, send(R"({"env":"prd","body":"{"})")},
      {{"deleteProduct", 409, "conflict"}, send("")},
      {{"putConnection", 409, "conflict"},
       [this](const Route& of) {
         post("/v1/apps/mill/webhooks", R"({"tag":"w","name":"W","envs":[{"slug":"prd"}]})");
         return ask(of, R"({"app":"mill"})");
       }},
      {{"deleteConnection", 409, "conflict"}, send("")},
      {{"enableWebhook", 422, "malformed"},
       send(R"({"access_tag":"forge","webhook_tag":"repo","envs":[{"slug":"prd","url":"x"}]})")},
      {{"createLink", 409, "conflict"},
       [this](const Route& of) {
         post("/v1/apps/forge/events", R"({"tag":"other:push","name":"P","selector":"$Event{a}"})");
         return ask(of, R"({"app":"forge","event":"push","env":"prd"})");
       }},
      {{"createLink", 422, "malformed"},
       send(R"({"app":"forge","webhook_tag":"repo","env":"prd","url":"x"})")},
      {{"deleteLink", 409, "conflict"}, send("")},
      {{"createEndpoint", 409, "conflict"},
       send(R"({"access_tag":"forge","webhook_tag":"repo","env":"prd","url":"http://a/"})")},
      {{"createEndpoint", 422, "malformed"},
       at({{"product", "mill"}},
          R"({"access_tag":"forge","webhook_tag":"repo","env":"snd","url":"x"})")},
      {{"updateEndpoint", 422, "malformed"}, send(R"({"url":"x"})")},
      {{"deleteSecret", 409, "conflict"},
       [this](const Route& of) {
         patch("/v1/endpoints/" + values["endpoint"],
               R"({"auth":{"headers":{"A":"$Secret{KEY}"}}})");
         return ask(of, {});
       }},
      {{"deleteEndpoint", 409, "conflict"},
       [this](const Route& of) {
         post("/v1/products/shop/links", R"({"app":"forge","event":"push","env":"prd"})");
         return ask(of, {});
       }},
  };
}

Reply FailuresTest::provoke_of(const Route& route, const Failure& failure) {
  const auto all = provocations();
  const auto it = all.find({route.id, failure.status, failure.code});
  if (it == all.end()) {
    ADD_FAILURE() << route.id << " says that it answers " << failure.status << " " << failure.code
                  << ", and no test provokes it";
    return {};
  }
  return it->second(route);
}

Reply FailuresTest::provoke(const Route& route, const Failure& failure) {
  const auto [status, code] = failure;
  if (status == 400) return handle(route.method, target(route) + "?a=%zz", body(route));
  if (code == "invalid_argument") return handle(route.method, target(route) + "?no=1", body(route));
  if (code == "not_found" && is_of_workspace(route))
    return ask(route, body(route), {{"headrace-workspace", "nowhere"}});
  if (code == "not_found")
    return handle(route.method, target(route, {{"workspace", "nowhere"}}), body(route));
  if (code == "conflict" || code == "malformed") return provoke_of(route, failure);
  return provoke_by_rule(route, code);
}

TEST_F(FailuresTest, NothingIsProvokedThatTheTableDoesNotName) {
  std::set<Key> named;
  for (const Route& route : route_table()) {
    for (const Failure& failure : failures_of(route))
      named.insert({route.id, failure.status, failure.code});
  }
  for (const auto& [key, provocation] : provocations())
    EXPECT_TRUE(named.contains(key)) << std::get<0>(key) << " " << std::get<2>(key);
}

// One engine a route: what one provokes must not be in the way of another.
class RouteFailuresTest : public FailuresTest, public testing::WithParamInterface<std::size_t> {};

TEST_P(RouteFailuresTest, AreAllAnsweredAsTheTableSays) {
  const Route& route = route_table()[GetParam()];
  for (const Failure& failure : failures_of(route)) {
    if (failure.status == 503) continue;  // api_server_test.cc
    SCOPED_TRACE(std::string(route.id) + " " + std::to_string(failure.status) + " " +
                 std::string(failure.code));
    expect_problem(provoke(route, failure), failure.status, failure.code);
  }
}

INSTANTIATE_TEST_SUITE_P(Table, RouteFailuresTest,
                         testing::Range(std::size_t{0}, route_table().size()),
                         [](const testing::TestParamInfo<std::size_t>& of) {
                           return std::string(route_table()[of.param].id);
                         });

}  // namespace
}  // namespace headrace::api
