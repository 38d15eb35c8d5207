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

std::shared_ptr<const Endpoint> numbered(std::uint32_t number) {
  EndpointSettings settings = settings_for("http://h/");
  settings.number = core::EndpointNumber{number};
  return *make_endpoint(std::move(settings));
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
                                                        {"Headrace-Test", "true"},
                                                        {"Connection", "close"}}) {
    EndpointSettings settings = settings_for("http://h/");
    settings.headers = {{name, value}};
    const auto endpoint = make_endpoint(std::move(settings));
    ASSERT_FALSE(endpoint) << name;
    EXPECT_EQ(endpoint.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(EndpointTest, ASignatureHasALineOfItsOwn) {
  const auto with = [](std::string header, std::string own) {
    EndpointSettings settings = settings_for("http://h/");
    settings.headers = {{std::move(own), "x"}};
    settings.signer = *Signer::make({.shape = SignatureShape::kGithub,
                                     .header = std::move(header),
                                     .secret = new_signing_secret(false)});
    return make_endpoint(std::move(settings)).has_value();
  };
  EXPECT_TRUE(with("", "A"));
  EXPECT_FALSE(with("", "x-hub-signature-256"));
  EXPECT_FALSE(with("X-Signed", "X-SIGNED"));
  for (const char* name : {"Host", "Content-Length", "webhook-id", "webhook-timestamp",
                           "transfer-encoding", "User-Agent", "Authorization"})
    EXPECT_FALSE(with(name, "A")) << name;
}

TEST(EndpointTest, CredentialsLieWhereSecretsDoAndNowhereElse) {
  EndpointSettings settings = settings_for("http://h/s3cr3t");
  settings.headers = {{"Authorization", "s3cr3t"}};
  settings.query = {{"token", "s3cr3t"}};
  settings.body = "s3cr3t";
  const auto endpoint = *make_endpoint(settings);
  EXPECT_TRUE(endpoint->settings.url.empty());
  EXPECT_TRUE(endpoint->settings.headers.empty());
  EXPECT_TRUE(endpoint->settings.query.empty());
  EXPECT_TRUE(endpoint->settings.body->empty());
  EXPECT_TRUE(endpoint->url.target.empty());
  EXPECT_EQ(endpoint->body, "s3cr3t");
  EXPECT_EQ(endpoint->prefix.data(), endpoint->prefix_bytes.data());
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

TEST(EndpointTest, ARetryAfterLimitOutsideTheRetryDelaysIsRefused) {
  for (const std::chrono::seconds limit :
       {std::chrono::seconds{-1}, std::chrono::seconds{604'801}}) {
    EndpointSettings settings = settings_for("http://h/");
    settings.retry_after_max = limit;
    EXPECT_EQ(make_endpoint(std::move(settings)).error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(EndpointTest, ARateLimitThatIsNoneIsRefused) {
  for (const RateLimit limit : {RateLimit{0, 1}, RateLimit{10, 0}, RateLimit{2e6, 1}}) {
    EndpointSettings settings = settings_for("http://h/");
    settings.rate_limit = limit;
    EXPECT_EQ(make_endpoint(std::move(settings)).error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(EndpointTest, ABodyOfItsOwnIsBounded) {
  EndpointSettings settings = settings_for("http://h/");
  settings.body = std::string(core::limits::kBodyBytesMax + 1, 'x');
  EXPECT_EQ(make_endpoint(std::move(settings)).error().code, ErrorCode::kTooLarge);
}

TEST(EndpointTableTest, AnEmptyTableFindsNothing) {
  EXPECT_EQ(EndpointTable().find(core::EndpointNumber{0}), nullptr);
}

TEST(EndpointTableTest, FindsByNumber) {
  EndpointTable table;
  for (std::uint32_t number = 1; number <= 1000; ++number) table.put(numbered(number));
  EXPECT_EQ(table.size(), 1000u);
  for (std::uint32_t number = 1; number <= 1000; ++number) {
    const auto* found = table.find(core::EndpointNumber{number});
    ASSERT_NE(found, nullptr);
    EXPECT_EQ((*found)->settings.number, core::EndpointNumber{number});
  }
  EXPECT_EQ(table.find(core::EndpointNumber{1001}), nullptr);
}

TEST(EndpointTableTest, AChangeTouchesOneEndpointAndNoCopy) {
  EndpointTable table;
  for (std::uint32_t number = 1; number <= 100; ++number) table.put(numbered(number));
  const EndpointTable before = table;
  const auto changed = numbered(9);
  table.put(changed);
  table.erase(core::EndpointNumber{10});
  table.erase(core::EndpointNumber{777});  // not there
  EXPECT_EQ(*table.find(core::EndpointNumber{9}), changed);
  EXPECT_EQ(table.find(core::EndpointNumber{10}), nullptr);
  EXPECT_EQ(*table.find(core::EndpointNumber{11}), *before.find(core::EndpointNumber{11}));
  EXPECT_NE(*before.find(core::EndpointNumber{9}), changed);
  EXPECT_NE(before.find(core::EndpointNumber{10}), nullptr);
}

}  // namespace headrace::dispatch
