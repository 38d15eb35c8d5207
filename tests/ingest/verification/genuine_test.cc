// SPDX-License-Identifier: Apache-2.0
// For every scheme: what is genuine passes, and nothing that differs from it in one bit of what is
// proved.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>

#include "core/http_grammar.h"
#include "tests/ingest/verification/cases.h"
#include "tests/ingest/verification/signing.h"

namespace headrace::verification::test {
namespace {

class GenuineTest : public testing::TestWithParam<const Case*> {
 protected:
  const Case& scheme() const { return *GetParam(); }
  std::shared_ptr<const Verifier> verifier() const {
    return make(scheme().settings({scheme().secret}));
  }
  Signed sign(const std::string& body = R"({"a":"b"})") const {
    const bool letters = scheme().body == Case::Body::kLetters;
    return scheme().sign(
        {.id = "msg1", .body = letters ? "letters" : body, .secret = scheme().secret});
  }
};

rc::Gen<std::string> letters(int least) {
  return rc::gen::withSize([least](int size) {
    return rc::gen::container<std::string>(
        static_cast<std::size_t>(least + size % 40),
        rc::gen::elementOf(std::string("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789")));
  });
}

Input any_input(const Case& scheme) {
  Input input;
  input.secret = scheme.secret;
  input.id = *letters(1);
  switch (scheme.body) {
    case Case::Body::kAny:
      input.body = *rc::gen::arbitrary<std::string>();
      break;
    case Case::Body::kObject:
      input.body = R"({"a":")" + *letters(0) + "\"}";
      break;
    case Case::Body::kLetters:
      input.body = *letters(1);
      break;
  }
  return input;
}

std::string& text_of(Request& request, const Proved& proved) {
  return proved.field.empty() ? request.body : request.field(proved.field);
}

TEST_P(GenuineTest, PassesWhateverTheBodyAndFailsWithOneBitChanged) {
  const auto verifier = this->verifier();
  EXPECT_TRUE(rc::check([&] {
    const Signed made = scheme().sign(any_input(scheme()));
    const Outcome outcome = judge(*verifier, made.request);
    RC_ASSERT(outcome.reason == "");
    RC_ASSERT(outcome.genuine());
    RC_ASSERT(outcome.replay_id.empty() != scheme().replay_id);
    for (const Proved& proved : made.proved) {
      Request changed = made.request;
      std::string& text = text_of(changed, proved);
      const std::size_t end = std::min(proved.end, text.size());
      if (proved.begin >= end) continue;
      const auto at = *rc::gen::inRange(proved.begin, end);
      text[at] = static_cast<char>(text[at] ^ (1 << *rc::gen::inRange(0, 8)));
      const Outcome refused = judge(*verifier, changed);
      RC_ASSERT(refused.refused() || !refused.read);
      RC_ASSERT(refused.replay_id.empty());
    }
  }));
}

TEST_P(GenuineTest, OneOfSeveralSecretsIsEnoughAndAWrongOneIsNot) {
  const Request request = sign().request;
  const Case& c = scheme();
  EXPECT_TRUE(judge(*make(c.settings({c.other, c.secret})), request).genuine());
  EXPECT_TRUE(judge(*make(c.settings({c.secret, c.other})), request).genuine());
  EXPECT_TRUE(judge(*make(c.settings({c.other})), request).refused());
}

TEST_P(GenuineTest, NothingPassesWithoutAFieldOrWithOneOfThemTwiceOrEmpty) {
  const auto verifier = this->verifier();
  const Request request = sign().request;
  for (std::size_t i = 0; i < request.fields.size(); ++i) {
    if (request.fields[i].first == "Content-Type") continue;
    Request changed = request;
    changed.fields[i].second.clear();
    EXPECT_TRUE(judge(*verifier, changed).refused());
    changed.fields.erase(changed.fields.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_TRUE(judge(*verifier, changed).refused());
    changed = request;
    changed.fields.push_back(changed.fields[i]);
    EXPECT_TRUE(judge(*verifier, changed).refused());
    changed.fields.back().second = "x";
    EXPECT_TRUE(judge(*verifier, changed).refused());
    std::swap(changed.fields.back(), changed.fields[i]);
    EXPECT_TRUE(judge(*verifier, changed).refused());
  }
  EXPECT_TRUE(judge(*verifier, {}).refused());
  EXPECT_TRUE(judge(*verifier, {.method = "GET"}).refused());
}

// Else everybody who is shown a message, or receives it, could send others.
TEST_P(GenuineTest, TheFieldThatIsForNobodyElseIsTheOneThatHasTheSecret) {
  const Request request = sign().request;
  std::string holds_secret;
  for (const auto& [name, value] : request.fields)
    if (value.find(scheme().secret) != std::string::npos ||
        value.find(base64("user:" + scheme().secret)) != std::string::npos)
      holds_secret = name;
  std::transform(holds_secret.begin(), holds_secret.end(), holds_secret.begin(),
                 [](char c) { return core::http::to_lower(c); });
  EXPECT_EQ(verifier()->credential_header(), holds_secret);
}

TEST_P(GenuineTest, AnEmptySecretOrNoneIsNoSetting) {
  const std::string pointer = "/" + scheme().member;
  EXPECT_EQ(fault_of(scheme().settings({""})).rfind(pointer + "/0: ", 0), 0U);
  EXPECT_EQ(fault_of(scheme().settings({})).rfind(pointer + ": ", 0), 0U);
  EXPECT_EQ(fault_of(scheme().settings({scheme().secret, ""})).rfind(pointer + "/1: ", 0), 0U);
  EXPECT_EQ(fault_of("{" + scheme().members + "}").find(": must be given") == std::string::npos,
            false);
}

TEST_P(GenuineTest, SettingsAreCheckedBeforeTheSecretsAreKnown) {
  const std::string open = scheme().settings({"$Secret{NAME}"});
  EXPECT_TRUE(Verifier::check(open).has_value());
  EXPECT_EQ(fault_of(open),
            "/" + scheme().member + "/0: is still written $Secret{}: its value is not known");
}

INSTANTIATE_TEST_SUITE_P(Schemes, GenuineTest, testing::ValuesIn([] {
                           std::vector<const Case*> all;
                           for (const Case& one : cases()) all.push_back(&one);
                           return all;
                         }()),
                         [](const auto& tested) {
                           std::string name = tested.param->name;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

// What is remembered of a message is forgotten after the dedupe window, which is a day unless it is
// configured; what was recorded must be too old by then, wherever a time is signed.
TEST_P(GenuineTest, WhatIsForgottenIsTooOldWhereATimeIsSigned) {
  constexpr std::chrono::hours kWindow{24};
  const Terms terms = verifier()->terms();
  const Request request = sign().request;
  std::string all = request.body;
  for (const auto& [name, value] : request.fields) all += value;
  const bool is_token = scheme().name.starts_with("jwt") || scheme().name == "wix";
  const bool has_time = is_token || all.find("1700000000") != std::string::npos ||
                        all.find("2023-11-14T22:13:20") != std::string::npos;
  ASSERT_EQ(terms.repeatable_for || terms.any_age, has_time || scheme().name == "plaid");
  if (!terms.repeatable_for) {
    // Sent again for days, or good for as long as they say: there it has to be configured.
    EXPECT_EQ(terms.any_age, scheme().name == "paypal" || is_token);
    return;
  }
  EXPECT_LE(*terms.repeatable_for, kWindow);
  Request late = request;
  late.now += static_cast<core::WallMs>(std::chrono::milliseconds(kWindow).count()) + 1000;
  EXPECT_TRUE(judge(*verifier(), request).genuine());
  EXPECT_TRUE(judge(*verifier(), late).refused());
}

// Providers that send the same again for hours: as long as they do, it is taken.
TEST(ProvidersTest, RetriesOfAllTheHoursInWhichTheyComeAreTaken) {
  using std::chrono::hours;
  for (const auto& [name, longest] : {std::pair<const char*, hours>{"mailgun", hours(8)},
                                      {"aws_sns_1", hours(1)},
                                      {"aws_sns_2", hours(1)},
                                      {"sendgrid", hours(24)},
                                      {"paypal", hours(72)}}) {
    const auto found = std::find_if(cases().begin(), cases().end(),
                                    [name = name](const Case& one) { return one.name == name; });
    ASSERT_NE(found, cases().end()) << name;
    Request request = found->sign({.id = "msg1", .body = "{}", .secret = found->secret}).request;
    request.now += static_cast<core::WallMs>(std::chrono::milliseconds(longest).count());
    EXPECT_EQ(judge(*make(found->settings({found->secret})), request).reason, "") << name;
  }
}

TEST(ProvidersTest, EveryOneHasACase) {
  std::set<std::string> tested;
  for (const Case& one : cases()) {
    const std::string_view members = one.members;
    if (!members.starts_with("\"provider\":\"")) continue;
    tested.emplace(members.substr(12, members.find('"', 12) - 12));
  }
  // The others of basic authentication are the same under another name.
  tested.insert({"chargebee", "postmark"});
  std::set<std::string> known;
  for (const std::string_view name : Verifier::providers()) known.emplace(name);
  EXPECT_EQ(tested, known);
}

}  // namespace
}  // namespace headrace::verification::test
