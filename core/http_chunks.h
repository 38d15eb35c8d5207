// SPDX-License-Identifier: Apache-2.0
// Takes the framing off a chunked body, piece by piece (RFC 9112 section 7.1).
//
// Strict: sizes are hex digits and nothing else, lines end with CRLF, extensions follow the grammar
// without white space, trailer fields are checked and dropped. Nothing is copied; the verdict does
// not depend on the pieces. Limits: kChunkHeaderBytesMax for a size with its extensions,
// kHeadBytesMax for the trailer section.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/http_grammar.h"
#include "core/limits.h"

namespace headrace::core {

class ChunkDecoder {
 public:
  enum class Step : std::uint8_t {
    kNeedMore,   // everything given is used up
    kData,       // `data` is the next piece of the body
    kComplete,   // the last byte of the body's framing was used
    kMalformed,  // not chunked coding
    kTooLarge,  // a body over its limit, noticed at the size that announces it, or too much framing
  };

  // Requires: body_bytes_max < 2^60.
  void reset(std::uint64_t body_bytes_max) noexcept {
    *this = ChunkDecoder{};
    allowance_ = body_bytes_max;
  }

  // Uses bytes from `at` on and moves it forward. After kComplete, kMalformed or kTooLarge only
  // reset() may follow.
  Step next(const char*& at, const char* end, std::string_view& data) noexcept {
    while (at != end) {
      if (state_ == State::kData) {
        const auto size = static_cast<std::size_t>(
            std::min<std::uint64_t>(left_, static_cast<std::uint64_t>(end - at)));
        data = {at, size};
        at += size;
        left_ -= size;
        allowance_ -= size;
        if (left_ == 0) state_ = State::kDataCr;
        return Step::kData;
      }
      if (const Step step = take(*at++); step != Step::kNeedMore) return step;
    }
    return Step::kNeedMore;
  }

 private:
  enum class State : std::uint8_t {
    kSizeFirst,
    kSize,
    kExtensionFirst,
    kExtensionName,
    kValueFirst,
    kValueToken,
    kValueQuoted,
    kValueEscaped,
    kValueEnd,
    kSizeLf,
    kData,
    kDataCr,
    kDataLf,
    kTrailerFirst,
    kTrailerName,
    kTrailerValue,
    kTrailerLf,
    kLastLf,
  };

  Step take(char c) noexcept {
    if (state_ < State::kData) {
      if (++framing_bytes_ > limits::kChunkHeaderBytesMax) return Step::kTooLarge;
    } else if (state_ >= State::kTrailerFirst) {
      if (++framing_bytes_ > limits::kHeadBytesMax) return Step::kTooLarge;
    }
    switch (state_) {
      case State::kSizeFirst:
      case State::kSize:
        return take_size(c);
      case State::kSizeLf:
        return c == '\n' ? begin_data() : Step::kMalformed;
      case State::kDataCr:
        return c == '\r' ? go(State::kDataLf) : Step::kMalformed;
      case State::kDataLf:
        return c == '\n' ? begin_size() : Step::kMalformed;
      case State::kTrailerFirst:
      case State::kTrailerName:
      case State::kTrailerValue:
      case State::kTrailerLf:
        return take_trailer(c);
      case State::kLastLf:
        return c == '\n' ? Step::kComplete : Step::kMalformed;
      default:
        return take_extension(c);
    }
  }

  Step take_size(char c) noexcept {
    const char lower = http::to_lower(c);
    const bool letter = lower >= 'a' && lower <= 'f';
    if (!letter && !http::is_digit(c))
      return state_ == State::kSize ? end_of_part(c) : Step::kMalformed;
    left_ = left_ * 16 + static_cast<std::uint64_t>(letter ? lower - 'a' + 10 : c - '0');
    return left_ > allowance_ ? Step::kTooLarge : go(State::kSize);
  }

  Step take_extension(char c) noexcept {
    switch (state_) {
      case State::kExtensionFirst:
        return http::is_token_char(c) ? go(State::kExtensionName) : Step::kMalformed;
      case State::kExtensionName:
        if (c == '=') return go(State::kValueFirst);
        return http::is_token_char(c) ? Step::kNeedMore : end_of_part(c);
      case State::kValueFirst:
        if (c == '"') return go(State::kValueQuoted);
        return http::is_token_char(c) ? go(State::kValueToken) : Step::kMalformed;
      case State::kValueToken:
        return http::is_token_char(c) ? Step::kNeedMore : end_of_part(c);
      case State::kValueQuoted:
        if (c == '"') return go(State::kValueEnd);
        if (c == '\\') return go(State::kValueEscaped);
        return http::is_value_char(c) ? Step::kNeedMore : Step::kMalformed;
      case State::kValueEscaped:
        return http::is_value_char(c) ? go(State::kValueQuoted) : Step::kMalformed;
      default:
        return end_of_part(c);
    }
  }

  Step take_trailer(char c) noexcept {
    switch (state_) {
      case State::kTrailerFirst:
        if (c == '\r') return go(State::kLastLf);
        return http::is_token_char(c) ? go(State::kTrailerName) : Step::kMalformed;
      case State::kTrailerName:
        if (c == ':') return go(State::kTrailerValue);
        return http::is_token_char(c) ? Step::kNeedMore : Step::kMalformed;
      case State::kTrailerValue:
        if (c == '\r') return go(State::kTrailerLf);
        return http::is_value_char(c) ? Step::kNeedMore : Step::kMalformed;
      default:
        return c == '\n' ? go(State::kTrailerFirst) : Step::kMalformed;
    }
  }

  Step end_of_part(char c) noexcept {
    if (c == '\r') return go(State::kSizeLf);
    return c == ';' ? go(State::kExtensionFirst) : Step::kMalformed;
  }
  Step begin_data() noexcept {
    framing_bytes_ = 0;
    return go(left_ == 0 ? State::kTrailerFirst : State::kData);
  }
  Step begin_size() noexcept {
    framing_bytes_ = 0;
    return go(State::kSizeFirst);
  }
  Step go(State state) noexcept {
    state_ = state;
    return Step::kNeedMore;
  }

  State state_ = State::kSizeFirst;
  std::uint64_t left_ = 0;       // of the chunk being read
  std::uint64_t allowance_ = 0;  // what the body may still grow by
  std::size_t framing_bytes_ = 0;
};

}  // namespace headrace::core
