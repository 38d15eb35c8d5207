// SPDX-License-Identifier: Apache-2.0
// What is found out about a message, and proved by it: selectors, filters, signatures.
#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/instructions.h"
#include "bench/push_payload.h"
#include "bench/sample_messages.h"
#include "core/buffer.h"
#include "core/encoding.h"
#include "core/hmac.h"
#include "dispatch/signer.h"
#include "ingest/verification/verifier.h"
#include "selector/program.h"

namespace headrace::bench {
namespace {

selector::Selector parsed(const std::string& text) {
  return std::move(selector::Selector::parse(text)).value();
}

// `count` events told apart by one field, of which the payload is the last.
selector::Program program_of(std::uint32_t count) {
  std::vector<selector::EventRule> rules;
  for (std::uint32_t i = 1; i <= count; ++i)
    rules.push_back({core::EventNumber{i}, parsed("$Event{action}"), "event." + std::to_string(i)});
  return std::move(selector::Program::compile(rules)).value();
}

// Endpoints that look at three fields each, and accept the payload.
std::vector<selector::FilterRule> filters_of(std::uint32_t count) {
  std::vector<selector::FilterRule> rules;
  for (std::uint32_t i = 1; i <= count; ++i) {
    const std::string json =
        R"({"$Event{repository.private}":false,"$Event{repository.id}":{"gt":)" +
        std::to_string(i) + R"(},"$Event{ref}":{"startsWith":"refs/tags/"}})";
    rules.push_back({core::EndpointNumber{i}, std::make_shared<const selector::Filter>(
                                                  selector::Filter::parse(json).value())});
  }
  return rules;
}

void count_selectors() {
  constexpr std::uint32_t kEvents = 1000;
  constexpr std::uint32_t kEndpoints = 100;
  std::string body = push_payload("event." + std::to_string(kEvents));
  const std::size_t size = body.size();
  body.append(core::BufferPool::kPadding, '\0');
  const selector::MessageView message{std::string_view(body).substr(0, size)};
  const selector::Program program = program_of(kEvents);
  selector::Matcher matcher;
  count_instructions("selector.push_payload", 100, [&](std::uint64_t times) {
    for (; times != 0; --times) {
      HEADRACE_CHECK(matcher.run(program, message).event == core::EventNumber{kEvents});
    }
  });

  const auto filtered =
      std::move(selector::Program::compile({}, {}, filters_of(kEndpoints))).value();
  count_instructions("selector.hundred_filters", 50, [&](std::uint64_t times) {
    for (; times != 0; --times) {
      keep(matcher.run(filtered, message).valid);
      for (std::uint32_t i = 1; i <= kEndpoints; ++i)
        HEADRACE_CHECK(matcher.passes(core::EndpointNumber{i}));
    }
  });
}

// Of which the digest is little, so that what is ours shows.
constexpr std::size_t kSmallBodyBytes = 64;

// Judges a message with the header lines that prove it.
void count_verification(const char* name, const std::string& settings, const std::string& lines,
                        const std::string& body) {
  std::string wire =
      request_to(kUsualToken,
                 "Host: hooks.example.com\r\nContent-Type: application/json\r\n" + lines +
                     "Content-Length: " + std::to_string(body.size()) + "\r\n",
                 body);
  core::RequestParser parser;
  parser.parse(wire.data(), wire.size());
  parser.parse(wire.data(), wire.size());
  const auto verifier = verification::Verifier::make(settings).value();
  const verification::Received received{.method = parser.head().method,
                                        .target = parser.head().target.in(wire.data()),
                                        .url = {},
                                        .query = {},
                                        .head = parser.head(),
                                        .base = wire.data(),
                                        .body = parser.body().in(wire.data()),
                                        .now = StandingClock::kNow};
  count_instructions(name, 100, [&](std::uint64_t times) {
    for (; times != 0; --times) {
      HEADRACE_CHECK(verifier->judge(received).verdict == verification::Verdict::kGenuine);
    }
  });
}

void count_verifications() {
  const std::string small(kSmallBodyBytes, 'x');
  const std::string usual(kUsualBodyBytes, 'x');
  const core::HmacKey key(core::Hash::kSha256, "secret");
  const std::string time = std::to_string(StandingClock::kNow / 1000);
  const auto github = [&](const char* name, const std::string& body) {
    count_verification(
        name, R"({"secrets":["secret"],"provider":"github"})",
        "X-Hub-Signature-256: sha256=" + core::to_hex(key.sign(body).view()) + "\r\n", body);
  };
  github("verification.github", usual);
  github("verification.github_small", small);
  count_verification("verification.standard_webhooks_small",
                     R"({"provider":"standard_webhooks","secrets":["whsec_c2VjcmV0"]})",
                     "webhook-id: msg\r\nwebhook-timestamp: " + time +
                         "\r\nwebhook-signature: v1," +
                         core::to_base64(key.sign("msg." + time + "." + small).view()) + "\r\n",
                     small);
}

void count_signing(const char* name, dispatch::SignatureShape shape, std::size_t body_bytes) {
  dispatch::SignerSettings settings;
  settings.shape = shape;
  settings.secret = core::SecretBytes("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
  const auto signer = dispatch::Signer::make(std::move(settings)).value();
  const std::string body(body_bytes, 'b');
  const dispatch::Signed what{.id = "msg_0000000000000000000000",
                              .timestamp = "1700000000",
                              .body = body,
                              .now = StandingClock::kNow};
  std::array<char, dispatch::Signer::kLineBytesMax> line;
  count_instructions(name, 100, [&](std::uint64_t times) {
    for (; times != 0; --times) HEADRACE_CHECK(signer->write(what, line.data()) != nullptr);
  });
}

}  // namespace

void count_message_pieces() {
  count_selectors();
  count_verifications();
  using Shape = dispatch::SignatureShape;
  count_signing("signing.standard", Shape::kStandard, kUsualBodyBytes);
  count_signing("signing.standard_small", Shape::kStandard, kSmallBodyBytes);
  count_signing("signing.github_small", Shape::kGithub, kSmallBodyBytes);
}

}  // namespace headrace::bench
