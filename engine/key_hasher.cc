// SPDX-License-Identifier: Apache-2.0
#include "engine/key_hasher.h"

#include "core/encoding.h"

namespace headrace::engine {
namespace {

constexpr std::string_view kKeyed = "k1:";

}  // namespace

KeyHasher::KeyHasher(const core::SecretBytes& pepper) : key_(core::Hash::kSha256, pepper.view()) {}

std::string KeyHasher::hash_of(std::string_view secret) const {
  return std::string(kKeyed) + core::to_hex(key_.sign(secret).view());
}

}  // namespace headrace::engine
