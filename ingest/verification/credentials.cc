// SPDX-License-Identifier: Apache-2.0
#include "ingest/verification/credentials.h"

#include <array>
#include <string>
#include <utility>

#include "core/encoding.h"

namespace headrace::verification {
namespace {

constexpr std::string_view kSecretPrefix = "whsec_";
constexpr std::string_view kPublicPrefix = "whpk_";

std::string_view without(std::string_view text, std::string_view prefix) noexcept {
  return text.starts_with(prefix) ? text.substr(prefix.size()) : text;
}

std::optional<core::SecretBytes> key_bytes(std::string_view secret, KeyForm form) {
  if (form == KeyForm::kText) return core::SecretBytes(secret);
  if (form == KeyForm::kWhsec) secret = without(secret, kSecretPrefix);
  core::SecretBytes bytes = core::SecretBytes::of_size(secret.size());
  const std::span<char> room(bytes.data(), bytes.size());
  const auto size = form == KeyForm::kHex
                        ? core::read_hex(secret, room)
                        : core::read_base64(secret, room, core::Base64::kAnyPadding);
  if (!size) return std::nullopt;
  bytes.shrink(*size);
  return bytes;
}

const char* how_written(KeyForm form) noexcept {
  switch (form) {
    case KeyForm::kText:
      return "must be a text, not empty";
    case KeyForm::kBase64:
      return "must be the base64 of a key";
    case KeyForm::kHex:
      return "must be a key in hex digits";
    case KeyForm::kWhsec:
      break;
  }
  return "must be whsec_ and the base64 of a key";
}

// 64 hex digits, or base64 with or without whpk_: no text of one is one of the other.
std::optional<core::Ed25519PublicKey> ed25519_of(std::string_view text) {
  std::array<char, core::Ed25519PublicKey::kBytes> bytes{};
  text = without(text, kPublicPrefix);
  auto size = core::read_hex(text, bytes);
  if (!size) size = core::read_base64(text, bytes, core::Base64::kAnyPadding);
  if (!size) return std::nullopt;
  return core::Ed25519PublicKey::from_bytes({bytes.data(), *size});
}

std::optional<core::HmacKey> hmac_key_of(std::string_view secret, KeyForm form, core::Hash hash) {
  const auto bytes = key_bytes(secret, form);
  if (!bytes || bytes->empty()) return std::nullopt;
  return core::HmacKey(hash, bytes->view());
}

void read_ed25519_keys(Settings& settings, Credentials& made) {
  for (const Secret& text : settings.secrets("public_keys")) {
    if (text.open || settings.failed()) continue;
    auto key = ed25519_of(text.text.view());
    if (key) made.ed25519s.push_back(std::move(*key));
    if (!key)
      settings.document().fail(text.pointer,
                               "must be an Ed25519 public key in hex digits or base64");
  }
}

bool is_ec(PublicKey::Kind kind) noexcept {
  return kind == PublicKey::Kind::kEcP256 || kind == PublicKey::Kind::kEcOther;
}

// Any curve will do where any EC key is wanted.
bool is_of_kind(const PublicKey& key, PublicKey::Kind wanted) noexcept {
  return key.kind() == wanted || (wanted == PublicKey::Kind::kEcOther && is_ec(key.kind()));
}

const char* how_public(PublicKey::Kind kind) noexcept {
  if (kind == PublicKey::Kind::kRsa)
    return "must be an RSA key of 2048 bits or more, or its certificate, in PEM";
  if (kind == PublicKey::Kind::kEcP256) return "must be an EC key of P-256 in PEM";
  return "must be a public EC key in PEM, or the base64 of its DER";
}

}  // namespace

std::string read_url(Settings& settings) {
  std::string url = settings.text("url");
  if (!settings.has("url")) return url;
  if (!url.starts_with("https://") && !url.starts_with("http://"))
    settings.fail("url", "must begin with https:// or http://");
  if (url.find_first_of("?#") != std::string::npos)
    settings.fail("url", "must have no query, which is taken from the request");
  return url;
}

core::Digest token_digest(std::string_view token) noexcept {
  return core::digest_of(core::Hash::kSha256, token);
}

bool equal_digests(const core::Digest& a, const core::Digest& b) noexcept {
  return core::equal_in_constant_time(a.view(), b.view());
}

bool is_one_of(std::string_view token, const std::vector<core::Digest>& digests) noexcept {
  const core::Digest given = token_digest(token);
  bool found = false;
  for (const core::Digest& digest : digests) found |= equal_digests(given, digest);
  return found;
}

std::vector<core::Digest> read_tokens(Settings& settings) {
  std::vector<core::Digest> tokens;
  for (const Secret& secret : settings.secrets("secrets"))
    if (!secret.open) tokens.push_back(token_digest(secret.text.view()));
  if (!settings.has("secrets")) settings.fail("secrets", "must be given");
  return tokens;
}

std::vector<core::HmacKey> read_hmac_keys(Settings& settings, KeyForm form, core::Hash hash) {
  std::vector<core::HmacKey> keys;
  for (const Secret& secret : settings.secrets("secrets")) {
    if (secret.open || settings.failed()) continue;
    auto key = hmac_key_of(secret.text.view(), form, hash);
    if (key) keys.push_back(std::move(*key));
    if (!key) settings.document().fail(secret.pointer, how_written(form));
  }
  if (!settings.has("secrets")) settings.fail("secrets", "must be given");
  return keys;
}

std::vector<PublicKey> read_public_keys(Settings& settings, std::string_view name,
                                        PublicKey::Kind kind) {
  std::vector<PublicKey> keys;
  for (const Secret& text : settings.secrets(name)) {
    if (text.open || settings.failed()) continue;
    auto key = PublicKey::from_text(text.text.view());
    const bool right = key && is_of_kind(*key, kind);
    if (right) keys.push_back(std::move(*key));
    if (!right) settings.document().fail(text.pointer, how_public(kind));
  }
  if (!settings.has(name)) settings.fail(name, "must be given");
  return keys;
}

Credentials read_credentials(Settings& settings, const Description& description) {
  Credentials made;
  // Secrets may be left out where public keys do as well.
  const bool either = !description.public_prefix.empty() && settings.has("public_keys");
  switch (description.algorithm) {
    case Algorithm::kHmac:
      if (!either || settings.has("secrets"))
        made.hmacs = read_hmac_keys(settings, description.key, description.hash);
      if (either) read_ed25519_keys(settings, made);
      break;
    case Algorithm::kToken:
      made.tokens = read_tokens(settings);
      break;
    case Algorithm::kEd25519:
      read_ed25519_keys(settings, made);
      if (!settings.has("public_keys")) settings.fail("public_keys", "must be given");
      break;
    case Algorithm::kEcdsa:
      made.public_keys = read_public_keys(settings, "public_keys", PublicKey::Kind::kEcOther);
      break;
  }
  if (description.signs(Piece::What::kUrl)) made.url = read_url(settings);
  if (description.challenge == Challenge::kHub) {
    if (const auto token = settings.secret("verify_token"))
      made.verify_token = std::make_unique<core::Digest>(token_digest(token->text.view()));
  }
  return made;
}

}  // namespace headrace::verification
