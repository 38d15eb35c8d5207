// SPDX-License-Identifier: Apache-2.0
// Secrets as text that may lie on a disk: AES-256-GCM (NIST SP 800-38D), under keys that the text
// names and for the one place that it is bound to.
//
// A sealed text that is moved to another place does not open. Nonces are random, so a key may seal
// 2^32 secrets. Threads: a ring may be used by all at once.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/secret_bytes.h"
#include "headrace/result.h"

namespace headrace::core {

class SealingKey {
 public:
  static constexpr std::size_t kBytes = 32;
  static constexpr std::size_t kIdBytes = 8;
  using Id = std::array<char, kIdBytes>;

  // None: not 32 bytes.
  static std::optional<SealingKey> from_bytes(std::string_view bytes);
  // From what people keep: 64 hex digits or base64, with or without padding; blanks around it do
  // not count.
  static std::optional<SealingKey> from_text(std::string_view text);
  static SealingKey random();

  SealingKey clone() const { return SealingKey(bytes_.clone()); }
  // Made of the key by a hash, so that it may be shown.
  const Id& id() const noexcept { return id_; }
  std::string id_text() const;  // hex
  // As base64.
  SecretBytes text() const;

 private:
  friend class KeyRing;
  explicit SealingKey(SecretBytes bytes);

  SecretBytes bytes_;
  Id id_{};
};

// The key that seals, and others that still open.
class KeyRing {
 public:
  explicit KeyRing(SealingKey current);

  const SealingKey& current() const noexcept { return keys_.front(); }
  // Seals from now on; the ones before still open.
  void put_first(SealingKey key);
  // Still opens.
  void put_last(SealingKey key);
  // Leaves the current one alone.
  void drop_others();
  bool has(const SealingKey::Id& id) const noexcept;

  // Text of A-Z a-z 0-9 + / =; `place` may be of any bytes.
  std::string seal(std::string_view secret, std::string_view place) const;
  // kMalformed: it is no sealed text. kUnauthorized: sealed under a key that is not here; it is
  // named. kCorrupted: it was changed, or sealed for another place.
  Result<SecretBytes> open(std::string_view sealed, std::string_view place) const;

 private:
  const SealingKey* find(std::string_view id) const noexcept;

  std::vector<SealingKey> keys_;
};

// Which key a sealed text needs; none: it is no sealed text.
std::optional<SealingKey::Id> sealed_under(std::string_view sealed);

}  // namespace headrace::core
