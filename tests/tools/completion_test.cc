// SPDX-License-Identifier: Apache-2.0
#include "tools/completion.h"

#include <gtest/gtest.h>

#include "tools/command_line.h"

namespace headrace::tools {
namespace {

class CompletionTest : public testing::Test {
 protected:
  std::string script(std::string_view shell) const {
    return completion_script(app_, shell).value_or("");
  }

  CLI::App app_{"headrace"};
  CommandLine commands_{app_};
};

TEST_F(CompletionTest, EveryCommandAndFlagOfTheTableIsInBothScripts) {
  const std::string bash = script("bash");
  const std::string zsh = script("zsh");
  for (const Command& command : all_commands()) {
    std::string path = "/" + std::string(command.words);
    if (const auto space = path.find(' '); space != std::string::npos) path[space] = '/';
    EXPECT_NE(bash.find("'" + path + "') choices="), std::string::npos) << path;
    EXPECT_NE(zsh.find("'" + path + "') "), std::string::npos) << path;
    for (const Field& field : fields_of(command)) {
      if (field.is_positional) continue;
      const std::string flag = "--" + std::string(field.name);
      EXPECT_NE(bash.find(flag), std::string::npos) << flag;
      EXPECT_NE(zsh.find("'" + flag + ":"), std::string::npos) << flag;
    }
  }
}

TEST_F(CompletionTest, ChoicesAndFilesComeFromTheTypes) {
  const std::string bash = script("bash");
  EXPECT_NE(bash.find("'/messages --output') kind=word choices='table json ndjson'"),
            std::string::npos);
  EXPECT_NE(bash.find("'/messages --status') kind=word choices='routed unmatched no_endpoint'"),
            std::string::npos);
  EXPECT_NE(bash.find("'/deliveries --error') kind=word choices='any none'"), std::string::npos);
  EXPECT_NE(bash.find("'/messages --key-file') kind=file"), std::string::npos);
  EXPECT_NE(bash.find("--cascade"), std::string::npos);
  EXPECT_EQ(bash.find("--cascade')"), std::string::npos) << "a switch has no value";
}

TEST_F(CompletionTest, OtherShellsHaveNone) {
  EXPECT_EQ(completion_script(app_, "fish"), std::nullopt);
}

}  // namespace
}  // namespace headrace::tools
