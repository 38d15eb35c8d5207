// SPDX-License-Identifier: Apache-2.0
// OpenSSL 3 calls its plain digest functions deprecated; they are what lets a state be copied
// without an allocation, and they use the processor's instructions for SHA all the same.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "core/hmac.h"

#include <openssl/sha.h>

#include <cstring>

namespace headrace::core {
namespace {

struct Sha1 {
  using State = SHA_CTX;
  static constexpr std::size_t kBlock = SHA_CBLOCK;
  static void init(State& state) { SHA1_Init(&state); }
  static void update(State& state, std::string_view bytes) {
    SHA1_Update(&state, bytes.data(), bytes.size());
  }
  static void final(State& state, char* out) {
    SHA1_Final(reinterpret_cast<unsigned char*>(out), &state);
  }
};

struct Sha256 {
  using State = SHA256_CTX;
  static constexpr std::size_t kBlock = SHA256_CBLOCK;
  static void init(State& state) { SHA256_Init(&state); }
  static void update(State& state, std::string_view bytes) {
    SHA256_Update(&state, bytes.data(), bytes.size());
  }
  static void final(State& state, char* out) {
    SHA256_Final(reinterpret_cast<unsigned char*>(out), &state);
  }
};

struct Sha512 {
  using State = SHA512_CTX;
  static constexpr std::size_t kBlock = SHA512_CBLOCK;
  static void init(State& state) { SHA512_Init(&state); }
  static void update(State& state, std::string_view bytes) {
    SHA512_Update(&state, bytes.data(), bytes.size());
  }
  static void final(State& state, char* out) {
    SHA512_Final(reinterpret_cast<unsigned char*>(out), &state);
  }
};

template <class Function>
auto with(Hash hash, const Function& function) {
  switch (hash) {
    case Hash::kSha1:
      return function(Sha1{});
    case Hash::kSha256:
      return function(Sha256{});
    case Hash::kSha512:
      break;
  }
  return function(Sha512{});
}

template <class Sha>
void finish(typename Sha::State& state, std::size_t size, Digest& digest) {
  Sha::final(state, digest.bytes.data());
  digest.size = size;
  wipe(&state, sizeof(state));
}

// The state of the digest behind one block: the key with each of its bytes changed by `pad`.
template <class Sha>
typename Sha::State keyed_state(std::string_view key, unsigned char pad) {
  std::array<char, Sha::kBlock> block{};
  std::memcpy(block.data(), key.data(), key.size());
  for (char& byte : block) byte = static_cast<char>(static_cast<unsigned char>(byte) ^ pad);
  typename Sha::State state;
  Sha::init(state);
  Sha::update(state, {block.data(), block.size()});
  wipe(block.data(), block.size());
  return state;
}

template <class Sha>
void store_states(std::string_view key, SecretBytes& states) {
  using State = typename Sha::State;
  states = SecretBytes::of_size(2 * sizeof(State));
  State inner = keyed_state<Sha>(key, 0x36);
  State outer = keyed_state<Sha>(key, 0x5c);
  std::memcpy(states.data(), &inner, sizeof(State));
  std::memcpy(states.data() + sizeof(State), &outer, sizeof(State));
  wipe(&inner, sizeof(State));
  wipe(&outer, sizeof(State));
}

template <class Sha>
std::size_t block_of(Sha) {
  return Sha::kBlock;
}

}  // namespace

Digest digest_of(Hash hash, std::span<const std::string_view> pieces) noexcept {
  Digest digest;
  with(hash, [&]<class Sha>(Sha) {
    typename Sha::State state;
    Sha::init(state);
    for (const std::string_view piece : pieces) Sha::update(state, piece);
    finish<Sha>(state, digest_bytes(hash), digest);
  });
  return digest;
}

Digest digest_of(Hash hash, std::string_view bytes) noexcept {
  return digest_of(hash, std::span(&bytes, 1));
}

HmacKey::HmacKey(Hash hash, std::string_view key) : hash_(hash) {
  Digest short_key;
  const std::size_t block = with(hash, [](auto sha) { return block_of(sha); });
  if (key.size() > block) {
    short_key = digest_of(hash, key);
    key = short_key.view();
  }
  with(hash, [&]<class Sha>(Sha) { store_states<Sha>(key, states_); });
  wipe(short_key.bytes.data(), short_key.bytes.size());
}

Digest HmacKey::sign(std::span<const std::string_view> pieces) const noexcept {
  Digest digest;
  with(hash_, [&]<class Sha>(Sha) {
    typename Sha::State state;
    std::memcpy(&state, states_.data(), sizeof(state));
    for (const std::string_view piece : pieces) Sha::update(state, piece);
    finish<Sha>(state, digest_bytes(hash_), digest);
    std::memcpy(&state, states_.data() + sizeof(state), sizeof(state));
    Sha::update(state, digest.view());
    finish<Sha>(state, digest_bytes(hash_), digest);
  });
  return digest;
}

Digest HmacKey::sign(std::string_view bytes) const noexcept { return sign(std::span(&bytes, 1)); }

}  // namespace headrace::core
