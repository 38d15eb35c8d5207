// SPDX-License-Identifier: Apache-2.0
#include "ingest/submitter.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "core/limits.h"
#include "ingest/verification/verifier.h"
#include "tests/ingest/routes.h"
#include "tests/ingest/store_side.h"
#include "tests/support/manual_clock.h"

namespace headrace::ingest {
namespace {

using store::Acceptance;

class SubmitterTest : public testing::Test {
 protected:
  SubmitterTest() {
    store.open(loop);
    submitter.start();
  }
  ~SubmitterTest() override {
    submitter.stop();
    store.close();
    run();
  }
  void run() {
    for (int i = 0; i < 5; ++i) loop.run_once();
  }
  // Index into `results`.
  template <class Submission>
  std::size_t submit(Submission submission) {
    const std::size_t index = results.size();
    results.emplace_back();
    submitter.submit(std::move(submission), [this, index](Result<store::Answer> answer) {
      EXPECT_FALSE(results[index].has_value()) << "done is called once";
      results[index] = std::move(answer);
    });
    run();
    return index;
  }
  template <class Submission>
  ErrorCode refusal_of(Submission submission) {
    const std::size_t index = submit(std::move(submission));
    EXPECT_TRUE(store.taken.empty());
    EXPECT_TRUE(results[index] && !*results[index]);
    return results[index] && !*results[index] ? results[index]->error().code
                                              : ErrorCode::kCancelled;
  }
  static Submitter::Message push() {
    return {token_of(1), R"({"action":"push"})", "application/json", "a=1", "X-One: 1\r\n"};
  }

  static Submitter::Direct call() {
    Submitter::Direct direct;
    direct.event = kIssue;
    direct.targets = {core::EndpointNumber{7}};
    direct.body = "{";
    direct.content_type = "application/json";
    direct.query = "a=1";
    direct.header_lines = "X-One: 1\r\nWebhook-Id: 5\r\n";
    return direct;
  }

  test::ManualClock clock;
  core::Loop loop{clock};
  core::SnapshotCell<selector::RoutingTable> routes{table_of({link_route(1)})};
  StoreSide store{4};
  Submitter submitter{loop, Receiver::Ports{5, store.intakes, store.answers, routes, 7}};
  std::vector<std::optional<Result<store::Answer>>> results;
};

TEST_F(SubmitterTest, MessageBecomesAnIntakeAndIsAnsweredAfterTheCommit) {
  Submitter::Message message = push();
  message.header_lines += "Webhook-Id: 5\r\nConnection: x-two\r\nX-Two: 2\r\n";
  const std::size_t index = submit(std::move(message));
  ASSERT_EQ(store.taken.size(), 1u);
  const store::Intake& intake = store.taken[0];
  const store::Payload& payload = intake.payload;
  EXPECT_EQ(payload.body.in(payload.buffer), R"({"action":"push"})");
  EXPECT_EQ(payload.query.in(payload.buffer), "a=1");
  EXPECT_EQ(payload.headers.in(payload.buffer), "Content-Type: application/json\r\nX-One: 1\r\n");
  EXPECT_EQ(intake.event, kPush);
  EXPECT_EQ(intake.origin, 5u);
  EXPECT_EQ(intake.received_at, test::ManualClock::kStart);
  EXPECT_NE(intake.dedupe_key, Bits128{});
  EXPECT_FALSE(results[index]);
  store.answer(intake, Acceptance::kStored, StoreSide::id_of(9));
  run();
  ASSERT_TRUE(results[index] && *results[index]);
  EXPECT_EQ((*results[index])->id, StoreSide::id_of(9));
}

TEST_F(SubmitterTest, AnswersFindTheirSubmissions) {
  std::vector<std::size_t> indexes;
  for (int i = 0; i < 4; ++i) indexes.push_back(submit(push()));
  ASSERT_EQ(store.taken.size(), 4u);
  for (const std::size_t i : {2u, 0u, 3u, 1u})
    store.answer(store.taken[i], Acceptance::kStored, StoreSide::id_of(i));
  run();
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ((*results[indexes[i]])->id, StoreSide::id_of(i));
  submit(push());
  ASSERT_EQ(store.taken.size(), 5u);
}

TEST_F(SubmitterTest, EmptyMessageIsTaken) {
  submit(Submitter::Message{token_of(1), "", "", "", ""});
  ASSERT_EQ(store.taken.size(), 1u);
  const store::Payload& payload = store.taken[0].payload;
  EXPECT_EQ(payload.body.size + payload.query.size + payload.headers.size, 0u);
}

TEST_F(SubmitterTest, WhatIsWrongIsRefusedWithTheReason) {
  Submitter::Message message = push();
  message.token = token_of(2);
  EXPECT_EQ(refusal_of(message), ErrorCode::kNotFound);
  message = push();
  message.body = "{";
  EXPECT_EQ(refusal_of(message), ErrorCode::kMalformed);
  message = push();
  message.body = std::string(core::limits::kBodyBytesMaxDefault + 1, ' ');
  EXPECT_EQ(refusal_of(message), ErrorCode::kTooLarge);
}

TEST_F(SubmitterTest, NothingCanBeSmuggledIntoTheRequestThatIsForwarded) {
  const auto with = [](auto member, std::string text) {
    Submitter::Message message = push();
    message.*member = std::move(text);
    return message;
  };
  using Message = Submitter::Message;
  for (const char* query : {"a HTTP/1.1\r\nX-Evil: 1\r\nX: ", "a b", "a\r\n", "a#b", " "})
    EXPECT_EQ(refusal_of(with(&Message::query, query)), ErrorCode::kInvalidArgument) << query;
  for (const char* lines : {"X: 1", "X: 1\n", "X: 1\r\n\r\nY: 2\r\n", " X: 1\r\n", "X : 1\r\n",
                            "\r\n", "Transfer-Encoding: gzip\r\n"}) {
    EXPECT_EQ(refusal_of(with(&Message::header_lines, lines)), ErrorCode::kInvalidArgument)
        << lines;
  }
  EXPECT_EQ(refusal_of(with(&Message::content_type, "text/plain\r\nX-Evil: 1")),
            ErrorCode::kInvalidArgument);
}

TEST_F(SubmitterTest, TestSaysSoAndIsNobodysDuplicate) {
  Submitter::Message message = push();
  message.header_lines = "Webhook-Id: 5\r\n";
  submit(message);
  message.is_test = true;
  submit(message);
  ASSERT_EQ(store.taken.size(), 2u);
  EXPECT_FALSE(store.taken[0].is_test);
  EXPECT_NE(store.taken[0].dedupe_key, Bits128{});
  EXPECT_TRUE(store.taken[1].is_test);
  EXPECT_EQ(store.taken[1].dedupe_key, Bits128{});
}

TEST_F(SubmitterTest, PinnedEventOverridesTheSelector) {
  Submitter::Message message = push();
  message.pinned = kIssue;
  submit(std::move(message));
  ASSERT_EQ(store.taken.size(), 1u);
  EXPECT_EQ(store.taken[0].event, kIssue);
  EXPECT_EQ(store.taken[0].status, store::MessageStatus::kRouted);
}

TEST_F(SubmitterTest, DirectMessageGoesToTheReceiversGivenAndNobodyLooksInside) {
  Submitter::Direct direct = call();
  direct.targets = {core::EndpointNumber{7}, core::EndpointNumber{3}, core::EndpointNumber{7}};
  direct.is_test = true;
  const std::size_t index = submit(std::move(direct));
  ASSERT_EQ(store.taken.size(), 1u);
  const store::Intake& intake = store.taken[0];
  const store::Payload& payload = intake.payload;
  EXPECT_EQ(payload.body.in(payload.buffer), "{");
  EXPECT_EQ(payload.query.in(payload.buffer), "a=1");
  EXPECT_EQ(payload.headers.in(payload.buffer), "Content-Type: application/json\r\nX-One: 1\r\n");
  EXPECT_EQ(intake.link, core::kSystemLink);
  EXPECT_EQ(intake.event, kIssue);
  EXPECT_EQ(intake.status, store::MessageStatus::kRouted);
  EXPECT_EQ(intake.dedupe_key, Bits128{});
  EXPECT_TRUE(intake.is_test);
  EXPECT_EQ(intake.received_at, test::ManualClock::kStart);
  const auto targets = intake.targets.list();
  EXPECT_EQ((std::vector(targets.begin(), targets.end())),
            (std::vector{core::EndpointNumber{3}, core::EndpointNumber{7}}));
  store.answer(intake, Acceptance::kStored, StoreSide::id_of(9));
  run();
  ASSERT_TRUE(results[index] && *results[index]);
  EXPECT_EQ((*results[index])->id, StoreSide::id_of(9));
}

TEST_F(SubmitterTest, DirectMessageMayHaveManyReceivers) {
  Submitter::Direct direct = call();
  direct.link = core::LinkNumber{8};
  for (std::uint32_t i = 0; i < 100; ++i) direct.targets.push_back(core::EndpointNumber{100 + i});
  submit(std::move(direct));
  ASSERT_EQ(store.taken.size(), 1u);
  EXPECT_EQ(store.taken[0].targets.size(), 101u);
  EXPECT_EQ(store.taken[0].link, core::LinkNumber{8});
}

TEST_F(SubmitterTest, DirectMessageObeysTheRulesOfARequestToo) {
  Submitter::Direct direct = call();
  direct.targets.clear();
  EXPECT_EQ(refusal_of(direct), ErrorCode::kInvalidArgument);
  direct.targets.assign(core::limits::kTargetsPerMessageMax + 1, core::EndpointNumber{1});
  EXPECT_EQ(refusal_of(direct), ErrorCode::kTooLarge);
  direct = call();
  direct.header_lines = "X: 1\r\n\r\nY: 2\r\n";
  EXPECT_EQ(refusal_of(direct), ErrorCode::kInvalidArgument);
  direct = call();
  direct.query = "a b";
  EXPECT_EQ(refusal_of(direct), ErrorCode::kInvalidArgument);
  direct = call();
  direct.content_type = "a\r\nX: 1";
  EXPECT_EQ(refusal_of(direct), ErrorCode::kInvalidArgument);
  direct = call();
  direct.body = std::string(core::limits::kBodyBytesMax + 1, ' ');
  EXPECT_EQ(refusal_of(std::move(direct)), ErrorCode::kTooLarge);
}

TEST_F(SubmitterTest, DirectMessageMayBeAsLargeAsAny) {
  Submitter::Direct direct = call();
  direct.body = std::string(core::limits::kBodyBytesMax, 'x');
  submit(std::move(direct));
  ASSERT_EQ(store.taken.size(), 1u);
  EXPECT_EQ(store.taken[0].payload.body.size, core::limits::kBodyBytesMax);
}

TEST_F(SubmitterTest, BodyInACodingThatNobodyReadsIsNotLookedInto) {
  Submitter::Message message = push();
  message.body = "\x1f\x8b";
  message.header_lines = "Content-Encoding: br\r\n";
  submit(std::move(message));
  ASSERT_EQ(store.taken.size(), 1u);
  EXPECT_EQ(store.taken[0].status, store::MessageStatus::kUnmatched);
}

TEST_F(SubmitterTest, BodyThatIsNotCompressedAsItSaysIsRefused) {
  Submitter::Message message = push();
  message.header_lines = "Content-Encoding: gzip\r\n";
  EXPECT_EQ(refusal_of(std::move(message)), ErrorCode::kMalformed);
}

TEST_F(SubmitterTest, TypeAmongTheHeaderLinesCounts) {
  Submitter::Message message = push();
  message.content_type.clear();
  message.header_lines = "Content-Type: application/x-www-form-urlencoded\r\n";
  message.body = "action=push";
  submit(std::move(message));
  ASSERT_EQ(store.taken.size(), 1u);
  EXPECT_EQ(store.taken[0].event, kPush);
}

TEST_F(SubmitterTest, FullMailboxIsAnotherTryLater) {
  store.close();  // nothing is taken out
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(results[submit(push())]);
  const std::size_t refused = submit(push());
  ASSERT_TRUE(results[refused] && !*results[refused]);
  EXPECT_EQ(results[refused]->error().code, ErrorCode::kUnavailable);
  std::array<store::Intake, 8> batch;
  store.intakes.drain(batch);
  store.open(loop);
}

TEST_F(SubmitterTest, StopAnswersWhatIsOpenAndWhatStillComes) {
  const std::size_t open = submit(push());
  submitter.stop();
  ASSERT_TRUE(results[open] && !*results[open]);
  EXPECT_EQ(results[open]->error().code, ErrorCode::kUnavailable);
  const std::size_t late = submit(push());
  ASSERT_TRUE(results[late] && !*results[late]);
  EXPECT_EQ(results[late]->error().code, ErrorCode::kUnavailable);
}

TEST_F(SubmitterTest, MessageToAVerifiedLinkIsJudgedLikeOneThatIsPosted) {
  auto link = link_route(1);
  link.verifier = *verification::Verifier::make(
      R"({"scheme":{"header":"x-key","algorithm":"token"},"secrets":["k"]})");
  routes.publish(table_of({link}));
  EXPECT_EQ(refusal_of(push()), ErrorCode::kUnauthorized);
  Submitter::Message genuine = push();
  genuine.header_lines += "X-Key: k\r\n";
  submit(genuine);
  ASSERT_EQ(store.taken.size(), 1u);
  genuine.is_test = true;
  submit(genuine);
  for (const auto& taken : store.taken)
    EXPECT_EQ(taken.payload.headers.in(taken.payload.buffer).find("X-Key"), std::string::npos)
        << "what proves a message is not kept";
  Submitter::Message test = push();
  test.is_test = true;
  submit(test);
  EXPECT_EQ(store.taken.size(), 3u) << "a test is our own";
}

}  // namespace
}  // namespace headrace::ingest
