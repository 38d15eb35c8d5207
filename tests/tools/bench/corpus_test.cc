// SPDX-License-Identifier: Apache-2.0
// What is made is valid JSON by a parser of others, of the size and depth that was asked for.
#include "tools/bench/corpus.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <simdjson.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <numeric>

namespace headrace::bench_tools {
namespace {

namespace fs = std::filesystem;

std::size_t depth(simdjson::dom::element element) {
  std::size_t deepest = 0;
  simdjson::dom::object object;
  simdjson::dom::array array;
  if (element.get(object) == simdjson::SUCCESS) {
    for (const auto field : object) deepest = std::max(deepest, depth(field.value));
    return deepest + 1;
  }
  if (element.get(array) == simdjson::SUCCESS) {
    for (const auto item : array) deepest = std::max(deepest, depth(item));
    return deepest + 1;
  }
  return 0;
}

RC_GTEST_PROP(GeneratorTest, MakesValidJsonOfTheSizeThatWasAskedFor, ()) {
  GeneratorOptions options;
  const auto least = *rc::gen::inRange<std::size_t>(128, 20'000);
  options.size = {.kind = SizeDistribution::Kind::kUniform,
                  .bytes = least,
                  .bytes_max = least + *rc::gen::inRange<std::size_t>(0, 20'000)};
  options.nesting = *rc::gen::inRange<std::size_t>(0, 513);
  options.unicode = *rc::gen::element(0.0, 0.05, 0.5, 1.0);
  options.count = 4;
  options.seed = *rc::gen::arbitrary<std::uint64_t>();
  const auto corpus = generate(options);
  RC_ASSERT(corpus.has_value());
  RC_ASSERT(corpus->size() == 4u);
  for (const Payload& payload : *corpus) {
    RC_ASSERT(payload.body.size() >= least);
    RC_ASSERT(payload.body.size() <= options.size.bytes_max);
    simdjson::dom::parser parser;
    simdjson::dom::element element;
    RC_ASSERT(parser.parse(payload.body).get(element) == simdjson::SUCCESS);
    RC_ASSERT(element["type"].get_string().value() == options.event);
    // Where there is room for them, objects are as deep as asked; an array in one is deeper.
    if (payload.body.size() > 8000) {
      RC_ASSERT(depth(element) >= options.nesting + 1);
      RC_ASSERT(depth(element) <= options.nesting + 3);
    }
  }
}

TEST(GeneratorTest, DependsOnItsSeedAlone) {
  GeneratorOptions options{.count = 3};
  const auto bodies = [&] {
    std::vector<std::string> all;
    const auto corpus = generate(options);
    for (const Payload& payload : *corpus) all.push_back(payload.body);
    return all;
  };
  const auto first = bodies();
  EXPECT_EQ(bodies(), first);
  EXPECT_NE(first[0], first[1]);
  options.seed = 2;
  EXPECT_NE(bodies(), first);
}

TEST(GeneratorTest, UnicodeIsThereOrNot) {
  const auto is_ascii = [](double unicode) {
    const auto corpus = generate({.unicode = unicode, .count = 1});
    return std::all_of(corpus->front().body.begin(), corpus->front().body.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  };
  EXPECT_TRUE(is_ascii(0));
  EXPECT_FALSE(is_ascii(0.2));
}

TEST(GeneratorTest, LognormalSizesHaveTheirMedian) {
  GeneratorOptions options{.count = 2001};
  options.size = *SizeDistribution::parse("lognormal:4k:0.7");
  const auto corpus = generate(options);
  std::vector<std::size_t> sizes;
  for (const Payload& payload : *corpus) sizes.push_back(payload.body.size());
  std::sort(sizes.begin(), sizes.end());
  EXPECT_NEAR(static_cast<double>(sizes[1000]), 4096, 350);
  // One in six is above a standard deviation: e^0.7 times the median.
  EXPECT_NEAR(static_cast<double>(sizes[1683]), 4096 * 2.014, 900);
}

TEST(SizeDistributionTest, IsReadStrictly) {
  const auto fixed = SizeDistribution::parse("7k");
  ASSERT_TRUE(fixed);
  EXPECT_EQ(fixed->bytes, 7168u);
  const auto range = SizeDistribution::parse("500-20k");
  ASSERT_TRUE(range);
  EXPECT_EQ(range->kind, SizeDistribution::Kind::kUniform);
  EXPECT_EQ(range->bytes, 500u);
  EXPECT_EQ(range->bytes_max, 20480u);
  EXPECT_EQ(SizeDistribution::parse("lognormal:1m:0.5")->sigma, 0.5);
  for (const char* bad : {"", "k", "7kb", "127", "17m", "20k-1k", "1k-", "-1k", "lognormal:7k:",
                          "lognormal:7k:x", "lognormal:7k:9", "99999999999999999999k"}) {
    EXPECT_FALSE(SizeDistribution::parse(bad)) << bad;
  }
}

class FolderTest : public testing::Test {
 protected:
  FolderTest() {
    std::string name = (fs::temp_directory_path() / "headrace_corpus_XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~FolderTest() override { fs::remove_all(folder_); }
  void write(const std::string& name, const std::string& text) const {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  fs::path folder_;
};

TEST_F(FolderTest, FilesAreReadAsTheyAreAndNamedByTheirPlace) {
  write("push/1.json", "{\"a\": 1}\n");
  write("issues.opened.json", std::string("\0\xff", 2));
  const auto corpus = read_folder(folder_.string());
  ASSERT_TRUE(corpus);
  ASSERT_EQ(corpus->size(), 2u);
  EXPECT_EQ(corpus->at(0).event, "issues");
  EXPECT_EQ(corpus->at(0).body, std::string("\0\xff", 2));
  EXPECT_EQ(corpus->at(1).event, "push");
  EXPECT_EQ(corpus->at(1).body, "{\"a\": 1}\n");
}

TEST_F(FolderTest, NothingThereIsAnError) {
  EXPECT_EQ(read_folder(folder_.string()).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(read_folder((folder_ / "none").string()).error().code, ErrorCode::kNotFound);
}

TEST_F(FolderTest, GithubExamplesAreSentWithoutWhiteSpace) {
  write("index.json",
        R"([{"name": "push", "examples": [{"a": [1,  2], "b": "c d"}, {}]},
            {"name": "fork", "examples": [{"n": 12345678901234567}]}])");
  const auto all = read_github(folder_.string());
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 3u);
  EXPECT_EQ(all->at(0).body, R"({"a":[1,2],"b":"c d"})");
  EXPECT_EQ(all->at(0).event, "push");
  const auto some = read_github((folder_ / "index.json").string(), {"fork"});
  ASSERT_TRUE(some);
  ASSERT_EQ(some->size(), 1u);
  EXPECT_EQ(some->at(0).body, R"({"n":12345678901234567})");
  EXPECT_EQ(read_github(folder_.string(), {"none"}).error().code, ErrorCode::kNotFound);
  write("index.json", R"([{"name": "push"}])");
  EXPECT_EQ(read_github(folder_.string()).error().code, ErrorCode::kMalformed);
}

}  // namespace
}  // namespace headrace::bench_tools
