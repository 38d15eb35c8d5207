// SPDX-License-Identifier: Apache-2.0
#include "store/block_writer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/check.h"

namespace headrace::store {

namespace {

// A group of 64 events fits, and the second level of cache as well.
constexpr std::size_t kBufferBytes = std::size_t{512} * 1024;
static_assert(kBufferBytes % BlockWriter::kBlockBytes == 0);

constexpr std::size_t whole_blocks(std::size_t bytes) noexcept {
  return bytes / BlockWriter::kBlockBytes * BlockWriter::kBlockBytes;
}

char* allocate(std::size_t bytes) {
  void* const memory = std::aligned_alloc(BlockWriter::kBlockBytes, bytes);
  HEADRACE_CHECK(memory != nullptr);
  return static_cast<char*>(memory);
}

}  // namespace

BlockWriter::BlockWriter() : buffer_(allocate(kBufferBytes)), saved_(allocate(kBlockBytes)) {}

void BlockWriter::start(File& file, std::string_view beginning) noexcept {
  HEADRACE_CHECK(beginning.size() < kBlockBytes);
  file_ = &file;
  base_ = 0;
  used_ = beginning.copy(buffer_.get(), beginning.size());
}

void BlockWriter::begin() noexcept {
  error_.reset();
  saved_base_ = base_;
  saved_used_ = used_;
  std::memcpy(saved_.get(), buffer_.get(), used_);
}

void BlockWriter::put(std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    const std::size_t count = std::min(bytes.size(), kBufferBytes - used_);
    std::memcpy(buffer_.get() + used_, bytes.data(), count);
    used_ += count;
    bytes.remove_prefix(count);
    if (used_ == kBufferBytes) write_blocks(kBufferBytes);
  }
}

Result<void> BlockWriter::finish() noexcept {
  const std::size_t whole = whole_blocks(used_ + kBlockBytes - 1);
  std::memset(buffer_.get() + used_, 0, whole - used_);
  const std::size_t end = used_;
  if (whole != 0) write_blocks(whole);
  if (!error_) {
    // write_blocks() moved past the last block; it is the first of the next batch, unless it is
    // full.
    if (end % kBlockBytes != 0) keep_from(whole - kBlockBytes);
    used_ = end % kBlockBytes;
    return {};
  }
  base_ = saved_base_;
  used_ = saved_used_;
  std::memcpy(buffer_.get(), saved_.get(), used_);
  return *std::exchange(error_, std::nullopt);
}

Result<void> BlockWriter::reload(const File& file) noexcept {
  if (used_ == 0) return {};
  auto got = file.read(saved_.get(), used_, base_);
  if (!got) return std::move(got).error();
  if (*got < used_) return Error{ErrorCode::kStorageFailed, "the log is shorter than it was", 0};
  std::memcpy(buffer_.get(), saved_.get(), used_);
  return {};
}

// Writes the first `bytes` of the buffer, whole blocks, and begins behind them. After an error
// nothing more is written.
void BlockWriter::write_blocks(std::size_t bytes) noexcept {
  if (!error_) {
    iovec part{buffer_.get(), bytes};
    if (auto written = file_->write({&part, 1}, base_); !written) {
      error_ = std::move(written).error();
    }
  }
  base_ += bytes;
  used_ = 0;
}

// Goes back to the block at `offset` of what was just written.
void BlockWriter::keep_from(std::size_t offset) noexcept {
  std::memmove(buffer_.get(), buffer_.get() + offset, kBlockBytes);
  base_ -= kBlockBytes;
}

}  // namespace headrace::store
