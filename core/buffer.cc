// SPDX-License-Identifier: Apache-2.0
#include "core/buffer.h"

#include <cstdlib>
#include <new>

namespace headrace::core {

namespace detail {
void release_block(BufferBlock* block) noexcept {
  if (block->references.fetch_sub(1, std::memory_order_acq_rel) == 1) block->pool->give_back(block);
}
}  // namespace detail

using detail::BufferBlock;

namespace {

BufferBlock* allocate(std::size_t capacity) noexcept {
  void* memory = std::aligned_alloc(alignof(BufferBlock),
                                    sizeof(BufferBlock) + capacity + BufferPool::kPadding);
  if (memory == nullptr) return nullptr;
  auto* block = new (memory) BufferBlock{};
  block->capacity = capacity;
  return block;
}

// Answers how many bytes its buffers had.
std::size_t free_chain(BufferBlock* block) noexcept {
  std::size_t bytes = 0;
  while (block != nullptr) {
    BufferBlock* next = block->next;
    bytes += block->capacity;
    std::free(block);
    block = next;
  }
  return bytes;
}

}  // namespace

BufferPool::~BufferPool() {
  HEADRACE_CHECK(bytes_used() == 0);
  for (BufferBlock* chain : free_) free_chain(chain);
  for (auto& chain : returned_) free_chain(chain.load(std::memory_order_acquire));
}

BufferRef BufferPool::acquire(std::size_t bytes) noexcept {
  std::uint32_t size_class = 0;
  while (size_class < kUnpooled && kClassBytes[size_class] < bytes) ++size_class;
  const std::size_t capacity =
      size_class < kUnpooled ? kClassBytes[size_class] : (bytes + 63) / 64 * 64;
  if (bytes_used() + capacity > bytes_max_) return BufferRef{};
  BufferBlock* block = size_class < kUnpooled ? take(size_class) : nullptr;
  if (block == nullptr) block = allocate(capacity);
  if (block == nullptr) return BufferRef{};
  block->references.store(1, std::memory_order_relaxed);
  block->size_class = size_class;
  block->pool = this;
  bytes_used_.fetch_add(capacity, std::memory_order_relaxed);
  return BufferRef{block};
}

void BufferPool::shrink() noexcept {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < kClassBytes.size(); ++i) {
    bytes += free_chain(std::exchange(free_[i], nullptr));
    bytes += free_chain(returned_[i].exchange(nullptr, std::memory_order_acquire));
  }
  bytes_cached_.fetch_sub(bytes, std::memory_order_relaxed);
}

BufferBlock* BufferPool::take(std::uint32_t size_class) noexcept {
  BufferBlock*& chain = free_[size_class];
  if (chain == nullptr) chain = returned_[size_class].exchange(nullptr, std::memory_order_acquire);
  if (chain == nullptr) return nullptr;
  BufferBlock* block = chain;
  chain = block->next;
  bytes_cached_.fetch_sub(block->capacity, std::memory_order_relaxed);
  return block;
}

void BufferPool::give_back(BufferBlock* block) noexcept {
  const std::size_t capacity = block->capacity;
  // What is cached counts against the same bound, so memory once used for a burst is given up after
  // it.
  const bool keep = block->size_class < kUnpooled &&
                    bytes_cached_.load(std::memory_order_relaxed) + capacity <= bytes_max_ / 4;
  if (keep) {
    bytes_cached_.fetch_add(capacity, std::memory_order_relaxed);
    auto& head = returned_[block->size_class];
    block->next = head.load(std::memory_order_relaxed);
    while (!head.compare_exchange_weak(block->next, block, std::memory_order_release,
                                       std::memory_order_relaxed)) {
    }
  } else {
    std::free(block);
  }
  // Last: the pool may be destroyed once nothing is in use.
  bytes_used_.fetch_sub(capacity, std::memory_order_release);
}

}  // namespace headrace::core
