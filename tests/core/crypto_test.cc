// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <fstream>
#include <string>
#include <type_traits>
#include <vector>

#include "core/ed25519.h"
#include "core/encoding.h"
#include "core/hmac.h"
#include "core/secret_bytes.h"

namespace headrace::core {
namespace {

std::string unhex(std::string_view text) {
  std::string bytes(text.size() / 2, '\0');
  EXPECT_TRUE(read_hex(text, bytes));
  return bytes;
}

const EVP_MD* openssl_hash(Hash hash) {
  return hash == Hash::kSha1 ? EVP_sha1() : hash == Hash::kSha256 ? EVP_sha256() : EVP_sha512();
}

std::string hmac_of_openssl(Hash hash, const std::string& key, const std::string& bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  HMAC(openssl_hash(hash), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data(), &size);
  return {reinterpret_cast<const char*>(digest.data()), size};
}

TEST(EncodingTest, VectorsOfRfc4648) {
  constexpr std::array<std::array<std::string_view, 2>, 7> kVectors = {{{"", ""},
                                                                        {"f", "Zg=="},
                                                                        {"fo", "Zm8="},
                                                                        {"foo", "Zm9v"},
                                                                        {"foob", "Zm9vYg=="},
                                                                        {"fooba", "Zm9vYmE="},
                                                                        {"foobar", "Zm9vYmFy"}}};
  for (const auto& [bytes, text] : kVectors) EXPECT_EQ(to_base64(bytes), text);
  EXPECT_EQ(to_hex("foobar"), "666f6f626172");
  EXPECT_EQ(to_base64("\xfb\xff", Base64::kUrl), "-_8");
}

RC_GTEST_PROP(EncodingTest, WhatIsWrittenIsReadBack, (const std::string& bytes)) {
  std::string read(bytes.size(), '\0');
  for (const Base64 form : {Base64::kStandard, Base64::kUrl, Base64::kAnyPadding}) {
    RC_ASSERT(read_base64(to_base64(bytes, form), read, form) == bytes.size());
    RC_ASSERT(read == bytes);
  }
  RC_ASSERT(read_hex(to_hex(bytes), read) == bytes.size());
  RC_ASSERT(read == bytes);
}

TEST(EncodingTest, TextThatIsNotCanonicalIsNotRead) {
  std::array<char, 64> out{};
  for (const char* text : {"Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Z", "====", "Zm9v\n", "Zm 9",
                           "Zm9v=", "Zm9v====", "Zg==Zg==", "-_8="})
    EXPECT_FALSE(read_base64(text, out)) << text;
  EXPECT_FALSE(read_base64("Zg==", out, Base64::kUrl));
  EXPECT_FALSE(read_base64("+/8", out, Base64::kUrl));
  EXPECT_TRUE(read_base64("Zg", out, Base64::kAnyPadding));
  EXPECT_FALSE(read_base64("Zh", out, Base64::kAnyPadding));
  for (const char* text : {"0", "0g", "0x00", " 00"}) EXPECT_FALSE(read_hex(text, out)) << text;
  EXPECT_FALSE(read_hex("0000", std::span(out).first(1)));
  EXPECT_FALSE(read_base64("AAAA", std::span(out).first(2)));
}

TEST(EncodingTest, EqualityLooksAtEveryByteAndTheSize) {
  EXPECT_TRUE(equal_in_constant_time("", ""));
  EXPECT_TRUE(equal_in_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_in_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_in_constant_time("abc", "ab"));
}

// RFC 4231, test cases 1, 2 and 6 (a key larger than a block).
TEST(HmacTest, VectorsOfRfc4231) {
  const HmacKey first(Hash::kSha256, std::string(20, '\x0b'));
  EXPECT_EQ(to_hex(first.sign("Hi There").view()),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  const HmacKey second(Hash::kSha512, "Jefe");
  EXPECT_EQ(to_hex(second.sign("what do ya want for nothing?").view()),
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
            "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737");
  const HmacKey sixth(Hash::kSha256, std::string(131, '\xaa'));
  EXPECT_EQ(to_hex(sixth.sign("Test Using Larger Than Block-Size Key - Hash Key First").view()),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

// RFC 2202, test case 1.
TEST(HmacTest, VectorOfRfc2202) {
  const HmacKey key(Hash::kSha1, std::string(20, '\x0b'));
  EXPECT_EQ(to_hex(key.sign("Hi There").view()), "b617318655057264e28bc0b6fb378c8ef146be00");
}

RC_GTEST_PROP(HmacTest, AgreesWithOpenSslForEveryKeyAndCut,
              (const std::string& key, const std::vector<std::string>& pieces)) {
  std::string whole;
  std::vector<std::string_view> views;
  for (const std::string& piece : pieces) {
    whole += piece;
    views.push_back(piece);
  }
  std::string long_key = key;
  for (int i = 0; i < 3; ++i, long_key += long_key + std::string(40, 'k')) {
    for (const Hash hash : {Hash::kSha1, Hash::kSha256, Hash::kSha512}) {
      const HmacKey made(hash, long_key);
      RC_ASSERT(made.sign(views).view() == hmac_of_openssl(hash, long_key, whole));
      RC_ASSERT(made.sign(views).view() == hmac_of_openssl(hash, long_key, whole));
      RC_ASSERT(digest_of(hash, views).view() == digest_of(hash, whole).view());
    }
  }
}

// RFC 8032 7.1, test 2.
TEST(Ed25519Test, VectorOfRfc8032) {
  const auto key = Ed25519PrivateKey::from_seed(
      unhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"));
  ASSERT_TRUE(key);
  const auto public_bytes = key->public_key();
  EXPECT_EQ(to_hex({public_bytes.data(), public_bytes.size()}),
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  const auto signature = key->sign("\x72");
  ASSERT_TRUE(signature);
  EXPECT_EQ(to_hex({signature->data(), signature->size()}),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
  const auto public_key = Ed25519PublicKey::from_bytes({public_bytes.data(), public_bytes.size()});
  ASSERT_TRUE(public_key);
  EXPECT_TRUE(public_key->verify("\x72", {signature->data(), signature->size()}));
  EXPECT_FALSE(public_key->verify("\x73", {signature->data(), signature->size()}));
  EXPECT_FALSE(public_key->verify("\x72", {signature->data(), 63}));
  EXPECT_FALSE(Ed25519PublicKey::from_bytes("short"));
  EXPECT_FALSE(Ed25519PrivateKey::from_seed("short"));
}

// Whether the pages around an address are left out of core dumps ("dd" of VmFlags, proc(5)).
bool is_not_dumped(const void* address) {
  std::ifstream maps("/proc/self/smaps");
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &begin, &end) == 2) inside = begin <= at && at < end;
    if (inside && line.starts_with("VmFlags:")) return line.find(" dd") != std::string::npos;
  }
  return false;
}

TEST(SecretBytesTest, CannotBePrintedOrCopiedByAccident) {
  static_assert(!std::is_copy_constructible_v<SecretBytes>);
  static_assert(!std::is_convertible_v<SecretBytes, std::string>);
  static_assert(!std::is_convertible_v<SecretBytes, std::string_view>);
}

TEST(SecretBytesTest, LiesInPagesThatAreNotDumped) {
  for (const std::size_t size : {1u, 64u, 65u, 4096u, 4097u, 100'000u})
    EXPECT_TRUE(is_not_dumped(SecretBytes::of_size(size).data())) << size;
}

TEST(SecretBytesTest, MovesAndShrinksWithoutLosingBytes) {
  SecretBytes first("a secret of some size");
  SecretBytes second = std::move(first);
  EXPECT_EQ(second.view(), "a secret of some size");
  second.shrink(8);
  EXPECT_EQ(second.view(), "a secret");
  EXPECT_EQ(second.clone().view(), "a secret");
  second = SecretBytes();
  EXPECT_TRUE(second.empty());
}

TEST(SecretBytesTest, IsWipedWhenItGoes) {
  SecretBytes secret(std::string(60, 's'));
  const char* data = secret.data();
  secret = SecretBytes();
  const SecretBytes reused = SecretBytes::of_size(60);
  ASSERT_EQ(reused.data(), data);  // the piece that was given back last
  EXPECT_EQ(reused.view(), std::string(60, '\0'));
}

}  // namespace
}  // namespace headrace::core
