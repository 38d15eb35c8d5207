// SPDX-License-Identifier: Apache-2.0
// What the rules make of how an endpoint signs.
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "core/sealing.h"
#include "engine/definitions.h"
#include "tests/engine/registry_rig.h"

namespace headrace::test {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kGiven = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

class SigningTest : public RegistryTest {
 protected:
  SigningTest() {
    webhook();
    id_ = endpoint().id;
  }

  static EndpointSettings with(SigningPatch patch) {
    EndpointSettings settings;
    settings.signing = std::move(patch);
    return settings;
  }
  Result<Endpoint> change(SigningPatch patch) {
    return registry->update_endpoint(kWorkspace, id_, with(std::move(patch)), {});
  }
  SigningSecret secret() { return made(registry->signing_secret(kWorkspace, id_)); }
  SigningSecret rotate(SigningRotation rotation = {}) {
    return made(registry->rotate_signing_secret(kWorkspace, id_, rotation, {}));
  }
  // The line that a delivery has now; empty: none.
  std::string line() {
    const auto& signer = dispatched(id_)->settings.signer;
    if (signer == nullptr) return {};
    std::array<char, dispatch::Signer::kLineBytesMax> out;
    char* const end = signer->write(
        {.id = "msg_1", .timestamp = "17", .body = "body", .now = clock.wall_ms()}, out.data());
    return {out.data(), static_cast<std::size_t>(end - out.data())};
  }
  static std::string line_of(std::string_view secret, const std::string& before = "") {
    const auto signer = *dispatch::Signer::make({.secret = core::SecretBytes(secret)});
    std::array<char, dispatch::Signer::kLineBytesMax> out;
    char* const end = signer->write({.id = "msg_1", .timestamp = "17", .body = "body"}, out.data());
    const std::string line(out.data(), static_cast<std::size_t>(end - out.data()));
    if (before.empty()) return line;
    // Both, as in a rotation.
    const std::string other = line_of(before);
    return line.substr(0, line.size() - 2) + " " + other.substr(19);
  }

  EndpointId id_;
};

TEST_F(SigningTest, EveryEndpointSignsWithASecretOfItsOwn) {
  const SigningSecret first = secret();
  EXPECT_EQ(first.signing.scheme, SigningScheme::kV1);
  EXPECT_EQ(first.signing.header, "webhook-signature");
  EXPECT_TRUE(first.secret.starts_with("whsec_"));
  EXPECT_EQ(line(), line_of(first.secret));
  const EndpointId other = endpoint("other").id;
  EXPECT_NE(made(registry->signing_secret(kWorkspace, other)).secret, first.secret);
}

TEST_F(SigningTest, ASecretIsNeitherShownNorStoredInTheClear) {
  made(change({.secret = std::string(kGiven)}));
  const std::string shown = lists();
  const std::string disk = stored();
  EXPECT_EQ(shown.find(kGiven.substr(6)), std::string::npos);
  EXPECT_EQ(disk.find(kGiven.substr(6)), std::string::npos);
  EXPECT_EQ(published().find(kGiven.substr(6)), std::string::npos);
  EXPECT_EQ(disk.find("\"signing_secret\":\"") == std::string::npos, false);
}

TEST_F(SigningTest, ItSurvivesARestart) {
  const SigningSecret before = rotate();
  const std::string both = line();
  load();
  EXPECT_EQ(secret().secret, before.secret);
  EXPECT_EQ(line(), both);
}

TEST_F(SigningTest, AfterARotationBothSignUntilTheGraceIsOver) {
  const std::string old = secret().secret;
  const SigningSecret next = rotate({.grace = 1h});
  EXPECT_NE(next.secret, old);
  EXPECT_EQ(next.signing.previous_until, clock.wall_ms() + 3'600'000);
  EXPECT_EQ(line(), line_of(next.secret, old));
  EXPECT_EQ(made(registry->endpoint(kWorkspace, id_)).signing.previous_until,
            next.signing.previous_until);
  clock.advance(1h);
  EXPECT_EQ(line(), line_of(next.secret));
  EXPECT_FALSE(secret().signing.previous_until);
}

TEST_F(SigningTest, ASecondRotationForgetsTheFirstSecret) {
  rotate();
  const std::string second = secret().secret;
  const std::string third = rotate({.secret = std::string(kGiven)}).secret;
  EXPECT_EQ(third, kGiven);
  EXPECT_EQ(line(), line_of(third, second));
  const std::string alone = rotate({.grace = 0ms, .secret = std::string(kGiven)}).secret;
  EXPECT_EQ(line(), line_of(alone, ""));
}

TEST_F(SigningTest, ARotationIsHeldAgainstTheRevisionAndTheGrace) {
  const std::uint64_t revision = secret().revision;
  ChangeOptions options{.if_revision = revision};
  const SigningSecret next = made(registry->rotate_signing_secret(kWorkspace, id_, {}, options));
  EXPECT_GT(next.revision, revision);
  EXPECT_EQ(error_of(registry->rotate_signing_secret(kWorkspace, id_, {}, options)).code,
            ErrorCode::kPrecondition);
  for (const auto grace : {-1ms, std::chrono::milliseconds(31 * 24h)})
    EXPECT_EQ(error_of(registry->rotate_signing_secret(kWorkspace, id_, {.grace = grace}, {})).code,
              ErrorCode::kInvalidArgument);
  EXPECT_EQ(error_of(registry->rotate_signing_secret("other", id_, {}, {})).code,
            ErrorCode::kNotFound);
  EXPECT_EQ(error_of(registry->signing_secret(kWorkspace, {})).code, ErrorCode::kNotFound);
}

TEST_F(SigningTest, AGivenSecretSignsAtOnceAndAlone) {
  const Endpoint changed = made(change({.secret = std::string(kGiven)}));
  EXPECT_EQ(line(), line_of(kGiven));
  const std::string before = stored();
  EXPECT_EQ(made(change({.secret = std::string(kGiven)})).revision, changed.revision);
  EXPECT_EQ(stored(), before) << "the same again changes nothing";
  // What is not said stays.
  EndpointSettings settings;
  settings.method = "PUT";
  made(registry->update_endpoint(kWorkspace, id_, settings, {}));
  EXPECT_EQ(secret().secret, kGiven);
}

TEST_F(SigningTest, FromHmacToEd25519BothSignForADay) {
  const std::string old = secret().secret;
  EXPECT_EQ(made(change({.scheme = SigningScheme::kV1a})).signing.scheme, SigningScheme::kV1a);
  const SigningSecret shown = secret();
  EXPECT_TRUE(shown.secret.starts_with("whpk_"));
  EXPECT_TRUE(shown.signing.previous_until);
  const std::string both = line();
  EXPECT_TRUE(both.starts_with("webhook-signature: v1a,")) << both;
  EXPECT_TRUE(both.ends_with(" " + line_of(old).substr(19))) << both;
  clock.advance(24h);
  EXPECT_EQ(line().find(" v1,"), std::string::npos);
}

TEST_F(SigningTest, TheSameSecretServesInOtherShapes) {
  made(change({.secret = std::string(kGiven)}));
  const Endpoint github = made(change({.scheme = SigningScheme::kGithub}));
  EXPECT_EQ(github.signing.header, "X-Hub-Signature-256");
  EXPECT_EQ(secret().secret, kGiven);
  EXPECT_TRUE(line().starts_with("X-Hub-Signature-256: sha256="));
  EXPECT_EQ(made(change({.header = "X-Acme"})).signing.header, "X-Acme");
  const Endpoint stripe = made(change({.scheme = SigningScheme::kStripe}));
  EXPECT_EQ(stripe.signing.header, "Stripe-Signature") << "a header is one shape's";
  EXPECT_TRUE(line().starts_with("Stripe-Signature: t=17,v1="));
  made(change({.secret = "a secret of any text"}));
  made(change({.scheme = SigningScheme::kV1}));
  EXPECT_TRUE(secret().secret.starts_with("whsec_")) << "a text is no key of this scheme";
}

TEST_F(SigningTest, NoneSignsNothingAndKeepsTheSecretForLater) {
  const std::string before = secret().secret;
  EXPECT_EQ(made(change({.scheme = SigningScheme::kNone})).signing.header, "");
  EXPECT_EQ(line(), "");
  EXPECT_EQ(error_of(registry->signing_secret(kWorkspace, id_)).code, ErrorCode::kNotFound);
  EXPECT_EQ(error_of(registry->rotate_signing_secret(kWorkspace, id_, {}, {})).code,
            ErrorCode::kNotFound);
  load();
  EXPECT_EQ(line(), "");
  made(change({.scheme = SigningScheme::kV1}));
  EXPECT_EQ(secret().secret, before);
}

TEST_F(SigningTest, WhatIsWrongIsNamed) {
  const auto place = [this](SigningPatch patch) {
    return places(error_of(change(std::move(patch))));
  };
  EXPECT_EQ(place({.secret = "whsec_short"}), "/signing/secret");
  EXPECT_EQ(place({.scheme = SigningScheme::kV1a, .secret = std::string(kGiven)}),
            "/signing/secret");
  EXPECT_EQ(place({.scheme = SigningScheme::kNone, .secret = std::string(kGiven)}),
            "/signing/secret");
  EXPECT_EQ(place({.header = "X-Own"}), "/signing/header");
  EXPECT_EQ(place({.scheme = SigningScheme::kGithub, .header = "X Own"}), "/signing/header");
  EXPECT_EQ(place({.scheme = SigningScheme::kGithub, .header = "X\r\nOwn: y"}), "/signing/header");
  EXPECT_EQ(place({.scheme = SigningScheme::kGithub, .header = "Content-Length"}),
            "/signing/header");
  EndpointSettings settings = with({.scheme = SigningScheme::kStripe});
  settings.auth = R"({"headers":{"stripe-signature":"mine"}})";
  EXPECT_EQ(places(error_of(registry->update_endpoint(kWorkspace, id_, settings, {}))),
            "/auth/headers");
  EXPECT_EQ(error_of(change({.secret = "whsec_short"})).what.find("short"), std::string::npos);
}

// A definition that was written before deliveries were signed.
TEST_F(SigningTest, AnOldDefinitionGetsASecretAtTheNextStart) {
  const std::string key = "endpoint/default/github/repo/prd/shop";
  std::string text;
  done(
      store.scan_definitions(key, [&](std::string_view, std::string_view value) { text = value; }));
  auto old = made(engine::EndpointDefinition::from_json(text));
  old.signing_secret.clear();
  const std::vector<store::DefinitionChange> changes{{key, old.to_json()}};
  ASSERT_EQ(old.to_json().find("signing"), std::string::npos);
  done(store.change_definitions(changes));
  load();
  const SigningSecret made_then = secret();
  EXPECT_EQ(line(), line_of(made_then.secret));
  EXPECT_EQ(made(registry->endpoint(kWorkspace, id_)).revision, old.revision);
  const std::string before = stored();
  load();
  EXPECT_EQ(stored(), before);
  EXPECT_EQ(secret().secret, made_then.secret);
}

TEST_F(SigningTest, ProvidersAreToldWithoutASignature) {
  WebhookSpec called = webhook_spec("called");
  called.envs[0].registration_url = "https://api.example.com/hooks";
  made(registry->create_webhook(kWorkspace, "github", called));
  EnableSpec spec = enable_spec();
  spec.webhook = "called";
  const auto calls = made(registry->enable(kWorkspace, "shop", spec));
  ASSERT_EQ(calls.size(), 1u);
  const auto table = registry->endpoint_table().load();
  EXPECT_EQ((*table->find(calls[0]))->settings.signer, nullptr);
}

}  // namespace
}  // namespace headrace::test
