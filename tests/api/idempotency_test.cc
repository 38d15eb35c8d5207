// SPDX-License-Identifier: Apache-2.0
#include "api/idempotency.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <string>

#include "tests/support/manual_clock.h"

namespace headrace::api {
namespace {

using Verdict = Idempotency::Verdict;

Reply reply_of(int status, std::string body = "{}") {
  Reply reply;
  reply.status = status;
  reply.body = std::move(body);
  return reply;
}

TEST(IdempotencyTest, SameRequestIsAnsweredAsTheFirstOneWas) {
  test::ManualClock clock;
  Idempotency known(clock);
  EXPECT_EQ(known.begin("k", "r").verdict, Verdict::kRun);
  EXPECT_EQ(known.begin("k", "r").verdict, Verdict::kRunning);
  EXPECT_EQ(known.begin("k", "other").verdict, Verdict::kMismatch);
  known.finish("k", reply_of(201, "made"), false);
  const auto again = known.begin("k", "r");
  EXPECT_EQ(again.verdict, Verdict::kReplay);
  EXPECT_EQ(again.reply.status, 201);
  EXPECT_EQ(again.reply.body, "made");
  EXPECT_EQ(known.begin("k", "other").verdict, Verdict::kMismatch);
  EXPECT_EQ(known.begin("another", "r").verdict, Verdict::kRun);
}

TEST(IdempotencyTest, OnlyWhatSaysWhatBecameOfTheRequestIsRemembered) {
  test::ManualClock clock;
  for (const int status : {200, 201, 202, 204, 400, 404, 409, 412, 422}) {
    Idempotency known(clock);
    known.begin("k", "r");
    known.finish("k", reply_of(status), false);
    EXPECT_EQ(known.begin("k", "r").verdict, Verdict::kReplay) << status;
  }
  for (const int status : {304, 401, 403, 500, 503}) {
    Idempotency known(clock);
    known.begin("k", "r");
    known.finish("k", reply_of(status), false);
    EXPECT_EQ(known.size(), 0u);
    EXPECT_EQ(known.begin("k", "r").verdict, Verdict::kRun) << status;
  }
}

TEST(IdempotencyTest, SecretAnswerIsKnownAndNotShownAgain) {
  test::ManualClock clock;
  Idempotency known(clock);
  known.begin("k", "r");
  known.finish("k", reply_of(201, "secret"), true);
  const auto again = known.begin("k", "r");
  EXPECT_EQ(again.verdict, Verdict::kWithheld);
  EXPECT_EQ(again.reply.body, "");
  known.begin("wrong", "r");
  known.finish("wrong", reply_of(422, "no secret in it"), true);
  EXPECT_EQ(known.begin("wrong", "r").verdict, Verdict::kReplay);
}

TEST(IdempotencyTest, AnswersAreForgottenAfterTheirTime) {
  test::ManualClock clock;
  Idempotency known(clock, {.window = std::chrono::seconds(10)});
  known.begin("k", "r");
  known.finish("k", reply_of(200), false);
  clock.advance(std::chrono::milliseconds(9'999));
  EXPECT_EQ(known.begin("k", "r").verdict, Verdict::kReplay);
  clock.advance(std::chrono::milliseconds(1));
  EXPECT_EQ(known.begin("k", "r").verdict, Verdict::kRun);
}

TEST(IdempotencyTest, BodiesAreBoundedTogether) {
  test::ManualClock clock;
  Idempotency known(clock, {.answers_max = 100, .bytes_max = 10'000});
  for (int i = 0; i < 20; ++i) {
    const std::string key = std::to_string(i);
    known.begin(key, "r");
    known.finish(key, reply_of(200, std::string(2'000, 'x')), false);
    EXPECT_LE(known.size(), 4u);
  }
  EXPECT_EQ(known.begin("19", "r").verdict, Verdict::kReplay);
  EXPECT_EQ(known.begin("0", "r").verdict, Verdict::kRun);
  known.finish("0", reply_of(200, std::string(20'000, 'x')), false);
  EXPECT_EQ(known.begin("0", "r").verdict, Verdict::kRun) << "what never fits is not kept";
}

// Whatever is asked in whatever order: never more answers than allowed, what was let run is let run
// once until it is answered, and what is replayed is what was answered.
RC_GTEST_PROP(IdempotencyTest, FollowsItsModel, (const std::vector<std::uint8_t>& steps)) {
  test::ManualClock clock;
  Idempotency known(clock, {.answers_max = 3, .window = std::chrono::seconds(5)});
  std::map<std::string, std::string> running;
  std::map<std::string, std::string> answered;
  int serial = 0;
  for (const std::uint8_t step : steps) {
    const std::string key(1, static_cast<char>('a' + step % 5));
    if (step % 3 == 0 && running.contains(key)) {
      answered[key] = std::to_string(++serial);
      known.finish(key, reply_of(200, answered[key]), false);
      running.erase(key);
    } else if (step % 7 == 0) {
      clock.advance(std::chrono::seconds(2));
    } else {
      const auto answer = known.begin(key, "r");
      RC_ASSERT((answer.verdict == Verdict::kRunning) == running.contains(key));
      if (answer.verdict == Verdict::kRun) running[key] = "r";
      if (answer.verdict == Verdict::kReplay) RC_ASSERT(answer.reply.body == answered[key]);
    }
    RC_ASSERT(known.size() <= 3u + running.size());
  }
}

}  // namespace
}  // namespace headrace::api
