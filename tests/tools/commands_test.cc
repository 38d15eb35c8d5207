// SPDX-License-Identifier: Apache-2.0
#include "tools/commands.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace headrace::tools {
namespace {

TEST(CommandsTest, EachHasWordsOfItsOwnAndHelp) {
  std::set<std::string_view> words;
  for (const Command& command : all_commands()) {
    EXPECT_TRUE(words.insert(command.words).second) << command.words;
    EXPECT_FALSE(command.help.empty()) << command.words;
    EXPECT_TRUE(command.path.starts_with("/v1")) << command.words;
    const auto space = command.words.find(' ');
    if (space == std::string_view::npos) continue;
    EXPECT_FALSE(help_of_noun(command.words.substr(0, space)).empty()) << command.words;
  }
}

TEST(CommandsTest, EachArgumentIsExplained) {
  for (const Command& command : all_commands()) {
    for (const Placeholder& placeholder : placeholders(command.path))
      EXPECT_FALSE(help_of_placeholder(placeholder.name).empty()) << placeholder.name;
  }
}

TEST(CommandsTest, NoTwoFlagsOfACommandAreTheSame) {
  for (const Command& command : all_commands()) {
    std::vector<std::string> arguments;
    std::set<std::string, std::less<>> names = {"output", "all", "url", "key-file"};
    for (const Placeholder& placeholder : placeholders(command.path)) {
      if (!placeholder.is_optional) arguments.push_back(placeholder.name);
    }
    names.insert(arguments.begin(), arguments.end());
    for (const Field& field : fields_of(command)) {
      EXPECT_TRUE(names.insert(std::string(field.name)).second)
          << command.words << " --" << field.name;
      EXPECT_FALSE(field.help.empty()) << command.words << " --" << field.name;
      const bool is_member = field.place == Place::kBody || field.place == Place::kQuery;
      EXPECT_EQ(is_member && field.member.empty(), false) << command.words << " --" << field.name;
    }
  }
}

TEST(CommandsTest, OnlyRequestsThatHaveABodyHaveFieldsInIt) {
  for (const Command& command : all_commands()) {
    for (const Field& field : fields_of(command))
      EXPECT_TRUE(field.place != Place::kBody || command.has_body()) << command.words;
  }
}

TEST(CommandsTest, PlaceholdersAreFoundAndKnownAsOptional) {
  const auto found = placeholders("/v1[/products/{product}]/webhooks/{webhook}");
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].name, "product");
  EXPECT_TRUE(found[0].is_optional);
  EXPECT_EQ(found[1].name, "webhook");
  EXPECT_FALSE(found[1].is_optional);
}

}  // namespace
}  // namespace headrace::tools
