// SPDX-License-Identifier: Apache-2.0
// Compressed bodies. The first byte chooses the coding and whether the rest is compressed, or a
// text to be compressed first: pairs of a byte and how often it comes. Two bytes are the limit.
//
// zlib, called with no limits and in small steps, must come to the same text or the same refusal;
// the limits in bytes and by the ratio hold whatever comes; what came before leaves nothing behind.
#include "ingest/inflater.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "core/buffer.h"
#include "core/limits.h"
#include "tests/fuzz/input.h"
#include "tests/support/deflated.h"

namespace headrace::ingest {
namespace {

using fuzz::require;

std::size_t most_of(std::size_t compressed, std::size_t bytes_max) {
  return std::min(bytes_max, std::max(compressed * core::limits::kInflateRatioMax,
                                      core::limits::kInflateBytesAlways));
}

// zlib's own reading. The text ends behind `enough` bytes, and is then too large; none: malformed.
std::optional<std::string> reference(int window_bits, bool members, std::string_view compressed,
                                     std::size_t enough) {
  z_stream stream{};
  require(inflateInit2(&stream, window_bits) == Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data()));
  stream.avail_in = static_cast<uInt>(compressed.size());
  std::optional<std::string> text(std::in_place);
  std::array<char, 1000> step;
  for (bool more = true; more;) {
    stream.next_out = reinterpret_cast<Bytef*>(step.data());
    stream.avail_out = step.size();
    const int result = ::inflate(&stream, Z_SYNC_FLUSH);
    text->append(step.data(), step.size() - stream.avail_out);
    if (text->size() > enough) break;
    if (result == Z_STREAM_END) {
      more = stream.avail_in != 0;
      if (!more) break;
      if (members && inflateReset(&stream) == Z_OK) continue;
    } else if (result == Z_OK && (stream.avail_out == 0 || stream.avail_in != 0)) {
      continue;
    }
    text.reset();
    break;
  }
  inflateEnd(&stream);
  return text;
}

int window_bits_of(Coding coding, std::string_view compressed) {
  constexpr int kGzip = 31, kZlib = 15, kRaw = -15;
  if (coding == Coding::kGzip) return kGzip;
  if (compressed.size() < 2) return kRaw;
  const int first = static_cast<unsigned char>(compressed[0]);
  const int second = static_cast<unsigned char>(compressed[1]);
  return first % 16 == 8 && (first * 256 + second) % 31 == 0 ? kZlib : kRaw;
}

void run(Coding coding, std::string_view compressed, std::size_t bytes_max) {
  static Inflater used;
  const std::size_t most = most_of(compressed.size(), bytes_max);
  const auto wanted =
      reference(window_bits_of(coding, compressed), coding == Coding::kGzip, compressed, most);
  Inflater fresh;
  for (Inflater* inflater : {&used, &fresh}) {
    const auto text = inflater->inflate(coding, compressed, bytes_max);
    if (!text) {
      require(wanted ? wanted->size() > most && text.error().code == ErrorCode::kTooLarge
                     : text.error().code == ErrorCode::kMalformed);
      continue;
    }
    require(wanted && *text == *wanted && text->size() <= most);
    // What reads ahead reads zeros.
    const char* const end = text->data() + text->size();
    require(std::all_of(end, end + core::BufferPool::kPadding, [](char c) { return c == 0; }));
  }
}

std::string expand(fuzz::Input& input) {
  constexpr std::size_t kBytesMax = 256 * 1024;
  std::string text;
  while (!input.empty() && text.size() < kBytesMax) {
    const char c = static_cast<char>(input.byte());
    text.append(input.number(2), c);
  }
  return text;
}

void run_text(int shape, std::string_view text, std::size_t bytes_max) {
  constexpr test::Frame kFrames[] = {test::Frame::kGzip, test::Frame::kZlib, test::Frame::kNone};
  const test::Frame frame = kFrames[shape % 3];
  const Coding coding = frame == test::Frame::kGzip ? Coding::kGzip : Coding::kDeflate;
  const fuzz::Exact compressed(test::deflated(text, frame, shape % 10));
  run(coding, compressed.view(), bytes_max);
  // Without a frame some texts look as if they had one; all others come back.
  if (window_bits_of(coding, compressed.view()) != static_cast<int>(frame)) return;
  Inflater inflater;
  const auto again = inflater.inflate(coding, compressed.view(), bytes_max);
  require(again.has_value() == (text.size() <= most_of(compressed.view().size(), bytes_max)));
  if (again) require(*again == text);
}

}  // namespace
}  // namespace headrace::ingest

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace headrace::ingest;
  headrace::fuzz::Input input(data, size);
  const int shape = input.byte();
  const std::size_t bytes_max = input.number(2) * 16;
  if (shape % 4 == 3) {
    run_text(shape / 4, expand(input), bytes_max);
  } else {
    const headrace::fuzz::Exact compressed(input.rest());
    run(shape % 2 == 0 ? Coding::kGzip : Coding::kDeflate, compressed.view(), bytes_max);
  }
  return 0;
}
