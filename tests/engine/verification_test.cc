// SPDX-License-Identifier: Apache-2.0
// Whose messages links take, as it is registered: which verifier each link has, and what happens
// where there can be none.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/verification_rules.h"
#include "ingest/verification/verifier.h"
#include "tests/engine/registry_rig.h"

namespace headrace::test {
namespace {

using engine::check_verification;
using engine::hidden_verification;

constexpr std::chrono::hours kDay{24};

std::string token_scheme(const std::string& secret) {
  return R"({"scheme":{"header":"x-key","algorithm":"token"},"secrets":[")" + secret + R"("]})";
}

// What is said of verification: the events' names, and the texts of their fields.
class VerificationLog final : public core::LogSink {
 public:
  void write(core::LogLevel, std::string_view event, std::string_view,
             std::initializer_list<core::LogField> fields) noexcept override {
    if (!event.starts_with("verification_")) return;
    std::string line(event);
    for (const core::LogField& field : fields)
      if (const auto* text = std::get_if<std::string_view>(&field.value))
        line.append(" ").append(*text);
    lines.push_back(std::move(line));
  }
  std::vector<std::string> lines;
};

class VerificationTest : public RegistryTest {
 protected:
  VerificationTest() {
    log_sink = &log;
    load();
  }
  ~VerificationTest() override { registry.reset(); }

  VerificationLog log;
  Webhook create(const std::string& verification) {
    WebhookSpec spec = webhook_spec();
    spec.envs[0].verification = verification;
    return made(registry->create_webhook(kWorkspace, "github", spec));
  }
  Webhook shown() { return made(registry->webhook(kWorkspace, "github", "repo")); }
  Webhook change(const std::string& verification) {
    WebhookPatch patch;
    patch.envs = {{.slug = "prd", .verification = verification}};
    return made(registry->update_webhook(kWorkspace, "github", "repo", patch, {}));
  }
  Link link(const std::optional<std::string>& verification, const std::string& event = "",
            std::string_view product = "shop") {
    LinkSpec spec = event.empty() ? link_spec() : event_link_spec(event);
    spec.verification = verification;
    return made(registry->create_link(kWorkspace, product, spec)).link;
  }
  // Whether a message with that key is taken at the link; `anybody` where nobody is asked.
  std::string taken(const std::string& url, const std::string& key) {
    const auto* found = route(url);
    if (found == nullptr) return "no link";
    if (found->verifier == nullptr) return "anybody";
    std::string wire = "POST /in/x HTTP/1.1\r\nHost: a\r\nX-Key: " + key + "\r\n\r\n";
    core::RequestParser parser;
    parser.parse(wire.data(), wire.size());
    const auto judgement =
        found->verifier->judge({.head = parser.head(), .base = wire.data(), .now = 1});
    return judgement.verdict == verification::Verdict::kGenuine ? "yes" : judgement.reason;
  }
  void put_secret(const std::string& name, const std::string& value) {
    made(registry->put_secret(kWorkspace, name, value, {}));
  }
};

constexpr auto kWrong = "the token is wrong";
constexpr auto kUnusable = "nothing can be verified here at present";

TEST_F(VerificationTest, EveryLinkOfAnEnvHasTheEnvsVerifier) {
  const Webhook one = create(token_scheme("k"));
  event();
  const Link product = link({});
  const Link of_event = link({}, "repo:starred");
  for (const std::string& url : {one.envs[0].link, product.url, of_event.url}) {
    EXPECT_EQ(taken(url, "k"), "yes");
    EXPECT_EQ(taken(url, "x"), kWrong);
  }
  EXPECT_EQ(route(one.envs[0].link)->verifier, route(of_event.url)->verifier) << "made once";
  EXPECT_TRUE(one.warnings.empty());
}

TEST_F(VerificationTest, LinksOwnComesFirstAndIsThatOfItsEventLinks) {
  const Webhook one = create(token_scheme("all"));
  event();
  const Link product = link(token_scheme("own"));
  const Link other = link({}, "", "bank");
  const Link of_event = link({}, "repo:starred");
  EXPECT_EQ(taken(product.url, "own"), "yes");
  EXPECT_EQ(taken(product.url, "all"), kWrong);
  EXPECT_EQ(taken(of_event.url, "own"), "yes");
  EXPECT_EQ(taken(other.url, "all"), "yes");
  EXPECT_EQ(taken(one.envs[0].link, "all"), "yes");
  link(token_scheme("event"), "repo:starred");
  EXPECT_EQ(taken(of_event.url, "event"), "yes");
  EXPECT_EQ(taken(product.url, "own"), "yes");
  // Not said is as it is, and none is as what it belongs to.
  EXPECT_EQ(link({}, "repo:starred").verification, R"({"scheme":{"header":"x-key",)"
                                                   R"("algorithm":"token"},)"
                                                   R"("secrets":["[hidden]"]})");
  link("", "repo:starred");
  EXPECT_EQ(taken(of_event.url, "own"), "yes");
  link("");
  EXPECT_EQ(taken(of_event.url, "all"), "yes");
  EXPECT_EQ(taken(product.url, "all"), "yes");
}

TEST_F(VerificationTest, ChangeIsInForceForAllLinksAtOnce) {
  const Webhook one = create("");
  EXPECT_EQ(one.warnings.size(), 1u);
  const Link product = link({});
  EXPECT_EQ(taken(product.url, "k"), "anybody");
  EXPECT_TRUE(change(token_scheme("k")).warnings.empty());
  EXPECT_EQ(taken(product.url, "x"), kWrong);
  EXPECT_EQ(taken(one.envs[0].link, "x"), kWrong);
  change(token_scheme("x"));
  EXPECT_EQ(taken(product.url, "x"), "yes");
  EXPECT_EQ(change("").warnings.size(), 1u);
  EXPECT_EQ(taken(product.url, "x"), "anybody");
}

TEST_F(VerificationTest, OtherChangesLeaveItAlone) {
  const Webhook one = create(token_scheme("k"));
  const Link product = link({});
  const auto verifier = route(product.url)->verifier;
  EndpointSettings paused;
  paused.state = EndpointState::kDisabled;
  made(registry->create_link(kWorkspace, "shop", link_spec(to("http://127.0.0.1:9/other"))));
  WebhookPatch patch;
  patch.name = "another";
  made(registry->update_webhook(kWorkspace, "github", "repo", patch, {}));
  const Link rotated = made(registry->rotate_link(kWorkspace, product.id, kDay, {}));
  EXPECT_EQ(route(rotated.url)->verifier, verifier);
  EXPECT_EQ(route(product.url)->verifier, verifier) << "the URL before works, and is judged, too";
  load();
  EXPECT_EQ(taken(rotated.url, "k"), "yes");
  EXPECT_EQ(taken(one.envs[0].link, "x"), kWrong);
}

// Nothing is ever taken unverified because something is missing.
TEST_F(VerificationTest, WithoutItsSecretALinkRefusesEverything) {
  const Webhook one = create(token_scheme("$Secret{LATE}"));
  ASSERT_EQ(one.warnings.size(), 1u);
  EXPECT_NE(one.warnings[0].find("there is no secret LATE"), std::string::npos);
  const Link product = link({});
  ASSERT_EQ(product.warnings.size(), 1u);
  EXPECT_EQ(taken(product.url, ""), kUnusable);
  EXPECT_EQ(taken(product.url, "$Secret{LATE}"), kUnusable);
  put_secret("LATE", "k");
  EXPECT_TRUE(shown().warnings.empty());
  EXPECT_TRUE(registry->link(kWorkspace, product.id)->warnings.empty());
  EXPECT_EQ(taken(product.url, "k"), "yes");
  put_secret("LATE", "new");
  EXPECT_EQ(taken(product.url, "k"), kWrong);
  EXPECT_EQ(taken(one.envs[0].link, "new"), "yes");
  load();
  EXPECT_EQ(taken(product.url, "new"), "yes");
  EXPECT_EQ(error_of(registry->delete_secret(kWorkspace, "LATE", {})).code, ErrorCode::kConflict);
  done(registry->delete_secret(kWorkspace, "LATE", {.cascade = true}));
  EXPECT_EQ(taken(product.url, "new"), kUnusable);
  EXPECT_EQ(shown().warnings.size(), 1u);
}

// What was right when it was written, and is not with a window that is smaller now.
TEST_F(VerificationTest, WindowThatIsTooSmallNowIsWarnedOfAndLogged) {
  const Webhook one = create(R"({"provider":"slack","secrets":["k"],"tolerance":"30m"})");
  EXPECT_TRUE(one.warnings.empty());
  const Link own = link(R"({"provider":"slack","secrets":["k"],"tolerance":"1m"})", "", "bank");
  log.lines.clear();
  dedupe_window = std::chrono::minutes(59);
  load();
  ASSERT_EQ(shown().warnings.size(), 1u);
  EXPECT_EQ(
      shown().warnings[0],
      "env 'prd': a message could come again for 3600s, and is remembered for a dedupe_window "
      "of 3540s only: give a shorter tolerance or max_age");
  EXPECT_TRUE(made(registry->link(kWorkspace, own.id)).warnings.empty());
  ASSERT_EQ(log.lines.size(), 1u);
  EXPECT_EQ(log.lines[0].substr(0, 24), "verification_repeatable ");
  EXPECT_NE(log.lines[0].find("3540s"), std::string::npos);
  EXPECT_EQ(taken(one.envs[0].link, "k"), "there is no signature") << "it is in force";
  dedupe_window = std::chrono::hours(1);
  load();
  EXPECT_TRUE(shown().warnings.empty());
}

TEST_F(VerificationTest, TimeThatIsNeverTooOldIsWarnedOf) {
  const auto warnings = [this](const std::string& verification) {
    return change(verification).warnings;
  };
  create(token_scheme("k"));
  const auto one = warnings(R"({"provider":"slack","secrets":["k"],"tolerance":"none"})");
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one[0],
            "env 'prd': a message is remembered for a dedupe_window of 86400s only, and taken "
            "however old it is: give a tolerance or max_age");
  EXPECT_EQ(link({}).warnings.size(), 1u) << "the link has the env's";
  const std::string token = R"({"provider":"jwt","algorithm":"HS256","secrets":["k"])";
  EXPECT_EQ(warnings(token + R"(,"in_body":true})").size(), 1u);
  EXPECT_TRUE(warnings(token + R"(,"in_body":true,"max_age":"1h"})").empty());
  EXPECT_TRUE(warnings(token + "}").empty()) << "it names no message";
  EXPECT_TRUE(warnings(R"({"provider":"github","secrets":["k"]})").empty()) << "it has no time";
  EXPECT_TRUE(warnings(R"({"provider":"mailgun","secrets":["k"]})").empty());
}

TEST_F(VerificationTest, LinksOwnSecretIsFollowedToo) {
  create(token_scheme("all"));
  const Link product = link(token_scheme("$Secret{OWN}"));
  EXPECT_EQ(taken(product.url, "all"), kUnusable);
  put_secret("OWN", "own");
  EXPECT_EQ(taken(product.url, "own"), "yes");
  EXPECT_EQ(error_of(registry->delete_secret(kWorkspace, "OWN", {})).code, ErrorCode::kConflict);
}

TEST_F(VerificationTest, SecretThatFitsNothingRefusesEverythingAndIsNotShown) {
  const Webhook one = create(R"({"provider":"standard_webhooks","secrets":["$Secret{ODD}"]})");
  put_secret("ODD", "not base64 !?");
  const Webhook now = shown();
  ASSERT_EQ(now.warnings.size(), 1u);
  EXPECT_NE(now.warnings[0].find("/secrets/0"), std::string::npos) << now.warnings[0];
  EXPECT_EQ(now.warnings[0].find("base64 !?"), std::string::npos);
  EXPECT_EQ(taken(one.envs[0].link, "x"), kUnusable);
}

TEST_F(VerificationTest, FailureToWriteChangesNothing) {
  const Webhook one = create(token_scheme("k"));
  const std::string before = published();
  WebhookPatch patch;
  patch.envs = {{.slug = "prd", .verification = R"({"provider":"nobody"})"}};
  EXPECT_EQ(places(error_of(registry->update_webhook(kWorkspace, "github", "repo", patch, {}))),
            "/envs/0/verification/provider");
  LinkSpec spec = link_spec();
  spec.verification = "[]";
  EXPECT_EQ(places(error_of(registry->create_link(kWorkspace, "shop", spec))), "/verification");
  EXPECT_EQ(published(), before);
  EXPECT_EQ(taken(one.envs[0].link, "k"), "yes");
}

TEST_F(VerificationTest, DedupeOfTheBodyIsToldFromThatOfAHeader) {
  const Webhook one = create(token_scheme("k"));
  const auto by_body = [&](const std::string& selector) {
    WebhookPatch patch;
    patch.dedupe = selector;
    made(registry->update_webhook(kWorkspace, "github", "repo", patch, {}));
    const auto routes = registry->routes().load();
    const auto found = routes->find(token_of(one.envs[0].link), clock.wall_ms());
    return found.webhook->dedupes_by_body;
  };
  EXPECT_TRUE(by_body("$Event{id}"));
  EXPECT_FALSE(by_body("$Header{x-id}"));
  EXPECT_FALSE(by_body("$Query{id}"));
}

TEST(VerificationRulesTest, WhatCouldComeAgainLaterThanItIsRememberedIsRefused) {
  const auto fault = [](const std::string& json, std::chrono::milliseconds window) {
    auto checked = check_verification(json, "/v", window);
    return checked ? std::string() : places(checked.error());
  };
  using std::chrono::minutes;
  const std::string slack = R"({"provider":"slack","secrets":["k"],"tolerance":"5m"})";
  EXPECT_EQ(fault(slack, minutes(10)), "") << "from five minutes before to five after";
  EXPECT_EQ(fault(slack, minutes(10) - std::chrono::milliseconds(1)), "/v/tolerance");
  const std::string stripe = R"({"provider":"stripe","secrets":["k"]})";
  EXPECT_EQ(fault(stripe, minutes(5)), "") << "it signs no time that is to come";
  EXPECT_EQ(fault(stripe, minutes(4)), "/v/tolerance");
  EXPECT_EQ(fault(R"({"provider":"github","secrets":["k"]})", minutes(0)), "");
  EXPECT_EQ(fault("", minutes(0)), "");
}

TEST(VerificationRulesTest, OnlySecretsAreHidden) {
  EXPECT_EQ(hidden_verification(R"({"provider":"meta","secrets":["$Secret{A}","b","c$Secret{A}"],)"
                                R"("verify_token":"t","tolerance":"5m","public_keys":["p"]})"),
            R"({"provider":"meta","secrets":["$Secret{A}","[hidden]","[hidden]"],)"
            R"("verify_token":"[hidden]","tolerance":"5m","public_keys":["p"]})");
  EXPECT_EQ(hidden_verification(R"({"secrets":"odd","verify_token":5})"),
            R"({"secrets":"[hidden]","verify_token":"[hidden]"})");
  EXPECT_EQ(hidden_verification("no JSON"), "");
  EXPECT_EQ(hidden_verification(""), "");
}

TEST(VerificationRulesTest, MarkOfWhatIsHiddenIsNoSecret) {
  const auto checked =
      check_verification(R"({"provider":"github","secrets":["[hidden]"]})", "", kDay);
  EXPECT_EQ(places(error_of(checked)), "/secrets/0");
}

}  // namespace
}  // namespace headrace::test
