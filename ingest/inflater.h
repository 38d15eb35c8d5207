// SPDX-License-Identifier: Apache-2.0
// Undoes the compression of a body, so that it can be looked into; what is stored and delivered
// stays as it came.
//
// Limits: the caller's number of bytes, and kInflateRatioMax times what is compressed (but always
// kInflateBytesAlways), so that a small body cannot cost much. Threads: one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "headrace/result.h"

struct z_stream_s;

namespace headrace::ingest {

enum class Coding : std::uint8_t {
  kNone,
  kGzip,     // RFC 1952, one member or several
  kDeflate,  // RFC 1950; without its frame (RFC 1951) as well, as some send it
  kOther,    // one that is not undone
};

// By a value of Content-Encoding; several codings on top of each other are kOther.
Coding coding_of(std::string_view content_encoding) noexcept;

class Inflater {
 public:
  Inflater() noexcept;
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // The text, behind which kPadding bytes can be read; valid until the next call. kMalformed: it is
  // not what `coding` says. kTooLarge: a limit is passed. Requires: kGzip or kDeflate.
  Result<std::string_view> inflate(Coding coding, std::string_view compressed,
                                   std::size_t bytes_max);

 private:
  bool begin(Coding coding, std::string_view compressed);
  void reserve(std::size_t bytes);

  std::unique_ptr<z_stream_s> stream_;
  bool ready_ = false;
  std::unique_ptr<char[]> text_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace headrace::ingest
