// SPDX-License-Identifier: Apache-2.0
#include "tools/manifest.h"

#include <gtest/gtest.h>

#include "tools/apply_file.h"

namespace headrace::tools {
namespace {

Result<Manifest> manifest(std::string_view toml) {
  const auto file = parse_apply_file(toml, "f.toml");
  EXPECT_TRUE(file) << file.error().what;
  return read_manifest(*file, "f.toml");
}

// "PLACE: WHAT" of all faults, a line each.
std::string faults(std::string_view toml) {
  const auto read = manifest(toml);
  EXPECT_FALSE(read);
  std::string all;
  if (read) return all;
  for (const ErrorItem& item : read.error().items) all += item.where + ": " + item.what + "\n";
  return all;
}

TEST(ManifestTest, ReadsEveryKindAndSaysWhatItIsInChargeOf) {
  const auto read = manifest(R"(
apps = ["extra"]
[[webhooks]]
app = "github"
tag = "repo"
name = "Repositories"
[[events]]
app = "github"
tag = "repo:opened"
selectorValue = "opened"
[[connections]]
product = "shop"
access_tag = "gh"
app = "elsewhere"
[[endpoints]]
product = "shop"
access_tag = "gh"
webhook_tag = "repo"
env = "prd"
url = "http://a.test"
[[registrations]]
product = "bank"
access_tag = "github"
webhook = "repo"
envs = [{slug = "prd", url = "http://b.test"}, {slug = "snd"}]
)");
  ASSERT_TRUE(read);
  ASSERT_EQ(read->resources.size(), 6u);
  EXPECT_EQ(name_of(read->resources[0]), "webhook github/repo");
  EXPECT_EQ(name_of(read->resources[1]), "event github/repo:opened");
  EXPECT_EQ(read->resources[1].definition.text_at("selector_value"), "opened");
  EXPECT_EQ(name_of(read->resources[2]), "connection shop/gh");
  EXPECT_EQ(name_of(read->resources[3]), "endpoint shop/gh/repo/prd");
  EXPECT_EQ(name_of(read->resources[4]), "endpoint bank/github/repo/prd");
  EXPECT_EQ(name_of(read->resources[5]), "endpoint bank/github/repo/snd");
  EXPECT_EQ(read->apps, (std::set<std::string, std::less<>>{"extra", "github"}));
  EXPECT_EQ(read->products, (std::set<std::string, std::less<>>{"bank", "shop"}));
}

TEST(ManifestTest, EveryFaultIsNamedWithItsPlace) {
  EXPECT_EQ(faults(R"([[webhooks]]
app = "github"
tag = "repo"
nmae = "x"
[[events]]
app = "github"
)"),
            "f.toml:4:8: there is no member 'nmae' here\n"
            "f.toml:5:1: 'tag' is missing, or no text\n"
            "f.toml:5:1: the tag of an event is webhook:event\n");
}

TEST(ManifestTest, AnUnknownListIsAFault) {
  EXPECT_TRUE(
      faults("[[webhoks]]\napp = \"a\"\n").starts_with("f.toml:1:1: there is no 'webhoks'"));
  EXPECT_EQ(faults("webhooks = \"x\"\n"), "f.toml:1:12: 'webhooks' must be a list\n");
  EXPECT_EQ(faults("products = [1]\n"), "f.toml:1:13: must be a tag\n");
  EXPECT_EQ(faults("webhooks = [1]\n"), "f.toml:1:13: must be an object\n");
}

TEST(ManifestTest, TheSameThingTwiceIsAFaultAlsoAsARegistration) {
  EXPECT_EQ(faults(R"([[endpoints]]
product = "p"
access_tag = "a"
webhook = "w"
env = "prd"
[[registrations]]
product = "p"
access_tag = "a"
webhook = "w"
envs = [{slug = "prd"}]
)"),
            "f.toml:10:9: endpoint p/a/w/prd was there before, at f.toml:1:1\n");
}

TEST(ManifestTest, ARegistrationNeedsEnvironmentsWithSlugs) {
  const std::string head =
      "[[registrations]]\nproduct = \"p\"\naccess_tag = \"a\"\nwebhook = \"w\"\n";
  EXPECT_EQ(faults(head), "f.toml:1:1: 'envs' must list environments\n");
  EXPECT_EQ(faults(head + "envs = [{url = \"x\"}]\n"),
            "f.toml:5:9: an environment needs a 'slug'\n");
  EXPECT_EQ(faults(head + "envs = [{slug = \"prd\", state = \"paused\"}]\n"),
            "f.toml:5:32: there is no member 'state' here\n");
}

}  // namespace
}  // namespace headrace::tools
