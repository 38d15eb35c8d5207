// SPDX-License-Identifier: Apache-2.0
// What the daemon does when nobody says anything, and what may be said of the management plane.
#include "tools/settings.h"

#include <gtest/gtest.h>

#include "core/ip_address.h"

namespace headrace::tools {
namespace {

TEST(SettingsTest, ManagementIsServedOnLoopbackUnlessSomebodySaysOtherwise) {
  const auto settings = load_settings("", {});
  ASSERT_TRUE(settings);
  const std::string host = settings->api_listen.substr(0, settings->api_listen.rfind(':'));
  const auto address = core::IpAddress::parse(host);
  ASSERT_TRUE(address) << settings->api_listen;
  EXPECT_TRUE(core::Cidr::parse("127.0.0.0/8")->contains(*address));
}

TEST(SettingsTest, ManagementMayBeOff) {
  for (const char* off : {"off", ""}) {
    const auto settings = load_settings("", {{"api_listen", off}});
    ASSERT_TRUE(settings) << off;
    EXPECT_TRUE(settings->api_listen.empty());
  }
  EXPECT_FALSE(load_settings("", {{"api_listen", "nowhere"}}));
  EXPECT_FALSE(load_settings("", {{"api_listen", "OFF"}}));
  EXPECT_EQ(load_settings("", {{"api_listen", "127.0.0.1:0"}})->api_listen, "127.0.0.1:0");
}

TEST(SettingsTest, AuditLogIsKeptForFourHundredDaysUnlessSomebodySaysOtherwise) {
  EXPECT_EQ(load_settings("", {})->engine.audit_retention, std::chrono::hours(24 * 400));
  EXPECT_EQ(load_settings("", {{"audit_retention", "30d"}})->engine.audit_retention,
            std::chrono::hours(24 * 30));
}

TEST(SettingsTest, LinksBeginWithAUrlThatHasAHost) {
  const auto public_url_of = [](std::string url) {
    const auto settings = load_settings("", {{"public_url", std::move(url)}});
    return settings ? settings->engine.public_url : "refused";
  };
  EXPECT_EQ(public_url_of("https://hooks.example"), "https://hooks.example");
  EXPECT_EQ(public_url_of("http://[::1]:8080/behind/"), "http://[::1]:8080/behind");
  for (const char* url : {"https://", "https:///", "ftp://hooks.example", "hooks.example", "",
                          "https://hooks.example?a", "https://hooks.example#a", "https://a b",
                          "https://user@hooks.example", "https://hooks.example:0"})
    EXPECT_EQ(public_url_of(url), "refused") << url;
}

}  // namespace
}  // namespace headrace::tools
