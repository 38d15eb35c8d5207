// SPDX-License-Identifier: Apache-2.0
// Digests and HMACs (FIPS 180-4, RFC 2104) over pieces that lie where they are.
//
// What an HMAC does with its key is done once, when the key is made: signing costs what the digest
// of the bytes costs, and two blocks. Nothing is allocated. Threads: a key may be used by all at
// once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/secret_bytes.h"

namespace headrace::core {

enum class Hash : std::uint8_t { kSha1, kSha256, kSha512 };

struct Digest {
  static constexpr std::size_t kBytesMax = 64;

  std::array<char, kBytesMax> bytes;
  std::size_t size = 0;

  std::string_view view() const noexcept { return {bytes.data(), size}; }
};

constexpr std::size_t digest_bytes(Hash hash) noexcept {
  return hash == Hash::kSha1 ? 20 : hash == Hash::kSha256 ? 32 : 64;
}

// Of the pieces, one behind the other.
Digest digest_of(Hash hash, std::span<const std::string_view> pieces) noexcept;
Digest digest_of(Hash hash, std::string_view bytes) noexcept;

class HmacKey {
 public:
  HmacKey(Hash hash, std::string_view key);  // Any size.

  Hash hash() const noexcept { return hash_; }
  // Of the pieces, one behind the other.
  Digest sign(std::span<const std::string_view> pieces) const noexcept;
  Digest sign(std::string_view bytes) const noexcept;

 private:
  Hash hash_;
  SecretBytes states_;  // of the digest behind the inner and the outer key block
};

}  // namespace headrace::core
