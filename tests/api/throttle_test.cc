// SPDX-License-Identifier: Apache-2.0
#include "api/throttle.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <string>
#include <vector>

#include "api/key_guard.h"
#include "tests/support/manual_clock.h"

namespace headrace::api {
namespace {

using core::IpAddress;

constexpr std::uint64_t kStart = 1'000'000'000;

IpAddress address(std::string_view text) { return *IpAddress::parse(text); }

class ThrottleTest : public testing::Test {
 protected:
  std::uint64_t wait(const std::optional<IpAddress>& of, std::string_view key = "wrong") {
    return throttle.wait_of(of, key, now);
  }
  // Tries until it is locked out; how many were looked at.
  std::size_t use_up(const IpAddress& of) {
    std::size_t tries = 0;
    while (wait(of) == 0) {
      throttle.failed(of, now);
      ++tries;
    }
    return tries;
  }

  const IpAddress client = address("192.0.2.1");
  std::uint64_t now = kStart;
  ThrottleOptions options;
  Throttle throttle{options};
};

TEST_F(ThrottleTest, ClientIsLockedOutWhenItsTriesAreUsedUp) {
  EXPECT_EQ(use_up(client), options.tries);
  EXPECT_EQ(wait(client), options.lock_first_ms);
  EXPECT_EQ(wait(address("192.0.2.2")), 0u) << "others are not";
  EXPECT_EQ(wait(std::nullopt), 0u);
  now += options.lock_first_ms - 1;
  EXPECT_EQ(wait(client), 1u);
  now += 1;
  EXPECT_EQ(wait(client), 0u);
}

TEST_F(ThrottleTest, EachLockOutIsTwiceAsLongUntilTheLongest) {
  use_up(client);
  std::uint64_t wanted = options.lock_first_ms;
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(wait(client), wanted);
    now += wait(client);
    EXPECT_EQ(use_up(client), 1u);
    wanted = std::min(wanted * 2, options.lock_max_ms);
  }
}

TEST_F(ThrottleTest, QuietClientIsForgiven) {
  use_up(client);
  now += 2 * options.lock_first_ms + options.tries * options.try_again_ms;
  EXPECT_EQ(use_up(client), options.tries);
  EXPECT_EQ(wait(client), options.lock_first_ms);
}

TEST_F(ThrottleTest, WaitingOutLocksInARowIsNoQuiet) {
  use_up(client);
  now += wait(client);
  use_up(client);
  now += 2 * options.lock_first_ms;  // its lock just ends
  EXPECT_EQ(use_up(client), 1u);
  EXPECT_EQ(wait(client), 4 * options.lock_first_ms);
}

TEST_F(ThrottleTest, SlowTriesAreNeverLockedOut) {
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(wait(client), 0u);
    throttle.failed(client, now);
    now += options.try_again_ms;
  }
}

TEST_F(ThrottleTest, KeyThatWorkedFromThereIsLetThrough) {
  throttle.succeeded(client, "right");
  use_up(client);
  EXPECT_EQ(wait(client, "right"), 0u);
  EXPECT_NE(wait(client, "righ"), 0u);
  EXPECT_NE(wait(client, "right "), 0u);
  use_up(address("192.0.2.2"));
  EXPECT_NE(wait(address("192.0.2.2"), "right"), 0u) << "from elsewhere it is like any other";
}

TEST_F(ThrottleTest, OwnSuccessForgivesNoFailure) {
  for (std::uint32_t i = 0; i < options.tries; ++i) {
    throttle.failed(client, now);
    throttle.succeeded(client, "right");
  }
  EXPECT_NE(wait(client), 0u);
}

TEST_F(ThrottleTest, NetworkOfAnIpv6ClientIsOneClient) {
  use_up(address("2001:db8:1:2::1"));
  EXPECT_NE(wait(address("2001:db8:1:2:ffff::9")), 0u);
  EXPECT_EQ(wait(address("2001:db8:1:3::1")), 0u);
  use_up(address("::ffff:198.51.100.7"));
  EXPECT_NE(wait(address("198.51.100.7")), 0u) << "a mapped address is its IPv4 address";
  EXPECT_EQ(wait(address("198.51.100.8")), 0u);
}

TEST_F(ThrottleTest, AllClientsTogetherAreBoundedSaveFromLoopback) {
  throttle.succeeded(client, "right");
  std::size_t tries = 0;
  for (std::uint32_t i = 0; i < 100'000 && wait(IpAddress::of_v4(10, 0, 0, 0)) == 0; ++i) {
    throttle.failed(
        IpAddress::of_v4(11, static_cast<std::uint8_t>(i >> 16), static_cast<std::uint8_t>(i >> 8),
                         static_cast<std::uint8_t>(i)),
        now);
    ++tries;
  }
  EXPECT_EQ(tries, options.tries_of_all);
  EXPECT_EQ(wait(address("203.0.113.9")), options.try_of_all_again_ms);
  EXPECT_EQ(wait(std::nullopt), options.try_of_all_again_ms);
  EXPECT_EQ(wait(address("127.0.0.1")), 0u);
  EXPECT_EQ(wait(address("::1")), 0u);
  EXPECT_EQ(wait(client, "right"), 0u) << "who is at work goes on";
  now += options.try_of_all_again_ms;
  EXPECT_EQ(wait(address("203.0.113.9")), 0u);
}

TEST_F(ThrottleTest, ManyClientsCannotMakeItForgetTheWorst) {
  options.tries_of_all = 1'000'000;
  Throttle wide(options);
  while (wide.wait_of(client, "wrong", now) == 0) wide.failed(client, now);
  for (std::uint32_t i = 0; i < 2000; ++i) {
    wide.failed(IpAddress::of_v4(10, 1, static_cast<std::uint8_t>(i >> 8),
                                 static_cast<std::uint8_t>(i)),
                now);
  }
  EXPECT_NE(wide.wait_of(client, "wrong", now), 0u);
}

// Whatever one client does, and however it times it: what is looked at within any span is bounded,
// waits are exact and no longer than the longest lock.
TEST(ThrottleProperties, TriesAreBoundedAndWaitsExact) {
  EXPECT_TRUE(rc::check("throttle", [] {
    ThrottleOptions options;
    options.tries = *rc::gen::inRange<std::uint32_t>(1, 20);
    options.try_again_ms = *rc::gen::inRange<std::uint64_t>(1, 10'000);
    options.lock_first_ms = *rc::gen::inRange<std::uint64_t>(1, 10'000);
    options.lock_max_ms = options.lock_first_ms * *rc::gen::inRange<std::uint64_t>(1, 100);
    Throttle throttle(options);
    const IpAddress client = IpAddress::of_v4(192, 0, 2, 1);
    std::uint64_t now = kStart;
    std::vector<std::uint64_t> tries;
    const auto pauses = *rc::gen::container<std::vector<std::uint64_t>>(
        rc::gen::oneOf(rc::gen::just<std::uint64_t>(0), rc::gen::inRange<std::uint64_t>(0, 20'000)));
    for (const std::uint64_t pause : pauses) {
      now += pause;
      if (const std::uint64_t wait = throttle.wait_of(client, "k", now); wait != 0) {
        RC_ASSERT(wait <= std::max(options.lock_max_ms, options.try_of_all_again_ms));
        RC_ASSERT(throttle.wait_of(client, "k", now + wait - 1) == 1u);
        RC_ASSERT(throttle.wait_of(client, "k", now + wait) == 0u);
        continue;
      }
      throttle.failed(client, now);
      tries.push_back(now);
    }
    for (std::size_t first = 0; first < tries.size(); ++first) {
      for (std::size_t last = first; last < tries.size(); ++last) {
        const std::uint64_t span = tries[last] - tries[first];
        const std::uint64_t locks = span / options.lock_first_ms + 1;
        RC_ASSERT(last - first + 1 <= options.tries + span / options.try_again_ms + locks);
      }
    }
  }));
}

// --- As the server uses it

class KeptLog final : public core::LogSink {
 public:
  void write(core::LogLevel, std::string_view event, std::string_view,
             std::initializer_list<core::LogField> fields) noexcept override {
    EXPECT_EQ(event, "keys_refused");
    failed.push_back(std::get<std::int64_t>(fields.begin()->value));
  }
  std::vector<std::int64_t> failed;
};

TEST(KeyGuardTest, CountsAllAndTellsOnceAMinute) {
  test::ManualClock clock;
  KeptLog log;
  KeyGuard guard(clock, &log);
  core::MetricsRegistry metrics;
  guard.register_metrics(metrics);
  const IpAddress client = IpAddress::of_v4(192, 0, 2, 1);
  while (guard.wait_of(client, "k").count() == 0) guard.failed(client);
  EXPECT_EQ(log.failed, std::vector<std::int64_t>{1});
  clock.advance(std::chrono::minutes(1));
  guard.failed(client);
  EXPECT_EQ(log.failed, (std::vector<std::int64_t>{1, 10}));
  const std::string text = metrics.prometheus();
  EXPECT_NE(text.find("headrace_api_keys_failed_total 11"), std::string::npos) << text;
  EXPECT_NE(text.find("headrace_api_keys_locked_out_total 1"), std::string::npos) << text;
}

}  // namespace
}  // namespace headrace::api
