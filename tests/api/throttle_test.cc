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
      throttle.failed(of, "wrong", now);
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
  EXPECT_EQ(wait(std::nullopt), 0u) << "who has no address is another one";
  now += options.lock_first_ms - 1;
  EXPECT_EQ(wait(client), 1u);
  now += 1;
  EXPECT_EQ(wait(client), 0u);
}

TEST_F(ThrottleTest, TriesThatTakeAMomentAreNoFurtherOne) {
  for (std::uint32_t i = 0; i < options.tries; ++i, ++now) {
    EXPECT_EQ(wait(client), 0u);
    throttle.failed(client, "wrong", now);
  }
  EXPECT_NE(wait(client), 0u);
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
    throttle.failed(client, "wrong", now);
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
    throttle.failed(client, "wrong", now);
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

// The /48 has ten times as much as one of its networks, and is locked out when that is used up.
TEST_F(ThrottleTest, SiteOfIpv6ClientsIsLockedOutWhenItsNetworksFail) {
  std::size_t tries = 0;
  for (std::uint16_t i = 0; tries < 10'000; ++i) {
    IpAddress of = address("2001:db8:1::1");
    of.bytes[6] = static_cast<std::uint8_t>(i >> 8);
    of.bytes[7] = static_cast<std::uint8_t>(i);
    if (wait(of) != 0) break;
    throttle.failed(of, "wrong", now);
    ++tries;
  }
  EXPECT_EQ(tries, options.tries * options.site_factor);
  EXPECT_EQ(wait(address("2001:db8:1:ffff::1")), options.lock_first_ms);
  EXPECT_EQ(wait(address("2001:db8:2::1")), 0u);
}

// Whatever others do: no address is locked out that did nothing.
TEST_F(ThrottleTest, NoNumberOfOtherClientsLocksOutAnybody) {
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    throttle.failed(
        IpAddress::of_v4(11, static_cast<std::uint8_t>(i >> 16), static_cast<std::uint8_t>(i >> 8),
                         static_cast<std::uint8_t>(i)),
        "wrong", now);
  }
  EXPECT_EQ(wait(address("203.0.113.9")), 0u);
  EXPECT_EQ(wait(address("2001:db8::1")), 0u);
  EXPECT_EQ(wait(std::nullopt), 0u);
}

TEST_F(ThrottleTest, WhoHasNoAddressIsOneClientWithTheTriesOfASite) {
  std::size_t tries = 0;
  for (; wait(std::nullopt) == 0; ++tries) throttle.failed(std::nullopt, "wrong", now);
  EXPECT_EQ(tries, options.tries * options.site_factor);
  EXPECT_EQ(wait(client), 0u);
}

TEST_F(ThrottleTest, KeyThatWorkedAndIsRevokedIsLikeAnyOther) {
  throttle.succeeded(client, "revoked");
  std::size_t tries = 0;
  for (; tries < 100'000 && wait(client, "revoked") == 0; ++tries)
    throttle.failed(client, "revoked", now);
  EXPECT_EQ(tries, options.tries);
  EXPECT_EQ(wait(client, "revoked"), options.lock_first_ms);
  throttle.succeeded(client, "right");
  throttle.failed(client, "right", now);
  EXPECT_NE(wait(client, "right"), 0u) << "also where it is locked out already";
  EXPECT_EQ(wait(client, "other"), options.lock_first_ms) << "which takes no longer by that";
}

// However much fails at once, as that which was under way when it was locked out.
TEST_F(ThrottleTest, WhatFailsWhileLockedOutLocksNoLonger) {
  for (int i = 0; i < 100'000; ++i) throttle.failed(client, "wrong", now);
  EXPECT_EQ(wait(client), options.lock_first_ms);
  now += 2 * options.lock_first_ms + options.tries * options.try_again_ms;
  EXPECT_EQ(use_up(client), options.tries) << "all tries are there again";
}

TEST_F(ThrottleTest, ManyClientsCannotMakeItForgetTheWorst) {
  use_up(client);
  for (std::uint32_t i = 0; i < 2000; ++i) {
    throttle.failed(
        IpAddress::of_v4(10, 1, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)),
        "wrong", now);
  }
  EXPECT_NE(wait(client), 0u);
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
    const auto pauses = *rc::gen::container<std::vector<std::uint64_t>>(rc::gen::oneOf(
        rc::gen::just<std::uint64_t>(0), rc::gen::inRange<std::uint64_t>(0, 20'000)));
    for (const std::uint64_t pause : pauses) {
      now += pause;
      if (const std::uint64_t wait = throttle.wait_of(client, "k", now); wait != 0) {
        RC_ASSERT(wait <= options.lock_max_ms);
        RC_ASSERT(throttle.wait_of(client, "k", now + wait - 1) == 1u);
        RC_ASSERT(throttle.wait_of(client, "k", now + wait) == 0u);
        continue;
      }
      throttle.failed(client, "wrong", now);
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
  while (guard.wait_of(client, "k").count() == 0) guard.failed(client, "k");
  EXPECT_EQ(log.failed, std::vector<std::int64_t>{1});
  clock.advance(std::chrono::minutes(1));
  guard.failed(client, "k");
  EXPECT_EQ(log.failed, (std::vector<std::int64_t>{1, 10}));
  const std::string text = metrics.prometheus();
  EXPECT_NE(text.find("headrace_api_keys_failed_total 11"), std::string::npos) << text;
  EXPECT_NE(text.find("headrace_api_keys_locked_out_total 1"), std::string::npos) << text;
}

}  // namespace
}  // namespace headrace::api
