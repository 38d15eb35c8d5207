// SPDX-License-Identifier: Apache-2.0
// Any bytes are a key, a value or a record that encodes to the same bytes again, or are refused; a
// scan over any bytes as a segment ends, and finds nothing but records that are intact.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "store/file.h"
#include "store/keys.h"
#include "store/log_record.h"
#include "store/log_segment.h"

namespace {

using namespace headrace;
using namespace headrace::store;

// What the seeds' records were written with, so that a scan begins with one that is intact.
constexpr std::uint64_t kSalt = 0x0102030405060708;

void require(bool condition) {
  if (!condition) std::abort();
}

template <std::size_t N>
bool same(const FixedBytes<N>& encoded, std::string_view bytes) {
  return view(encoded) == bytes;
}

void check_keys(std::string_view bytes) {
  if (const auto key = decode_pending_key(bytes)) require(same(pending_key(*key), bytes));
  if (const auto value = decode_pending_value(bytes)) require(same(pending_value(*value), bytes));
  if (const auto value = decode_dedupe_value(bytes)) require(same(dedupe_value(*value), bytes));
  if (const auto value = decode_applied_value(bytes)) require(same(applied_value(*value), bytes));
  if (const auto value = decode_format_value(bytes)) require(same(format_value(*value), bytes));
  (void)decode_message_key(bytes);
  if (const auto value = decode_dead_value(bytes)) require(same(dead_value(*value), bytes));
  (void)decode_dead_message(bytes);
  (void)decode_attempt_message(bytes);
}

void check_rows(std::string_view bytes) {
  if (bytes.size() >= kMessageKeyBytes) {
    const std::string_view value = bytes.substr(kMessageKeyBytes);
    if (decode_message(bytes.substr(0, kMessageKeyBytes), value)) {
      require(kMessageValueBytes + decode_reopened(value).size() * kReopenedTargetBytes ==
              value.size());
    }
  }
  if (bytes.size() < kAttemptKeyBytes) return;
  const std::string_view value = bytes.substr(kAttemptKeyBytes);
  if (const auto row = decode_attempt(bytes.substr(0, kAttemptKeyBytes), value)) {
    require(kAttemptValueHeadBytes + row->response_head.size() + row->response_body.size() ==
            value.size());
  }
}

void check_records(std::string_view bytes) {
  (void)decode_segment_header(bytes);
  (void)decode_outcome(bytes);
  if (const auto reopening = decode_reopening(bytes)) {
    // Frame and checksum aside, which its place in the log decides.
    std::string again(kReopeningBytes, '\0');
    encode_reopening(*reopening, LogPosition{}, kSalt, again.data());
    require(again.substr(kFrameBytes) == bytes.substr(kFrameBytes));
  }
  const auto intake = decode_intake_head(bytes, static_cast<std::uint32_t>(bytes.size()));
  if (!intake) return;
  require(intake->payload_offset() + intake->payload_bytes() == bytes.size());
  for (std::uint32_t i = 0; i < intake->target_count; ++i) (void)decode_target(bytes, i);
}

// A file that is the input.
class BytesFile final : public File {
 public:
  explicit BytesFile(std::string_view bytes) : bytes_(bytes) {}
  Result<std::size_t> read(char* to, std::size_t size, std::uint64_t offset) const override {
    if (offset >= bytes_.size()) return std::size_t{0};
    return bytes_.copy(to, size, static_cast<std::size_t>(offset));
  }
  Result<std::uint64_t> size() const override { return std::uint64_t{bytes_.size()}; }
  Result<void> preallocate(std::uint64_t) override { return {}; }
  Result<void> write(std::span<iovec>, std::uint64_t) override { return {}; }
  Result<void> sync_data() override { return {}; }
  Result<void> truncate(std::uint64_t) override { return {}; }

 private:
  std::string_view bytes_;
};

void check_scan(std::string_view bytes) {
  const BytesFile file(bytes);
  SegmentScanner scanner(file, kSalt, 0, bytes.size());
  auto found = scanner.next();
  while (!scanner.at_limit()) {
    require(found.has_value());
    if (*found) {
      require(record_is_intact(scanner.record(), record_seed(kSalt, scanner.offset())));
      found = scanner.next();
    } else {
      found = scanner.find_next();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check_keys(bytes);
  check_rows(bytes);
  check_records(bytes);
  check_scan(bytes);
  return 0;
}
