// SPDX-License-Identifier: Apache-2.0
#include "ingest/listener.h"

#include <gtest/gtest.h>

namespace headrace::ingest {
namespace {

std::string parsed(std::string_view text) {
  auto address = ListenAddress::parse(text);
  return address ? address->to_string()
                 : "refused: " + std::string(to_string(address.error().code));
}

TEST(ListenAddressTest, NumericAddressesArePrintedAsTheyAreRead) {
  for (const char* text : {"127.0.0.1:8080", "0.0.0.0:1", "10.1.2.3:65535", "[::1]:8080", "[::]:0"})
    EXPECT_EQ(parsed(text), text);
}

TEST(ListenAddressTest, ShortFormsMeanEveryAddressOrThisMachine) {
  EXPECT_EQ(parsed(":8080"), "0.0.0.0:8080");
  EXPECT_EQ(parsed("*:8080"), "0.0.0.0:8080");
  EXPECT_EQ(parsed("localhost:8080"), "127.0.0.1:8080");
}

TEST(ListenAddressTest, AnythingElseIsRefused) {
  using namespace std::string_view_literals;
  for (const auto text :
       {""sv, "8080"sv, "127.0.0.1"sv, "127.0.0.1:"sv, "127.0.0.1:65536"sv, "127.0.0.1:-1"sv,
        "127.0.0.1:+1"sv, "127.0.0.1:80x"sv, "127.0.0.1: 80"sv, "127.0.0.256:80"sv, "::1:80"sv,
        "[::1]"sv, "[::1:80"sv, "[127.0.0.1]:80"sv, "example.test:80"sv, "127.0.0.1\0x:80"sv}) {
    EXPECT_EQ(parsed(text), "refused: invalid_argument") << text;
  }
}

TEST(BoundSocketTest, SystemChoosesThePortAndOtherLoopsShareIt) {
  auto first = BoundSocket::bind(*ListenAddress::parse("127.0.0.1:0"));
  ASSERT_TRUE(first);
  const ListenAddress bound = first->address();
  EXPECT_NE(bound.to_string(), "127.0.0.1:0");
  auto second = BoundSocket::bind(bound);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->address().to_string(), bound.to_string());
}

TEST(BoundSocketTest, AddressThatIsNotOursIsAnErrorThatNamesIt) {
  auto socket = BoundSocket::bind(*ListenAddress::parse("192.0.2.1:0"));
  ASSERT_FALSE(socket);
  EXPECT_EQ(socket.error().code, ErrorCode::kConnectFailed);
  EXPECT_NE(socket.error().what.find("192.0.2.1:0"), std::string::npos);
}

}  // namespace
}  // namespace headrace::ingest
