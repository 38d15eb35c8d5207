// SPDX-License-Identifier: Apache-2.0
// llhttp alone, as this build made it: fails when strict mode was lost.
#include <gtest/gtest.h>
#include <llhttp.h>

#include <string_view>

namespace {

llhttp_errno_t run(std::string_view bytes) {
  llhttp_settings_t settings;
  llhttp_settings_init(&settings);
  llhttp_t parser;
  llhttp_init(&parser, HTTP_REQUEST, &settings);
  return llhttp_execute(&parser, bytes.data(), bytes.size());
}

TEST(LlhttpStrictTest, HeaderIsCompiledStrict) { EXPECT_EQ(LLHTTP_STRICT_MODE, 1); }

TEST(LlhttpStrictTest, CarriageReturnAloneDoesNotEndAHeaderLine) {
  EXPECT_NE(run("POST / HTTP/1.1\r\nHost: a\r\nX:\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            HPE_OK);
}

TEST(LlhttpStrictTest, SpaceIsNoPartOfAHeaderName) {
  EXPECT_NE(run("POST / HTTP/1.1\r\nHost: a\r\nX Y: 1\r\n\r\n"), HPE_OK);
}

TEST(LlhttpStrictTest, PlainRequestIsAccepted) {
  EXPECT_EQ(run("POST / HTTP/1.1\r\nHost: a\r\n\r\n"), HPE_OK);
}

}  // namespace
