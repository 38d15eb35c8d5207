// SPDX-License-Identifier: Apache-2.0
#include "dispatch/breaker.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <vector>

namespace headrace::dispatch {

using store::AttemptError;
using Change = Breaker::Change;
using namespace std::chrono_literals;

constexpr core::WallMs kStart = 1'700'000'000'000;

Change fail(Breaker& breaker, core::WallMs now, const BreakerSettings& settings = {}) {
  return breaker.on_end(Health::kBad, now, settings);
}
Change succeed(Breaker& breaker, core::WallMs now, const BreakerSettings& settings = {}) {
  return breaker.on_end(Health::kGood, now, settings);
}
void open(Breaker& breaker, core::WallMs now, const BreakerSettings& settings = {}) {
  while (fail(breaker, now, settings) != Change::kOpened) {
  }
}

TEST(BreakerTest, OpensAtTheTwentiethFailureAndNoSooner) {
  Breaker breaker;
  for (unsigned i = 0; i < 19; ++i) EXPECT_EQ(fail(breaker, kStart + i), Change::kNone);
  EXPECT_TRUE(breaker.closed());
  EXPECT_EQ(fail(breaker, kStart + 19), Change::kOpened);
  EXPECT_FALSE(breaker.closed());
  EXPECT_EQ(breaker.open_until(), kStart + 19 + 30'000);
}

TEST(BreakerTest, StaysClosedBelowTheShareOfFailures) {
  Breaker breaker;
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(succeed(breaker, kStart), Change::kNone);
    for (int j = 0; j < 8; ++j) EXPECT_EQ(fail(breaker, kStart), Change::kNone);
  }
  EXPECT_TRUE(breaker.closed());
}

TEST(BreakerTest, WhatIsOlderThanTheWindowDoesNotCount) {
  Breaker breaker;
  for (int i = 0; i < 19; ++i) fail(breaker, kStart);
  EXPECT_EQ(fail(breaker, kStart + 60'000), Change::kNone);
  for (int i = 0; i < 17; ++i) fail(breaker, kStart + 60'000);
  EXPECT_EQ(fail(breaker, kStart + 90'000), Change::kNone);
  EXPECT_EQ(fail(breaker, kStart + 90'000), Change::kOpened);
}

TEST(BreakerTest, ASuccessfulProbeClosesItAndForgetsAll) {
  Breaker breaker;
  open(breaker, kStart);
  EXPECT_EQ(succeed(breaker, breaker.open_until()), Change::kClosed);
  EXPECT_TRUE(breaker.closed());
  for (int i = 0; i < 19; ++i) EXPECT_EQ(fail(breaker, kStart + 40'000), Change::kNone);
  EXPECT_EQ(fail(breaker, kStart + 40'000), Change::kOpened);
  EXPECT_EQ(breaker.open_until(), kStart + 70'000) << "the doubling began anew";
}

TEST(BreakerTest, FailingProbesDoubleTheTimeUpToItsMaximum) {
  Breaker breaker;
  open(breaker, kStart);
  for (const core::WallMs expected : {60'000u, 120'000u, 240'000u, 480'000u, 600'000u, 600'000u}) {
    const core::WallMs now = breaker.open_until();
    EXPECT_EQ(fail(breaker, now), Change::kOpened);
    EXPECT_EQ(breaker.open_until(), now + expected);
  }
}

TEST(BreakerTest, LateEndsWhileItIsOpenChangeNothing) {
  Breaker breaker;
  open(breaker, kStart);
  const core::WallMs until = breaker.open_until();
  EXPECT_EQ(succeed(breaker, until - 1), Change::kNone);
  EXPECT_EQ(fail(breaker, until - 1), Change::kNone);
  EXPECT_EQ(breaker.open_until(), until);
  EXPECT_FALSE(breaker.closed());
}

TEST(BreakerTest, WhatSaysNothingNeitherOpensNorCloses) {
  Breaker breaker;
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(breaker.on_end(Health::kUnknown, kStart, {}), Change::kNone);
  }
  open(breaker, kStart);
  EXPECT_EQ(breaker.on_end(Health::kUnknown, breaker.open_until(), {}), Change::kNone);
  EXPECT_FALSE(breaker.closed());
}

TEST(BreakerTest, ErrorsServerErrorsAndTooManyRequestsAreBad) {
  for (const auto error :
       {AttemptError::kResolve, AttemptError::kConnect, AttemptError::kConnectTimeout,
        AttemptError::kTls, AttemptError::kSend, AttemptError::kTimeout, AttemptError::kClosed,
        AttemptError::kProtocol, AttemptError::kBlockedAddress}) {
    EXPECT_EQ(health_of(error, 200), Health::kBad);
  }
  for (const auto error : {AttemptError::kSecret, AttemptError::kEndpointGone,
                           AttemptError::kInvalidUrl, AttemptError::kTooLarge}) {
    EXPECT_EQ(health_of(error, 0), Health::kUnknown);
  }
  for (const std::uint16_t status : std::initializer_list<std::uint16_t>{429, 500, 503, 599}) {
    EXPECT_EQ(health_of(AttemptError::kNone, status), Health::kBad);
  }
  for (const std::uint16_t status : std::initializer_list<std::uint16_t>{200, 302, 400, 404, 410}) {
    EXPECT_EQ(health_of(AttemptError::kNone, status), Health::kGood);
  }
}

TEST(BreakerTest, SettingsOutsideTheBoundsAreNotValid) {
  EXPECT_TRUE(BreakerSettings{}.valid());
  EXPECT_FALSE((BreakerSettings{.window = 9ms}.valid()));
  EXPECT_FALSE((BreakerSettings{.count_min = 0}.valid()));
  EXPECT_FALSE((BreakerSettings{.threshold = 0}.valid()));
  EXPECT_FALSE((BreakerSettings{.threshold = 1.1}.valid()));
  EXPECT_FALSE((BreakerSettings{.open_for = 0ms}.valid()));
  EXPECT_FALSE((BreakerSettings{.open_for = 11min}.valid()));
  EXPECT_FALSE((BreakerSettings{.probes = 0}.valid()));
}

// Against all ends kept with their times.
RC_GTEST_PROP(BreakerTest, AgreesWithAModelThatKeepsEveryEnd,
              (const std::vector<std::uint16_t>& events)) {
  BreakerSettings settings;
  settings.count_min = *rc::gen::inRange<std::uint32_t>(1, 10);
  settings.threshold = *rc::gen::inRange(1, 101) / 100.0;
  const core::WallMs bucket = 6'000;
  struct End {
    core::WallMs at;
    bool failed;
  };
  std::vector<End> ends;
  core::WallMs now = kStart;
  core::WallMs open_until = 0;
  core::WallMs open_for = 0;  // 0: closed
  Breaker breaker;
  for (const std::uint16_t event : events) {
    now += event % 4 == 0 ? event : 0;
    const bool failed = event % 3 != 0;
    const Change change = breaker.on_end(failed ? Health::kBad : Health::kGood, now, settings);
    Change expected = Change::kNone;
    if (now < open_until) {
    } else if (open_for != 0) {
      expected = failed ? Change::kOpened : Change::kClosed;
      open_for = failed ? std::min<core::WallMs>(2 * open_for, 600'000) : 0;
    } else {
      ends.push_back({now, failed});
      double ended = 0;
      double bad = 0;
      for (const End& end : ends) {
        if (end.at / bucket + 10 <= now / bucket) continue;
        ended += 1;
        bad += end.failed ? 1 : 0;
      }
      if (failed && ended >= settings.count_min && bad >= settings.threshold * ended) {
        expected = Change::kOpened;
        open_for = 30'000;
      }
    }
    if (expected != Change::kNone) ends.clear();
    if (expected == Change::kOpened) open_until = now + open_for;
    RC_ASSERT(change == expected);
    RC_ASSERT(breaker.closed() == (open_for == 0));
    if (expected == Change::kOpened) RC_ASSERT(breaker.open_until() == open_until);
  }
}

}  // namespace headrace::dispatch
