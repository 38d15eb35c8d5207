// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/ledger.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

namespace headrace::bench_tools {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is that of memory");

constexpr std::string_view kSuffix = ".ledger";
constexpr std::size_t kHexDigits = 16;

// A record of zeros, as a disk may leave them, must not look whole.
constexpr std::uint64_t kCheckSeed = 0x48524c42;

std::uint8_t check_of(const LedgerRecord& record) noexcept {
  return static_cast<std::uint8_t>(
      XXH3_64bits_withSeed(&record, offsetof(LedgerRecord, check), kCheckSeed));
}

Error storage_error(const std::string& path, int error) {
  return {ErrorCode::kStorageFailed,
          fmt::format("{}: {}", path, std::error_code(error, std::generic_category()).message()),
          error};
}

// Everything, however many calls it takes; 0 or errno.
int write_all(int fd, const char* bytes, std::size_t size) noexcept {
  while (size > 0) {
    const ssize_t written = write(fd, bytes, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return written < 0 ? errno : EIO;
    bytes += written;
    size -= static_cast<std::size_t>(written);
  }
  return 0;
}

std::string file_name(const LedgerHeader& header, unsigned lane) {
  if (header.kind == LedgerKind::kLoad)
    return fmt::format("load-{:016x}-{:016x}-{}{}", header.started_ns, header.run, lane, kSuffix);
  return fmt::format("sink-{:016x}-{:x}-{}{}", header.started_ns, getpid(), lane, kSuffix);
}

}  // namespace

std::string_view write_message_id(MessageId id, char* text) noexcept {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (std::size_t i = 0; i < kHexDigits; ++i) text[i] = kDigits[(id.run >> (60 - 4 * i)) & 15];
  text[kHexDigits] = '-';
  const auto end = std::to_chars(text + kHexDigits + 1, text + MessageId::kTextBytesMax, id.number);
  return {text, static_cast<std::size_t>(end.ptr - text)};
}

std::string to_string(MessageId id) {
  char text[MessageId::kTextBytesMax];
  return std::string(write_message_id(id, text));
}

std::optional<MessageId> parse_message_id(std::string_view text) noexcept {
  if (text.size() < kHexDigits + 2 || text[kHexDigits] != '-') return std::nullopt;
  MessageId id;
  const char* const dash = text.data() + kHexDigits;
  const char* const end = text.data() + text.size();
  const auto run = std::from_chars(text.data(), dash, id.run, 16);
  const auto number = std::from_chars(dash + 1, end, id.number);
  const bool is_whole =
      run.ec == std::errc() && run.ptr == dash && number.ec == std::errc() && number.ptr == end;
  // One text an id: no second spelling of a number, and from_chars takes a sign in neither.
  const bool is_plain = dash[1] != '0' || dash + 2 == end;
  return is_whole && is_plain && id.run != 0 ? std::optional(id) : std::nullopt;
}

std::optional<MessageId> message_id_of_body(std::string_view body) noexcept {
  constexpr std::string_view kBefore = "{\"bench_message\":\"";
  if (!body.starts_with(kBefore)) return std::nullopt;
  body.remove_prefix(kBefore.size());
  const std::size_t end = body.substr(0, MessageId::kTextBytesMax + 1).find('"');
  return end == std::string_view::npos ? std::nullopt : parse_message_id(body.substr(0, end));
}

std::uint64_t body_hash(std::string_view body) noexcept {
  return XXH3_64bits(body.data(), body.size());
}

Result<LedgerWriter> LedgerWriter::create(const std::string& directory, const LedgerHeader& header,
                                          unsigned lane) {
  std::error_code failed;
  std::filesystem::create_directories(directory, failed);
  if (failed) return storage_error(directory, failed.value());
  std::string path = directory + '/' + file_name(header, lane);
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return storage_error(path, errno);
  if (const int error = write_all(fd, reinterpret_cast<const char*>(&header), sizeof header);
      error != 0) {
    ::close(fd);
    return storage_error(path, error);
  }
  return LedgerWriter(std::move(path), fd);
}

LedgerWriter::LedgerWriter(std::string path, int fd)
    : path_(std::move(path)), fd_(fd), buffer_(kBufferBytes) {}

LedgerWriter::LedgerWriter(LedgerWriter&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      error_(other.error_),
      buffer_(std::move(other.buffer_)),
      filled_(std::exchange(other.filled_, 0)),
      oldest_ns_(other.oldest_ns_),
      records_(other.records_),
      dropped_(other.dropped_) {}

LedgerWriter& LedgerWriter::operator=(LedgerWriter&& other) noexcept {
  if (this == &other) return *this;
  std::destroy_at(this);
  return *std::construct_at(this, std::move(other));
}

LedgerWriter::~LedgerWriter() {
  if (fd_ < 0) return;
  flush();
  ::close(fd_);
}

void LedgerWriter::append(const LedgerRecord& record) noexcept {
  ++records_;
  if (filled_ == 0) oldest_ns_ = record.when_ns;
  LedgerRecord checked = record;
  checked.check = check_of(checked);
  std::memcpy(buffer_.data() + filled_, &checked, sizeof checked);
  filled_ += sizeof checked;
  const bool is_full = filled_ + sizeof checked > buffer_.size();
  if (is_full || record.when_ns >= oldest_ns_ + kFlushIntervalNs) flush();
}

void LedgerWriter::flush() noexcept {
  if (filled_ == 0) return;
  // A write that failed half-way leaves a torn record; behind it nothing would be read.
  if (error_ == 0) error_ = write_all(fd_, buffer_.data(), filled_);
  if (error_ != 0) dropped_ += filled_ / sizeof(LedgerRecord);
  filled_ = 0;
}

Result<void> LedgerWriter::close(std::uint64_t now_ns) noexcept {
  append({.when_ns = now_ns, .event = LedgerEvent::kClosed});
  --records_;
  flush();
  if (::close(std::exchange(fd_, -1)) != 0 && error_ == 0) error_ = errno;
  if (error_ != 0) return storage_error(path_, error_);
  return {};
}

void Ledger::Unmap::operator()(void* mapping) const noexcept { munmap(mapping, bytes); }

Result<Ledger> Ledger::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return storage_error(path, errno);
  struct stat status;
  if (fstat(fd, &status) != 0) {
    const int error = errno;
    ::close(fd);
    return storage_error(path, error);
  }
  const auto bytes = static_cast<std::size_t>(status.st_size);
  if (bytes < sizeof(LedgerHeader)) {
    ::close(fd);
    return Error{ErrorCode::kMalformed, path + " is no ledger"};
  }
  void* const mapping = mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, fd, 0);
  const int error = errno;
  ::close(fd);
  if (mapping == MAP_FAILED) return storage_error(path, error);
  Ledger ledger;
  ledger.path_ = path;
  ledger.mapping_ = {mapping, Unmap{bytes}};
  ledger.header_ = static_cast<const LedgerHeader*>(mapping);
  if (ledger.header_->magic != LedgerHeader::kMagic)
    return Error{ErrorCode::kMalformed, path + " is no ledger"};
  if (ledger.header_->version != LedgerHeader::kVersion)
    return Error{ErrorCode::kUnsupported, path + " is a ledger of another version"};
  const auto* const first = reinterpret_cast<const LedgerRecord*>(ledger.header_ + 1);
  const std::span whole(first, (bytes - sizeof(LedgerHeader)) / sizeof(LedgerRecord));
  const auto end = std::find_if_not(whole.begin(), whole.end(), [](const LedgerRecord& record) {
    return record.check == check_of(record);
  });
  ledger.records_ = whole.first(static_cast<std::size_t>(end - whole.begin()));
  ledger.bytes_cut_ = bytes - sizeof(LedgerHeader) - ledger.records_.size_bytes();
  ledger.is_closed_ =
      !ledger.records_.empty() && ledger.records_.back().event == LedgerEvent::kClosed;
  if (ledger.is_closed_) ledger.records_ = ledger.records_.first(ledger.records_.size() - 1);
  return ledger;
}

Result<std::vector<Ledger>> open_ledgers(const std::string& path) {
  std::error_code failed;
  std::vector<std::string> paths;
  if (std::filesystem::is_directory(path, failed)) {
    for (std::filesystem::directory_iterator at(path, failed), end; !failed && at != end;
         at.increment(failed)) {
      if (at->path().extension() == kSuffix) paths.push_back(at->path().string());
    }
    if (failed) return storage_error(path, failed.value());
  } else {
    paths.push_back(path);
  }
  if (paths.empty()) return Error{ErrorCode::kNotFound, path + " has no ledgers"};
  std::sort(paths.begin(), paths.end());
  std::vector<Ledger> ledgers;
  for (const std::string& file : paths) {
    auto ledger = Ledger::open(file);
    if (!ledger) return ledger.error();
    ledgers.push_back(std::move(*ledger));
  }
  return ledgers;
}

}  // namespace headrace::bench_tools
