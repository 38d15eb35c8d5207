// SPDX-License-Identifier: Apache-2.0
// What a load or a sink did with each message, on disk: records of one size behind a header.
//
// A ledger is only appended to, by one process, and complete records are whole whenever that
// process is killed: what a crash left of the last one is cut at reading. Each process that is
// started writes a ledger of its own, so one directory holds those of many starts.
//
// Format (frozen, little-endian): LedgerHeader, then LedgerRecords until the end of the file.
// Threads: a writer or a reader is used by one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/result.h"

namespace headrace::bench_tools {

// Names a message wherever it is met: header `Bench-Message`, or the first member "bench_message"
// of its JSON body.
struct MessageId {
  static constexpr std::string_view kHeader = "Bench-Message";
  static constexpr std::string_view kHeaderLowerCase = "bench-message";
  static constexpr std::string_view kMember = "bench_message";
  static constexpr std::size_t kTextBytesMax = 16 + 1 + 20;
  // From this number on: of clients that are not measured, so none of their times counts.
  static constexpr std::uint64_t kApart = std::uint64_t{1} << 63;

  std::uint64_t run = 0;  // of one load; never 0
  std::uint64_t number = 0;

  bool is_apart() const noexcept { return number >= kApart; }
  bool operator==(const MessageId&) const noexcept = default;
};

// "00c0ffee00c0ffee-42" into `text`, which has room for kTextBytesMax; answers what was written.
std::string_view write_message_id(MessageId id, char* text) noexcept;
std::string to_string(MessageId id);
// nullopt: not exactly such a text, or of run 0.
std::optional<MessageId> parse_message_id(std::string_view text) noexcept;
// Of a body that begins with {"bench_message":"…", without white space.
std::optional<MessageId> message_id_of_body(std::string_view body) noexcept;

// Nanoseconds since 1970, of the clock that all processes of a machine share.
std::uint64_t wall_clock_ns() noexcept;

// What ledgers know a body by: XXH3, 64 bits.
std::uint64_t body_hash(std::string_view body) noexcept;

enum class LedgerKind : std::uint8_t { kLoad = 1, kSink = 2 };

enum class LedgerEvent : std::uint8_t {  // Frozen.
  // Of a load.
  kDue = 1,       // `when_ns` is when it was to be sent, which is never after it was
  kAccepted = 2,  // answered 2xx; `when_ns` is when
  kRefused = 3,   // answered anything else, which is in `status`
  kUnknown = 4,   // the connection broke: it may be accepted or not
  // Of a sink.
  kReceived = 16,      // whole; `status` is what it answered, 0: nothing
  kBadSignature = 17,  // the same, but the signature is not of this body
  // Of both.
  kClosed = 255,  // the last one, of a process that came to its end: nothing is missing
};

struct LedgerHeader {
  static constexpr std::uint32_t kMagic = 0x4c425248;  // "HRBL"
  static constexpr std::uint16_t kVersion = 1;

  std::uint32_t magic = kMagic;
  std::uint16_t version = kVersion;
  LedgerKind kind = LedgerKind::kLoad;
  std::uint8_t reserved = 0;
  std::uint64_t run = 0;         // of a load; 0: of a sink, which meets messages of any run
  std::uint64_t started_ns = 0;  // wall clock
  std::uint64_t unused[5] = {};
};
static_assert(sizeof(LedgerHeader) == 64);

struct LedgerRecord {
  std::uint64_t run = 0;  // 0 in a sink's: what was received had no id
  std::uint64_t number = 0;
  std::uint64_t body_hash = 0;
  std::uint64_t when_ns = 0;   // wall clock
  std::uint32_t endpoint = 0;  // of a sink: which of its endpoints; of a load: which link
  std::uint16_t status = 0;
  LedgerEvent event = LedgerEvent::kDue;
  std::uint8_t check = 0;  // of the bytes before; set by the writer

  bool operator==(const LedgerRecord&) const noexcept = default;
};
static_assert(sizeof(LedgerRecord) == 40);

class LedgerWriter {
 public:
  static constexpr std::size_t kBufferBytes = std::size_t{1} << 20;
  static constexpr std::uint64_t kFlushIntervalNs = 100'000'000;

  // Makes the directory where it is not there, and in it a new file that no other start writes:
  // `lane` tells the threads of one process apart. kStorageFailed, `detail` is errno.
  static Result<LedgerWriter> create(const std::string& directory, const LedgerHeader& header,
                                     unsigned lane);
  LedgerWriter(LedgerWriter&&) noexcept;
  LedgerWriter& operator=(LedgerWriter&&) noexcept;
  ~LedgerWriter();  // Flushes, without the record kClosed: that is for who came to an end.

  // Keeps it in memory; writes what is there when the buffer is full or the oldest was kept for
  // kFlushIntervalNs by the records' own times. After a failed write the record is dropped and
  // counted. Allocates nothing.
  void append(const LedgerRecord& record) noexcept;
  // Writes what is kept. Call it each kFlushIntervalNs, as no append() may come.
  void flush() noexcept;
  // Appends kClosed, flushes, and says what went wrong since the beginning: kStorageFailed.
  Result<void> close(std::uint64_t now_ns) noexcept;

  const std::string& path() const noexcept { return path_; }
  std::uint64_t records() const noexcept { return records_; }  // appended
  std::uint64_t dropped() const noexcept { return dropped_; }  // of these, never written

 private:
  LedgerWriter(std::string path, int fd);

  std::string path_;
  int fd_ = -1;
  int error_ = 0;  // errno of the first write that failed
  std::vector<char> buffer_;
  std::size_t filled_ = 0;
  std::uint64_t oldest_ns_ = 0;  // of what is kept
  std::uint64_t records_ = 0;
  std::uint64_t dropped_ = 0;
};

class Ledger {
 public:
  // Maps the file as long as it is now. kStorageFailed, `detail` is errno; kMalformed: no ledger;
  // kUnsupported: of another version.
  static Result<Ledger> open(const std::string& path);

  const LedgerHeader& header() const noexcept { return *header_; }
  // In the order of appending, without kClosed.
  std::span<const LedgerRecord> records() const noexcept { return records_; }
  bool is_closed() const noexcept { return is_closed_; }  // its process came to its end
  // Behind the last whole record, or from the first one on that is not what was written.
  std::uint64_t bytes_cut() const noexcept { return bytes_cut_; }
  const std::string& path() const noexcept { return path_; }

 private:
  struct Unmap {
    std::size_t bytes;
    void operator()(void* mapping) const noexcept;
  };

  Ledger() = default;

  std::string path_;
  std::unique_ptr<void, Unmap> mapping_{nullptr, Unmap{0}};
  const LedgerHeader* header_ = nullptr;
  std::span<const LedgerRecord> records_;
  bool is_closed_ = false;
  std::uint64_t bytes_cut_ = 0;
};

// All ledgers of a directory (*.ledger) by name, those of a file the one. kNotFound: there is none;
// else as open().
Result<std::vector<Ledger>> open_ledgers(const std::string& path);

}  // namespace headrace::bench_tools
