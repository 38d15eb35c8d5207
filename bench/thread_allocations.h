// SPDX-License-Identifier: Apache-2.0
// Counts heap allocations by thread, at malloc itself, so that C libraries and aligned memory count
// too. Include in one file of a program only. Under a sanitizer, which has a malloc of its own,
// nothing is counted.
#pragma once

#include <unistd.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace headrace::bench {

struct ThreadAllocations {
  std::atomic<int> thread{0};  // as in /proc/self/task
  std::atomic<std::uint64_t> count{0};
};
// A slot a thread that ever allocated; those beyond share the last one.
inline std::array<ThreadAllocations, 256> thread_allocations;
inline std::atomic<std::size_t> threads_seen{0};
inline thread_local ThreadAllocations* own_allocations = nullptr;

inline void count_allocation() noexcept {
  if (own_allocations == nullptr) {
    const std::size_t slot = threads_seen.fetch_add(1, std::memory_order_relaxed);
    own_allocations = &thread_allocations[slot < 256 ? slot : 255];
    own_allocations->thread.store(gettid(), std::memory_order_relaxed);
  }
  own_allocations->count.fetch_add(1, std::memory_order_relaxed);
}

// How many the thread has made since it began.
inline std::uint64_t allocations_of(int thread) noexcept {
  std::uint64_t count = 0;
  for (const ThreadAllocations& slot : thread_allocations) {
    if (slot.thread.load(std::memory_order_relaxed) == thread)
      count += slot.count.load(std::memory_order_relaxed);
  }
  return count;
}

}  // namespace headrace::bench

// gcc says it by a macro, clang by a feature.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HEADRACE_OWN_MALLOC 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HEADRACE_OWN_MALLOC 0
#endif
#endif
#ifndef HEADRACE_OWN_MALLOC
#define HEADRACE_OWN_MALLOC 1
#endif

#if HEADRACE_OWN_MALLOC
// glibc's own names for what its malloc and the others are.
extern "C" {
void* __libc_malloc(std::size_t size) noexcept;
void* __libc_calloc(std::size_t count, std::size_t size) noexcept;
void* __libc_realloc(void* memory, std::size_t size) noexcept;
void* __libc_memalign(std::size_t alignment, std::size_t size) noexcept;

void* malloc(std::size_t size) noexcept {
  headrace::bench::count_allocation();
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) noexcept {
  headrace::bench::count_allocation();
  return __libc_calloc(count, size);
}
void* realloc(void* memory, std::size_t size) noexcept {
  headrace::bench::count_allocation();
  return __libc_realloc(memory, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  headrace::bench::count_allocation();
  return __libc_memalign(alignment, size);
}
}
#endif
