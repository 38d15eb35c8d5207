// SPDX-License-Identifier: Apache-2.0
#include "ingest/inflater.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>

#include "core/buffer.h"
#include "core/http_grammar.h"
#include "core/limits.h"

namespace headrace::ingest {
namespace {

namespace limits = core::limits;

// zlib's windowBits: a window of 32 KiB, and which frame is around the data.
constexpr int kWindow = 15;
constexpr int kGzipFrame = 16 + kWindow;
constexpr int kZlibFrame = kWindow;
constexpr int kNoFrame = -kWindow;

constexpr std::size_t kFirstBytes = 16 * limits::kKiB;
constexpr std::size_t kKeptBytesMax = 1 * limits::kMiB;  // larger memory is given back

// RFC 1950 section 2.2: the method, and a check over both bytes.
bool has_zlib_frame(std::string_view compressed) noexcept {
  if (compressed.size() < 2) return false;
  const unsigned method = static_cast<unsigned char>(compressed[0]);
  const unsigned flags = static_cast<unsigned char>(compressed[1]);
  return (method & 0x0fu) == 8 && (method << 8u | flags) % 31 == 0;
}

std::size_t most_of(std::size_t compressed, std::size_t bytes_max) noexcept {
  const std::size_t by_ratio = limits::kInflateRatioMax * compressed;
  return std::min(bytes_max, std::max(by_ratio, limits::kInflateBytesAlways));
}

Error malformed() {
  return Error{ErrorCode::kMalformed, "the body is not compressed as Content-Encoding says", 0};
}
Error too_large() {
  return Error{ErrorCode::kTooLarge, "the body is too large once it is decompressed", 0};
}

}  // namespace

Coding coding_of(std::string_view content_encoding) noexcept {
  const std::string_view name = core::http::trim(content_encoding);
  if (name.empty() || core::http::equals_lower(name, "identity")) return Coding::kNone;
  if (core::http::equals_lower(name, "gzip") || core::http::equals_lower(name, "x-gzip"))
    return Coding::kGzip;
  return core::http::equals_lower(name, "deflate") ? Coding::kDeflate : Coding::kOther;
}

Inflater::Inflater() noexcept = default;

Inflater::~Inflater() {
  if (ready_) inflateEnd(stream_.get());
}

bool Inflater::begin(Coding coding, std::string_view compressed) {
  int frame = kGzipFrame;
  if (coding == Coding::kDeflate) frame = has_zlib_frame(compressed) ? kZlibFrame : kNoFrame;
  if (stream_ == nullptr) stream_ = std::make_unique<z_stream>();
  const int begun =
      ready_ ? inflateReset2(stream_.get(), frame) : inflateInit2(stream_.get(), frame);
  ready_ = ready_ || begun == Z_OK;
  stream_->next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data()));
  stream_->avail_in = static_cast<uInt>(compressed.size());
  return begun == Z_OK;
}

void Inflater::reserve(std::size_t bytes) {
  if (bytes <= capacity_) return;
  auto larger = std::make_unique_for_overwrite<char[]>(bytes + core::BufferPool::kPadding);
  if (size_ != 0) std::memcpy(larger.get(), text_.get(), size_);
  text_ = std::move(larger);
  capacity_ = bytes;
}

Result<std::string_view> Inflater::inflate(Coding coding, std::string_view compressed,
                                           std::size_t bytes_max) {
  const std::size_t most = most_of(compressed.size(), bytes_max);
  size_ = 0;
  if (capacity_ > kKeptBytesMax) {
    text_.reset();
    capacity_ = 0;
  }
  if (!begin(coding, compressed))
    return Error{ErrorCode::kUnavailable, "no memory to decompress the body", 0};
  z_stream& stream = *stream_;
  for (;;) {
    // One byte more than may be: so it is seen that there is more.
    if (size_ == capacity_) reserve(std::min(most + 1, std::max(kFirstBytes, 2 * size_)));
    const std::size_t room = std::min(capacity_, most + 1) - size_;
    stream.next_out = reinterpret_cast<Bytef*>(text_.get() + size_);
    stream.avail_out = static_cast<uInt>(room);
    const int step = ::inflate(&stream, Z_NO_FLUSH);
    size_ += room - stream.avail_out;
    if (size_ > most) return too_large();
    if (step == Z_STREAM_END) {
      if (stream.avail_in == 0) break;
      if (coding != Coding::kGzip || inflateReset(&stream) != Z_OK) return malformed();
      continue;
    }
    // Nothing moves any more: what is there ends too early.
    const bool stuck = stream.avail_out != 0 && stream.avail_in == 0;
    if (step != Z_OK || stuck) return malformed();
  }
  std::memset(text_.get() + size_, 0, core::BufferPool::kPadding);
  return std::string_view(text_.get(), size_);
}

}  // namespace headrace::ingest
