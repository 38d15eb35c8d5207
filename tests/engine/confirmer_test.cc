// SPDX-License-Identifier: Apache-2.0
// Who is told that somebody listens.
#include "engine/confirmer.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

namespace headrace::engine {
namespace {

// Keeps the events' names.
class Heard final : public core::LogSink {
 public:
  void write(core::LogLevel, std::string_view event, std::string_view,
             std::initializer_list<core::LogField> fields) noexcept override {
    const std::lock_guard lock(mutex_);
    std::string line(event);
    for (const core::LogField& field : fields)
      if (const auto* text = std::get_if<std::string_view>(&field.value))
        line.append(" ").append(*text);
    lines_.push_back(std::move(line));
    changed_.notify_all();
  }
  // The next line; waits for it.
  std::string next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return read_ < lines_.size(); });
    return lines_[read_++];
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
  std::size_t read_ = 0;
};

constexpr Confirmer::Options kAtOnce{.first_delay = std::chrono::milliseconds(0)};
const std::string kUrl = "https://sns.us-east-1.amazonaws.com/?Token=t0p";

TEST(ConfirmerTest, UrlIsFetchedOnceAndTheResultIsLoggedWithoutItsToken) {
  Heard log;
  std::vector<std::string> fetched;
  Confirmer confirmer(
      [&](const std::string& url, const auto&) -> Result<int> {
        fetched.push_back(url);
        return 200;
      },
      log, kAtOnce);
  confirmer.start();
  confirmer.confirm(kUrl);
  EXPECT_EQ(log.next(), "confirmed sns.us-east-1.amazonaws.com");
  confirmer.stop();
  EXPECT_EQ(fetched, std::vector<std::string>{kUrl});
}

TEST(ConfirmerTest, WhatMayGoBetterIsTriedAFewTimes) {
  struct Case {
    Result<int> answer;
    unsigned tries;
    std::string line;
  };
  const Case cases[] = {
      {503, Confirmer::kTriesMax, "it answered 503"},
      {429, Confirmer::kTriesMax, "it answered 429"},
      {Error{ErrorCode::kConnectFailed, "nobody there", 0}, Confirmer::kTriesMax, "nobody there"},
      {404, 1, "it answered 404"},
      {302, 1, "it answered 302"},
      {Error{ErrorCode::kForbidden, "its address is not allowed", 0}, 1,
       "its address is not allowed"}};
  for (const Case& one : cases) {
    Heard log;
    unsigned tries = 0;
    Confirmer confirmer(
        [&](const std::string&, const auto&) {
          ++tries;
          return one.answer;
        },
        log, kAtOnce);
    confirmer.start();
    confirmer.confirm(kUrl);
    EXPECT_EQ(log.next(), "confirmation_failed sns.us-east-1.amazonaws.com " + one.line);
    confirmer.stop();
    EXPECT_EQ(tries, one.tries) << one.line;
  }
}

// Lets one fetch begin, and end when it is told to.
struct Gate {
  std::mutex mutex;
  std::condition_variable changed;
  bool begun = false;
  bool open = false;
  std::size_t fetched = 0;

  Result<int> pass() {
    std::unique_lock lock(mutex);
    begun = true;
    ++fetched;
    changed.notify_all();
    changed.wait(lock, [this] { return open; });
    return 200;
  }
  void wait_begun() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return begun; });
  }
  void let_go() {
    const std::lock_guard lock(mutex);
    open = true;
    changed.notify_all();
  }
};

TEST(ConfirmerTest, WhatHasNoRoomIsDroppedAndWhatWaitsIsNotPutThereTwice) {
  Heard log;
  Gate gate;
  Confirmer confirmer([&](const std::string&, const auto&) { return gate.pass(); }, log, kAtOnce);
  confirmer.start();
  confirmer.confirm(kUrl);
  gate.wait_begun();
  for (std::size_t i = 1; i < Confirmer::kWaitingMax; ++i) {
    confirmer.confirm(kUrl + std::to_string(i));
    confirmer.confirm(kUrl + std::to_string(i));
  }
  confirmer.confirm(kUrl);
  confirmer.confirm(kUrl + "one too many");
  EXPECT_EQ(log.next(), "confirmation_dropped sns.us-east-1.amazonaws.com");
  gate.let_go();
  for (std::size_t i = 0; i < Confirmer::kWaitingMax; ++i)
    EXPECT_EQ(log.next(), "confirmed sns.us-east-1.amazonaws.com");
  confirmer.stop();
  EXPECT_EQ(gate.fetched, Confirmer::kWaitingMax);
}

TEST(ConfirmerTest, StopDoesNotWaitForTheNextTry) {
  Heard log;
  Gate gate;
  gate.open = true;
  Confirmer confirmer(
      [&](const std::string&, const auto&) -> Result<int> {
        (void)gate.pass();
        return 500;
      },
      log, {.first_delay = std::chrono::hours(1)});
  confirmer.start();
  confirmer.confirm(kUrl);
  gate.wait_begun();
  confirmer.stop();
  confirmer.confirm(kUrl);  // nobody is there any more
  EXPECT_EQ(gate.fetched, 1u);
}

}  // namespace
}  // namespace headrace::engine
