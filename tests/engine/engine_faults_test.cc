// SPDX-License-Identifier: Apache-2.0
// The whole engine, with real sockets, on a machine whose disk fills up, fails or is read-only, and
// whose clock jumps. docs/faults.md has the table of all faults.
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <set>
#include <string>

#include "tests/engine/machine.h"

namespace headrace::test {
namespace {

using Operation = testing::FaultyFileSystem::Operation;
using std::chrono::milliseconds;

constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::size_t kLargeBytes = 20'000;
const std::string kLog = std::string(Machine::kDirectory) + "/log/";
const std::string kFamilies = std::string(Machine::kDirectory) + "/db/";

class EngineFaultsTest : public ::testing::Test {
 protected:
  EngineFaultsTest() {
    start();
    register_app(*engine_);
    product_ = register_product(*engine_, "shop", sink_.url());
  }

  static EngineConfig config() {
    EngineConfig config = small_engine(Machine::kDirectory);
    config.listen = "127.0.0.1:0";
    return config;
  }
  void start() {
    engine_ = machine_.start(config());
    ASSERT_TRUE(engine_);
  }
  void restart() {
    engine_.reset();
    start();
  }

  // Posts a message of that size to the product's link; the answer. What got a 2xx is owed.
  std::string post(std::size_t bytes = 0) {
    const std::string body = R"({"action":"starred","number":)" + std::to_string(++number_) +
                             R"(,"fill":")" + std::string(bytes, 'x') + "\"}";
    const std::string answer = exchange(engine_->ingest_address(),
                                        "POST /in/" + std::string(token_of(product_.link)) +
                                            " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                                            "Content-Type: application/json\r\nContent-Length: " +
                                            std::to_string(body.size()) + "\r\n\r\n" + body);
    if (answer.starts_with("HTTP/1.1 2")) owed_.insert(body);
    return answer;
  }
  static bool is_taken(const std::string& answer) { return answer.starts_with("HTTP/1.1 200 "); }
  static bool is_another_try_later(const std::string& answer) {
    return answer.starts_with("HTTP/1.1 503 ") && answer.find("Retry-After: ") != std::string::npos;
  }

  // Everything that got a 2xx is delivered, and nothing else.
  void expect_all_delivered() {
    EXPECT_TRUE(eventually([this] { return sink_.count() >= owed_.size(); }));
    std::set<std::string> delivered;
    for (const auto& request : sink_.wait_for(0)) delivered.insert(request.body);
    EXPECT_EQ(delivered, owed_);
  }
  void set_retries(milliseconds delay) {
    EndpointSettings settings;
    settings.delivery.retry = RetrySettings{.schedule = {delay, delay}, .exponential = {}};
    ASSERT_TRUE(home(*engine_).update_endpoint(product_.id, settings));
  }

  Sink sink_;
  Machine machine_;
  std::unique_ptr<Engine> engine_;
  Endpoint product_;
  std::set<std::string> owed_;
  std::size_t number_ = 0;
};

TEST_F(EngineFaultsTest, FullDiskIsAnotherTryLaterUntilThereIsRoom) {
  ASSERT_TRUE(is_taken(post()));
  machine_.disk.set_room(0);
  std::string answer;
  for (int i = 0; i < 100 && !is_another_try_later(answer); ++i) answer = post(kLargeBytes);
  EXPECT_TRUE(is_another_try_later(answer)) << answer;
  // Small outcomes of what is delivered meanwhile may still fit, and say that all is well.
  EXPECT_TRUE(
      eventually([this] { return is_another_try_later(post(kLargeBytes)) && !engine_->ready(); }));
  expect_all_delivered();  // deliveries go on
  EXPECT_TRUE(home(*engine_).webhook("github", "repo"));
  machine_.disk.set_room(testing::FaultyFileSystem::kNoLimit);
  EXPECT_TRUE(eventually([this] { return engine_->ready(); }));
  EXPECT_TRUE(eventually([this] { return is_taken(post(kLargeBytes)); }));
  expect_all_delivered();
  restart();
  expect_all_delivered();
}

TEST_F(EngineFaultsTest, FailedSyncIsNeverAcknowledgedAndSaidByReadiness) {
  ASSERT_TRUE(is_taken(post()));
  expect_all_delivered();
  machine_.disk.fail(Operation::kSync, 1, EIO, kLog);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(is_another_try_later(post())) << i;
  EXPECT_FALSE(engine_->ready());
  restart();
  EXPECT_TRUE(engine_->ready());
  EXPECT_TRUE(is_taken(post()));
  // What was not acknowledged may have reached the disk, and is delivered then.
  EXPECT_TRUE(eventually([this] {
    std::set<std::string> delivered;
    for (const auto& request : sink_.wait_for(0)) delivered.insert(request.body);
    return std::includes(delivered.begin(), delivered.end(), owed_.begin(), owed_.end());
  }));
}

TEST_F(EngineFaultsTest, DirectoryThatCannotBeWrittenAtTheStartIsAClearError) {
  ASSERT_TRUE(is_taken(post()));
  engine_.reset();
  machine_.disk.set_read_only(true);
  const auto opened = machine_.try_start(config());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kStorageFailed);
  EXPECT_NE(opened.error().what.find("Read-only file system"), std::string::npos)
      << opened.error().what;
  machine_.disk.set_read_only(false);
  start();
  EXPECT_TRUE(is_taken(post()));
  expect_all_delivered();
}

TEST_F(EngineFaultsTest, DiskThatBecomesReadOnlyTakesNothingAndLosesNothing) {
  ASSERT_TRUE(is_taken(post()));
  machine_.disk.set_read_only(true);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(is_another_try_later(post())) << i;
  EXPECT_FALSE(engine_->ready());
  EXPECT_FALSE(home(*engine_).create_webhook("github", {.tag = "new", .envs = {{.slug = "prd"}}}));
  EXPECT_FALSE(home(*engine_).webhook("github", "new"));
  expect_all_delivered();
  machine_.disk.set_read_only(false);
  restart();
  EXPECT_FALSE(home(*engine_).webhook("github", "new"));
  EXPECT_TRUE(is_taken(post()));
  EXPECT_TRUE(eventually([this] { return sink_.count() >= owed_.size(); }));
}

TEST_F(EngineFaultsTest, ChangeOfTheRegistryThatIsNotSyncedIsRefusedAndNotShown) {
  machine_.disk.fail(Operation::kSync, 1, EIO, kFamilies);
  EXPECT_FALSE(home(*engine_).create_webhook("github", {.tag = "new", .envs = {{.slug = "prd"}}}));
  EXPECT_FALSE(home(*engine_).webhook("github", "new"));
  engine_.reset();
  machine_.disk.cut_power(1);
  start();
  EXPECT_TRUE(home(*engine_).webhook("github", "repo"));
  EXPECT_TRUE(home(*engine_).create_webhook("github", {.tag = "new", .envs = {{.slug = "prd"}}}));
  EXPECT_TRUE(is_taken(post()));
  expect_all_delivered();
}

// RocksDB trusts no file whose sync failed, and takes nothing until it is opened again.
TEST_F(EngineFaultsTest, RegistryWhoseSyncFailedStopsAcknowledgingUntilTheRestart) {
  const auto create = [this](const char* tag) {
    return home(*engine_).create_webhook("github", {.tag = tag, .envs = {{.slug = "prd"}}});
  };
  machine_.disk.fail(Operation::kSync, 1, EIO, kFamilies);
  EXPECT_FALSE(create("new"));
  EXPECT_TRUE(eventually([this] { return is_another_try_later(post()); }));
  EXPECT_FALSE(engine_->ready());
  EXPECT_FALSE(create("newer"));
  expect_all_delivered();
  restart();
  EXPECT_TRUE(engine_->ready());
  EXPECT_TRUE(create("newest"));
  EXPECT_TRUE(is_taken(post()));
}

TEST_F(EngineFaultsTest, ClockThatJumpsAnHourAheadMakesRetriesDueAndNothingElse) {
  sink_.answer_with(FakeEndpoint::answer(500));
  set_retries(milliseconds(kHourMs / 2));
  ASSERT_TRUE(is_taken(post()));
  EXPECT_TRUE(eventually([this] {  // its next time is worked out before the jump
    const auto attempts = home(*engine_).attempts({.endpoint = product_.id});
    return attempts && attempts->items.size() == 1;
  }));
  sink_.answer_with(FakeEndpoint::answer(200));
  machine_.clock.set_by(kHourMs);
  ASSERT_TRUE(is_taken(post()));  // the store looks at the time with the next message
  EXPECT_TRUE(eventually([this] { return sink_.count() == 3; }));
  expect_all_delivered();
}

TEST_F(EngineFaultsTest, ClockThatIsSetBackAnHourHoldsUpNothing) {
  ASSERT_TRUE(is_taken(post()));
  sink_.wait_for(1);
  machine_.clock.set_by(-kHourMs);
  sink_.answer_with(FakeEndpoint::answer(500));
  set_retries(milliseconds(1));
  ASSERT_TRUE(is_taken(post()));
  sink_.wait_for(2);
  sink_.answer_with(FakeEndpoint::answer(200));
  ASSERT_TRUE(is_taken(post()));
  EXPECT_TRUE(eventually([this] { return sink_.count() >= 4; }));
  expect_all_delivered();
}

}  // namespace
}  // namespace headrace::test
