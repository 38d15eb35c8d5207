// SPDX-License-Identifier: Apache-2.0
#include "store/intake_reader.h"

#include <utility>

namespace headrace::store {

Result<void> IntakeReader::open(LogPosition position) {
  auto segment = log_.open_for_reading(position);
  if (!segment) return std::move(segment).error();
  segment_ = std::move(*segment);
  position_ = position;
  head_.resize(kIntakeHeadBytes);
  const std::uint64_t offset = offset_of(position);
  auto got = segment_->file->read(head_.data(), head_.size(), offset);
  if (!got) return std::move(got).error();
  if (*got < head_.size()) return damaged();
  const auto frame = decode_frame(head_, record_seed(segment_->salt, offset));
  if (!frame || frame->type != RecordType::kIntake) return damaged();
  const auto record = decode_intake_head(head_, frame->length);
  if (!record) return damaged();
  record_ = *record;
  head_.resize(record_.payload_offset());
  const std::size_t targets = head_.size() - kIntakeHeadBytes;
  got = segment_->file->read(head_.data() + kIntakeHeadBytes, targets, offset + kIntakeHeadBytes);
  if (!got) return std::move(got).error();
  if (*got < targets) return damaged();
  return {};
}

Result<void> IntakeReader::read_payload(char* to) {
  const std::uint64_t offset = offset_of(position_);
  const std::size_t bytes = record_.payload_bytes();
  auto got = segment_->file->read(to, bytes, offset + head_.size());
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
