// SPDX-License-Identifier: Apache-2.0
// What a load signs is judged by the verifier that the engine judges it with.
#include "tools/bench/sign.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "core/http_request.h"
#include "ingest/verification/verifier.h"
#include "tools/bench/messages.h"

namespace headrace::bench_tools {
namespace {

constexpr std::uint64_t kNow = 1'731'705'121;
constexpr std::array kProviders = {Provider::kGithub, Provider::kStripe, Provider::kSlack,
                                   Provider::kShopify, Provider::kStandardWebhooks};

std::string secret_of(Provider provider) {
  return provider == Provider::kStandardWebhooks ? "whsec_plJ3nmyCDGBKInavdOK15jsl" : "a secret";
}

std::shared_ptr<const verification::Verifier> verifier_of(Provider provider) {
  auto made = verification::Verifier::make(R"({"provider":")" + std::string(to_string(provider)) +
                                           R"(","secrets":[")" + secret_of(provider) + "\"]}");
  EXPECT_TRUE(made) << made.error().what;
  return *made;
}

// One message of a load as its receiver reads it.
struct Arrived {
  std::string wire;
  std::string body;
  std::string id;
  bool genuine = false;
  std::uint64_t hash = 0;
};

class LoadedMessages {
 public:
  explicit LoadedMessages(MessagesOptions options)
      : messages_(*Messages::make(std::move(options))) {}

  const Messages& operator*() const { return *messages_; }

  Arrived arrive(const Messages::Message& message, const verification::Verifier* verifier) {
    Arrived arrived;
    arrived.wire.resize(composer_.head_bytes_max());
    const auto written = composer_.write(message, kNow, arrived.wire.data());
    arrived.wire.resize(written.head_bytes);
    arrived.wire += written.body;
    arrived.hash = written.body_hash;
    core::RequestParser parser;
    EXPECT_EQ(parser.parse(arrived.wire.data(), arrived.wire.size()),
              core::RequestParser::Status::kHeadComplete);
    EXPECT_EQ(parser.parse(arrived.wire.data(), arrived.wire.size()),
              core::RequestParser::Status::kComplete)
        << arrived.wire;
    EXPECT_EQ(parser.end(), arrived.wire.size());
    arrived.body = parser.body().in(arrived.wire.data());
    arrived.id = parser.head().find(arrived.wire.data(), "bench-message");
    if (verifier != nullptr) {
      const auto judgement =
          verifier->judge({.target = parser.head().target.in(arrived.wire.data()),
                           .head = parser.head(),
                           .base = arrived.wire.data(),
                           .body = arrived.body,
                           .now = kNow * 1000});
      arrived.genuine = judgement.verdict == verification::Verdict::kGenuine;
    }
    return arrived;
  }

 private:
  std::unique_ptr<const Messages> messages_;
  Composer composer_{*messages_};
};

MessagesOptions options_with(Provider provider) {
  MessagesOptions options;
  options.corpus = {{R"({"a":1})", "push"}, {R"({"b":[2, 3]})", "fork"}};
  options.links = {{"localhost:1", "/in/a?b=c"}};
  auto signer = Signer::make(provider, secret_of(provider));
  EXPECT_TRUE(signer);
  options.signer = std::move(*signer);
  options.run = 0x0123456789abcdef;
  return options;
}

TEST(SignerTest, HasTheSignatureOfThePublishedVector) {
  const auto signer = Signer::make(Provider::kStandardWebhooks, "whsec_plJ3nmyCDGBKInavdOK15jsl");
  ASSERT_TRUE(signer);
  const Stamp stamp{.id = "msg_loFOjxBNrRLzqYUf", .unix_seconds = 1'731'705'121};
  // In pieces as in one.
  const std::array<std::string_view, 2> body = {R"({"event_type":"ping",)",
                                                R"("data":{"success":true}})"};
  const core::Digest digest = signer->sign(stamp, body);
  std::array<char, Signer::kFieldsBytesMax> out;
  const std::string fields(out.data(), signer->write_fields(stamp, &digest, out.data()));
  EXPECT_EQ(fields,
            "webhook-id: msg_loFOjxBNrRLzqYUf\r\nwebhook-timestamp: 1731705121\r\n"
            "webhook-signature: v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=\r\n");
}

TEST(SignerTest, StandardWebhooksNeedsItsFormOfSecret) {
  for (const char* bad : {"secret", "whsec_", "whsec_!!"})
    EXPECT_FALSE(Signer::make(Provider::kStandardWebhooks, bad)) << bad;
}

TEST(SignerTest, EveryProviderIsFoundGenuineAndFalseOnesAreNot) {
  for (const Provider provider : kProviders) {
    SCOPED_TRACE(to_string(provider));
    const auto verifier = verifier_of(provider);
    LoadedMessages messages(options_with(provider));
    for (std::uint64_t number = 0; number < 20; ++number) {
      auto message = (*messages).at(number);
      EXPECT_TRUE(messages.arrive(message, verifier.get()).genuine);
      message.kind = MessageKind::kBadSignature;
      EXPECT_FALSE(messages.arrive(message, verifier.get()).genuine);
      message.kind = MessageKind::kStale;
      const bool has_time = provider == Provider::kStripe || provider == Provider::kSlack ||
                            provider == Provider::kStandardWebhooks;
      EXPECT_EQ(messages.arrive(message, verifier.get()).genuine, !has_time);
    }
  }
}

TEST(SignerTest, AnIdInTheBodyIsSignedAndHashedWithIt) {
  for (const Provider provider : kProviders) {
    auto options = options_with(provider);
    options.id_in_body = true;
    options.corpus.push_back({"{}", "ping"});
    options.corpus.push_back({"{ }", "ping"});
    const auto verifier = verifier_of(provider);
    LoadedMessages messages(std::move(options));
    for (std::uint64_t number = 0; number < 20; ++number) {
      const auto arrived = messages.arrive((*messages).at(number), verifier.get());
      EXPECT_TRUE(arrived.genuine) << to_string(provider);
      EXPECT_EQ(arrived.hash, XXH3_64bits(arrived.body.data(), arrived.body.size()));
      EXPECT_EQ(arrived.body.find("{\"bench_message\":\"0123456789abcdef-" +
                                  std::to_string(number) + "\""),
                0u)
          << arrived.body;
      EXPECT_EQ(arrived.body.find(",}"), std::string::npos);
    }
  }
}

TEST(MessagesTest, AreNamedInTheirHeaderAndHashed) {
  auto options = options_with(Provider::kGithub);
  options.headers = {"X-One: two"};
  LoadedMessages messages(std::move(options));
  const auto arrived = messages.arrive((*messages).at(123'456), nullptr);
  EXPECT_EQ(arrived.id, "0123456789abcdef-123456");
  EXPECT_EQ(arrived.hash, XXH3_64bits(arrived.body.data(), arrived.body.size()));
  EXPECT_NE(arrived.wire.find("\r\nX-One: two\r\n"), std::string::npos);
  EXPECT_EQ(arrived.wire.find("POST /in/a?b=c HTTP/1.1\r\nHost: localhost:1\r\n"), 0u);
}

TEST(MessagesTest, HaveTheirSharesAndDependOnTheSeedAlone) {
  const auto made = [] {
    auto options = options_with(Provider::kGithub);
    options.ratios = {.duplicates = 0.1,
                      .bad_signatures = 0.05,
                      .stale = 0.02,
                      .unknown_events = 0.01,
                      .malformed = 0.03};
    return options;
  };
  const LoadedMessages messages(made());
  const LoadedMessages same(made());
  std::array<int, kKinds> counts{};
  for (std::uint64_t number = 0; number < 100'000; ++number) {
    const auto message = (*messages).at(number);
    ++counts[static_cast<std::size_t>(message.kind)];
    const auto other = (*same).at(number);
    ASSERT_EQ(message.kind, other.kind);
    ASSERT_EQ(message.number, other.number);
    ASSERT_EQ(message.variant, other.variant);
  }
  EXPECT_NEAR(counts[1], 10'000, 500);
  EXPECT_NEAR(counts[2], 5'000, 400);
  EXPECT_NEAR(counts[3], 2'000, 300);
  EXPECT_NEAR(counts[4], 1'000, 200);
  EXPECT_NEAR(counts[5], 3'000, 300);
}

TEST(MessagesTest, ADuplicateIsAnEarlierMessageOnceMore) {
  auto options = options_with(Provider::kGithub);
  options.links = {{"h", "/a"}, {"h", "/b"}, {"h", "/c"}};
  options.ratios = {.duplicates = 0.5, .malformed = 0.2};
  LoadedMessages messages(std::move(options));
  int duplicates = 0;
  for (std::uint64_t number = 0; number < 2000; ++number) {
    const auto message = (*messages).at(number);
    if (message.kind != MessageKind::kDuplicate) {
      EXPECT_EQ(message.number, number);
      continue;
    }
    ++duplicates;
    ASSERT_LT(message.number, number);
    const auto original = (*messages).at(message.number);
    ASSERT_NE(original.kind, MessageKind::kDuplicate);
    ASSERT_EQ(messages.arrive(message, nullptr).wire, messages.arrive(original, nullptr).wire);
  }
  EXPECT_GT(duplicates, 900);
}

TEST(MessagesTest, MalformedOnesAreCutAndUnknownOnesAreOfNoEvent) {
  const auto all = [](Ratios ratios) {
    auto options = options_with(Provider::kGithub);
    options.ratios = ratios;
    return options;
  };
  LoadedMessages malformed(all({.malformed = 1}));
  const std::string body = malformed.arrive((*malformed).at(1), nullptr).body;
  EXPECT_TRUE(body == R"({"a)" || body == R"({"b":[)") << body;
  LoadedMessages unknown(all({.unknown_events = 1}));
  const auto verifier = verifier_of(Provider::kGithub);
  const auto arrived = unknown.arrive((*unknown).at(1), verifier.get());
  EXPECT_NE(arrived.wire.find("X-GitHub-Event: bench.unknown\r\n"), std::string::npos);
  EXPECT_TRUE(arrived.genuine);
}

TEST(MessagesTest, WhatMakesNoSenseIsRefused) {
  const auto refused = [](auto change) {
    auto options = options_with(Provider::kGithub);
    change(options);
    return !Messages::make(std::move(options));
  };
  EXPECT_FALSE(refused([](MessagesOptions&) {}));
  EXPECT_TRUE(refused([](MessagesOptions& o) { o.corpus.clear(); }));
  EXPECT_TRUE(refused([](MessagesOptions& o) { o.links.clear(); }));
  EXPECT_TRUE(refused([](MessagesOptions& o) { o.ratios = {.duplicates = 0.6, .stale = 0.6}; }));
  EXPECT_TRUE(refused([](MessagesOptions& o) { o.ratios.malformed = -0.1; }));
  EXPECT_TRUE(refused([](MessagesOptions& o) { o.headers = {"no colon"}; }));
  EXPECT_TRUE(refused([](MessagesOptions& o) { o.headers = {"A: b\r\nC: d"}; }));
  EXPECT_TRUE(refused([](MessagesOptions& o) { o.corpus[0].event = "a\r\nb"; }));
  EXPECT_TRUE(refused([](MessagesOptions& o) { o.links[0].target.append(40'000, 'a'); }));
  EXPECT_TRUE(refused([](MessagesOptions& o) {
    o.signer.reset();
    o.ratios.stale = 0.1;
  }));
  EXPECT_TRUE(refused([](MessagesOptions& o) {
    o.id_in_body = true;
    o.corpus[0].body = "[1]";
  }));
}

}  // namespace
}  // namespace headrace::bench_tools
