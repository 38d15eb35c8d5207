// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/sink_script.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace headrace::bench_tools {
namespace {

SinkScript parsed(std::string_view json) {
  auto script = SinkScript::parse(json);
  EXPECT_TRUE(script) << script.error().what;
  return script ? *script : SinkScript{};
}

std::string refusal(std::string_view json) {
  auto script = SinkScript::parse(json);
  EXPECT_FALSE(script) << json;
  return script ? "" : script.error().what;
}

TEST(SinkScriptTest, SaysNothingButHowManyAndAllAnswerAtOnce) {
  EXPECT_EQ(parsed(R"({"endpoints": 3})"), SinkScript::plain(3));
  EXPECT_EQ(parsed("{}"), SinkScript::plain(1));
}

TEST(SinkScriptTest, RulesBeginWithTheDefaultAndTheLastOneCounts) {
  const SinkScript script = parsed(R"({"endpoints": 10, "seed": 9,
    "default": {"latency_ms": {"lognormal": [5, 0.5]}, "secret": "whsec_aGVsbG8="},
    "rules": [{"from": 2, "to": 8, "every": 3, "answers": [{"status": 410}]},
              {"from": 8, "flapping": {"up": 3, "down": 1},
               "answers": [{"weight": 9, "status": 500, "retry_after_s": 7},
                           {"fault": "drip", "body_bytes": 4, "drip_ms": 5}]}]})");
  EXPECT_EQ(script.seed, 9u);
  EXPECT_EQ(script.behaviour_of, (std::vector<std::uint32_t>{0, 0, 1, 0, 0, 1, 0, 0, 2, 2}));
  const SinkLatency latency{SinkLatency::Kind::kLognormal, 5, 0.5};
  EXPECT_EQ(script.behaviours[1].latency, latency);
  EXPECT_EQ(script.behaviours[1].secret, "whsec_aGVsbG8=");
  EXPECT_EQ(script.behaviours[1].answers, (std::vector<SinkAnswer>{{.status = 410}}));
  EXPECT_EQ(script.behaviours[2].answers,
            (std::vector<SinkAnswer>{{.weight = 9, .status = 500, .retry_after_s = 7},
                                     {.fault = SinkFault::kDrip, .body_bytes = 4, .drip_ms = 5}}));
  EXPECT_EQ(script.behaviours[2].up, 3u);
}

TEST(SinkScriptTest, WhatIsWrongIsNamed) {
  EXPECT_EQ(SinkScript::parse("{").error().code, ErrorCode::kMalformed);
  EXPECT_EQ(SinkScript::parse("[]").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal(R"({"endpoint": 3})"), "/endpoint is not known");
  EXPECT_EQ(refusal(R"({"endpoints": 0})"), "/endpoints must be a number from 1 to 1000000");
  EXPECT_EQ(refusal(R"({"endpoints": 1.5})"), "/endpoints must be a whole number");
  EXPECT_EQ(refusal(R"({"default": {"answers": []}})"),
            "/default/answers must be a list of answers, one of them with a weight above 0");
  EXPECT_EQ(refusal(R"({"default": {"answers": [{"status": 99}]}})"),
            "/default/answers/0/status must be a number from 200 to 599");
  EXPECT_EQ(refusal(R"({"rules": [{"to": 1}]})"), "/rules/0/to must be a number from 0 to 0");
  EXPECT_EQ(refusal(R"({"default": {"answers": [{"fault": "burn"}]}})"),
            "/default/answers/0/fault must be none, hang, reset, drip or wrong_length");
  EXPECT_EQ(refusal(R"({"default": {"secret": "abc"}})"),
            "/default/secret must be whsec_ and base64");
  EXPECT_EQ(refusal(R"({"default": {"latency_ms": {"uniform": [5, 1]}}})").substr(0, 29),
            "/default/latency_ms/uniform/1");
  EXPECT_EQ(refusal(R"({"default": {"latency_ms": {}}})"),
            "/default/latency_ms must be a number or one distribution");
}

TEST(SinkScriptTest, FlappingGoesByRequests) {
  const SinkBehaviour behaviour{.up = 2, .down = 1};
  EndpointState state(1, 0);
  std::string seen;
  for (int i = 0; i < 7; ++i) seen += state.next(behaviour).answer == SinkStep::kDown ? 'd' : 'u';
  EXPECT_EQ(seen, "uuduudu");
}

TEST(SinkScriptTest, AnswersComeAsOftenAsTheyWeigh) {
  const SinkBehaviour behaviour{
      .answers = {{.weight = 70}, {.weight = 0}, {.weight = 20}, {.weight = 10}}};
  EndpointState state(5, 3);
  std::array<int, 4> seen{};
  for (int i = 0; i < 10'000; ++i) ++seen[state.next(behaviour).answer];
  EXPECT_NEAR(seen[0], 7000, 200);
  EXPECT_EQ(seen[1], 0);
  EXPECT_NEAR(seen[2], 2000, 200);
  EXPECT_NEAR(seen[3], 1000, 200);
}

TEST(SinkScriptTest, LatenciesHaveTheirMedian) {
  const auto median = [](SinkLatency latency) {
    core::Random random(7);
    std::vector<double> samples(10'001);
    for (double& sample : samples) sample = latency.sample(random);
    std::nth_element(samples.begin(), samples.begin() + 5000, samples.end());
    return samples[5000];
  };
  using Kind = SinkLatency::Kind;
  EXPECT_EQ(median({Kind::kConstant, 7, 0}), 7);
  EXPECT_NEAR(median({Kind::kUniform, 10, 30}), 20, 1);
  EXPECT_NEAR(median({Kind::kExponential, 10, 0}), 6.93, 0.5);
  EXPECT_NEAR(median({Kind::kLognormal, 10, 1}), 10, 0.5);
}

TEST(SinkScriptTest, ASeedMakesSomeEndpointsMisbehave) {
  const SinkScript script = SinkScript::from_seed(1, 1000);
  const auto well = std::count(script.behaviour_of.begin(), script.behaviour_of.end(), 0U);
  EXPECT_NEAR(static_cast<double>(well), 800, 60);
  EXPECT_NE(script, SinkScript::from_seed(2, 1000));
}

RC_GTEST_PROP(SinkScriptPropertyTest, OneSeedAlwaysSaysTheSame, (std::uint64_t seed)) {
  const auto endpoints = *rc::gen::inRange<std::uint32_t>(1, 20);
  const SinkScript script = SinkScript::from_seed(seed, endpoints);
  RC_ASSERT(script == SinkScript::from_seed(seed, endpoints));
  // And what an endpoint does is not changed by what others are asked meanwhile.
  const auto endpoint = *rc::gen::inRange<std::uint32_t>(0, endpoints);
  const SinkBehaviour& behaviour = script.behaviours[script.behaviour_of[endpoint]];
  EndpointState first(seed, endpoint), second(seed, endpoint), other(seed, endpoint + 1);
  for (int i = 0; i < 50; ++i) {
    const SinkStep step = first.next(behaviour);
    other.next(behaviour);
    const SinkStep again = second.next(behaviour);
    RC_ASSERT(step.answer == again.answer);
    RC_ASSERT(step.delay_ms == again.delay_ms);
    RC_ASSERT(step.answer == SinkStep::kDown || step.answer < behaviour.answers.size());
  }
}

}  // namespace
}  // namespace headrace::bench_tools
