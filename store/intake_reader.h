// SPDX-License-Identifier: Apache-2.0
// Reads messages back out of the log, checked byte for byte against what was written.
//
// Threads: any, one reader a thread. Ownership: borrows the log.
#pragma once

#include <memory>
#include <string>

#include "store/message_log.h"

namespace headrace::store {

// Reads intakes back, one at a time; keep one to reuse its memory.
class IntakeReader {
 public:
  explicit IntakeReader(const MessageLog& log) : log_(log) {}

  // Reads the head. kNotFound when its segment is gone; kCorrupted.
  Result<void> open(LogPosition position);
  // After a successful open().
  const IntakeRecord& record() const noexcept { return record_; }
  EndpointNumber target(std::uint32_t index) const noexcept { return decode_target(head_, index); }
  // Reads headers, query and body, in this order and without gaps, to `to`: payload_bytes() of
  // them, and checks that all of the record is what was written. kCorrupted when it is not.
  Result<void> read_payload(char* to);

 private:
  Result<std::size_t> read(char* to, std::size_t bytes, std::size_t offset);
  Error damaged() const;

  const MessageLog& log_;
  std::shared_ptr<const ReadableSegment> segment_;
  LogPosition position_{};
  IntakeRecord record_;
  std::string head_;   // with the targets
  std::string ahead_;  // what was read with the head: of a small message, all of it
};

}  // namespace headrace::store
