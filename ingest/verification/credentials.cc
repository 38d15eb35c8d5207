// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "core/encoding.h"
#include "ingest/verification/described_scheme.h"

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

void read_secrets(Settings& settings, const Description& description, Credentials& made) {
  for (const Secret& secret : settings.secrets("secrets")) {
    if (secret.open || settings.failed()) continue;
    if (description.algorithm == Algorithm::kToken) {
      made.tokens.push_back(token_digest(secret.text.view()));
      continue;
    }
    auto key = hmac_key_of(secret.text.view(), description.key, description.hash);
    if (key) {
      made.hmacs.push_back(std::move(*key));
    } else {
      settings.document().fail(secret.pointer, how_written(description.key));
    }
  }
}

void read_public_keys(Settings& settings, const Description& description, Credentials& made) {
  for (const Secret& text : settings.secrets("public_keys")) {
    if (text.open || settings.failed()) continue;
    if (description.algorithm == Algorithm::kEcdsa) {
      auto key = PublicKey::from_text(text.text.view());
      const bool right = key && (key->kind() == PublicKey::Kind::kEcP256 ||
                                 key->kind() == PublicKey::Kind::kEcOther);
      if (right) made.public_keys.push_back(std::move(*key));
      if (!right)
        settings.document().fail(text.pointer,
                                 "must be a public EC key in PEM, or the base64 of its DER");
      continue;
    }
    auto key = ed25519_of(text.text.view());
    if (key) made.ed25519s.push_back(std::move(*key));
    if (!key)
      settings.document().fail(text.pointer,
                               "must be an Ed25519 public key in hex digits or base64");
  }
}

std::string read_url(Settings& settings) {
  std::string url = settings.text("url");
  if (!settings.has("url")) return url;
  if (!url.starts_with("https://") && !url.starts_with("http://"))
    settings.fail("url", "must begin with https:// or http://");
  if (url.find_first_of("?#") != std::string::npos)
    settings.fail("url", "must have no query, which is taken from the request");
  return url;
}

}  // namespace

std::optional<core::HmacKey> hmac_key_of(std::string_view secret, KeyForm form, core::Hash hash) {
  const auto bytes = key_bytes(secret, form);
  if (!bytes || bytes->empty()) return std::nullopt;
  return core::HmacKey(hash, bytes->view());
}

core::Digest token_digest(std::string_view token) noexcept {
  return core::digest_of(core::Hash::kSha256, token);
}

bool equal_digests(const core::Digest& a, const core::Digest& b) noexcept {
  return core::equal_in_constant_time(a.view(), b.view());
}

Credentials read_credentials(Settings& settings, const Description& description) {
  Credentials made;
  const bool takes_public = description.algorithm == Algorithm::kEd25519 ||
                            description.algorithm == Algorithm::kEcdsa ||
                            !description.public_prefix.empty();
  const bool takes_secrets =
      description.algorithm == Algorithm::kHmac || description.algorithm == Algorithm::kToken;
  if (takes_secrets) read_secrets(settings, description, made);
  if (takes_public) read_public_keys(settings, description, made);
  const bool some =
      (takes_secrets && settings.has("secrets")) || (takes_public && settings.has("public_keys"));
  if (!some) settings.fail(takes_secrets ? "secrets" : "public_keys", "must be given");
  if (description.signs(Piece::What::kUrl)) made.url = read_url(settings);
  if (description.challenge == Challenge::kHub) {
    if (const auto token = settings.secret("verify_token"))
      made.verify_token = std::make_unique<core::Digest>(token_digest(token->text.view()));
  }
  return made;
}

}  // namespace headrace::verification
