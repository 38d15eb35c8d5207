// SPDX-License-Identifier: Apache-2.0
#include "selector/routing_table.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <array>

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

// Words are compared whole.
auto has_token(const Bits128& token) noexcept {
  return [token](const LinkRoute& link) noexcept {
    return ((link.token.high ^ token.high) | (link.token.low ^ token.low)) == 0;
  };
}

auto has_number(core::WebhookNumber number) noexcept {
  return [number](const WebhookRoute& webhook) noexcept { return webhook.number == number; };
}

// The registry gives numbers out one after the other, so they need no mixing to be spread.
std::uint64_t hash_of(core::WebhookNumber number) noexcept {
  return static_cast<std::uint32_t>(number);
}

}  // namespace

void RoutingTable::put(std::shared_ptr<const WebhookRoute> webhook) {
  HEADRACE_CHECK(webhook != nullptr && webhook->program != nullptr);
  const core::WebhookNumber number = webhook->number;
  webhooks_.put(hash_of(number), has_number(number), std::move(webhook));
}

void RoutingTable::put(std::shared_ptr<const LinkRoute> link) {
  HEADRACE_CHECK(link != nullptr);
  const Bits128 token = link->token;
  links_.put(hash_of(token, seed_), has_token(token), std::move(link));
}

void RoutingTable::erase(core::WebhookNumber webhook) {
  webhooks_.erase(hash_of(webhook), has_number(webhook));
}

void RoutingTable::erase(const Bits128& token) {
  links_.erase(hash_of(token, seed_), has_token(token));
}

RoutingTable::Route RoutingTable::find(std::string_view token, core::WallMs now) const noexcept {
  Bits128 bits;
  if (!parse_token(token, bits)) return {};
  const LinkRoute* link = find_link(bits);
  if (link == nullptr || (link->expires_at != 0 && link->expires_at <= now)) return {};
  const WebhookRoute* webhook = find_webhook(link->webhook);
  return webhook == nullptr ? Route{} : Route{link, webhook};
}

const LinkRoute* RoutingTable::find_link(const Bits128& token) const noexcept {
  const auto* found = links_.find(hash_of(token, seed_), has_token(token));
  return found == nullptr ? nullptr : found->get();
}

const WebhookRoute* RoutingTable::find_webhook(core::WebhookNumber number) const noexcept {
  const auto* found = webhooks_.find(hash_of(number), has_number(number));
  return found == nullptr ? nullptr : found->get();
}

}  // namespace headrace::selector
