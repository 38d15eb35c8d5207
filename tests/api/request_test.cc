// SPDX-License-Identifier: Apache-2.0
#include "api/request.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

namespace headrace::api {
namespace {

using Path = std::vector<std::string>;

Request read(std::string_view target) {
  Request request;
  EXPECT_TRUE(request.set_target(core::Method::kGet, target)) << target;
  return request;
}

TEST(ApiRequestTest, TargetIsTakenApart) {
  const Request request = read("/v1/apps/my%20app/webhooks?a=1&b=x%26y+z&c&d=&a=2&=e");
  EXPECT_EQ(request.path, (Path{"v1", "apps", "my app", "webhooks"}));
  EXPECT_EQ(request.parameter("a"), "1") << "of repeated names the first";
  EXPECT_EQ(request.parameter("b"), "x&y z");
  EXPECT_EQ(request.parameter("c"), "");
  EXPECT_EQ(request.parameter("d"), "");
  EXPECT_EQ(request.parameter("e"), std::nullopt);
  EXPECT_EQ(read("/").path, Path{});
  EXPECT_EQ(read("/?a=1").parameter("a"), "1");
}

TEST(ApiRequestTest, SlashInsideASegmentStaysInside) {
  EXPECT_EQ(read("/a%2Fb/c%2fd+e").path, (Path{"a/b", "c/d+e"}));
}

TEST(ApiRequestTest, WrongEscapesAreRefused) {
  for (const char* target :
       {"/%", "/%4", "/%4/a", "/%zz", "/%%41", "/a?%", "/a?b=%4", "/a?b=%g0"}) {
    Request request;
    EXPECT_FALSE(request.set_target(core::Method::kGet, target)) << target;
  }
}

RC_GTEST_PROP(ApiRequestTest, WhatIsEscapedIsReadBack, (const std::string& segment)) {
  RC_PRE(!segment.empty());
  constexpr char kHex[] = "0123456789abcdef";
  std::string escaped;
  for (const char c : segment) {
    const auto byte = static_cast<unsigned char>(c);
    escaped += {'%', kHex[byte >> 4], kHex[byte & 15]};
  }
  Request request;
  RC_ASSERT(
      request.set_target(core::Method::kGet, "/a/" + escaped + "?" + escaped + "=" + escaped));
  RC_ASSERT(request.path == (Path{"a", segment}));
  RC_ASSERT(request.parameter(segment) == segment);
}

}  // namespace
}  // namespace headrace::api
