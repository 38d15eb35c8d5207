// SPDX-License-Identifier: Apache-2.0
#include "core/sealing.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <span>
#include <utility>

#include "core/check.h"
#include "core/encoding.h"
#include "core/hmac.h"
#include "core/random.h"

namespace headrace::core {
namespace {

// Frozen on disk: version, key id, nonce, what is sealed, tag; all of it as base64.
constexpr char kVersion = 1;
constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;
constexpr std::size_t kNonceAt = 1 + SealingKey::kIdBytes;
constexpr std::size_t kHeadBytes = kNonceAt + kNonceBytes;
constexpr std::string_view kIdLabel = "headrace sealing key id";  // frozen

struct FreeCipher {
  void operator()(EVP_CIPHER_CTX* context) const noexcept { EVP_CIPHER_CTX_free(context); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, FreeCipher>;

const unsigned char* bytes_of(std::string_view text) noexcept {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes_of(char* text) noexcept { return reinterpret_cast<unsigned char*>(text); }
int size_of(std::string_view text) noexcept { return static_cast<int>(text.size()); }

// The head is authenticated with the place: its version and key id are what they were.
bool feed_place(EVP_CIPHER_CTX* cipher, bool seals, std::string_view head, std::string_view place) {
  const auto update = seals ? EVP_EncryptUpdate : EVP_DecryptUpdate;
  int size = 0;
  return update(cipher, nullptr, &size, bytes_of(head), size_of(head)) == 1 &&
         update(cipher, nullptr, &size, bytes_of(place), size_of(place)) == 1;
}

std::string decoded(std::string_view sealed) {
  std::string bytes(sealed.size(), '\0');
  const auto size = read_base64(sealed, std::span(bytes.data(), bytes.size()));
  bytes.resize(size.value_or(0));
  if (bytes.size() < kHeadBytes + kTagBytes || bytes[0] != kVersion) bytes.clear();
  return bytes;
}

std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

}  // namespace

SealingKey::SealingKey(SecretBytes bytes) : bytes_(std::move(bytes)) {
  const Digest digest = HmacKey(Hash::kSha256, bytes_.view()).sign(kIdLabel);
  std::copy_n(digest.bytes.begin(), kIdBytes, id_.begin());
}

std::optional<SealingKey> SealingKey::from_bytes(std::string_view bytes) {
  if (bytes.size() != kBytes) return std::nullopt;
  return SealingKey(SecretBytes(bytes));
}

std::optional<SealingKey> SealingKey::from_text(std::string_view text) {
  text = trimmed(text);
  SecretBytes bytes = SecretBytes::of_size(kBytes);
  const std::span<char> room(bytes.data(), kBytes);
  auto size = text.size() == hex_size(kBytes) ? read_hex(text, room)
                                              : read_base64(text, room, Base64::kAnyPadding);
  if (size != kBytes) return std::nullopt;
  return SealingKey(std::move(bytes));
}

SealingKey SealingKey::random() {
  SecretBytes bytes = SecretBytes::of_size(kBytes);
  secure_random(bytes.data(), kBytes);
  return SealingKey(std::move(bytes));
}

std::string SealingKey::id_text() const { return to_hex({id_.data(), id_.size()}); }

SecretBytes SealingKey::text() const {
  SecretBytes text = SecretBytes::of_size(base64_size(kBytes));
  write_base64(bytes_.view(), text.data());
  return text;
}

KeyRing::KeyRing(SealingKey current) { keys_.push_back(std::move(current)); }

void KeyRing::put_first(SealingKey key) { keys_.insert(keys_.begin(), std::move(key)); }
void KeyRing::put_last(SealingKey key) { keys_.push_back(std::move(key)); }
void KeyRing::drop_others() { keys_.erase(keys_.begin() + 1, keys_.end()); }

const SealingKey* KeyRing::find(std::string_view id) const noexcept {
  const auto it = std::find_if(keys_.begin(), keys_.end(), [id](const SealingKey& key) {
    return std::string_view(key.id().data(), key.id().size()) == id;
  });
  return it == keys_.end() ? nullptr : &*it;
}

bool KeyRing::has(const SealingKey::Id& id) const noexcept {
  return find({id.data(), id.size()}) != nullptr;
}

std::string KeyRing::seal(std::string_view secret, std::string_view place) const {
  const SealingKey& key = current();
  std::string sealed(kHeadBytes + secret.size() + kTagBytes, '\0');
  sealed[0] = kVersion;
  std::copy(key.id().begin(), key.id().end(), sealed.begin() + 1);
  secure_random(sealed.data() + kNonceAt, kNonceBytes);
  unsigned char* const out = bytes_of(sealed.data());
  const Cipher cipher(EVP_CIPHER_CTX_new());
  int size = 0;
  const bool done =
      cipher != nullptr &&
      EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key.bytes_.view()),
                         out + kNonceAt) == 1 &&
      feed_place(cipher.get(), true, std::string_view(sealed).substr(0, kNonceAt), place) &&
      EVP_EncryptUpdate(cipher.get(), out + kHeadBytes, &size, bytes_of(secret), size_of(secret)) ==
          1 &&
      EVP_EncryptFinal_ex(cipher.get(), out + kHeadBytes + size, &size) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes,
                          out + kHeadBytes + secret.size()) == 1;
  HEADRACE_CHECK(done);  // but for memory, nothing of this can fail
  return to_base64(sealed);
}

Result<SecretBytes> KeyRing::open(std::string_view sealed, std::string_view place) const {
  std::string bytes = decoded(sealed);
  if (bytes.empty()) return Error{ErrorCode::kMalformed, "it is not a sealed secret", 0};
  const std::string_view id = std::string_view(bytes).substr(1, SealingKey::kIdBytes);
  const SealingKey* const key = find(id);
  if (key == nullptr) {
    return Error{ErrorCode::kUnauthorized,
                 "it is sealed under the master key " + to_hex(id) + ", which is not here", 0};
  }
  const std::size_t secret_bytes = bytes.size() - kHeadBytes - kTagBytes;
  // The cipher needs a place to write to even where nothing is to be written.
  SecretBytes secret = SecretBytes::of_size(std::max<std::size_t>(secret_bytes, 1));
  unsigned char* const in = bytes_of(bytes.data());
  const Cipher cipher(EVP_CIPHER_CTX_new());
  int size = 0;
  const bool done =
      cipher != nullptr &&
      EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key->bytes_.view()),
                         in + kNonceAt) == 1 &&
      feed_place(cipher.get(), false, std::string_view(bytes).substr(0, kNonceAt), place) &&
      EVP_DecryptUpdate(cipher.get(), bytes_of(secret.data()), &size, in + kHeadBytes,
                        static_cast<int>(secret_bytes)) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes,
                          in + kHeadBytes + secret_bytes) == 1 &&
      EVP_DecryptFinal_ex(cipher.get(), bytes_of(secret.data()) + size, &size) == 1;
  if (!done) {
    return Error{ErrorCode::kCorrupted,
                 "it was changed, or sealed for another place than it was found at", 0};
  }
  secret.shrink(secret_bytes);
  return secret;
}

std::optional<SealingKey::Id> sealed_under(std::string_view sealed) {
  const std::string bytes = decoded(sealed);
  if (bytes.empty()) return std::nullopt;
  SealingKey::Id id;
  std::copy_n(bytes.begin() + 1, id.size(), id.begin());
  return id;
}

}  // namespace headrace::core
