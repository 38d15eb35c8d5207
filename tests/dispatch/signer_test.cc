// SPDX-License-Identifier: Apache-2.0
#include "dispatch/signer.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <string>

#include "bench/allocations.h"
#include "core/ed25519.h"
#include "core/encoding.h"
#include "core/hmac.h"

namespace headrace::dispatch {
namespace {

using core::SecretBytes;

constexpr std::string_view kSecret = "whsec_plJ3nmyCDGBKInavdOK15jsl";
constexpr std::string_view kOther = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

struct Wanted {
  SignatureShape shape = SignatureShape::kStandard;
  std::string_view secret = kSecret;
  std::string_view previous;
  core::WallMs previous_until = 0;
  std::string header;
};

Result<std::shared_ptr<const Signer>> signer_of(const Wanted& wanted) {
  return Signer::make({.shape = wanted.shape,
                       .header = wanted.header,
                       .secret = SecretBytes(wanted.secret),
                       .previous = SecretBytes(wanted.previous),
                       .previous_until = wanted.previous_until});
}

std::string line_of(const Signer& signer, const Signed& what) {
  std::array<char, Signer::kLineBytesMax> out;
  const char* const end = signer.write(what, out.data());
  EXPECT_NE(end, nullptr);
  return std::string(out.data(), static_cast<std::size_t>(end - out.data()));
}

std::string line_of(const Wanted& wanted, const Signed& what) {
  const auto signer = signer_of(wanted);
  EXPECT_TRUE(signer) << (signer ? "" : signer.error().what);
  return signer ? line_of(**signer, what) : std::string();
}

}  // namespace

// The vectors of Svix and of the Standard Webhooks libraries.
TEST(SignerTest, VectorsOfStandardWebhooks) {
  EXPECT_EQ(line_of(Wanted{}, {.id = "msg_loFOjxBNrRLzqYUf",
                               .timestamp = "1731705121",
                               .body = R"({"event_type":"ping","data":{"success":true}})"}),
            "webhook-signature: v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=\r\n");
  EXPECT_EQ(line_of({.secret = kOther}, {.id = "msg_p5jXN8AQM9LWM0D4loKWxJek",
                                         .timestamp = "1614265330",
                                         .body = R"({"test": 2432232314})"}),
            "webhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=\r\n");
}

// GitHub's own example, "Testing the webhook payload validation".
TEST(SignerTest, VectorOfGithub) {
  EXPECT_EQ(line_of({.shape = SignatureShape::kGithub, .secret = "It's a Secret to Everybody"},
                    {.id = "m", .timestamp = "1", .body = "Hello, World!"}),
            "X-Hub-Signature-256: "
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17\r\n");
}

TEST(SignerTest, StripesShapeSignsTimeAndBodyUnderTheSecretAsWritten) {
  const core::HmacKey key(core::Hash::kSha256, kSecret);
  const core::HmacKey old(core::Hash::kSha256, kOther);
  const std::string signature = core::to_hex(key.sign("1614265330.{}").view());
  const Signed what{.id = "m", .timestamp = "1614265330", .body = "{}", .now = 5};
  EXPECT_EQ(line_of({.shape = SignatureShape::kStripe}, what),
            "Stripe-Signature: t=1614265330,v1=" + signature + "\r\n");
  EXPECT_EQ(line_of({.shape = SignatureShape::kStripe,
                     .previous = kOther,
                     .previous_until = 6,
                     .header = "Acme-Signature"},
                    what),
            "Acme-Signature: t=1614265330,v1=" + signature +
                ",v1=" + core::to_hex(old.sign("1614265330.{}").view()) + "\r\n");
}

TEST(SignerTest, AnEd25519SignatureVerifiesUnderThePublicHalf) {
  const SecretBytes secret = new_signing_secret(true);
  const std::string half = public_half(secret.view());
  ASSERT_TRUE(half.starts_with("whpk_"));
  std::array<char, 64> bytes;
  ASSERT_EQ(core::read_base64(half.substr(5), bytes), 32u);
  const auto key = core::Ed25519PublicKey::from_bytes({bytes.data(), 32});
  const std::string line =
      line_of({.secret = secret.view()}, {.id = "msg_1", .timestamp = "17", .body = "body"});
  ASSERT_TRUE(line.starts_with("webhook-signature: v1a,"));
  ASSERT_EQ(core::read_base64(line.substr(23, 88), bytes), 64u);
  EXPECT_TRUE(key->verify("msg_1.17.body", {bytes.data(), 64}));
  EXPECT_FALSE(key->verify("msg_1.17.Body", {bytes.data(), 64}));
}

TEST(SignerTest, ASeedMayHaveItsPublicKeyBehindItAndNoOther) {
  const std::string seed(32, 's');
  const auto half = core::Ed25519PrivateKey::from_seed(seed)->public_key();
  const std::string whole = seed + std::string(half.data(), half.size());
  const auto secret = [](std::string_view bytes) { return "whsk_" + core::to_base64(bytes); };
  EXPECT_EQ(public_half(secret(seed)), public_half(secret(whole)));
  EXPECT_FALSE(check_signing_secret(SignatureShape::kStandard, secret(seed + seed)));
  EXPECT_FALSE(check_signing_secret(SignatureShape::kStandard, secret(seed + "x")));
}

TEST(SignerTest, TheSecretBeforeSignsAsWellUntilItsTimeIsOver) {
  const Signed before{.id = "m", .timestamp = "1", .body = "b", .now = 999};
  Signed after = before;
  after.now = 1000;
  const auto signature = [&](std::string_view secret) {
    const std::string line = line_of({.secret = secret}, before);
    return line.substr(19, line.size() - 21);
  };
  const Wanted both{.previous = kOther, .previous_until = 1000};
  EXPECT_EQ(line_of(both, before),
            "webhook-signature: " + signature(kSecret) + " " + signature(kOther) + "\r\n");
  EXPECT_EQ(line_of(both, after), "webhook-signature: " + signature(kSecret) + "\r\n");
}

TEST(SignerTest, GithubsShapeHasRoomForTheNewSignatureOnly) {
  const Signed what{.id = "m", .timestamp = "1", .body = "b", .now = 1};
  const Wanted rotated{
      .shape = SignatureShape::kGithub, .previous = kOther, .previous_until = 1000};
  EXPECT_EQ(line_of(rotated, what), line_of({.shape = SignatureShape::kGithub}, what));
}

TEST(SignerTest, WhatIsNoSecretIsRefusedWithoutBeingNamed) {
  const std::string short_key = "whsec_" + core::to_base64(std::string(15, 'k'));
  const std::string long_key = "whsec_" + core::to_base64(std::string(65, 'k'));
  for (const std::string_view secret :
       {std::string_view(""), std::string_view("whsec_"),
        std::string_view("plJ3nmyCDGBKInavdOK15jsl"), std::string_view(short_key),
        std::string_view(long_key), std::string_view("whsec_not base64 at all, but long enough"),
        std::string_view("whsk_AAAA")}) {
    const auto signer = signer_of({.secret = secret});
    ASSERT_FALSE(signer) << secret;
    EXPECT_EQ(signer.error().code, ErrorCode::kInvalidArgument);
    if (secret.size() <= 6) continue;
    EXPECT_EQ(signer.error().what.find(secret.substr(6)), std::string::npos);
  }
  const std::string key = "whsk_" + core::to_base64(std::string(32, 'k'));
  for (const std::string_view secret :
       {std::string_view("fifteen letters"), std::string_view("a secret with a\nline end"),
        std::string_view(key)}) {
    for (const auto shape : {SignatureShape::kGithub, SignatureShape::kStripe})
      EXPECT_FALSE(signer_of({.shape = shape, .secret = secret})) << secret;
  }
}

TEST(SignerTest, AHeaderOfItsOwnIsATokenAndOnlyOfShapesThatHaveNone) {
  const auto with = [](SignatureShape shape, std::string header) {
    return signer_of({.shape = shape, .header = std::move(header)});
  };
  EXPECT_TRUE(with(SignatureShape::kGithub, std::string(64, 'x')));
  for (const char* name : {"X Y", "X:", "X\r\nY", "X\n"})
    EXPECT_FALSE(with(SignatureShape::kStripe, name)) << name;
  EXPECT_FALSE(with(SignatureShape::kGithub, std::string("X\0Y", 3)));
  EXPECT_FALSE(with(SignatureShape::kGithub, std::string(65, 'x')));
  EXPECT_FALSE(with(SignatureShape::kStandard, "X-Signature"));
  EXPECT_EQ((*with(SignatureShape::kGithub, "X-Signed"))->header(), "x-signed");
}

TEST(SignerTest, GeneratedSecretsDifferAndAreOfTheirKind) {
  const SecretBytes one = new_signing_secret(false);
  EXPECT_TRUE(one.view().starts_with("whsec_"));
  EXPECT_EQ(one.size(), 6u + 44u);
  EXPECT_TRUE(check_signing_secret(SignatureShape::kStandard, one.view()));
  EXPECT_TRUE(check_signing_secret(SignatureShape::kGithub, one.view()));
  EXPECT_NE(one.view(), new_signing_secret(false).view());
  EXPECT_TRUE(check_signing_secret(SignatureShape::kStandard, new_signing_secret(true).view()));
}

TEST(SignerTest, NoLineIsLongerThanItsRoom) {
  const SecretBytes one = new_signing_secret(true);
  const SecretBytes two = new_signing_secret(true);
  const Signed what{.id = "m", .timestamp = "18446744073709551", .body = "b", .now = 1};
  EXPECT_LE(
      line_of({.secret = one.view(), .previous = two.view(), .previous_until = 2}, what).size() +
          64,
      Signer::kLineBytesMax + std::string_view("webhook-signature").size());
  EXPECT_LE(line_of({.shape = SignatureShape::kStripe,
                     .previous = kOther,
                     .previous_until = 2,
                     .header = std::string(64, 'h')},
                    what)
                .size(),
            Signer::kLineBytesMax);
}

RC_GTEST_PROP(SignerTest, AStandardSignatureIsTheHmacOfTheWholeWhateverTheBytes,
              (const std::string& id, const std::string& time, const std::string& body)) {
  std::array<char, 64> key;
  const auto size = core::read_base64(kSecret.substr(6), key);
  const core::HmacKey hmac(core::Hash::kSha256, {key.data(), *size});
  RC_ASSERT(line_of(Wanted{}, {.id = id, .timestamp = time, .body = body}) ==
            "webhook-signature: v1," +
                core::to_base64(hmac.sign(id + "." + time + "." + body).view()) + "\r\n");
}

TEST(SignerTest, AnHmacOfADeliveryAllocatesNothing) {
  const auto signer = signer_of({.previous = kOther, .previous_until = 1000});
  ASSERT_TRUE(signer);
  const std::string body(100'000, 'b');
  std::array<char, Signer::kLineBytesMax> out;
  const std::size_t before = bench::allocations.load();
  for (int i = 0; i < 100; ++i)
    (*signer)->write({.id = "msg", .timestamp = "1", .body = body, .now = 1}, out.data());
  EXPECT_EQ(bench::allocations.load(), before);
}

}  // namespace headrace::dispatch
