// SPDX-License-Identifier: Apache-2.0
#include "selector/selector.h"

#include <gtest/gtest.h>

#include <string>

#include "core/limits.h"

namespace headrace::selector {
namespace {

std::string canonical(std::string_view text) {
  auto selector = Selector::parse(text);
  return selector ? selector->canonical() : "error: " + selector.error().what;
}

void expect_fault(std::string_view text, std::int64_t position) {
  auto selector = Selector::parse(text);
  ASSERT_FALSE(selector) << text;
  EXPECT_EQ(selector.error().code, ErrorCode::kMalformed) << text;
  EXPECT_EQ(selector.error().detail, position) << text << ": " << selector.error().what;
  EXPECT_FALSE(selector.error().what.empty());
}

TEST(SelectorTest, DotsAndBracesSpellTheSamePath) {
  EXPECT_EQ(canonical("$Event{a}{b}{c}"), "$Event{a}{b}{c}");
  EXPECT_EQ(canonical("$Event{a.b.c}"), "$Event{a}{b}{c}");
  EXPECT_EQ(canonical("$Event{a}{b.c}"), "$Event{a}{b}{c}");
}

TEST(SelectorTest, IndexesAreWrittenInsideOrBehindBraces) {
  EXPECT_EQ(canonical("$Event{items[0].name}"), "$Event{items}[0]{name}");
  EXPECT_EQ(canonical("$Event{items}[0]{name}"), "$Event{items}[0]{name}");
  EXPECT_EQ(canonical("$Event{a}{b.c}[0]"), "$Event{a}{b}{c}[0]");
  EXPECT_EQ(canonical("$Event{a[1][2]}"), "$Event{a}[1][2]");
  EXPECT_EQ(canonical("$Event{[3].a}"), "$Event[3]{a}");
  EXPECT_EQ(canonical("$Event[3]{a}"), "$Event[3]{a}");
}

TEST(SelectorTest, ANumberInBracesMayBeAnIndex) {
  auto selector = Selector::parse("$Event{items}{0}");
  ASSERT_TRUE(selector);
  EXPECT_TRUE(selector->path[1].maybe_index);
  EXPECT_FALSE(selector->path[1].is_index);
  EXPECT_EQ(selector->path[1].key, "0");
  EXPECT_EQ(selector->canonical(), "$Event{items}{0}");
  EXPECT_EQ(*selector, *Selector::parse("$Event{items.0}"));
  EXPECT_FALSE(*selector == *Selector::parse("$Event{items[0]}"));
}

TEST(SelectorTest, ALeadingZeroOrTooManyDigitsMakeAKeyAndNoIndex) {
  EXPECT_FALSE(Selector::parse("$Event{00}")->path[0].maybe_index);
  EXPECT_FALSE(Selector::parse("$Event{1234567890}")->path[0].maybe_index);
  EXPECT_EQ(Selector::parse("$Event{999999999}")->path[0].index, 999999999U);
}

TEST(SelectorTest, ABackslashMakesASpecialCharacterLiteral) {
  auto selector = Selector::parse(R"($Event{a\.b\{c\}\[d\]\\e})");
  ASSERT_TRUE(selector);
  ASSERT_EQ(selector->path.size(), 1U);
  EXPECT_EQ(selector->path[0].key, R"(a.b{c}[d]\e)");
  EXPECT_EQ(selector->canonical(), R"($Event{a\.b\{c\}\[d\]\\e})");
}

TEST(SelectorTest, AHeaderIsCaseInsensitiveAndMayHoldDots) {
  EXPECT_EQ(canonical("$Header{X-GitHub-Event}"), "$Header{x-github-event}");
  EXPECT_EQ(canonical("$Header{x.y}"), "$Header{x.y}");
}

TEST(SelectorTest, AParameterTakesDotsAndBracketsLiterally) {
  EXPECT_EQ(Selector::parse("$Query{hub.mode}")->path.size(), 1U);
  EXPECT_EQ(Selector::parse("$Query{hub.mode}")->path[0].key, "hub.mode");
  EXPECT_EQ(canonical(R"($Query{filter\[x\]})"), "$Query{filter[x]}");
  EXPECT_EQ(canonical(R"($Query{a\}b})"), R"($Query{a\}b})");
}

TEST(SelectorTest, KeysAreAnyUtf8) {
  EXPECT_EQ(Selector::parse("$Event{größe.x y.$}")->path[0].key, "größe");
  EXPECT_EQ(Selector::parse("$Event{größe.x y.$}")->path[1].key, "x y");
  expect_fault("$Event{a\xFFz}", 8);
  expect_fault("$Query{\xC3}", 7);
}

TEST(SelectorTest, FaultsNameTheirPosition) {
  expect_fault("", 0);
  expect_fault("a.b", 0);
  expect_fault("$event{a}", 0);
  expect_fault("$Event", 6);
  expect_fault("$Eventa", 6);
  expect_fault("$Event{", 7);
  expect_fault("$Event{}", 7);
  expect_fault("$Event{a", 8);
  expect_fault("$Event{a.}", 9);
  expect_fault("$Event{.a}", 7);
  expect_fault("$Event{a..b}", 9);
  expect_fault("$Event{a}b", 9);
  expect_fault("$Event{a} ", 9);
  expect_fault("$Event{a}}", 9);
  expect_fault("$Event{a{b}}", 8);
  expect_fault("$Event{a]}", 8);
  expect_fault("$Event{a[}", 9);
  expect_fault("$Event{a[x]}", 9);
  expect_fault("$Event{a[01]}", 9);
  expect_fault("$Event{a[-1]}", 9);
  expect_fault("$Event{a[1234567890]}", 9);
  expect_fault("$Event{a[1}", 10);
  expect_fault("$Event{a[1]b}", 11);
  expect_fault("$Event{a\\", 8);
  expect_fault("$Event{a\\n}", 8);
  expect_fault("$Header{}", 8);
  expect_fault("$Header{a b}", 9);
  expect_fault("$Header{a", 9);
  expect_fault("$Header{a}{b}", 10);
  expect_fault("$Header", 7);
  expect_fault("$Query{}", 7);
  expect_fault("$Query{a{}", 8);
  expect_fault("$Query{a}[0]", 9);
  expect_fault(std::string_view("$Header{a\0}", 11), 9);
}

TEST(SelectorTest, LengthAndSegmentsAreBounded) {
  const std::string longest =
      "$Event{" + std::string(core::limits::kSelectorBytesMax - 8, 'k') + "}";
  EXPECT_TRUE(Selector::parse(longest));
  expect_fault("$Event{" + longest.substr(6), 1024);
  std::string path = "$Event";
  for (std::size_t i = 0; i < core::limits::kSelectorSegmentsMax; ++i) path += "{a}";
  EXPECT_TRUE(Selector::parse(path));
  EXPECT_FALSE(Selector::parse(path + "{a}"));
}

TEST(SelectorTest, WhatIsAcceptedCanBeReadInItsCanonicalSpelling) {
  // The canonical spelling takes a byte more a key; near the limit that decides.
  const std::string near =
      "$Event{" + std::string(core::limits::kSelectorBytesMax - 11, 'k') + ".b}";
  ASSERT_LE(near.size(), core::limits::kSelectorBytesMax);
  auto selector = Selector::parse(near);
  ASSERT_TRUE(selector);
  EXPECT_TRUE(Selector::parse(selector->canonical()));
  EXPECT_FALSE(Selector::parse("$Event{k" + near.substr(7)));
}

}  // namespace
}  // namespace headrace::selector
