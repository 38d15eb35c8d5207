// SPDX-License-Identifier: Apache-2.0
// JSON Web Tokens (RFC 7515, 7519) in a header or as the body: Plaid, Wix and whoever else.
//
// The algorithm is configured, never the token's to choose, and each has keys of its own kind: a
// public key is not taken for a secret, and "none" is not an algorithm.
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/encoding.h"
#include "core/http_grammar.h"
#include "ingest/verification/body_json.h"
#include "ingest/verification/coded_schemes.h"
#include "ingest/verification/credentials.h"
#include "ingest/verification/received_parts.h"

namespace headrace::verification {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kTokenHeadBytesMax = 4 * 1024;
constexpr std::size_t kSignatureBytesMax = 1024;

enum class TokenAlgorithm : std::uint8_t { kHs256, kHs512, kRs256, kEs256 };
constexpr std::array<std::string_view, 4> kAlgorithmNames = {"HS256", "HS512", "RS256", "ES256"};

struct Options {
  TokenAlgorithm algorithm = TokenAlgorithm::kHs256;
  std::string header;  // empty: the body is the token
  std::string prefix;
  std::string issuer, audience;  // empty: any
  std::string body_claim;        // that has the body's SHA-256 in hex; empty: none
  milliseconds skew{};
  std::optional<milliseconds> age_max;  // of iat
};

struct Token {
  std::string_view head, claims, signature;  // still encoded
  std::string_view signed_part;              // head and claims with the dot between
};

std::optional<Token> split(std::string_view text) noexcept {
  const std::size_t first = text.find('.');
  const std::size_t second = first == std::string_view::npos ? first : text.find('.', first + 1);
  if (second == std::string_view::npos || text.find('.', second + 1) != std::string_view::npos)
    return std::nullopt;
  return Token{text.substr(0, first), text.substr(first + 1, second - first - 1),
               text.substr(second + 1), text.substr(0, second)};
}

std::optional<std::string> decoded(std::string_view text) {
  std::string bytes(text.size(), '\0');
  const auto size = core::read_base64(text, bytes, core::Base64::kUrl);
  if (!size) return std::nullopt;
  bytes.resize(*size);
  return bytes;
}

// Of NumericDate, seconds that may have a fraction, in milliseconds. `bad` when it is there and no
// such thing.
std::optional<double> date_of(simdjson::dom::object claims, std::string_view name, bool& bad) {
  const Member member = member_of(claims, name);
  if (member.count == 0) return std::nullopt;
  double seconds = 0;
  if (member.one() && !member.value.get_double().get(seconds) && seconds >= 0 && seconds < 1e12)
    return seconds * 1000;
  bad = true;
  return std::nullopt;
}

bool is_for(simdjson::dom::object claims, const std::string& audience) {
  if (audience.empty()) return true;
  if (text_of(claims, "aud") == audience) return true;
  const auto all = array_of(claims, "aud");
  if (!all) return false;
  return std::any_of(all->begin(), all->end(), [&](simdjson::dom::element one) {
    std::string_view text;
    return !one.get_string().get(text) && text == audience;
  });
}

class Jwt final : public Scheme {
 public:
  Jwt(Options options, std::vector<core::HmacKey> secrets, std::vector<PublicKey> keys)
      : options_(std::move(options)), secrets_(std::move(secrets)), keys_(std::move(keys)) {}

  Judgement judge(const Received& received) const override {
    std::string_view text;
    if (const char* fault = find_token(received, text)) return refused(fault);
    const auto token = split(text);
    if (!token || token->head.size() > kTokenHeadBytesMax)
      return refused("the token is not written as one");
    if (const char* fault = check_head(token->head)) return refused(fault);
    if (const char* fault = check_signature(*token, received.now)) return refused(fault);
    const auto bytes = decoded(token->claims);
    if (!bytes) return refused("the token's claims cannot be read");
    const BodyJson claims(*bytes);
    if (!claims.root()) return refused("the token's claims cannot be read");
    if (const char* fault = check_claims(*claims.root(), received)) return refused(fault);
    // A token that says nothing of the body may come with many messages.
    if (!options_.header.empty() && !signs_body()) return genuine();
    // Not of the signature: of one of ECDSA there are several forms.
    return genuine(ReplayId(core::digest_of(core::Hash::kSha256, token->signed_part)));
  }
  bool signs_body() const noexcept override { return !options_.body_claim.empty(); }
  std::string_view credential_header() const noexcept override {
    return signs_body() ? std::string_view() : options_.header;
  }
  Terms terms() const noexcept override {
    if (options_.age_max) return {.repeatable_for = *options_.age_max + 2 * options_.skew};
    // Good until `exp`, whenever that is, which is as bad where a token is one message.
    return {.any_age = options_.header.empty() || signs_body()};
  }

 private:
  const char* find_token(const Received& received, std::string_view& text) const noexcept {
    if (options_.header.empty()) {
      text = received.body;
      return text.empty() ? "there is no token" : nullptr;
    }
    const HeaderValue header = header_of(received, options_.header);
    if (header.several) return "the token's header is there more than once";
    const std::string& prefix = options_.prefix;
    if (header.value.size() <= prefix.size() ||
        !std::equal(prefix.begin(), prefix.end(), header.value.begin(), [](char a, char b) {
          return core::http::to_lower(a) == core::http::to_lower(b);
        }))
      return "there is no token";
    text = header.value.substr(prefix.size());
    return nullptr;
  }

  const char* check_head(std::string_view text) const {
    const auto bytes = decoded(text);
    if (!bytes) return "the token's head cannot be read";
    const BodyJson head(*bytes);
    if (!head.root()) return "the token's head cannot be read";
    if (text_of(*head.root(), "alg") !=
        kAlgorithmNames[static_cast<std::size_t>(options_.algorithm)])
      return "the token's algorithm is not the one that is configured";
    // Extensions that have to be understood: none is (RFC 7515 4.1.11).
    if (member_of(*head.root(), "crit").count != 0) return "the token has extensions";
    return nullptr;
  }

  const char* check_signature(const Token& token, core::WallMs now) const {
    constexpr const char* kWrong = "the token's signature is wrong";
    std::array<char, kSignatureBytesMax> room{};
    const auto size = core::read_base64(token.signature, room, core::Base64::kUrl);
    if (!size || *size == 0) return kWrong;
    const std::string_view signature(room.data(), *size);
    for (const core::HmacKey& key : secrets_)
      if (core::equal_in_constant_time(key.sign(token.signed_part).view(), signature))
        return nullptr;
    for (const PublicKey& key : keys_) {
      const bool good =
          options_.algorithm == TokenAlgorithm::kEs256
              ? key.verify_plain(core::Hash::kSha256, token.signed_part, signature)
              : key.verify(core::Hash::kSha256, std::span(&token.signed_part, 1), signature);
      if (good)
        return key.valid_at(now) ? nullptr : "the certificate's time is over, or has not come";
    }
    return kWrong;
  }

  const char* check_claims(simdjson::dom::object claims, const Received& received) const {
    if (const char* fault = check_times(claims, static_cast<double>(received.now))) return fault;
    if (!options_.issuer.empty() && text_of(claims, "iss") != options_.issuer)
      return "the token is not of the issuer that is configured";
    if (!is_for(claims, options_.audience)) return "the token is for somebody else";
    if (options_.body_claim.empty()) return nullptr;
    const auto claimed = text_of(claims, options_.body_claim);
    const std::string digest =
        core::to_hex(core::digest_of(core::Hash::kSha256, received.body).view());
    const bool same = claimed && core::equal_in_constant_time(*claimed, digest);
    return same ? nullptr : "the body is not the one that was signed";
  }

  const char* check_times(simdjson::dom::object claims, double now) const {
    bool bad = false;
    const auto expires = date_of(claims, "exp", bad);
    const auto begins = date_of(claims, "nbf", bad);
    const auto issued = date_of(claims, "iat", bad);
    if (bad) return "a time of the token is not written as one";
    const auto skew = static_cast<double>(options_.skew.count());
    if (expires && now >= *expires + skew) return "the token has expired";
    if (begins && *begins > now + skew) return "the token is not valid yet";
    if (issued && *issued > now + skew) return "the token is of the future";
    if (!options_.age_max) return expires ? nullptr : "the token never expires";
    const auto age = static_cast<double>(options_.age_max->count());
    return issued && now - *issued <= age + skew ? nullptr : "the token is too old";
  }

  const Options options_;
  const std::vector<core::HmacKey> secrets_;
  const std::vector<PublicKey> keys_;
};

std::unique_ptr<const Scheme> make_token(Settings& settings, Options options) {
  options.issuer = settings.text("issuer");
  options.audience = settings.text("audience");
  options.skew = settings.duration("tolerance", std::chrono::minutes(1)).value_or(milliseconds(0));
  options.age_max = settings.duration("max_age", options.age_max);
  std::vector<core::HmacKey> secrets;
  std::vector<PublicKey> keys;
  switch (options.algorithm) {
    case TokenAlgorithm::kHs256:
    case TokenAlgorithm::kHs512: {
      const auto hash =
          options.algorithm == TokenAlgorithm::kHs256 ? core::Hash::kSha256 : core::Hash::kSha512;
      const auto form = settings.choice<KeyForm>("key", {"text", "base64", "hex"});
      secrets = read_hmac_keys(settings, form, hash);
      break;
    }
    case TokenAlgorithm::kRs256:
      keys = read_public_keys(settings, "public_keys", PublicKey::Kind::kRsa);
      break;
    case TokenAlgorithm::kEs256:
      keys = read_public_keys(settings, "public_keys", PublicKey::Kind::kEcP256);
      break;
  }
  return std::make_unique<Jwt>(std::move(options), std::move(secrets), std::move(keys));
}

}  // namespace

std::unique_ptr<const Scheme> make_jwt(Settings& settings) {
  Options options;
  settings.required_text("algorithm");
  options.algorithm = settings.choice<TokenAlgorithm>(
      "algorithm",
      {kAlgorithmNames[0], kAlgorithmNames[1], kAlgorithmNames[2], kAlgorithmNames[3]});
  const bool in_body = settings.boolean("in_body");
  if (!in_body) {
    options.header = header_name(settings, "header", "authorization");
    if (options.header.empty()) settings.fail("header", "must not be empty");
    options.prefix = settings.text("prefix", options.header == "authorization" ? "Bearer " : "");
    options.body_claim = settings.text("body_sha256_claim");
  }
  return make_token(settings, std::move(options));
}

// Plaid, "Webhook verification".
std::unique_ptr<const Scheme> make_plaid(Settings& settings) {
  Options options;
  options.algorithm = TokenAlgorithm::kEs256;
  options.header = "plaid-verification";
  options.body_claim = "request_body_sha256";
  options.age_max = std::chrono::minutes(5);
  return make_token(settings, std::move(options));
}

// Wix, "Process data from webhooks".
std::unique_ptr<const Scheme> make_wix(Settings& settings) {
  Options options;
  options.algorithm = TokenAlgorithm::kRs256;
  return make_token(settings, std::move(options));
}

}  // namespace headrace::verification
