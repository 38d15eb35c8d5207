// SPDX-License-Identifier: Apache-2.0
#include "engine/secrets.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstdlib>
#include <map>
#include <string>
#include <vector>

namespace headrace::engine {
namespace {

// The same cases in every run, unless RC_PARAMS says otherwise.
const bool kSeeded = setenv("RC_PARAMS", "seed=20 max_success=500", 0) == 0;

using Names = std::vector<std::string>;

// Knows A and B of the workspace "acme".
std::optional<std::string> source(std::string_view workspace, std::string_view name) {
  static const std::map<std::string, std::string, std::less<>> values = {
      {"A", "alpha"}, {"B", "say \"hi\" & go/on"}};
  const auto found = values.find(name);
  if (workspace != "acme" || found == values.end()) return std::nullopt;
  return found->second;
}

TEST(SecretsTest, NamesAreFoundInOrderAndAsOftenAsTheyStandThere) {
  EXPECT_EQ(*secret_names(""), Names());
  EXPECT_EQ(*secret_names("Bearer abc {x} $Secret $ Secret{A}"), Names());
  EXPECT_EQ(*secret_names("$Secret{A}"), Names({"A"}));
  EXPECT_EQ(*secret_names("x$Secret{B_2}y$Secret{a}$Secret{a}"), Names({"B_2", "a", "a"}));
  EXPECT_EQ(*secret_names("$$Secret{A}}"), Names({"A"}));
  EXPECT_EQ(*secret_names("$Secret{" + std::string(64, 'x') + "}"), Names({std::string(64, 'x')}));
}

TEST(SecretsTest, SecretThatIsNotWrittenAsOneIsMalformedWithItsOffset) {
  const auto offset = [](std::string_view text) {
    const auto names = secret_names(text);
    EXPECT_FALSE(names) << text;
    if (names) return std::int64_t{-1};
    EXPECT_EQ(names.error().code, ErrorCode::kMalformed);
    return names.error().detail;
  };
  EXPECT_EQ(offset("$Secret{}"), 0);
  EXPECT_EQ(offset("ab$Secret{"), 2);
  EXPECT_EQ(offset("$Secret{A}$Secret{B"), 10);
  EXPECT_EQ(offset("$Secret{A-B}"), 0);
  EXPECT_EQ(offset("$Secret{A B}"), 0);
  EXPECT_EQ(offset("$Secret{\xc3\xa4}"), 0);
  EXPECT_EQ(offset("$Secret{$Secret{A}}"), 0);
  EXPECT_EQ(offset("$Secret{" + std::string(65, 'x') + "}"), 0);
}

TEST(SecretsTest, SecretsAreResolvedInPlace) {
  EXPECT_EQ(*with_secrets("", "acme", source, Escape::kNone), "");
  EXPECT_EQ(*with_secrets("Bearer $Secret{A}.$Secret{A}!", "acme", source, Escape::kNone),
            "Bearer alpha.alpha!");
}

TEST(SecretsTest, ValueIsEscapedAsItsPlaceNeedsIt) {
  EXPECT_EQ(*with_secrets("$Secret{B}", "acme", source, Escape::kNone), "say \"hi\" & go/on");
  EXPECT_EQ(*with_secrets(R"({"k":"$Secret{B}"})", "acme", source, Escape::kJson),
            R"({"k":"say \"hi\" & go/on"})");
  EXPECT_EQ(*with_secrets("http://h/$Secret{B}?a=b c", "acme", source, Escape::kPercent),
            "http://h/say%20%22hi%22%20%26%20go%2Fon?a=b c");
}

TEST(SecretsTest, MissingSecretIsNotFoundByItsNameAlone) {
  const auto missing =
      with_secrets("$Secret{A}$Secret{C}$Secret{D}", "acme", source, Escape::kNone);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(missing.error().what, "there is no secret C");
  EXPECT_FALSE(with_secrets("$Secret{A}", "other", source, Escape::kNone));
  EXPECT_FALSE(with_secrets("$Secret{A}", "acme", {}, Escape::kNone));
  EXPECT_TRUE(with_secrets("plain", "acme", {}, Escape::kNone));
}

TEST(SecretsTest, ReferencesAreShownAndCredentialsHidden) {
  for (const char* shown : {"", "$Secret{A}", "Bearer $Secret{A}", "Basic $Secret{A}",
                            "$Secret{A}$Secret{B}", "token $Secret{A}", "$Link"})
    EXPECT_EQ(hide_credentials(shown), shown);
  for (const char* hidden :
       {"abc", "Bearer abc", "Bearer ", "x$Secret{A}", "$Secret{A}x", "Bearer $Secret{A} abc",
        "$Secret{}", "$Secret{abc", "Bearer $Secret{A}$Secret{", "$Link/abc", "$Secret{A b}", " "})
    EXPECT_EQ(hide_credentials(hidden), "[hidden]");
}

// Whatever surrounds it, a credential that was typed in is not in what is shown.
TEST(SecretsTest, NoLiteralCredentialIsEverShown) {
  EXPECT_TRUE(rc::check([] {
    const std::string credential = "ZQ7" + std::to_string(*rc::gen::inRange(100000, 999999));
    const auto pieces = *rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
        "$Secret{A}", "Bearer ", "Basic ", "$Link", " ", "$Secret{", "}", "$", "token ", ""));
    std::string text;
    const auto at = *rc::gen::inRange<std::size_t>(0, pieces.size() + 1);
    for (std::size_t i = 0; i <= pieces.size(); ++i) {
      if (i == at) text += credential;
      if (i < pieces.size()) text += pieces[i];
    }
    // Inside the braces it is a name, and a name is no credential.
    RC_PRE(text.find("$Secret{" + credential) == std::string::npos);
    RC_ASSERT(hide_credentials(text).find(credential) == std::string::npos);
  }));
}

// Escaped for JSON, any secret leaves the document one, with the secret as the string's content.
TEST(SecretsTest, AnySecretFitsIntoAJsonString) {
  EXPECT_TRUE(rc::check([](const std::string& bytes) {
    std::string value;
    for (const char c : bytes) value += static_cast<char>(c & 0x7f);
    const SecretSource one = [&](std::string_view, std::string_view) { return value; };
    const auto text = with_secrets(R"("$Secret{A}")", "acme", one, Escape::kJson);
    RC_ASSERT(static_cast<bool>(text));
    for (std::size_t i = 1; i + 1 < text->size(); ++i) {
      RC_ASSERT(static_cast<unsigned char>((*text)[i]) >= 0x20);
      if ((*text)[i] == '\\') {
        ++i;
      } else {
        RC_ASSERT((*text)[i] != '"');
      }
    }
  }));
}

}  // namespace
}  // namespace headrace::engine
