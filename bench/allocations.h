// SPDX-License-Identifier: Apache-2.0
// Counts heap allocations of the whole program, for benches and tests of what claims to make none.
// Include in one file only.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace headrace::bench {
inline std::atomic<std::uint64_t> allocations{0};
}  // namespace headrace::bench

// Not inlined, or the compiler sees malloc's memory given to delete and warns.
[[gnu::noinline]] void* operator new(std::size_t size) {
  headrace::bench::allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
// simdjson allocates this way; sanitizers pair each form of new with its own delete.
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  headrace::bench::allocations.fetch_add(1, std::memory_order_relaxed);
  return std::malloc(size);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
