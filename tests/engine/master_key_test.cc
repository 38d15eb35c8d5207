// SPDX-License-Identifier: Apache-2.0
#include "engine/master_key.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace headrace::engine {
namespace {

namespace fs = std::filesystem;

class MasterKeyTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "headrace-key-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { fs::remove_all(directory_); }

  std::string path(const std::string& name) const { return directory_ + "/" + name; }
  bool has(const std::string& name) const { return fs::exists(path(name)); }
  std::string text(const std::string& name) const {
    std::ifstream file(path(name));
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void write(const std::string& name, const std::string& text, mode_t mode = 0600) const {
    std::ofstream(path(name)) << text;
    ::chmod(path(name).c_str(), mode);
  }
  Result<MasterKey> key(bool may_make = true) const {
    return MasterKey::in_directory(directory_, may_make);
  }
  ErrorCode fault(bool may_make = true) const {
    const auto found = key(may_make);
    return found ? ErrorCode::kUnsupported : found.error().code;
  }

  std::string directory_;
};

TEST_F(MasterKeyTest, IsMadeOnceForItsOwnerAlone) {
  const auto first = key();
  ASSERT_TRUE(first) << first.error().what;
  struct stat status {};
  ASSERT_EQ(::stat(path("master.key").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_EQ(text("master.key").size(), 45u);
  EXPECT_EQ(key(false)->keys().current().id(), first->keys().current().id());
  EXPECT_FALSE(first->is_rotating());
  EXPECT_EQ(std::distance(fs::directory_iterator(directory_), {}), 1);
}

TEST_F(MasterKeyTest, IsNotMadeWhereSomethingIsSealedAlready) {
  EXPECT_EQ(fault(false), ErrorCode::kNotFound);
  EXPECT_FALSE(has("master.key"));
}

TEST_F(MasterKeyTest, WhatOthersMayReadOrIsNoKeyIsRefusedAndLeftAsItIs) {
  write("master.key", "not a key\n");
  EXPECT_EQ(fault(), ErrorCode::kCorrupted);
  write("master.key", "");
  EXPECT_EQ(fault(), ErrorCode::kCorrupted);
  EXPECT_EQ(text("master.key"), "");
  write("master.key", std::string(64, 'a'), 0640);
  EXPECT_EQ(fault(), ErrorCode::kForbidden);
}

TEST_F(MasterKeyTest, ADraftThatACrashLeftIsOfNoConsequence) {
  write("master.key.new", "half a k");
  const auto made = key();
  ASSERT_TRUE(made) << made.error().what;
  EXPECT_FALSE(has("master.key.new"));
}

// At every step between, another start has a ring that opens what either key sealed.
TEST_F(MasterKeyTest, ARotationCanEndAtAnyInstant) {
  auto running = key();
  ASSERT_TRUE(running);
  const std::string before = running->keys().seal("before", "p");
  ASSERT_TRUE(running->begin_rotation());
  const std::string after = running->keys().seal("after", "p");
  EXPECT_TRUE(has("master.key.next"));
  {
    auto later = key(false);  // a crash before anything else happened
    ASSERT_TRUE(later) << later.error().what;
    EXPECT_TRUE(later->is_rotating());
    EXPECT_EQ(later->keys().open(before, "p")->view(), "before");
    EXPECT_EQ(later->keys().open(after, "p")->view(), "after");
    EXPECT_EQ(core::sealed_under(later->keys().seal("x", "p")), core::sealed_under(after));
  }
  ASSERT_TRUE(running->begin_rotation()) << "one that was begun goes on";
  EXPECT_EQ(core::sealed_under(running->keys().seal("x", "p")), core::sealed_under(after));
  ASSERT_TRUE(running->finish_rotation());
  EXPECT_FALSE(has("master.key.next"));
  const auto later = key(false);
  ASSERT_TRUE(later);
  EXPECT_FALSE(later->is_rotating());
  EXPECT_EQ(later->keys().open(after, "p")->view(), "after");
  EXPECT_FALSE(later->keys().open(before, "p"));
  EXPECT_FALSE(running->keys().open(before, "p"));
}

TEST_F(MasterKeyTest, ARotationThatCannotFinishGoesOnLater) {
  auto running = key();
  ASSERT_TRUE(running->begin_rotation());
  const std::string sealed = running->keys().seal("x", "p");
  // Only the rename was done, and its sync failed.
  fs::rename(path("master.key.next"), path("master.key"));
  EXPECT_TRUE(running->is_rotating());
  ASSERT_TRUE(running->finish_rotation());
  EXPECT_EQ(key(false)->keys().open(sealed, "p")->view(), "x");
}

TEST_F(MasterKeyTest, AKeyFromOutsideIsRotatedByGivingBoth) {
  const std::string old_text(64, 'a');
  const std::string new_text(64, 'b');
  const auto before = MasterKey::given(old_text, "");
  ASSERT_TRUE(before);
  const std::string sealed = before->keys().seal("x", "p");
  auto both = MasterKey::given(new_text, old_text);
  ASSERT_TRUE(both);
  EXPECT_TRUE(both->is_rotating());
  EXPECT_EQ(both->keys().open(sealed, "p")->view(), "x");
  ASSERT_TRUE(both->finish_rotation());
  EXPECT_FALSE(both->keys().open(sealed, "p"));
  EXPECT_EQ(both->begin_rotation().error().code, ErrorCode::kPrecondition);
  EXPECT_FALSE(MasterKey::given(new_text, new_text)->is_rotating());
}

TEST_F(MasterKeyTest, AKeyFromOutsideThatIsNoneIsRefusedWithoutBeingNamed) {
  const auto wrong = MasterKey::given("hunter2", "");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(wrong.error().what.find("hunter2"), std::string::npos);
  EXPECT_FALSE(MasterKey::given(std::string(64, 'a'), "hunter2"));
}

}  // namespace
}  // namespace headrace::engine
