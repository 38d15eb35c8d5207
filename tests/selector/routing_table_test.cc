// SPDX-License-Identifier: Apache-2.0
#include "selector/routing_table.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/random.h"

namespace headrace::selector {
namespace {

std::string token_of(Bits128 bits) {
  std::string token(kIdDigits, '0');
  format_base62(bits, token.data());
  return token;
}

constexpr core::WebhookNumber kWebhook{5};
constexpr core::WallMs kNow = 1'700'000'000'000;

std::shared_ptr<WebhookRoute> make_webhook(core::WebhookNumber number = kWebhook) {
  auto webhook = std::make_shared<WebhookRoute>();
  webhook->number = number;
  webhook->program = std::make_shared<const Program>(std::move(Program::compile({})).value());
  return webhook;
}

std::shared_ptr<LinkRoute> make_link(Bits128 token, std::uint32_t number = 1) {
  auto link = std::make_shared<LinkRoute>();
  link->number = core::LinkNumber{number};
  link->token = token;
  link->webhook = kWebhook;
  return link;
}

// With kWebhook and these links.
RoutingTable make_table(const std::vector<Bits128>& tokens) {
  RoutingTable table(42);
  table.put(make_webhook());
  std::uint32_t number = 0;
  for (const Bits128& token : tokens) table.put(make_link(token, ++number));
  return table;
}

std::vector<Bits128> make_tokens(std::size_t count) {
  core::Random random(7);
  std::vector<Bits128> tokens(count);
  for (Bits128& token : tokens) token = {random.next(), random.next()};
  return tokens;
}

constexpr Bits128 kLargest{~std::uint64_t{0}, ~std::uint64_t{0}};

TEST(RoutingTableTest, AnEmptyTableFindsNothing) {
  EXPECT_FALSE(RoutingTable().find(std::string(kIdDigits, '0'), kNow));
  EXPECT_FALSE(RoutingTable().find("", kNow));
}

TEST(RoutingTableTest, EveryTokenFindsItsOwnLinkAndTheWebhook) {
  const auto tokens = make_tokens(1000);
  const RoutingTable table = make_table(tokens);
  EXPECT_EQ(table.link_count(), 1000u);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const RoutingTable::Route route = table.find(token_of(tokens[i]), kNow);
    ASSERT_TRUE(route);
    EXPECT_EQ(route.link->number, core::LinkNumber{static_cast<std::uint32_t>(i + 1)});
    EXPECT_EQ(route.link, table.find_link(tokens[i]));
    EXPECT_EQ(route.webhook, table.find_webhook(kWebhook));
  }
}

TEST(RoutingTableTest, TheSmallestAndLargestTokensAreFound) {
  const RoutingTable table = make_table({Bits128{}, kLargest});
  EXPECT_EQ(table.find(std::string(kIdDigits, '0'), kNow).link, table.find_link({}));
  EXPECT_EQ(table.find(token_of(kLargest), kNow).link, table.find_link(kLargest));
}

TEST(RoutingTableTest, ATokenWithOneWrongDigitFindsNothing) {
  const auto tokens = make_tokens(100);
  const RoutingTable table = make_table(tokens);
  const std::string token = token_of(tokens[50]);
  for (std::size_t i = 0; i < token.size(); ++i) {
    std::string wrong = token;
    wrong[i] = wrong[i] == '1' ? '2' : '1';
    EXPECT_FALSE(table.find(wrong, kNow)) << i;
  }
}

TEST(RoutingTableTest, MalformedTokensFindNothing) {
  const RoutingTable table = make_table({Bits128{}});  // zeros: what a fault must not be read as
  const std::string zeros(kIdDigits, '0');
  EXPECT_TRUE(table.find(zeros, kNow));
  EXPECT_FALSE(table.find(zeros.substr(1), kNow));
  EXPECT_FALSE(table.find(zeros + "0", kNow));
  for (const char wrong : {'-', '/', ':', '@', '[', '`', '{', '\0', '\xFF', ' '}) {
    for (const std::size_t at : {std::size_t{0}, kIdDigits - 1}) {
      std::string token = zeros;
      token[at] = wrong;
      EXPECT_FALSE(table.find(token, kNow)) << static_cast<int>(wrong) << " at " << at;
    }
  }
}

TEST(RoutingTableTest, ATokenBeyond128BitsDoesNotWrapAround) {
  const RoutingTable table = make_table({Bits128{}});  // token 0, which 2^128 would wrap to
  std::string token = token_of(kLargest);
  ++token.back();  // the largest token does not end in a digit before a gap of the alphabet
  EXPECT_FALSE(parse_base62(token));
  EXPECT_FALSE(table.find(token, kNow));
  EXPECT_FALSE(table.find(std::string(kIdDigits, 'z'), kNow));
}

TEST(RoutingTableTest, ATokenThatWasRotatedOutWorksUntilItExpires) {
  RoutingTable table = make_table({});
  const auto link = make_link({1, 2});
  link->expires_at = kNow;
  table.put(link);
  EXPECT_TRUE(table.find(token_of({1, 2}), kNow - 1));
  EXPECT_FALSE(table.find(token_of({1, 2}), kNow));
  EXPECT_NE(table.find_link({1, 2}), nullptr);
}

TEST(RoutingTableTest, AChangedWebhookIsSeenByAllItsLinks) {
  const auto tokens = make_tokens(50);
  RoutingTable table = make_table(tokens);
  const RoutingTable before = table;
  const auto changed = make_webhook();
  changed->body_bytes_max = 17;
  table.put(changed);
  for (const Bits128& token : tokens) {
    EXPECT_EQ(table.find(token_of(token), kNow).webhook, changed.get());
    EXPECT_NE(before.find(token_of(token), kNow).webhook, changed.get());
  }
  EXPECT_EQ(table.webhook_count(), 1u);
}

TEST(RoutingTableTest, ALinkWithoutAWebhookIsNotFound) {
  RoutingTable table = make_table({Bits128{1, 2}});
  table.erase(kWebhook);
  EXPECT_FALSE(table.find(token_of({1, 2}), kNow));
  EXPECT_NE(table.find_link({1, 2}), nullptr);
  table.put(make_webhook(core::WebhookNumber{6}));
  EXPECT_FALSE(table.find(token_of({1, 2}), kNow));
  table.put(make_webhook());
  EXPECT_TRUE(table.find(token_of({1, 2}), kNow));
}

TEST(RoutingTableTest, ALinkIsReplacedAndErasedByItsToken) {
  const auto tokens = make_tokens(300);
  RoutingTable table = make_table(tokens);
  const RoutingTable before = table;
  table.put(make_link(tokens[7], 9'000));
  table.erase(tokens[8]);
  table.erase(Bits128{1, 1});  // not there
  EXPECT_EQ(table.link_count(), 299u);
  EXPECT_EQ(table.find(token_of(tokens[7]), kNow).link->number, core::LinkNumber{9'000});
  EXPECT_FALSE(table.find(token_of(tokens[8]), kNow));
  EXPECT_EQ(before.link_count(), 300u);
  EXPECT_EQ(before.find(token_of(tokens[7]), kNow).link->number, core::LinkNumber{8});
  EXPECT_TRUE(before.find(token_of(tokens[8]), kNow));
}

}  // namespace
}  // namespace headrace::selector
