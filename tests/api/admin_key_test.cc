// SPDX-License-Identifier: Apache-2.0
#include "api/admin_key.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace headrace::api {
namespace {

class AdminKeyTest : public testing::Test {
 protected:
  AdminKeyTest() {
    std::string name = (std::filesystem::temp_directory_path() / "headrace-key-XXXXXX").string();
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    directory = name;
    path = directory + "/admin.key";
  }
  ~AdminKeyTest() override { std::filesystem::remove_all(directory); }

  static void write(const std::string& file, const std::string& text, mode_t mode) {
    std::ofstream(file) << text;
    EXPECT_EQ(::chmod(file.c_str(), mode), 0);
  }
  static mode_t mode_of(const std::string& file) {
    struct stat status {};
    EXPECT_EQ(::stat(file.c_str(), &status), 0);
    return status.st_mode & 0777;
  }

  std::string directory;
  std::string path;
};

TEST_F(AdminKeyTest, IsMadeOnceForItsOwnerOnly) {
  const auto made = load_or_make_admin_key(path);
  ASSERT_TRUE(made);
  EXPECT_TRUE(made->starts_with("hrk_"));
  EXPECT_EQ(made->size(), 48u);
  EXPECT_EQ(mode_of(path), 0600u);
  const auto loaded = load_or_make_admin_key(path);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(*loaded, *made);
}

TEST_F(AdminKeyTest, NoTwoAreTheSame) {
  const auto other = load_or_make_admin_key(directory + "/other.key");
  const auto made = load_or_make_admin_key(path);
  ASSERT_TRUE(made && other);
  EXPECT_NE(*made, *other);
}

TEST_F(AdminKeyTest, FileThatOthersMayReadIsRefused) {
  for (const mode_t mode : {0640u, 0604u, 0660u, 0610u}) {
    write(path, "hrk_" + std::string(44, 'k') + "\n", mode);
    const auto loaded = load_or_make_admin_key(path);
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(loaded.error().what.find("chmod 600"), std::string::npos);
  }
}

TEST_F(AdminKeyTest, FileWithoutAKeyIsRefused) {
  for (const char* text : {"", "\n", "short\n"}) {
    write(path, text, 0600);
    EXPECT_FALSE(load_or_make_admin_key(path));
  }
}

TEST_F(AdminKeyTest, DirectoryThatIsNotThereIsAnError) {
  const auto made = load_or_make_admin_key(directory + "/nothing/admin.key");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::kStorageFailed);
}

// A process that ended half way left it; or somebody laid it out to read the key.
TEST_F(AdminKeyTest, LeftoverDraftDoesNotLendItsPermissions) {
  write(path + ".new", "", 0666);
  ASSERT_TRUE(load_or_make_admin_key(path));
  EXPECT_EQ(mode_of(path), 0600u);
}

}  // namespace
}  // namespace headrace::api
