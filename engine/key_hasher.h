// SPDX-License-Identifier: Apache-2.0
// What is kept of the secret of an API key: an HMAC under a pepper that is not in the store.
//
// Whoever reads the store alone, a copy of it say, cannot tell whether a secret is one of its keys,
// nor make a hash that opens one. As nobody outside can work out a hash, the time of a look-up by
// it says nothing either. Threads: any.
#pragma once

#include <string>
#include <string_view>

#include "core/hmac.h"
#include "core/secret_bytes.h"
#include "headrace/result.h"

namespace headrace::engine {

class KeyHasher {
 public:
  // Without a pepper: under one that is random and goes with it.
  explicit KeyHasher(const core::SecretBytes* pepper);

  // "k1:" and 64 hex digits. Frozen.
  std::string hash_of(std::string_view secret) const;
  static bool is_keyed(std::string_view hash) noexcept;
  // As it was before: the SHA-256, 64 hex digits. Replaced when the key is next used.
  static std::string plain_hash_of(std::string_view secret);

 private:
  core::HmacKey key_;
};

// The pepper in "key.pepper" of a directory; when there is no such file, a random one is written
// there with mode 0600, durable when it returns, and `is_new` says so. kStorageFailed with errno;
// kInvalidArgument when the file holds none, or others may read it.
//
// A file, not a definition: a pepper in the store would be copied with the hashes that it protects.
struct KeyPepper {
  core::SecretBytes bytes;
  bool is_new = false;
};
Result<KeyPepper> load_or_make_key_pepper(const std::string& directory);

}  // namespace headrace::engine
