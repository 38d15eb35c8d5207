// SPDX-License-Identifier: Apache-2.0
// Signs what a load sends as the providers sign what they send.
//
// The peer is ingest/verification: what this signs, that must find genuine, and the tests say so.
// Threads: a signer never changes; any number may use it at once. Nothing is allocated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/hmac.h"
#include "headrace/result.h"

namespace headrace::bench_tools {

enum class Provider : std::uint8_t { kGithub, kStripe, kSlack, kShopify, kStandardWebhooks };

// By the name that the verification of a webhook gives it ("standard_webhooks").
std::optional<Provider> parse_provider(std::string_view name) noexcept;
std::string_view to_string(Provider provider) noexcept;

// What one message says of itself.
struct Stamp {
  std::string_view id;     // at most kIdBytesMax
  std::string_view event;  // at most kEventBytesMax
  std::uint64_t unix_seconds = 0;
};

class Signer {
 public:
  static constexpr std::size_t kIdBytesMax = 64;
  static constexpr std::size_t kEventBytesMax = 128;
  static constexpr std::size_t kFieldsBytesMax = 768;

  // `secret`: as the provider shows it, "whsec_" and base64 for Standard Webhooks (kInvalidArgument
  // if it is not that). Empty: fields as the provider's, without a signature.
  static Result<Signer> make(Provider provider, std::string_view secret);

  bool signs() const noexcept { return key_.has_value(); }
  // What a signature depends on besides the body: while those are the same, so is the signature.
  bool signs_id() const noexcept { return provider_ == Provider::kStandardWebhooks; }
  bool signs_time() const noexcept;

  // Of the pieces of a body, one behind the other; three at most. Requires: signs().
  core::Digest sign(const Stamp& stamp, std::span<const std::string_view> body) const noexcept;

  // The provider's header lines, each with CRLF; answers their size. Requires: kFieldsBytesMax of
  // room. `signature`: null if it signs nothing.
  std::size_t write_fields(const Stamp& stamp, const core::Digest* signature,
                           char* out) const noexcept;

 private:
  explicit Signer(Provider provider) : provider_(provider) {}

  Provider provider_;
  std::optional<core::HmacKey> key_;
};

}  // namespace headrace::bench_tools
