// SPDX-License-Identifier: Apache-2.0
// Both readers of JSON: the validator alone, and a run of an empty program.
#include "selector/json.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "core/limits.h"
#include "selector/program.h"
#include "tests/selector/padded_text.h"

namespace headrace::selector {
namespace {

using std::string_literals::operator""s;

const Program& empty_program() {
  static const Program program = std::move(Program::compile({})).value();
  return program;
}

Match run_over(std::string_view text) {
  static Matcher matcher;
  const PaddedText padded(text);
  MessageView message;
  message.body = padded.view();
  return matcher.run(empty_program(), message);
}

void expect_valid(std::string_view text) {
  const ExactText exact(text);
  const auto fault = find_json_fault(exact.view());
  EXPECT_FALSE(fault) << text.substr(0, 100) << ": " << fault->reason << " at " << fault->offset;
  EXPECT_TRUE(run_over(text).valid) << text.substr(0, 100);
}

void expect_fault(std::string_view text, std::size_t offset) {
  const ExactText exact(text);
  const auto fault = find_json_fault(exact.view());
  ASSERT_TRUE(fault) << text;
  EXPECT_EQ(fault->offset, offset) << text << ": " << fault->reason;
  EXPECT_STRNE(fault->reason, "");
  const Match match = run_over(text);
  EXPECT_FALSE(match.valid) << text;
  EXPECT_EQ(match.fault_offset, fault->offset) << text;
  EXPECT_STREQ(match.fault, fault->reason) << text;
}

TEST(JsonTest, ScalarsAreDocuments) {
  for (const char* text : {"0", "-0", "1", "12", "-1.5", "1e5", "1E+5", "1.25e-7", "true", "false",
                           "null", "\"\"", "\"a\"", " \t\r\n1\n"}) {
    expect_valid(text);
  }
}

TEST(JsonTest, ContainersNestAndMayBeEmpty) {
  for (const char* text : {"[]", "{}", "[ ]", "{ }", "[1]", "[1 , 2]", "{\"a\":1}",
                           "{ \"a\" : [ { } , [ ] ] , \"\" : null }", "[[],{},[[]]]",
                           "{\"a\":{\"a\":{}}}", "{\"a\":1,\"a\":2}"}) {
    expect_valid(text);
  }
}

TEST(JsonTest, NumbersOfAnyLengthAreAccepted) {
  expect_valid("123456789012345678901234567890");
  expect_valid("[-18446744073709551616]");
  expect_valid("{\"a\":1e400,\"b\":-1e99999,\"c\":1e-99999}");
  expect_valid("[" + std::string(5000, '9') + "." + std::string(5000, '9') + "e" +
               std::string(5000, '9') + "]");
}

TEST(JsonTest, StringsHoldAnyUtf8AndEveryEscape) {
  expect_valid(R"("\"\\\/\b\f\n\r\t\u0000\uABCD\uabcd")");
  expect_valid(
      "\"\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4"
      "\x8F\xBF\xBF\"");
  expect_valid(R"(["\ud83d\ude00"])");
}

TEST(JsonTest, LoneSurrogateEscapesAreGrammatical) {
  for (const char* text :
       {R"(["\ud800"])", R"(["\udc00"])", R"(["\ud800\ud800"])", R"({"\udc00\ud800":1})"}) {
    expect_valid(text);
  }
}

TEST(JsonTest, DepthIsBoundedExactly) {
  const std::size_t depth = core::limits::kJsonDepthMax;
  expect_valid(std::string(depth, '[') + std::string(depth, ']'));
  expect_valid(std::string(depth, '[') + "1" + std::string(depth, ']'));
  expect_fault(std::string(depth + 1, '[') + std::string(depth + 1, ']'), depth);
  expect_fault(std::string(100000, '['), depth);
  std::string objects;
  for (std::size_t i = 0; i < depth; ++i) objects += "{\"a\":";
  expect_valid(objects + "1" + std::string(depth, '}'));
  expect_fault(objects + "{}" + std::string(depth, '}'), objects.size());
}

TEST(JsonTest, DocumentsThatEndTooEarlyAreFaultyAtTheirEnd) {
  for (const std::string text :
       {"",        " ",        "\n\t",      "[",   "{",   "[1",   "[1,",   "{\"a\"",
        "{\"a\":", "{\"a\":1", "{\"a\":1,", "\"",  "\"a", "\"\\", "\"\\u", "\"\\u12",
        "-",       "1.",       "1e",        "1e+", "t",   "fals", "nul"}) {
    expect_fault(text, text.size());
  }
}

TEST(JsonTest, MisplacedPunctuationIsRefused) {
  expect_fault("[1,]", 3);
  expect_fault("[,1]", 1);
  expect_fault("[1,,2]", 3);
  expect_fault("[1 2]", 3);
  expect_fault("[1:2]", 2);
  expect_fault("]", 0);
  expect_fault("[1]]", 3);
  expect_fault("[1}", 2);
  expect_fault("{]", 1);
  expect_fault("{\"a\":1]", 6);
  expect_fault("{,}", 1);
  expect_fault("{\"a\"}", 4);
  expect_fault("{\"a\":}", 5);
  expect_fault("{\"a\",1}", 4);
  expect_fault("{\"a\"::1}", 5);
  expect_fault("{\"a\":1,}", 7);
  expect_fault("{1:1}", 1);
  expect_fault("{a:1}", 1);
  expect_fault("{'a':1}", 1);
  expect_fault("{} {}", 3);
  expect_fault("1 2", 2);
  expect_fault("{}//", 2);
  expect_fault("[/**/]", 1);
}

TEST(JsonTest, NumbersOutsideTheGrammarAreRefused) {
  expect_fault("01", 1);
  expect_fault("-01", 2);
  expect_fault("00", 1);
  expect_fault("+1", 0);
  expect_fault(".5", 0);
  expect_fault("[1.]", 3);
  expect_fault("[1.e1]", 3);
  expect_fault("[1e]", 3);
  expect_fault("[1e1.5]", 4);
  expect_fault("[--1]", 2);
  expect_fault("[-a]", 2);
  expect_fault("[0x1]", 2);
  expect_fault("[1_000]", 2);
  expect_fault("[1a]", 2);
  expect_fault("[NaN]", 1);
  expect_fault("[Infinity]", 1);
  expect_fault("[-Infinity]", 2);
}

TEST(JsonTest, LiteralsAreExactlyThree) {
  expect_fault("[True]", 1);
  expect_fault("[tru]", 4);
  expect_fault("[nulL]", 4);
  expect_fault("truee", 4);
  expect_fault("[undefined]", 1);
}

TEST(JsonTest, ControlCharactersAndUnknownEscapesAreRefused) {
  for (char c = 0; c < 0x20; ++c) expect_fault("\"a"s + c + "\"", 2);
  expect_fault("\"12345678901234567890\n\"", 21);
  expect_fault(R"("\a")", 2);
  expect_fault(R"("\x41")", 2);
  expect_fault(R"("\U0041")", 2);
  expect_fault(R"("\'")", 2);
  expect_fault(R"("\u00g0")", 5);
  expect_fault(R"("\u00 0")", 5);
  expect_fault("\"\\\0\""s, 2);
}

TEST(JsonTest, OnlyFourWhiteSpacesSeparate) {
  for (const std::string& space :
       {"\f"s, "\v"s, "\0"s, "\xC2\xA0"s, "\xE2\x80\xA9"s, "\xEF\xBB\xBF"s}) {
    expect_fault("[1," + space + "2]", 3);
  }
  expect_fault("[]\0"s, 2);
}

TEST(JsonTest, AByteOrderMarkIsRefused) {
  expect_fault("\xEF\xBB\xBF{}", 0);
  expect_fault("\xFF\xFE[\0]\0"s, 0);
}

TEST(JsonTest, BytesThatAreNotUtf8AreRefused) {
  for (const std::string& bytes :
       {"\x80"s, "\xBF"s, "\xC0\x80"s, "\xC1\xBF"s, "\xC2"s, "\xC2 "s, "\xE0\x9F\xBF"s, "\xE1\x80"s,
        "\xE1\x80 "s, "\xED\xA0\x80"s, "\xED\xBF\xBF"s, "\xF0\x8F\xBF\xBF"s, "\xF0\x90\x80"s,
        "\xF1\x80\x80 "s, "\xF4\x90\x80\x80"s, "\xF5\x80\x80\x80"s, "\xFE"s, "\xFF"s}) {
    expect_fault("[\"a" + bytes + "\"]", 3);
    expect_fault("{\"a" + bytes + "\":1}", 3);
    expect_fault("[\"" + std::string(32, 'x') + bytes + std::string(32, 'x') + "\"]", 34);
    expect_fault("[" + bytes + "]", 1);
  }
}

TEST(JsonTest, AFaultIsFoundWhereverItStands) {
  // At every distance from the beginning, so that it falls on each place of a block of bytes read
  // at once.
  for (std::size_t i = 0; i < 200; ++i) {
    const std::string before(i, 'x');
    expect_fault("[\"" + before + "\x01" + std::string(70, 'y') + "\"]", 2 + i);
    expect_fault("[\"" + before + "\xC3(" + std::string(70, 'y') + "\"]", 2 + i);
    expect_valid("[\"" + before + "\\\"" + std::string(70, 'y') + "\xC3\xA9\"]");
  }
}

TEST(JsonTest, DocumentsTooLongForTheFastReaderAreReadAllTheSame) {
  std::string document = "[";
  while (document.size() < 3 * core::limits::kMiB)
    document += "{\"key\":\"value\",\"n\":[1,2.5,null]},";
  document += "1]";
  expect_valid(document);
  document.back() = '}';
  expect_fault(document, document.size() - 1);
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// JSONTestSuite: y_ must be accepted, n_ refused, i_ is left to the implementation.
TEST(JsonTest, TheCorpusIsJudgedAsItsNamesSay) {
  const std::filesystem::path corpus = HEADRACE_JSON_CORPUS;
  if (!std::filesystem::is_directory(corpus)) GTEST_SKIP() << "there is no corpus at " << corpus;
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(corpus)) {
    if (entry.path().extension() != ".json") continue;
    const std::string name = entry.path().filename().string();
    const std::string text = read_file(entry.path());
    const bool valid = !find_json_fault(ExactText(text).view());
    EXPECT_EQ(run_over(text).valid, valid) << name;
    EXPECT_TRUE(valid || name[0] != 'y') << name;
    EXPECT_FALSE(valid && name[0] == 'n') << name;
    ++count;
  }
  EXPECT_GT(count, 300U);
}

}  // namespace
}  // namespace headrace::selector
