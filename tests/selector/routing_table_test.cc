// SPDX-License-Identifier: Apache-2.0
#include "selector/routing_table.h"

#include <gtest/gtest.h>

#include <string>

#include "core/random.h"

namespace headrace::selector {
namespace {

std::string token_of(Bits128 bits) {
  std::string token(kIdDigits, '0');
  format_base62(bits, token.data());
  return token;
}

std::vector<LinkRoute> make_links(std::size_t count) {
  core::Random random(7);
  std::vector<LinkRoute> links(count);
  for (std::size_t i = 0; i < count; ++i) {
    links[i].number = static_cast<core::LinkNumber>(i + 1);
    links[i].token = {random.next(), random.next()};
  }
  return links;
}

TEST(RoutingTableTest, AnEmptyTableFindsNothing) {
  EXPECT_EQ(RoutingTable().find(std::string(kIdDigits, '0')), nullptr);
  EXPECT_EQ(RoutingTable().find(""), nullptr);
}

TEST(RoutingTableTest, EveryTokenFindsItsOwnLink) {
  const RoutingTable table(make_links(1000), 42);
  for (const LinkRoute& link : table.links()) EXPECT_EQ(table.find(token_of(link.token)), &link);
}

TEST(RoutingTableTest, TheSmallestAndLargestTokensAreFound) {
  std::vector<LinkRoute> links(2);
  links[1].token = {~std::uint64_t{0}, ~std::uint64_t{0}};
  const RoutingTable table(std::move(links), 1);
  EXPECT_EQ(table.find(std::string(kIdDigits, '0')), &table.links()[0]);
  EXPECT_EQ(table.find(token_of({~std::uint64_t{0}, ~std::uint64_t{0}})), &table.links()[1]);
}

TEST(RoutingTableTest, ATokenWithOneWrongDigitFindsNothing) {
  const RoutingTable table(make_links(100), 42);
  const std::string token = token_of(table.links()[50].token);
  for (std::size_t i = 0; i < token.size(); ++i) {
    std::string wrong = token;
    wrong[i] = wrong[i] == '1' ? '2' : '1';
    EXPECT_EQ(table.find(wrong), nullptr) << i;
  }
}

TEST(RoutingTableTest, MalformedTokensFindNothing) {
  std::vector<LinkRoute> links(1);  // all zeros: what a fault must not be read as
  const RoutingTable table(std::move(links), 42);
  const std::string zeros(kIdDigits, '0');
  EXPECT_NE(table.find(zeros), nullptr);
  EXPECT_EQ(table.find(zeros.substr(1)), nullptr);
  EXPECT_EQ(table.find(zeros + "0"), nullptr);
  for (const char wrong : {'-', '/', ':', '@', '[', '`', '{', '\0', '\xFF', ' '}) {
    for (const std::size_t at : {std::size_t{0}, kIdDigits - 1}) {
      std::string token = zeros;
      token[at] = wrong;
      EXPECT_EQ(table.find(token), nullptr) << static_cast<int>(wrong) << " at " << at;
    }
  }
}

TEST(RoutingTableTest, ATokenBeyond128BitsDoesNotWrapAround) {
  std::vector<LinkRoute> links(1);
  const RoutingTable table(std::move(links), 42);  // token 0, which 2^128 would wrap to
  std::string token = token_of({~std::uint64_t{0}, ~std::uint64_t{0}});
  ++token.back();  // the largest token does not end in a digit before a gap of the alphabet
  EXPECT_FALSE(parse_base62(token));
  EXPECT_EQ(table.find(token), nullptr);
  EXPECT_EQ(table.find(std::string(kIdDigits, 'z')), nullptr);
}

}  // namespace
}  // namespace headrace::selector
