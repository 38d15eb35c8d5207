// SPDX-License-Identifier: Apache-2.0
// 128-bit identifiers, printed as a prefix and 22 base62 digits ("msg_0K3…").
//
// Invariant: the printed form sorts as the id does; digits are 0-9A-Za-z, the width is fixed.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "headrace/result.h"

namespace headrace {

inline constexpr std::size_t kIdDigits = 22;  // 62^22 > 2^128

// A bare 128-bit number; the strong ids below wrap it.
struct Bits128 {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend constexpr auto operator<=>(const Bits128&, const Bits128&) = default;
};

// Writes the 22 digits of `bits` to `out`, without a terminator.
void format_base62(Bits128 bits, char* out) noexcept;

// The number of exactly 22 base62 digits; kMalformed with the offset of the first fault otherwise.
Result<Bits128> parse_base62(std::string_view digits);

template <class Tag>
struct Id {
  Bits128 bits;

  static constexpr std::string_view kPrefix = Tag::kPrefix;
  static constexpr std::size_t kTextSize = kPrefix.size() + kIdDigits;

  // Writes exactly kTextSize characters.
  void format(char* out) const noexcept {
    kPrefix.copy(out, kPrefix.size());
    format_base62(bits, out + kPrefix.size());
  }
  std::string to_string() const {
    std::string text(kTextSize, '\0');
    format(text.data());
    return text;
  }
  // kMalformed when the prefix or a digit is wrong.
  static Result<Id> parse(std::string_view text) {
    if (!text.starts_with(kPrefix)) {
      return Error{ErrorCode::kMalformed,
                   "an id that begins with " + std::string(kPrefix) + " was expected", 0};
    }
    auto bits = parse_base62(text.substr(kPrefix.size()));
    if (!bits) return std::move(bits).error();
    return Id{*bits};
  }
  constexpr explicit operator bool() const noexcept { return bits != Bits128{}; }
  friend constexpr auto operator<=>(const Id&, const Id&) = default;
};

struct MessageTag {
  static constexpr std::string_view kPrefix = "msg_";
};
struct EndpointTag {
  static constexpr std::string_view kPrefix = "ep_";
};
struct LinkTag {
  static constexpr std::string_view kPrefix = "lnk_";
};
struct KeyTag {
  static constexpr std::string_view kPrefix = "key_";
};
struct JobTag {
  static constexpr std::string_view kPrefix = "job_";
};

// A message id is time-ordered: its top 48 bits are the milliseconds since 1970 of its acceptance,
// then 16 bits of sequence, then the link's number (32 bits), then 32 random bits. Ids of one store
// only grow.
using MessageId = Id<MessageTag>;
using EndpointId = Id<EndpointTag>;
using LinkId = Id<LinkTag>;
using KeyId = Id<KeyTag>;
using JobId = Id<JobTag>;  // time-ordered like a message's

}  // namespace headrace
