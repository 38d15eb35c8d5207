// SPDX-License-Identifier: Apache-2.0
#include "store/intake_reader.h"

#include <algorithm>
#include <utility>

namespace headrace::store {

namespace {
// A page: a small message comes with one call.
constexpr std::size_t kReadAheadBytes = 4096;
}  // namespace

Result<void> IntakeReader::open(LogPosition position) {
  auto segment = log_.open_for_reading(position);
  if (!segment) return std::move(segment).error();
  segment_ = std::move(*segment);
  position_ = position;
  ahead_.resize(kReadAheadBytes);
  const std::uint64_t offset = offset_of(position);
  auto got = segment_->file->read(ahead_.data(), ahead_.size(), offset);
  if (!got) return std::move(got).error();
  ahead_.resize(*got);
  if (*got < kIntakeHeadBytes) return damaged();
  head_.assign(ahead_, 0, kIntakeHeadBytes);
  const auto frame = decode_frame(head_, record_seed(segment_->salt, offset));
  if (!frame || frame->type != RecordType::kIntake) return damaged();
  const auto record = decode_intake_head(head_, frame->length);
  if (!record) return damaged();
  record_ = *record;
  head_.resize(record_.payload_offset());
  const std::size_t targets = head_.size() - kIntakeHeadBytes;
  got = read(head_.data() + kIntakeHeadBytes, targets, kIntakeHeadBytes);
  if (!got) return std::move(got).error();
  if (*got < targets) return damaged();
  return {};
}

// From `offset` within the record: what was read ahead, and the rest from the file.
Result<std::size_t> IntakeReader::read(char* to, std::size_t bytes, std::size_t offset) {
  const std::size_t there = offset < ahead_.size() ? std::min(bytes, ahead_.size() - offset) : 0;
  std::copy_n(ahead_.data() + (there == 0 ? 0 : offset), there, to);
  if (there == bytes) return bytes;
  auto got = segment_->file->read(to + there, bytes - there, offset_of(position_) + offset + there);
  if (!got) return std::move(got).error();
  return there + *got;
}

Result<void> IntakeReader::read_payload(char* to) {
  const std::uint64_t offset = offset_of(position_);
  const std::size_t bytes = record_.payload_bytes();
  auto got = read(to, bytes, head_.size());
  if (!got) return std::move(got).error();
  const std::uint64_t seed = record_seed(segment_->salt, offset);
  if (*got < bytes || !record_is_intact(head_, {to, bytes}, seed)) return damaged();
  return {};
}

Error IntakeReader::damaged() const {
  return Error{ErrorCode::kCorrupted,
               "the message in " + segment_name(segment_of(position_)) + " at offset " +
                   std::to_string(offset_of(position_)) + " is not what was written",
               static_cast<std::int64_t>(position_)};
}

}  // namespace headrace::store
