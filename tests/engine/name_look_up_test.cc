// SPDX-License-Identifier: Apache-2.0
// Names whose servers are slow hold up nobody for long, and few at a time.
#include "engine/name_look_up.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/target_check.h"
#include "tests/engine/engine_rig.h"
#include "tests/support/name_server.h"

namespace headrace::engine {
namespace {

using test::eventually;
using test::NameServer;

// Moved by hand, and read by the thread of the names.
class SharedClock final : public core::Clock {
 public:
  std::uint64_t steady_ns() const noexcept override { return now_ms * 1'000'000; }
  core::WallMs wall_ms() const noexcept override { return now_ms; }
  std::atomic<std::uint64_t> now_ms{1'000'000};
};

class NameLookUpTest : public testing::Test {
 protected:
  NameLookUpTest() {
    thread.start();
    thread.run_and_wait([this] { server = std::make_unique<NameServer>(thread.loop()); });
    EXPECT_TRUE(names.start(server->address()));
  }
  ~NameLookUpTest() override {
    names.stop();
    for (std::thread& one : asking) one.join();
    thread.run_and_wait([this] { server->close(); });
    thread.stop();
  }

  void silence() {
    thread.run_and_wait([this] { server->silent = true; });
  }
  std::size_t questions() {
    std::size_t count = 0;
    thread.run_and_wait([&] { count = server->a_questions; });
    return count;
  }
  static std::vector<std::string> hosts_of(std::string_view who, std::size_t count) {
    std::vector<std::string> hosts;
    for (std::size_t i = 0; i < count; ++i)
      hosts.push_back("h" + std::to_string(i) + "." + std::string(who) + ".test.");
    return hosts;
  }
  // On a thread of its own.
  void ask(std::vector<std::string> hosts) {
    asking.emplace_back([this, hosts = std::move(hosts)] {
      const auto answers = names.look_up(hosts);
      EXPECT_EQ(answers.size(), hosts.size());
      EXPECT_TRUE(std::all_of(answers.begin(), answers.end(),
                              [](const auto& answer) { return answer.empty(); }));
      ++answered;
    });
  }
  // Time passes, and the names' loop notices; the names that are known are answered by it.
  void advance(std::chrono::milliseconds by) {
    clock.now_ms += static_cast<std::uint64_t>(by.count());
    (void)names.look_up(hosts_of("nudge", 1));
  }

  const core::SystemClock system_clock;
  core::LoopThread thread{system_clock, "name-server"};
  std::unique_ptr<NameServer> server;
  SharedClock clock;
  NameLookUp names{clock};
  std::atomic<std::size_t> answered{0};
  std::vector<std::thread> asking;
};

TEST_F(NameLookUpTest, EachNameHasItsOwnAnswer) {
  const std::vector<std::string> hosts = {"a.test.", "no.test.", "127.0.0.1", "a.test."};
  const auto answers = names.look_up(hosts);
  ASSERT_EQ(answers.size(), 4u);
  EXPECT_EQ(answers[0].count, 1u);
  EXPECT_TRUE(answers[1].empty());
  EXPECT_EQ(answers[2].count, 1u);
  EXPECT_EQ(answers[3].count, 1u);
  EXPECT_EQ(questions(), 2u);
  EXPECT_TRUE(names.look_up({}).empty());
}

// The names of 64 envs, two URLs each: all are asked for before any is given up, so one budget is
// all that they cost.
TEST_F(NameLookUpTest, AllNamesOfARequestAreWaitedForTogetherAndForOneBudget) {
  (void)names.look_up(hosts_of("nudge", 1));
  silence();
  const TargetRules rules(
      nullptr, false, [this](std::span<const std::string> hosts) { return names.look_up(hosts); });
  std::vector<WrittenUrl> urls;
  for (const std::string& host : hosts_of("slow", NameLookUp::kNamesMax))
    urls.push_back({"https://" + host + "/", "/url"});
  asking.emplace_back([&] {
    EXPECT_TRUE(resolve_and_check(rules, urls)) << "what is not answered is not known";
    ++answered;
  });
  EXPECT_TRUE(eventually([this] { return questions() == 1 + NameLookUp::kNamesMax; }));
  EXPECT_EQ(answered, 0u);
  advance(NameLookUp::kWaitMax);
  EXPECT_TRUE(eventually([this] { return answered == 1; }));
}

TEST_F(NameLookUpTest, MoreNamesThanARequestMayHaveAreNotAskedFor) {
  const auto answers = names.look_up(hosts_of("many", NameLookUp::kNamesMax + 5));
  EXPECT_EQ(answers.size(), NameLookUp::kNamesMax + 5);
  EXPECT_TRUE(answers.back().empty());
  EXPECT_EQ(questions(), NameLookUp::kNamesMax);
}

TEST_F(NameLookUpTest, OnlyAFewWaitAndOthersAreToldWhatIsKnown) {
  const auto known = hosts_of("nudge", 1);
  (void)names.look_up(known);
  silence();
  for (std::size_t i = 0; i < NameLookUp::kWaitersMax; ++i)
    ask(hosts_of("slow" + std::to_string(i), 1));
  EXPECT_TRUE(eventually([this] { return questions() == 1 + NameLookUp::kWaitersMax; }));
  // Neither of these waits for anything.
  EXPECT_TRUE(names.look_up(hosts_of("one-more", 1))[0].empty());
  EXPECT_EQ(names.look_up(known)[0].count, 1u);
  EXPECT_EQ(answered, 0u);
  advance(NameLookUp::kWaitMax);
  EXPECT_TRUE(eventually([this] { return answered == NameLookUp::kWaitersMax; }));
  ask(hosts_of("later", 1));
  EXPECT_TRUE(eventually([this] { return questions() == 3 + NameLookUp::kWaitersMax; }));
  EXPECT_EQ(answered, NameLookUp::kWaitersMax) << "there is room again";
}

TEST_F(NameLookUpTest, StopLetsWhoWaitsGo) {
  silence();
  ask(hosts_of("slow", 3));
  EXPECT_TRUE(eventually([this] { return questions() == 3; }));
  names.stop();
  for (std::thread& one : asking) one.join();
  asking.clear();
  EXPECT_EQ(answered, 1u);
  EXPECT_TRUE(names.look_up(hosts_of("late", 1))[0].empty());
}

}  // namespace
}  // namespace headrace::engine
