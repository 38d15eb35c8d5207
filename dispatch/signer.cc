// SPDX-License-Identifier: Apache-2.0
#include "dispatch/signer.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <optional>
#include <span>
#include <utility>
#include <variant>

#include "core/check.h"
#include "core/ed25519.h"
#include "core/encoding.h"
#include "core/hmac.h"
#include "core/http_grammar.h"
#include "core/random.h"

namespace headrace::dispatch {

using core::Ed25519PrivateKey;
using core::HmacKey;
using core::SecretBytes;

struct SigningKey {
  std::variant<HmacKey, Ed25519PrivateKey> key;
};

namespace {

constexpr std::string_view kSymmetric = "whsec_";
constexpr std::string_view kPrivate = "whsk_";
constexpr std::string_view kPublic = "whpk_";
constexpr std::size_t kSeedBytes = 32;
// The Standard Webhooks specification wants 24 to 64 bytes; its libraries take less, and the
// secrets that are in use elsewhere have less, Svix's own example 18.
constexpr std::size_t kKeyBytesMin = 16;
constexpr std::size_t kKeyBytesMax = 64;
// Of a secret that is taken as it is written: enough to be unguessable, and bounded.
constexpr std::size_t kTextBytesMin = 16;
constexpr std::size_t kTextBytesMax = 512;

Error invalid(std::string_view what) { return {ErrorCode::kInvalidArgument, std::string(what), 0}; }

// What stands behind the prefix; empty: it is not base64 of a size that is allowed.
SecretBytes decoded(std::string_view text) {
  SecretBytes bytes = SecretBytes::of_size(kKeyBytesMax);
  const auto size =
      core::read_base64(text, std::span(bytes.data(), bytes.size()), core::Base64::kAnyPadding);
  if (!size) return {};
  bytes.shrink(*size);
  return bytes;
}

// The seed is the first half where the public key stands behind it, as libsodium keeps them.
std::optional<Ed25519PrivateKey> private_key(std::string_view secret) {
  const SecretBytes bytes = decoded(secret.substr(kPrivate.size()));
  if (bytes.size() != kSeedBytes && bytes.size() != 2 * kSeedBytes) return std::nullopt;
  auto key = Ed25519PrivateKey::from_seed(bytes.view().substr(0, kSeedBytes));
  if (!key || bytes.size() == kSeedBytes) return key;
  const auto half = key->public_key();
  if (bytes.view().substr(kSeedBytes) == std::string_view(half.data(), half.size())) return key;
  return std::nullopt;
}

std::unique_ptr<const SigningKey> standard_key(std::string_view secret) {
  if (is_asymmetric(secret)) {
    auto key = private_key(secret);
    if (!key) return nullptr;
    return std::make_unique<const SigningKey>(SigningKey{std::move(*key)});
  }
  if (!secret.starts_with(kSymmetric)) return nullptr;
  const SecretBytes bytes = decoded(secret.substr(kSymmetric.size()));
  if (bytes.size() < kKeyBytesMin) return nullptr;
  return std::make_unique<const SigningKey>(SigningKey{HmacKey(core::Hash::kSha256, bytes.view())});
}

// Null: it is none of that shape.
std::unique_ptr<const SigningKey> key_of(SignatureShape shape, std::string_view secret) {
  if (shape == SignatureShape::kStandard) return standard_key(secret);
  const bool is_text =
      std::all_of(secret.begin(), secret.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (!is_text || is_asymmetric(secret) || secret.size() < kTextBytesMin ||
      secret.size() > kTextBytesMax)
    return nullptr;
  return std::make_unique<const SigningKey>(SigningKey{HmacKey(core::Hash::kSha256, secret)});
}

char* put(std::string_view text, char* out) noexcept {
  return std::copy(text.begin(), text.end(), out);
}

// id.time.body
std::array<std::string_view, 5> standard_text(const Signed& what) noexcept {
  return {what.id, ".", what.timestamp, ".", what.body};
}

// Ed25519 reads its message twice, so it has to lie in one piece.
char* put_asymmetric(const Ed25519PrivateKey& key, const Signed& what, char* out) noexcept {
  const auto pieces = standard_text(what);
  std::size_t size = 0;
  for (const std::string_view piece : pieces) size += piece.size();
  const std::unique_ptr<char[]> whole(new (std::nothrow) char[size]);
  if (whole == nullptr) return nullptr;
  char* at = whole.get();
  for (const std::string_view piece : pieces) at = put(piece, at);
  const auto signature = key.sign({whole.get(), size});
  if (!signature) return nullptr;
  out = put("v1a,", out);
  return out + core::write_base64({signature->data(), signature->size()}, out);
}

char* put_standard(const SigningKey& key, const Signed& what, char* out) noexcept {
  if (const auto* asymmetric = std::get_if<Ed25519PrivateKey>(&key.key))
    return put_asymmetric(*asymmetric, what, out);
  out = put("v1,", out);
  return out + core::write_base64(std::get<HmacKey>(key.key).sign(standard_text(what)).view(), out);
}

char* put_stripe(const SigningKey& key, const Signed& what, char* out) noexcept {
  const std::array<std::string_view, 3> pieces{what.timestamp, ".", what.body};
  out = put(",v1=", out);
  return out + core::write_hex(std::get<HmacKey>(key.key).sign(pieces).view(), out);
}

bool is_header_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= Signer::kHeaderBytesMax &&
         std::all_of(name.begin(), name.end(), core::http::is_token_char);
}

}  // namespace

std::string_view default_header(SignatureShape shape) noexcept {
  switch (shape) {
    case SignatureShape::kStandard:
      return "webhook-signature";
    case SignatureShape::kGithub:
      return "X-Hub-Signature-256";
    case SignatureShape::kStripe:
      return "Stripe-Signature";
  }
  return {};
}

Signer::Signer(SignatureShape shape) : shape_(shape) {}
Signer::~Signer() = default;

Result<std::shared_ptr<const Signer>> Signer::make(SignerSettings settings) {
  std::string name(default_header(settings.shape));
  if (!settings.header.empty() && settings.header != name) {
    if (settings.shape == SignatureShape::kStandard)
      return invalid("a Standard Webhooks signature has its own header");
    if (!is_header_name(settings.header))
      return invalid("a signature's header is a token of at most 64 bytes");
    name = std::move(settings.header);
  }
  if (auto checked = check_signing_secret(settings.shape, settings.secret.view()); !checked)
    return std::move(checked).error();
  std::shared_ptr<Signer> signer(new Signer(settings.shape));
  signer->current_ = key_of(settings.shape, settings.secret.view());
  if (!settings.previous.empty()) {
    signer->previous_ = key_of(settings.shape, settings.previous.view());
    if (signer->previous_ == nullptr) return invalid("the secret before is of another shape");
    signer->previous_until_ = settings.previous_until;
  }
  signer->key_ = name;
  std::transform(name.begin(), name.end(), signer->key_.begin(), core::http::to_lower);
  signer->name_ = name + ": ";
  return std::shared_ptr<const Signer>(std::move(signer));
}

bool Signer::has_previous(core::WallMs now) const noexcept {
  return previous_ != nullptr && now < previous_until_;
}

char* Signer::write(const Signed& what, char* out) const noexcept {
  out = put(name_, out);
  switch (shape_) {
    case SignatureShape::kStandard:
      out = write_standard(what, out);
      break;
    case SignatureShape::kGithub:
      out = write_github(what, out);
      break;
    case SignatureShape::kStripe:
      out = write_stripe(what, out);
      break;
  }
  return out == nullptr ? nullptr : put("\r\n", out);
}

char* Signer::write_standard(const Signed& what, char* out) const noexcept {
  out = put_standard(*current_, what, out);
  if (out == nullptr || !has_previous(what.now)) return out;
  return put_standard(*previous_, what, put(" ", out));
}

char* Signer::write_github(const Signed& what, char* out) const noexcept {
  out = put("sha256=", out);
  return out + core::write_hex(std::get<HmacKey>(current_->key).sign(what.body).view(), out);
}

char* Signer::write_stripe(const Signed& what, char* out) const noexcept {
  out = put(what.timestamp, put("t=", out));
  out = put_stripe(*current_, what, out);
  return has_previous(what.now) ? put_stripe(*previous_, what, out) : out;
}

Result<void> check_signing_secret(SignatureShape shape, std::string_view secret) {
  if (key_of(shape, secret) != nullptr) return {};
  if (shape == SignatureShape::kStandard) {
    return invalid(
        "must be whsec_ and 16 to 64 bytes as base64, or whsk_ and an Ed25519 seed of 32 bytes");
  }
  return invalid("must be 16 to 512 visible characters of ASCII, and no whsk_ key");
}

bool is_asymmetric(std::string_view secret) noexcept { return secret.starts_with(kPrivate); }

std::string public_half(std::string_view secret) {
  const auto key = private_key(secret);
  HEADRACE_CHECK(key.has_value());
  const auto half = key->public_key();
  return std::string(kPublic) + core::to_base64({half.data(), half.size()});
}

SecretBytes new_signing_secret(bool asymmetric) {
  const std::string_view prefix = asymmetric ? kPrivate : kSymmetric;
  SecretBytes bytes = SecretBytes::of_size(kSeedBytes);
  core::secure_random(bytes.data(), bytes.size());
  SecretBytes secret = SecretBytes::of_size(prefix.size() + core::base64_size(kSeedBytes));
  core::write_base64(bytes.view(), put(prefix, secret.data()));
  return secret;
}

}  // namespace headrace::dispatch
