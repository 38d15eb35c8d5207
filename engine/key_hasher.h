// SPDX-License-Identifier: Apache-2.0
// What is kept of the secret of an API key: an HMAC under a pepper.
//
// Whoever has a copy of the store and not the pepper cannot tell whether a secret is one of its
// keys, nor make a hash that opens one. As nobody outside can work out a hash, the time of a
// look-up by it says nothing either. Threads: any.
#pragma once

#include <string>
#include <string_view>

#include "core/hmac.h"
#include "core/secret_bytes.h"

namespace headrace::engine {

class KeyHasher {
 public:
  explicit KeyHasher(const core::SecretBytes& pepper);

  // "k1:" and 64 hex digits. Frozen.
  std::string hash_of(std::string_view secret) const;

 private:
  core::HmacKey key_;
};

}  // namespace headrace::engine
