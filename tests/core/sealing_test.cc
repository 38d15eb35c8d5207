// SPDX-License-Identifier: Apache-2.0
#include "core/sealing.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <rapidcheck/gtest.h>

#include <set>
#include <string>

#include "core/encoding.h"

namespace headrace::core {
namespace {

KeyRing ring() { return KeyRing(SealingKey::random()); }

ErrorCode code_of(const Result<SecretBytes>& opened) {
  return opened ? ErrorCode::kUnsupported : opened.error().code;
}

}  // namespace

RC_GTEST_PROP(SealingTest, OpensAtItsPlaceAndNowhereElse,
              (const std::string& secret, const std::string& place, const std::string& other)) {
  const KeyRing keys = ring();
  const std::string sealed = keys.seal(secret, place);
  const auto opened = keys.open(sealed, place);
  RC_ASSERT(opened.has_value());
  RC_ASSERT(opened->view() == secret);
  if (other != place) RC_ASSERT(code_of(keys.open(sealed, other)) == ErrorCode::kCorrupted);
}

// Whichever bit of nonce, secret or tag changes; a changed version or key id is noticed before.
TEST(SealingTest, EveryChangedBitIsNoticed) {
  const KeyRing keys = ring();
  const std::string sealed = keys.seal("a secret", "place");
  std::string bytes(sealed.size(), '\0');
  bytes.resize(*read_base64(sealed, bytes));
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::string changed = bytes;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
    const ErrorCode code = code_of(keys.open(to_base64(changed), "place"));
    EXPECT_EQ(code, bit < 8       ? ErrorCode::kMalformed
                    : bit < 8 * 9 ? ErrorCode::kUnauthorized
                                  : ErrorCode::kCorrupted)
        << bit;
  }
}

TEST(SealingTest, WhatIsCutOrNoSealedTextIsMalformed) {
  const KeyRing keys = ring();
  const std::string sealed = keys.seal("", "");
  EXPECT_EQ(keys.open(sealed, "")->size(), 0u);
  for (const char* text : {"", "AAAA", "no base64 at all", "AQIDBAUGBwgJCgsMDQ4PEA=="})
    EXPECT_EQ(code_of(keys.open(text, "")), ErrorCode::kMalformed) << text;
  for (std::size_t size = 0; size < sealed.size(); ++size)
    EXPECT_EQ(code_of(keys.open(sealed.substr(0, size), "")), ErrorCode::kMalformed) << size;
}

// The form is frozen: version 1, key id, nonce, ciphertext, tag; head and place are authenticated.
TEST(SealingTest, IsAes256GcmAsOpenSslReadsIt) {
  const std::string key(32, 'k');
  const KeyRing keys(*SealingKey::from_bytes(key));
  const std::string sealed = keys.seal("a secret", "secret/default/A");
  std::string bytes(sealed.size(), '\0');
  bytes.resize(*read_base64(sealed, bytes));
  ASSERT_EQ(bytes.size(), 1u + 8 + 12 + 8 + 16);
  const auto at = [&](std::size_t offset) {
    return reinterpret_cast<unsigned char*>(bytes.data()) + offset;
  };
  const std::string aad = bytes.substr(0, 9) + "secret/default/A";
  EVP_CIPHER_CTX* const cipher = EVP_CIPHER_CTX_new();
  unsigned char plain[16];
  int size = 0;
  EVP_DecryptInit_ex(cipher, EVP_aes_256_gcm(), nullptr,
                     reinterpret_cast<const unsigned char*>(key.data()), at(9));
  EVP_DecryptUpdate(cipher, nullptr, &size, reinterpret_cast<const unsigned char*>(aad.data()),
                    static_cast<int>(aad.size()));
  EVP_DecryptUpdate(cipher, plain, &size, at(21), 8);
  EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_SET_TAG, 16, at(29));
  EXPECT_EQ(EVP_DecryptFinal_ex(cipher, plain + size, &size), 1);
  EVP_CIPHER_CTX_free(cipher);
  EXPECT_EQ(std::string(reinterpret_cast<char*>(plain), 8), "a secret");
  // As it was written once, and is read for ever.
  const auto opened =
      keys.open("AZKv0XRzkmVIAAECAwQFBgcICQoLC/2HS2ei4wGI4L+Bel6ILZpSfDtgzm54", "secret/default/A");
  ASSERT_TRUE(opened) << opened.error().what;
  EXPECT_EQ(opened->view(), "a secret");
}

TEST(SealingTest, NoncesAreNeverTheSame) {
  const KeyRing keys = ring();
  std::set<std::string> sealed;
  for (int i = 0; i < 1000; ++i) sealed.insert(keys.seal("the same", "place"));
  EXPECT_EQ(sealed.size(), 1000u);
}

TEST(SealingTest, AKeyIsReadAsPeopleKeepIt) {
  const std::string bytes(32, '\x5a');
  const SealingKey key = *SealingKey::from_bytes(bytes);
  const std::string base64 = to_base64(bytes);
  for (const std::string& text : {base64, base64 + "\n", "  " + base64 + " \r\n",
                                  base64.substr(0, 43), to_hex(bytes), to_hex(bytes) + "\n"}) {
    const auto read = SealingKey::from_text(text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(read->id(), key.id()) << text;
  }
  EXPECT_EQ(key.text().view(), base64);
  for (const std::string& text :
       {std::string(), std::string("\n"), to_base64(std::string(31, 'k')),
        to_base64(std::string(33, 'k')), std::string(64, 'g'), std::string(32, 'k')})
    EXPECT_FALSE(SealingKey::from_text(text)) << text;
  EXPECT_FALSE(SealingKey::from_bytes("short"));
  EXPECT_EQ(key.id_text().size(), 16u);
  EXPECT_EQ(to_hex(bytes).find(key.id_text()), std::string::npos);
}

TEST(SealingTest, KeysBeforeStillOpenUntilTheyAreDropped) {
  KeyRing keys = ring();
  const SealingKey::Id first = keys.current().id();
  const std::string old = keys.seal("a secret", "p");
  keys.put_first(SealingKey::random());
  EXPECT_NE(keys.current().id(), first);
  EXPECT_EQ(sealed_under(old), first);
  EXPECT_EQ(sealed_under(keys.seal("x", "p")), keys.current().id());
  EXPECT_EQ(keys.open(old, "p")->view(), "a secret");
  keys.drop_others();
  EXPECT_FALSE(keys.has(first));
  const auto opened = keys.open(old, "p");
  ASSERT_EQ(code_of(opened), ErrorCode::kUnauthorized);
  EXPECT_NE(opened.error().what.find(to_hex({first.data(), first.size()})), std::string::npos);
}

}  // namespace headrace::core
