// SPDX-License-Identifier: Apache-2.0
#include "selector/routing_table.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <bit>
#include <limits>

#include "core/check.h"

namespace headrace::selector {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr std::uint8_t kNoDigit = 0xFF;

constexpr std::array<std::uint8_t, 256> make_digit_values() {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNoDigit);
  std::uint8_t value = 0;
  for (unsigned char c = '0'; c <= '9'; ++c) values[c] = value++;
  for (unsigned char c = 'A'; c <= 'Z'; ++c) values[c] = value++;
  for (unsigned char c = 'a'; c <= 'z'; ++c) values[c] = value++;
  return values;
}
constexpr std::array<std::uint8_t, 256> kDigitValues = make_digit_values();

// parse_base62 without an Error to build and without an early exit: an attacker learns nothing from
// the time, and a flood of wrong tokens costs no allocation.
bool parse_token(std::string_view token, Bits128& bits) noexcept {
  if (token.size() != kIdDigits) return false;
  Wide number = 0;
  unsigned wrong = 0;
  for (std::size_t i = 0; i + 1 < kIdDigits; ++i) {
    const unsigned value = kDigitValues[static_cast<unsigned char>(token[i])];
    wrong |= value & 0x80;
    number = number * 62 + (value & 0x3F);
  }
  const unsigned last = kDigitValues[static_cast<unsigned char>(token.back())];
  wrong |= last & 0x80;
  // 62^21 fits 128 bits, so only the last multiplication can overflow.
  wrong |= number > (~Wide{0} - last) / 62 ? 0x80u : 0u;
  number = number * 62 + last;
  bits = {static_cast<std::uint64_t>(number >> 64), static_cast<std::uint64_t>(number)};
  return wrong == 0;
}

std::uint64_t hash_of(const Bits128& bits, std::uint64_t seed) noexcept {
  const std::array<std::uint64_t, 2> words{bits.high, bits.low};
  return XXH3_64bits_withSeed(words.data(), sizeof words, seed);
}

}  // namespace

RoutingTable::RoutingTable(std::vector<LinkRoute> links, std::uint64_t seed)
    : links_(std::move(links)), seed_(seed) {
  HEADRACE_CHECK(links_.size() < std::numeric_limits<std::uint32_t>::max());
  slots_.resize(std::bit_ceil(2 * links_.size() + 2));
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t i = 0; i < links_.size(); ++i) {
    std::size_t at = hash_of(links_[i].token, seed_) & mask;
    while (slots_[at] != 0) at = (at + 1) & mask;
    slots_[at] = static_cast<std::uint32_t>(i + 1);
  }
}

const LinkRoute* RoutingTable::find(std::string_view token) const noexcept {
  Bits128 bits;
  if (!parse_token(token, bits)) return nullptr;
  const std::size_t mask = slots_.size() - 1;
  const LinkRoute* found = nullptr;
  // To the end of the run of slots, whether or not the token was met on the way; words are compared
  // whole.
  for (std::size_t at = hash_of(bits, seed_) & mask; slots_[at] != 0; at = (at + 1) & mask) {
    const LinkRoute& link = links_[slots_[at] - 1];
    const std::uint64_t difference = (link.token.high ^ bits.high) | (link.token.low ^ bits.low);
    found = difference == 0 ? &link : found;
  }
  return found;
}

}  // namespace headrace::selector
