// SPDX-License-Identifier: Apache-2.0
#include "ingest/inflater.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

#include "core/buffer.h"
#include "core/limits.h"
#include "tests/support/deflated.h"

namespace headrace::ingest {
namespace {

namespace limits = core::limits;
using test::deflated;
using test::Frame;

class InflaterTest : public testing::Test {
 protected:
  std::string inflate(Coding coding, std::string_view bytes, std::size_t most = limits::kMiB) {
    auto text = inflater.inflate(coding, bytes, most);
    if (!text) return std::string(to_string(text.error().code));
    for (std::size_t i = 0; i < core::BufferPool::kPadding; ++i)
      EXPECT_EQ(text->data()[text->size() + i], '\0');
    return std::string(*text);
  }
  Inflater inflater;
};

TEST(CodingTest, IsReadFromTheHeadersValue) {
  EXPECT_EQ(coding_of(""), Coding::kNone);
  EXPECT_EQ(coding_of("Identity"), Coding::kNone);
  EXPECT_EQ(coding_of("GZIP"), Coding::kGzip);
  EXPECT_EQ(coding_of("x-gzip"), Coding::kGzip);
  EXPECT_EQ(coding_of("deflate"), Coding::kDeflate);
  EXPECT_EQ(coding_of("br"), Coding::kOther);
  EXPECT_EQ(coding_of("gzip, gzip"), Coding::kOther);
}

TEST_F(InflaterTest, EveryFrameIsUndone) {
  const std::string text = R"({"action":"push"})";
  EXPECT_EQ(inflate(Coding::kGzip, deflated(text, Frame::kGzip)), text);
  EXPECT_EQ(inflate(Coding::kDeflate, deflated(text, Frame::kZlib)), text);
  EXPECT_EQ(inflate(Coding::kDeflate, deflated(text, Frame::kNone)), text);
  EXPECT_EQ(inflate(Coding::kGzip, deflated("", Frame::kGzip)), "");
  EXPECT_EQ(
      inflate(Coding::kGzip, deflated("{\"a\":", Frame::kGzip) + deflated("1}", Frame::kGzip)),
      "{\"a\":1}");
}

TEST_F(InflaterTest, WhatIsNotTheCodingIsMalformed) {
  const std::string good = deflated(R"({"action":"push"})", Frame::kGzip);
  EXPECT_EQ(inflate(Coding::kGzip, "{}"), "malformed");
  EXPECT_EQ(inflate(Coding::kGzip, ""), "malformed");
  EXPECT_EQ(inflate(Coding::kGzip, good + "x"), "malformed");
  EXPECT_EQ(inflate(Coding::kDeflate, good), "malformed");
  for (std::size_t cut = 0; cut < good.size(); ++cut)
    EXPECT_EQ(inflate(Coding::kGzip, std::string_view(good).substr(0, cut)), "malformed") << cut;
  std::string flipped = good;
  flipped[flipped.size() - 6] ^= 1;  // the checksum
  EXPECT_EQ(inflate(Coding::kGzip, flipped), "malformed");
  EXPECT_EQ(inflate(Coding::kGzip, good), R"({"action":"push"})") << "it works again afterwards";
}

TEST_F(InflaterTest, MoreBytesThanAllowedAreTooLarge) {
  const std::string text(100, 'x');
  const std::string bytes = deflated(text, Frame::kGzip);
  EXPECT_EQ(inflate(Coding::kGzip, bytes, 100), text);
  EXPECT_EQ(inflate(Coding::kGzip, bytes, 99), "too_large");
}

// A mebibyte of one letter is a kibibyte compressed.
TEST_F(InflaterTest, BombsAreTooLargeByTheirRatio) {
  const std::string bomb = deflated(std::string(4 * limits::kMiB, 'x'), Frame::kGzip);
  ASSERT_LT(bomb.size() * limits::kInflateRatioMax, 4 * limits::kMiB);
  EXPECT_EQ(inflate(Coding::kGzip, bomb, 64 * limits::kMiB), "too_large");
  const std::string small(limits::kInflateBytesAlways, 'x');
  EXPECT_EQ(inflate(Coding::kGzip, deflated(small, Frame::kGzip)), small)
      << "a little is always allowed";
  EXPECT_EQ(inflate(Coding::kGzip, deflated(small + "x", Frame::kGzip)), "too_large");
}

RC_GTEST_PROP(InflaterPropertyTest, GivesBackWhatWasCompressed, ()) {
  const auto text = *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
  const auto frame = *rc::gen::element(Frame::kGzip, Frame::kZlib, Frame::kNone);
  std::string repeated;
  for (int i = *rc::gen::inRange(1, 200); i > 0; --i) repeated += text;
  Inflater inflater;
  const auto inflated = inflater.inflate(frame == Frame::kGzip ? Coding::kGzip : Coding::kDeflate,
                                         deflated(repeated, frame), limits::kMiB);
  RC_ASSERT(bool(inflated));
  RC_ASSERT(*inflated == repeated);
}

RC_GTEST_PROP(InflaterPropertyTest, AnyBytesAreMalformedOrBounded, ()) {
  std::string bytes = deflated("{\"some\":\"json\"}", Frame::kGzip);
  const auto changes = *rc::gen::container<std::vector<std::pair<std::size_t, char>>>(
      rc::gen::arbitrary<std::pair<std::size_t, char>>());
  for (const auto& [at, to] : changes) bytes[at % bytes.size()] = to;
  Inflater inflater;
  const auto inflated = inflater.inflate(Coding::kGzip, bytes, 1000);
  RC_ASSERT((!inflated || inflated->size() <= 1000u));
}

}  // namespace
}  // namespace headrace::ingest
