// SPDX-License-Identifier: Apache-2.0
// Applies the house rules to the tree that this was built from.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/tidy/rules.h"

namespace headrace::tidy {
namespace {

namespace fs = std::filesystem;

bool is_ours(const fs::path& folder) {
  const std::string name = folder.filename().string();
  return name != ".git" && name != "build" && name != "node_modules" && name != "corpus";
}

SourceFile load(const fs::path& root, const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {fs::relative(path, root).generic_string(), {std::istreambuf_iterator<char>(in), {}}};
}

// Every text file of the tree.
const Files& tree() {
  static const Files files = [] {
    const fs::path root = HEADRACE_SOURCE_DIR;
    Files found;
    for (auto entry = fs::recursive_directory_iterator(root);
         entry != fs::recursive_directory_iterator(); ++entry) {
      if (entry->is_directory() && !is_ours(entry->path())) entry.disable_recursion_pending();
      if (entry->is_regular_file()) found.push_back(load(root, entry->path()));
    }
    std::erase_if(found,
                  [](const SourceFile& file) { return file.text.find('\0') != std::string::npos; });
    return found;
  }();
  return files;
}

void expect_none(const Complaints& complaints) {
  for (const std::string& complaint : complaints) ADD_FAILURE() << complaint;
}

void expect_of_each(Complaints (*rule)(const SourceFile&)) {
  for (const SourceFile& file : tree()) expect_none(rule(file));
}

TEST(TreeTest, IsReadWhole) { EXPECT_GT(tree().size(), 20u); }
TEST(TreeTest, IncludesFollowTheArrows) { expect_of_each(check_arrows); }
TEST(TreeTest, PublicHeadersStandAlone) { expect_of_each(check_public_header); }
TEST(TreeTest, EveryFileHasOneLicenceLine) { expect_of_each(check_licence_line); }
TEST(TreeTest, FilesAreOfReadableSize) { expect_of_each(check_size); }
TEST(TreeTest, NobodyMakesABannedCall) { expect_of_each(check_banned_calls); }
TEST(TreeTest, OnlyStoreKnowsRocksDb) { expect_of_each(check_rocksdb); }
TEST(TreeTest, TextsSpeakOfTheProjectOnly) { expect_of_each(check_text); }
TEST(TreeTest, EverySourceIsBuilt) { expect_none(check_everything_is_built(tree())); }
TEST(TreeTest, TheNpmListIsOne) { expect_none(check_npm_list(tree())); }

}  // namespace
}  // namespace headrace::tidy
