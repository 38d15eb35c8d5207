// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/sign.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <string>

#include "core/check.h"
#include "core/encoding.h"

namespace headrace::bench_tools {
namespace {

constexpr std::size_t kBodyPiecesMax = 3;
constexpr std::string_view kStandardPrefix = "whsec_";
// Longer secrets are none that anybody uses.
constexpr std::size_t kSecretBytesMax = 1024;

struct Name {
  Provider provider;
  std::string_view name;
};
constexpr std::array kNames = {Name{Provider::kGithub, "github"}, Name{Provider::kStripe, "stripe"},
                               Name{Provider::kSlack, "slack"}, Name{Provider::kShopify, "shopify"},
                               Name{Provider::kStandardWebhooks, "standard_webhooks"}};

class Decimal {
 public:
  explicit Decimal(std::uint64_t number) noexcept {
    size_ = static_cast<std::size_t>(
        std::to_chars(text_.data(), text_.data() + text_.size(), number).ptr - text_.data());
  }
  std::string_view view() const noexcept { return {text_.data(), size_}; }

 private:
  std::array<char, 20> text_;
  std::size_t size_ = 0;
};

class Writer {
 public:
  explicit Writer(char* out) noexcept : begin_(out), at_(out) {}

  Writer& text(std::string_view text) noexcept {
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
    return *this;
  }
  Writer& hex(const core::Digest& digest) noexcept {
    at_ += core::write_hex(digest.view(), at_);
    return *this;
  }
  Writer& base64(const core::Digest& digest) noexcept {
    at_ += core::write_base64(digest.view(), at_);
    return *this;
  }
  Writer& line(std::string_view name, std::string_view value) noexcept {
    return text(name).text(": ").text(value).text("\r\n");
  }
  std::size_t size() const noexcept { return static_cast<std::size_t>(at_ - begin_); }

 private:
  char* begin_;
  char* at_;
};

Result<std::string> key_bytes(Provider provider, std::string_view secret) {
  if (provider != Provider::kStandardWebhooks) return std::string(secret);
  std::array<char, kSecretBytesMax> bytes;
  const bool has_prefix = secret.starts_with(kStandardPrefix);
  const auto size = has_prefix ? core::read_base64(secret.substr(kStandardPrefix.size()), bytes,
                                                   core::Base64::kAnyPadding)
                               : std::nullopt;
  if (!size || *size == 0)
    return Error{ErrorCode::kInvalidArgument, "the secret must be whsec_ and base64"};
  return std::string(bytes.data(), *size);
}

}  // namespace

std::optional<Provider> parse_provider(std::string_view name) noexcept {
  const auto known = std::find_if(kNames.begin(), kNames.end(),
                                  [name](const Name& each) { return each.name == name; });
  return known == kNames.end() ? std::nullopt : std::optional(known->provider);
}

std::string_view to_string(Provider provider) noexcept {
  return kNames[static_cast<std::size_t>(provider)].name;
}

Result<Signer> Signer::make(Provider provider, std::string_view secret) {
  Signer signer(provider);
  if (secret.empty()) return signer;
  auto key = key_bytes(provider, secret);
  if (!key) return key.error();
  signer.key_.emplace(core::Hash::kSha256, *key);
  return signer;
}

bool Signer::signs_time() const noexcept {
  return provider_ != Provider::kGithub && provider_ != Provider::kShopify;
}

core::Digest Signer::sign(const Stamp& stamp,
                          std::span<const std::string_view> body) const noexcept {
  HEADRACE_DCHECK(key_ && body.size() <= kBodyPiecesMax);
  const Decimal time(stamp.unix_seconds);
  std::array<std::string_view, 4 + kBodyPiecesMax> pieces;
  std::size_t count = 0;
  switch (provider_) {
    case Provider::kGithub:
    case Provider::kShopify:
      break;
    case Provider::kStripe:
      for (const std::string_view piece : {time.view(), std::string_view(".")})
        pieces[count++] = piece;
      break;
    case Provider::kSlack:
      for (const std::string_view piece :
           {std::string_view("v0:"), time.view(), std::string_view(":")})
        pieces[count++] = piece;
      break;
    case Provider::kStandardWebhooks:
      for (const std::string_view piece :
           {stamp.id, std::string_view("."), time.view(), std::string_view(".")})
        pieces[count++] = piece;
      break;
  }
  for (const std::string_view piece : body) pieces[count++] = piece;
  return key_->sign(std::span(pieces.data(), count));
}

std::size_t Signer::write_fields(const Stamp& stamp, const core::Digest* signature,
                                 char* out) const noexcept {
  HEADRACE_DCHECK(stamp.id.size() <= kIdBytesMax && stamp.event.size() <= kEventBytesMax);
  const Decimal time(stamp.unix_seconds);
  Writer writer(out);
  switch (provider_) {
    case Provider::kGithub:
      writer.line("X-GitHub-Event", stamp.event).line("X-GitHub-Delivery", stamp.id);
      if (signature) writer.text("X-Hub-Signature-256: sha256=").hex(*signature).text("\r\n");
      break;
    case Provider::kStripe:
      if (signature) {
        writer.text("Stripe-Signature: t=").text(time.view()).text(",v1=").hex(*signature);
        writer.text("\r\n");
      }
      break;
    case Provider::kSlack:
      writer.line("X-Slack-Request-Timestamp", time.view());
      if (signature) writer.text("X-Slack-Signature: v0=").hex(*signature).text("\r\n");
      break;
    case Provider::kShopify:
      writer.line("X-Shopify-Topic", stamp.event).line("X-Shopify-Webhook-Id", stamp.id);
      if (signature) writer.text("X-Shopify-Hmac-SHA256: ").base64(*signature).text("\r\n");
      break;
    case Provider::kStandardWebhooks:
      writer.line("webhook-id", stamp.id).line("webhook-timestamp", time.view());
      if (signature) writer.text("webhook-signature: v1,").base64(*signature).text("\r\n");
      break;
  }
  return writer.size();
}

}  // namespace headrace::bench_tools
