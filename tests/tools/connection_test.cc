// SPDX-License-Identifier: Apache-2.0
#include "tools/connection.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>

namespace headrace::tools {
namespace {

class ConnectionTest : public testing::Test {
 protected:
  ConnectionTest() {
    file_ = testing::TempDir() + "headrace_key_" +
            testing::UnitTest::GetInstance()->current_test_info()->name();
    std::ofstream(file_) << "key-of-file\n";
  }
  ~ConnectionTest() override { std::filesystem::remove(file_); }

  Result<Connection> connect(const ConnectionFlags& flags) const {
    return connection(flags, [this](const char* name) -> std::optional<std::string> {
      const auto it = environment_.find(name);
      if (it == environment_.end()) return std::nullopt;
      return it->second;
    });
  }

  std::string refused(const ConnectionFlags& flags) const {
    const auto made = connect(flags);
    EXPECT_FALSE(made);
    return made ? "" : made.error().what;
  }

  std::string file_;
  std::map<std::string, std::string> environment_ = {{"HEADRACE_KEY", "key-of-environment"}};
};

TEST_F(ConnectionTest, WithoutFlagsItIsTheDaemonOfThisMachine) {
  const auto made = connect({});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->url, "http://127.0.0.1:8081");
  EXPECT_EQ(made->key, "key-of-environment");
  EXPECT_EQ(made->workspace, "");
}

TEST_F(ConnectionTest, AFlagCountsBeforeItsVariable) {
  environment_["HEADRACE_URL"] = "https://env.test/";
  environment_["HEADRACE_WORKSPACE"] = "env";
  const auto by_environment = connect({});
  ASSERT_TRUE(by_environment);
  EXPECT_EQ(by_environment->url, "https://env.test");
  EXPECT_EQ(by_environment->workspace, "env");
  const auto by_flag = connect({"http://flag.test/base//", file_, "flag"});
  ASSERT_TRUE(by_flag);
  EXPECT_EQ(by_flag->url, "http://flag.test/base");
  EXPECT_EQ(by_flag->key, "key-of-file");
  EXPECT_EQ(by_flag->workspace, "flag");
}

TEST_F(ConnectionTest, AKeyFileCountsBeforeAKey) {
  environment_["HEADRACE_KEY_FILE"] = file_;
  ASSERT_TRUE(connect({}));
  EXPECT_EQ(connect({})->key, "key-of-file");
}

TEST_F(ConnectionTest, WithoutAKeyThereIsNoConnection) {
  environment_.clear();
  EXPECT_NE(refused({}).find("HEADRACE_KEY_FILE"), std::string::npos);
  EXPECT_NE(refused({"", "/does/not/exist", ""}).find("/does/not/exist"), std::string::npos);
  std::ofstream(file_) << "\n";
  EXPECT_NE(refused({"", file_, ""}).find("no key"), std::string::npos);
}

TEST_F(ConnectionTest, WhatWouldBreakAHeaderIsNoKeyAndIsNotShown) {
  std::ofstream(file_) << "secret\r\nX-Other: 1\n";
  const std::string what = refused({"", file_, ""});
  EXPECT_FALSE(what.empty());
  EXPECT_EQ(what.find("secret"), std::string::npos);
}

TEST_F(ConnectionTest, OnlyAWebAddressWithoutCredentialsIsAUrl) {
  for (const char* url : {"127.0.0.1:8081", "ftp://a.test", "http://user:pass@a.test", "http://a b",
                          "http://a.test?x", "http://a.test#x", "file:///etc/passwd"}) {
    EXPECT_FALSE(refused({url, "", ""}).empty()) << url;
  }
}

TEST_F(ConnectionTest, ADirectoryCannotBeRead) {
  const auto text = read_file(testing::TempDir());
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, ErrorCode::kStorageFailed);
}

}  // namespace
}  // namespace headrace::tools
