// SPDX-License-Identifier: Apache-2.0
// Pooled, reference-counted byte buffers: a message's bytes, from the socket to the socket.
//
// Threads: acquire() on the pool's owner thread; references may be copied, moved and dropped
// anywhere. Invariant: behind `capacity()` there are kPadding more readable bytes, so a JSON parser
// may read past the end. Limits: a pool hands out at most `bytes_max` at a time; acquire() then
// answers null and the caller sheds.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "core/check.h"

namespace headrace::core {

class BufferPool;

namespace detail {
// Sits in front of the bytes. One cache line.
struct alignas(64) BufferBlock {
  std::atomic<std::uint32_t> references;
  std::uint32_t size_class;
  std::size_t capacity;
  BufferPool* pool;
  BufferBlock* next;
  char* bytes() noexcept { return reinterpret_cast<char*>(this + 1); }
};
void release_block(BufferBlock* block) noexcept;
}  // namespace detail

// A counted reference to a buffer, or null. As cheap to move as a pointer.
class BufferRef {
 public:
  BufferRef() noexcept = default;
  BufferRef(const BufferRef& other) noexcept : block_(other.block_) {
    if (block_ != nullptr) block_->references.fetch_add(1, std::memory_order_relaxed);
  }
  BufferRef(BufferRef&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  BufferRef& operator=(BufferRef other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~BufferRef() { reset(); }

  void reset() noexcept {
    if (block_ != nullptr) detail::release_block(std::exchange(block_, nullptr));
  }
  explicit operator bool() const noexcept { return block_ != nullptr; }
  // Requires: not null.
  char* data() const noexcept { return block_->bytes(); }
  std::size_t capacity() const noexcept { return block_->capacity; }

 private:
  friend class BufferPool;
  explicit BufferRef(detail::BufferBlock* block) noexcept : block_(block) {}
  detail::BufferBlock* block_ = nullptr;
};

// A piece of a buffer by offset, so that it survives the bytes being moved to a larger buffer.
struct Range {
  std::uint32_t offset = 0;
  std::uint32_t size = 0;
  std::string_view in(const char* base) const noexcept { return {base + offset, size}; }
  std::string_view in(const BufferRef& buffer) const noexcept {
    return size == 0 ? std::string_view{} : in(buffer.data());
  }
};

class BufferPool {
 public:
  static constexpr std::size_t kPadding =
      64;  // SIMDJSON_PADDING of simdjson 3; checked where it is used

  explicit BufferPool(std::size_t bytes_max) noexcept : bytes_max_(bytes_max) {}
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;
  ~BufferPool();  // Requires: every reference is gone.

  // A buffer of at least `bytes`; null when the bound is reached. Owner thread.
  BufferRef acquire(std::size_t bytes) noexcept;
  // Frees what is kept for the next ones. Owner thread.
  void shrink() noexcept;

  // Bytes handed out and not yet given back; any thread, approximate.
  std::size_t bytes_used() const noexcept { return bytes_used_.load(std::memory_order_relaxed); }
  std::size_t bytes_max() const noexcept { return bytes_max_; }
  // Given back and kept for the next ones; any thread, approximate.
  std::size_t bytes_cached() const noexcept {
    return bytes_cached_.load(std::memory_order_relaxed);
  }

 private:
  friend void detail::release_block(detail::BufferBlock*) noexcept;
  // The larger ones hold a body of a round size together with its head.
  static constexpr std::array<std::size_t, 7> kClassBytes = {
      1 << 10, 1 << 12, 1 << 14, 1 << 16, 1 << 18, (1 << 20) + (1 << 15), (1 << 22) + (1 << 15)};
  static constexpr std::uint32_t kUnpooled = kClassBytes.size();

  detail::BufferBlock* take(std::uint32_t size_class) noexcept;
  void give_back(detail::BufferBlock* block) noexcept;

  const std::size_t bytes_max_;
  std::atomic<std::size_t> bytes_used_{0};
  std::atomic<std::size_t> bytes_cached_{0};
  std::array<detail::BufferBlock*, kClassBytes.size()> free_{};  // owner thread
  // Pushed by any thread, taken whole by the owner, so there is no ABA.
  alignas(64) std::array<std::atomic<detail::BufferBlock*>, kClassBytes.size()> returned_{};
};

}  // namespace headrace::core
