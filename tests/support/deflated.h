// SPDX-License-Identifier: Apache-2.0
// Compressed bodies, as senders make them.
#pragma once

#include <zlib.h>

#include <string>
#include <string_view>

#include "core/check.h"

namespace headrace::test {

enum class Frame : int { kGzip = 31, kZlib = 15, kNone = -15 };  // zlib's windowBits

// `level`: 0 to 9, as zlib has it.
inline std::string deflated(std::string_view text, Frame frame, int level = Z_BEST_COMPRESSION) {
  z_stream stream{};
  HEADRACE_CHECK(deflateInit2(&stream, level, Z_DEFLATED, static_cast<int>(frame), 8,
                              Z_DEFAULT_STRATEGY) == Z_OK);
  std::string bytes(deflateBound(&stream, static_cast<uLong>(text.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(bytes.data());
  stream.avail_out = static_cast<uInt>(bytes.size());
  HEADRACE_CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  bytes.resize(stream.total_out);
  deflateEnd(&stream);
  return bytes;
}

}  // namespace headrace::test
