// SPDX-License-Identifier: Apache-2.0
// What holds for every selector, program and document.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "selector/json.h"
#include "tests/selector/case_maker.h"
#include "tests/selector/filter_reference.h"
#include "tests/selector/padded_text.h"
#include "tests/selector/readings.h"

namespace headrace::selector {
namespace {

// The same cases in every run, unless RC_PARAMS says otherwise; rapidcheck reads it at its first
// check.
const bool kSeeded = setenv("RC_PARAMS", "seed=20 max_success=500", 0) == 0;

// Text of the grammar's characters, so that much of it parses.
std::string selector_text() {
  const auto pieces = *rc::gen::container<std::vector<std::string>>(
      rc::gen::element<std::string>("a", "key", "0", "12", ".", "{", "}", "[", "]", "[0]", "}{",
                                    "\\.", "\\{", "\\]", "\\\\", "\xC3\xA9", " ", "$", "-"));
  std::string text =
      *rc::gen::element<std::string>("$Event{a", "$Event", "$Header{x", "$Query{", "$Event{");
  for (const std::string& piece : pieces) text += piece;
  if (*rc::gen::inRange(0, 4) != 0) text += '}';
  return text;
}

Selector random_selector() {
  Selector selector;
  const auto count = *rc::gen::inRange(1, 6);
  for (int i = 0; i < count; ++i) {
    const auto key = *rc::gen::nonEmpty(
        rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab.{}[]\\01 "))));
    const auto index = static_cast<std::uint32_t>(*rc::gen::inRange(0, 1'000'000'000));
    Segment segment;
    if (*rc::gen::arbitrary<bool>()) {
      segment.is_index = true;
      segment.index = index;
    } else {
      segment.key = key;
      const bool digits = key.find_first_not_of("01") == std::string::npos && key.size() <= 9;
      segment.maybe_index = digits && (key.size() == 1 || key[0] != '0');
      if (segment.maybe_index) segment.index = static_cast<std::uint32_t>(std::stoul(key));
    }
    selector.path.push_back(segment);
  }
  return selector;
}

TEST(SelectorPropertyTest, TheCanonicalSpellingReadsBackAsTheSameSelector) {
  EXPECT_TRUE(rc::check([] {
    const Selector selector = random_selector();
    const std::string text = selector.canonical();
    auto again = Selector::parse(text);
    RC_ASSERT(static_cast<bool>(again));
    RC_ASSERT(*again == selector);
    RC_ASSERT(again->canonical() == text);
  }));
}

TEST(SelectorPropertyTest, AnyTextIsASelectorWithACanonicalSpellingOrHasAFaultInside) {
  EXPECT_TRUE(rc::check([] {
    const std::string text = selector_text();
    auto selector = Selector::parse(ExactText(text).view());
    if (selector) {
      auto again = Selector::parse(selector->canonical());
      RC_ASSERT(static_cast<bool>(again));
      RC_ASSERT(*again == *selector);
    } else {
      RC_ASSERT(selector.error().detail >= 0);
      RC_ASSERT(static_cast<std::size_t>(selector.error().detail) <= text.size());
    }
  }));
}

// Many bytes of any value, whatever rapidcheck's size is: programs and documents are made of them.
std::vector<std::uint8_t> random_bytes() {
  return *rc::gen::resize(
      rc::kNominalSize,
      rc::gen::mapcat(rc::gen::inRange<std::size_t>(50, 500), [](std::size_t size) {
        return rc::gen::container<std::vector<std::uint8_t>>(size,
                                                             rc::gen::arbitrary<std::uint8_t>());
      }));
}

TEST(SelectorPropertyTest, BothReadersFindTheSame) {
  ASSERT_TRUE(kSeeded);
  int cases = 0;
  int compared = 0;
  EXPECT_TRUE(rc::check([&] {
    ++cases;
    const auto bytes = random_bytes();
    CaseMaker maker(bytes.data(), bytes.size());
    const auto rules = maker.rules();
    const auto captures = maker.captures();
    const auto filters = maker.filters();
    auto program = Program::compile(rules, captures, filters);
    RC_PRE(static_cast<bool>(program));
    const bool flat = bytes[0] % 4 == 0;
    const PaddedText text(flat ? maker.flat_document() : maker.document());
    RC_LOG() << text.view() << '\n';
    const Asked asked{captures.size(), filters.size()};

    const auto exact = read_exactly(*program, text.view(), asked);
    const auto fast = read_fast(*program, text.view(), asked);
    Matcher matcher;
    const Reading usual = read_as_usual(*program, matcher, text.view(), asked);
    RC_ASSERT(usual.match.valid == exact.has_value());
    RC_ASSERT(usual.match.valid == !find_json_fault(text.view()).has_value());
    if (exact) RC_ASSERT(usual == *exact);
    if (fast) {
      RC_ASSERT(exact.has_value());
      RC_ASSERT(*fast == *exact);
      ++compared;
    }
  }));
  EXPECT_GT(compared, cases / 5);
}

TEST(SelectorPropertyTest, AFilterMeansWhatTheReferenceSays) {
  int cases = 0;
  int accepted = 0;
  int refused = 0;
  EXPECT_TRUE(rc::check([&] {
    ++cases;
    const auto bytes = random_bytes();
    CaseMaker maker(bytes.data(), bytes.size());
    const auto filters = maker.filters();
    auto program = Program::compile({}, {}, filters);
    RC_ASSERT(static_cast<bool>(program));
    Matcher matcher;
    for (int round = 0; round < 8; ++round) {
      const std::string query = maker.query();
      const std::string header_lines = maker.header_lines();
      const PaddedText text(round == 0 ? maker.document() : maker.flat_document());
      RC_LOG() << query << '\n' << header_lines << text.view() << '\n';
      MessageView message;
      message.body = text.view();
      message.query = query;
      message.header_lines = header_lines;
      const bool valid = matcher.run(*program, message).valid;
      RC_ASSERT(valid != find_json_fault(text.view()).has_value());
      if (!valid) continue;
      const FilterReference reference(message);
      for (const FilterRule& rule : filters) {
        const bool expected = reference.accepts(*rule.filter);
        RC_ASSERT(matcher.passes(rule.endpoint) == expected);
        RC_ASSERT(matcher.why_not(rule.endpoint).empty() == expected);
        ++(expected ? accepted : refused);
      }
    }
  }));
  EXPECT_GT(accepted, 2 * cases);
  EXPECT_GT(refused, 2 * cases);
}

// A document as a tree, and the meaning of a path in it, written down a second time.
struct Tree {
  enum class Kind { kScalar, kObject, kArray } kind = Kind::kScalar;
  std::string json;               // of a scalar
  std::string text;               // likewise, for comparison
  std::vector<std::string> keys;  // of an object's members; an array has them to no purpose
  std::vector<Tree> members;

  std::string to_json() const {
    if (kind == Kind::kScalar) return json;
    std::string out(1, kind == Kind::kObject ? '{' : '[');
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (i != 0) out += ',';
      if (kind == Kind::kObject) out += '"' + keys[i] + "\":";
      out += members[i].to_json();
    }
    return out + (kind == Kind::kObject ? '}' : ']');
  }
  const Tree* child(const Segment& segment) const {
    if (kind == Kind::kArray) {
      const bool inside =
          (segment.is_index || segment.maybe_index) && segment.index < members.size();
      return inside ? &members[segment.index] : nullptr;
    }
    if (kind == Kind::kScalar || segment.is_index) return nullptr;
    const auto found = std::find(keys.begin(), keys.end(), segment.key);
    return found == keys.end() ? nullptr : &members[static_cast<std::size_t>(found - keys.begin())];
  }
};

Tree random_tree(int depth) {
  Tree tree;
  const int kind = *rc::gen::inRange(depth == 0 ? 1 : 0, depth >= 4 ? 1 : 3);
  if (kind == 0) {
    const auto scalar = *rc::gen::element<std::pair<std::string, std::string>>(
        std::pair{"\"x\"", "x"}, std::pair{"7", "7"}, std::pair{"1.50", "1.5"},
        std::pair{"\"\\n\"", "\n"}, std::pair{"true", "true"}, std::pair{"1e2", "100"},
        std::pair{"99999999999999999999", "99999999999999999999"});
    tree.json = scalar.first;
    tree.text = scalar.second;
    return tree;
  }
  tree.kind = kind == 1 ? Tree::Kind::kObject : Tree::Kind::kArray;
  const int count = *rc::gen::inRange(0, 5);
  for (int i = 0; i < count; ++i) {
    const auto key = *rc::gen::element<std::string>("a", "b", "0", "1", "2", "");
    tree.keys.push_back(key);
    tree.members.push_back(random_tree(depth + 1));
  }
  return tree;
}

TEST(SelectorPropertyTest, APathMeansWhatTheTreeSays) {
  EXPECT_TRUE(rc::check([] {
    const Tree tree = random_tree(0);
    const auto parts = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(
        rc::gen::element<std::string>("{a}", "{b}", "{0}", "{1}", "[0]", "[1]", "[2]")));
    std::string text = "$Event";
    for (std::size_t i = 0; i < std::min<std::size_t>(parts.size(), 5); ++i) text += parts[i];
    const Selector selector = std::move(Selector::parse(text)).value();

    const Tree* at = &tree;
    for (const Segment& segment : selector.path) at = at == nullptr ? nullptr : at->child(segment);
    std::optional<std::string> expected;
    if (at != nullptr && at->kind == Tree::Kind::kScalar) expected = at->text;

    const std::string json = tree.to_json();
    RC_LOG() << text << " in " << json << '\n';
    auto value = value_in_sample(selector, json);
    RC_ASSERT(static_cast<bool>(value));
    RC_ASSERT(*value == expected);

    const std::vector<EventRule> rules = {
        {core::EventNumber{1}, selector, expected.value_or("none")}};
    const Program program = std::move(Program::compile(rules)).value();
    Matcher matcher;
    const PaddedText padded(json);
    MessageView message;
    message.body = padded.view();
    RC_ASSERT((matcher.run(program, message).event == core::EventNumber{1}) ==
              expected.has_value());
  }));
}

std::string numbered_key(int number) {
  std::string key(1, 'k');
  return key += std::to_string(number);
}

TEST(SelectorPropertyTest, TheOrderOfMembersDoesNotDecide) {
  EXPECT_TRUE(rc::check([] {
    auto keys = *rc::gen::unique<std::vector<int>>(rc::gen::inRange(0, 50));
    std::vector<EventRule> rules;
    for (int i = 0; i < 50; ++i) {
      Selector selector;
      selector.path.push_back({numbered_key(i)});
      rules.push_back({static_cast<core::EventNumber>(i + 1), selector, "1"});
    }
    const Program program = std::move(Program::compile(rules)).value();
    std::string json = "{";
    for (const int key : keys) json += '"' + numbered_key(key) + "\":1,";
    json += "\"end\":0}";
    const PaddedText padded(json);
    MessageView message;
    message.body = padded.view();
    const Match match = Matcher().run(program, message);
    std::sort(keys.begin(), keys.end());
    RC_ASSERT(match.event == (keys.empty() ? core::EventNumber::kNone
                                           : static_cast<core::EventNumber>(keys[0] + 1)));
    RC_ASSERT(match.other_count == (keys.empty() ? 0 : keys.size() - 1));
    for (std::size_t i = 1; i < std::min<std::size_t>(keys.size(), Match::kOthersMax + 1); ++i) {
      RC_ASSERT(match.others[i - 1] == static_cast<core::EventNumber>(keys[i] + 1));
    }
  }));
}

}  // namespace
}  // namespace headrace::selector
