// SPDX-License-Identifier: Apache-2.0
#include "dispatch/endpoint.h"

#include <gtest/gtest.h>

namespace headrace::dispatch {

using namespace std::chrono_literals;

namespace {
EndpointSettings settings_for(std::string url) {
  EndpointSettings settings;
  settings.url = std::move(url);
  return settings;
}
}  // namespace

TEST(EndpointTest, ThePrefixIsEverythingThatNeverChanges) {
  EndpointSettings settings = settings_for("http://h:81/in?a=b");
  settings.headers = {{"Authorization", "Bearer t"}};
  settings.query = {{"k v", "x&y=z"}, {"empty", ""}};
  const auto endpoint = make_endpoint(std::move(settings));
  ASSERT_TRUE(endpoint);
  EXPECT_EQ(
      (*endpoint)->prefix,
      "POST /in?a=b&k%20v=x%26y%3Dz&empty= HTTP/1.1\r\nHost: h:81\r\nAuthorization: Bearer t\r\n");
  EXPECT_EQ((*endpoint)->prefix.substr(0, (*endpoint)->target_end),
            "POST /in?a=b&k%20v=x%26y%3Dz&empty=");
  EXPECT_EQ((*endpoint)->query_joint, '&');
}

TEST(EndpointTest, AHostOfOursReplacesTheUrls) {
  EndpointSettings settings = settings_for("http://10.0.0.1/");
  settings.headers = {{"Host", "inner.example"}};
  EXPECT_EQ((*make_endpoint(std::move(settings)))->prefix,
            "POST / HTTP/1.1\r\nHost: inner.example\r\n");
}

TEST(EndpointTest, ABadUrlIsMalformed) {
  EXPECT_EQ(make_endpoint(settings_for("gopher://h/")).error().code, ErrorCode::kMalformed);
}

TEST(EndpointTest, AHeaderCannotSmuggleLinesOrFraming) {
  for (const auto& [name, value] :
       std::vector<std::pair<std::string, std::string>>{{"X", "a\r\nY: b"},
                                                        {"X: y\r\nZ", "a"},
                                                        {"", "a"},
                                                        {"X", std::string("a\0b", 3)},
                                                        {"Content-Length", "5"},
                                                        {"transfer-ENCODING", "chunked"},
                                                        {"Webhook-Id", "x"},
                                                        {"Connection", "close"}}) {
    EndpointSettings settings = settings_for("http://h/");
    settings.headers = {{name, value}};
    const auto endpoint = make_endpoint(std::move(settings));
    ASSERT_FALSE(endpoint) << name;
    EXPECT_EQ(endpoint.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(EndpointTest, LimitsOfZeroAndMethodsThatDeliverNothingAreRefused) {
  EndpointSettings settings = settings_for("http://h/");
  settings.in_flight_max = 0;
  EXPECT_FALSE(make_endpoint(settings));
  settings = settings_for("http://h/");
  settings.attempt_timeout = 0ms;
  EXPECT_FALSE(make_endpoint(settings));
  settings = settings_for("http://h/");
  settings.method = core::Method::kOptions;
  EXPECT_FALSE(make_endpoint(settings));
}

TEST(EndpointTableTest, FindsByNumber) {
  EndpointSettings settings = settings_for("http://h/");
  settings.number = core::EndpointNumber{9};
  const EndpointTable table{{*make_endpoint(std::move(settings))}};
  EXPECT_NE(table.find(core::EndpointNumber{9}), nullptr);
  EXPECT_EQ(table.find(core::EndpointNumber{8}), nullptr);
}

}  // namespace headrace::dispatch
