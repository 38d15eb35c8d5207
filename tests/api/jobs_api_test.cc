// SPDX-License-Identifier: Apache-2.0
// Replays, dead letters and erasure as the API takes and shows them.
#include <string>

#include "tests/api/api_fixture.h"

namespace headrace::api {
namespace {

class JobsApiTest : public ApiTest {
 protected:
  JobsApiTest() {
    make_webhook();
    const Json made = make_link("shop", "http://127.0.0.1:1/hook");
    link = made["link"];
    endpoint = made["endpoint"];
    body_of(patch("/v1/endpoints/" + endpoint, R"({"retry":{"schedule":[]}})"), 200);
  }
  // A message whose delivery is dead.
  std::string dead() {
    const std::string id = post_message(link, R"({"action":"push"})");
    wait_until("/v1/dead-letters", [&](const Json& page) {
      for (const Json& letter : page["data"]) {
        if (letter["message"] == id) return true;
      }
      return false;
    });
    return id;
  }
  Json ended(const Json& job) {
    return wait_until("/v1/jobs/" + std::string(job["id"]),
                      [](const Json& now) { return now["status"] == "done"; });
  }

  std::string link;
  std::string endpoint;
};

TEST_F(JobsApiTest, DeadLetterIsListedAndRetried) {
  const std::string id = dead();
  const Json letters = body_of(get("/v1/dead-letters?endpoint=" + endpoint), 200);
  ASSERT_EQ(letters["data"].size(), 1u);
  const Json& letter = letters["data"][0];
  EXPECT_EQ(letter["message"], id);
  EXPECT_EQ(letter["endpoint"], endpoint);
  EXPECT_EQ(letter["event"], "repo:push");
  EXPECT_EQ(letter["attempts"], 1);
  EXPECT_EQ(letter["error"], "connect");
  EXPECT_EQ(body_of(get("/v1/dead-letters?error=timeout"), 200)["data"].size(), 0u);
  const Json delivery =
      body_of(post("/v1/messages/" + id + "/deliveries/" + endpoint + "/retry", ""), 202);
  EXPECT_EQ(delivery["message"], id);
  // It is refused again: dead once more, by a second attempt.
  wait_until("/v1/dead-letters", [](const Json& page) {
    return page["data"].size() == 1 && page["data"][0]["attempts"] == 2;
  });
}

TEST_F(JobsApiTest, ReplayIsAJobThatTellsWhatItDid) {
  dead();
  dead();
  const Json begun = body_of(
      post("/v1/dead-letters/retry", R"({"endpoint":")" + endpoint + R"(","rate":1000})"), 202);
  EXPECT_EQ(begun["kind"], "replay");
  EXPECT_EQ(begun["rate"], 1000);
  EXPECT_EQ(begun["filter"], (Json{{"endpoint", endpoint}, {"state", "dead"}}));
  const Json job = ended(begun);
  EXPECT_EQ(job["total"], 2);
  EXPECT_EQ(job["reopened"], 2);
  EXPECT_EQ(job["skipped"], 0);
  EXPECT_TRUE(job["ended_at"].is_string());
  const Json all = body_of(get("/v1/jobs?kind=replay&status=done"), 200);
  ASSERT_EQ(all["data"].size(), 1u);
  EXPECT_EQ(all["data"][0], job);
  EXPECT_EQ(body_of(get("/v1/jobs?kind=erasure"), 200)["data"].size(), 0u);
}

TEST_F(JobsApiTest, DryRunOfAReplayOnlyCounts) {
  dead();
  const Json job = ended(body_of(
      post("/v1/replays",
           R"({"app":"forge","state":"dead","since":"2020-01-01T00:00:00Z","dry_run":true})"),
      202));
  EXPECT_EQ(job["total"], 1);
  EXPECT_EQ(job["reopened"], 0);
  EXPECT_EQ(job["filter"]["since"], "2020-01-01T00:00:00.000Z");
}

TEST_F(JobsApiTest, WhatIsWrongInASpecIsNamed) {
  const auto pointer = [&](std::string_view target, std::string_view body) {
    const Json problem = expect_problem(post(target, body), 422, "invalid_argument");
    return problem.contains("errors") ? std::string(problem["errors"][0]["pointer"]) : "";
  };
  EXPECT_EQ(pointer("/v1/replays", R"({"since":"yesterday"})"), "/since");
  EXPECT_EQ(pointer("/v1/replays", R"({"endpoint":"ep_zzzzzzzzzzzzzzzzzzzzzz"})"), "/endpoint");
  EXPECT_EQ(pointer("/v1/replays", R"({"rate":0})"), "/rate");
  EXPECT_EQ(pointer("/v1/replays", R"({"error":"nonsense"})"), "/error");
  EXPECT_EQ(pointer("/v1/replays", R"({"payload":{}})"), "/payload");
  EXPECT_EQ(pointer("/v1/replays", R"({"message_state":"unmatched","state":"dead"})"), "/state");
  EXPECT_EQ(pointer("/v1/dead-letters/retry", R"({"state":"dead"})"), "/state");
  EXPECT_EQ(pointer("/v1/erasures", "{}"), "");
  EXPECT_EQ(pointer("/v1/erasures", R"({"payload":{"$Event{a}":{"nonsense":1}}})"),
            "/payload/$Event{a}/nonsense");
}

TEST_F(JobsApiTest, ErasureGoesOnByTheWordOfAnAdminAlone) {
  const Json job = ended(body_of(post("/v1/erasures", R"({"app":"forge","dry_run":true})"), 202));
  EXPECT_EQ(job["kind"], "erasure");
  EXPECT_EQ(job["erased"], 0);
  const std::string target = "/v1/jobs/" + std::string(job["id"]) + "/resume";
  expect_problem(post(target, "", make_key("replay")), 403, "forbidden");
  expect_problem(post(target, "", make_key("admin")), 409, "conflict");
  expect_problem(post("/v1/erasures", R"({"app":"forge"})", make_key("write")), 403, "forbidden");
}

TEST_F(JobsApiTest, AnotherWorkspaceFindsNoJob) {
  const Json job = ended(body_of(post("/v1/replays", "{}"), 202));
  body_of(post("/v1/workspaces", R"({"tag":"second","name":"Second"})"), 201);
  const std::string target = "/v1/jobs/" + std::string(job["id"]);
  expect_problem(get(target, {{"headrace-workspace", "second"}}), 404, "not_found");
  expect_problem(post(target + "/cancel", "", {{"headrace-workspace", "second"}}), 404,
                 "not_found");
  EXPECT_EQ(body_of(get("/v1/jobs", {{"headrace-workspace", "second"}}), 200)["data"].size(), 0u);
}

}  // namespace
}  // namespace headrace::api
