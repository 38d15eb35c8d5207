// SPDX-License-Identifier: Apache-2.0
// The whole engine on a machine whose power goes, again and again: what was acknowledged is
// delivered, with its bytes, and what was changed in the registry is there.
#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "core/random.h"
#include "tests/engine/machine.h"

namespace headrace::test {
namespace {

constexpr std::uint64_t kMessagesPerRound = 120;
constexpr std::uint64_t kBodyBytesMax = 9'000;
constexpr std::uint64_t kChangesPerRound = 400;  // of the disk, before the power goes

// HEADRACE_ROUNDS for a long run.
std::size_t rounds() {
  const char* const asked = std::getenv("HEADRACE_ROUNDS");
  return asked == nullptr ? 12 : std::strtoul(asked, nullptr, 10);
}

// What became of the messages, each of which is known by its body.
class Ledger {
 public:
  void sent(const std::string& body) {
    const std::lock_guard lock(mutex_);
    ++open_;
    sent_.insert(body);
  }
  void answered(const std::string& body, SubmitStatus status) {
    const std::lock_guard lock(mutex_);
    if (status == SubmitStatus::kStored) accepted_.insert(body);
    --open_;
    changed_.notify_all();
  }
  void wait_for_answers() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return open_ == 0; });
  }
  const std::set<std::string>& accepted() const { return accepted_; }
  bool was_sent(const std::string& body) const { return sent_.contains(body); }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t open_ = 0;
  std::set<std::string> sent_;
  std::set<std::string> accepted_;
};

class EnginePowerTest : public ::testing::Test {
 protected:
  EnginePowerTest() {
    sink_.count_while([this] { return machine_.disk.is_on(); });
  }

  std::string make_body() {
    const std::string fill(random_.below(kBodyBytesMax),
                           static_cast<char>('a' + random_.below(26)));
    return R"({"action":"starred","number":)" + std::to_string(++number_) + R"(,"fill":")" + fill +
           "\"}";
  }

  void submit_one(Engine& engine) {
    const std::string body = make_body();
    ledger_.sent(body);
    engine.submit({.link_token = token_of(link_), .body = body, .content_type = "application/json"},
                  [this, body](SubmitStatus status, MessageId) { ledger_.answered(body, status); });
  }

  void change_registry(Engine& engine) {
    const std::string tag = "hook" + std::to_string(number_);
    WebhookSpec spec{.tag = tag, .name = std::string(random_.below(200), 'n')};
    spec.envs = {{.slug = "prd"}};
    if (home(engine).create_webhook("github", spec)) promised_.push_back(tag);
  }

  void check_registry(Engine& engine) {
    for (const std::string& tag : promised_) {
      EXPECT_TRUE(home(engine).webhook("github", tag)) << tag << " is gone";
    }
  }

  // One life of the machine, ended in the middle of what it does.
  void live(std::size_t round) {
    auto engine = machine_.start();
    ASSERT_TRUE(engine) << "round " << round;
    if (link_.empty()) {
      link_ = register_app(*engine);
      register_product(*engine, "shop", sink_.url());
    }
    check_registry(*engine);
    if (HasFailure()) return;
    machine_.disk.power_off_at(1 + random_.below(kChangesPerRound), random_.next());
    const std::uint64_t messages = random_.below(kMessagesPerRound);
    const std::uint64_t burst = 1 + random_.below(30);
    for (std::uint64_t i = 0; i < messages && machine_.disk.is_on(); ++i) {
      submit_one(*engine);
      if (i % burst == 0) ledger_.wait_for_answers();
      if (random_.below(25) == 0) change_registry(*engine);
    }
    machine_.disk.power_off_at(0, 0);
    const std::uint64_t seed = random_.next();
    if (seed % 3 == 0) ledger_.wait_for_answers();  // else with mail in all the boxes
    machine_.cut_power(std::move(engine), seed);
    ledger_.wait_for_answers();
  }

  std::map<std::string, std::size_t> delivered() {
    std::map<std::string, std::size_t> times;
    for (const auto& request : sink_.wait_for(0)) ++times[request.body];
    return times;
  }

  std::size_t missing() {
    const auto times = delivered();
    return static_cast<std::size_t>(
        std::count_if(ledger_.accepted().begin(), ledger_.accepted().end(),
                      [&](const std::string& body) { return !times.contains(body); }));
  }

  Sink sink_;
  Machine machine_;
  Ledger ledger_;
  core::Random random_{20};
  std::string link_;
  std::vector<std::string> promised_;
  std::size_t number_ = 0;
};

TEST_F(EnginePowerTest, WhatWasAcknowledgedIsDeliveredHoweverOftenThePowerGoes) {
  for (std::size_t round = 1; round <= rounds() && !HasFailure(); ++round) live(round);
  ASSERT_FALSE(HasFailure());
  auto engine = machine_.start();
  ASSERT_TRUE(engine);
  check_registry(*engine);
  EXPECT_TRUE(eventually([this] { return missing() == 0; })) << missing() << " are lost";
  engine->close();

  std::size_t deliveries = 0;
  std::size_t unanswered = 0;
  const auto times = delivered();
  for (const auto& [body, count] : times) {
    deliveries += count;
    if (!ledger_.accepted().contains(body)) ++unanswered;
    EXPECT_TRUE(ledger_.was_sent(body)) << "nobody sent " << body.substr(0, 60);
  }
  const std::size_t duplicates = deliveries - times.size();
  EXPECT_LE(duplicates, rounds() * kMessagesPerRound) << "each cut may repeat one life's";
  EXPECT_GT(ledger_.accepted().size(), rounds() * 5);
  std::printf(
      "%zu power cuts: accepted %zu, lost %zu, duplicates %zu, delivered without an answer %zu, "
      "definitions promised %zu\n",
      rounds(), ledger_.accepted().size(), missing(), duplicates, unanswered, promised_.size());
}

// Else the machine would show nothing.
TEST(MachineTest, OnADiskThatLiesAboutSyncsAcknowledgedMessagesAreLost) {
  std::size_t lives_with_loss = 0;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    Machine machine;
    machine.disk.ignore_syncs(true);
    auto engine = machine.start();
    const auto [status, id] = submit(*engine, register_app(*engine), kStarred);
    ASSERT_EQ(status, SubmitStatus::kStored);
    machine.cut_power(std::move(engine), seed);
    const auto again = machine.try_start();
    if (!again || !home(**again).message(id)) ++lives_with_loss;
  }
  EXPECT_GT(lives_with_loss, 3u);
}

}  // namespace
}  // namespace headrace::test
