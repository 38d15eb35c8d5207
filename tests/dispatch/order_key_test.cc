// SPDX-License-Identifier: Apache-2.0
#include "dispatch/order_key.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "core/buffer.h"

namespace headrace::dispatch {

class OrderKeyTest : public testing::Test {
 protected:
  std::uint64_t find(std::string_view selector, std::string_view body,
                     std::string_view headers = "Content-Type: application/json\r\n",
                     std::string_view query = "") {
    store::Payload payload;
    payload.buffer = pool_.acquire(headers.size() + query.size() + body.size() + 1);
    char* at = payload.buffer.data();
    std::uint32_t begin = 0;
    const auto put = [&](std::string_view text) {
      at = std::copy(text.begin(), text.end(), at);
      const core::Range range{begin, static_cast<std::uint32_t>(text.size())};
      begin += range.size;
      return range;
    };
    payload.headers = put(headers);
    payload.query = put(query);
    payload.body = put(body);
    const auto key = OrderKey::of(selector);
    EXPECT_TRUE(key);
    return (*key)->find_in(payload, matcher_);
  }

  core::BufferPool pool_{1 << 20};
  selector::Matcher matcher_;
};

TEST_F(OrderKeyTest, EqualTextsHaveTheSameKeyWhateverElseIsThere) {
  const std::uint64_t key = find("$Event{customer.id}", R"({"customer":{"id":"c1"},"n":1})");
  EXPECT_NE(key, 0u);
  EXPECT_EQ(key, find("$Event{customer}{id}", R"({"n":2,"customer":{"id":"c1","x":[]}})"));
  EXPECT_NE(key, find("$Event{customer.id}", R"({"customer":{"id":"c2"}})"));
}

TEST_F(OrderKeyTest, AnotherSelectorMakesAnotherKeyOfTheSameText) {
  EXPECT_NE(find("$Event{a}", R"({"a":"1","b":"1"})"), find("$Event{b}", R"({"a":"1","b":"1"})"));
}

TEST_F(OrderKeyTest, HeadersAndQueryWorkWhateverTheBody) {
  const std::string_view headers = "X-Customer: c1\r\nContent-Type: application/json\r\n";
  EXPECT_NE(find("$Header{X-Customer}", "not json", headers), 0u);
  EXPECT_NE(find("$Query{customer}", "", "", "a=b&customer=c1"), 0u);
}

TEST_F(OrderKeyTest, AFormHasKeys) {
  const std::string_view form = "content-type: application/x-www-form-urlencoded\r\n";
  EXPECT_NE(find("$Event{customer}", "customer=c1&n=1", form), 0u);
  EXPECT_EQ(find("$Event{customer}", "customer=c1&n=1", form),
            find("$Event{customer}", "n=2&customer=c1", form));
}

TEST_F(OrderKeyTest, WhatHasNoScalarThereHasNoKey) {
  EXPECT_EQ(find("$Event{a}", R"({"b":1})"), 0u);
  EXPECT_EQ(find("$Event{a}", R"({"a":{"b":1}})"), 0u);
  EXPECT_EQ(find("$Event{a}", "a=1 is no JSON"), 0u);
  EXPECT_EQ(find("$Event{a}", R"({"a":1})", "Content-Encoding: gzip\r\n"), 0u);
  EXPECT_EQ(find("$Header{X-Customer}", R"({"a":1})"), 0u);
}

TEST_F(OrderKeyTest, ABadSelectorIsMalformedAtItsPosition) {
  const auto key = OrderKey::of("$Event{customer");
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code, ErrorCode::kMalformed);
  EXPECT_GT(key.error().detail, 0u);
}

}  // namespace headrace::dispatch
