// SPDX-License-Identifier: Apache-2.0
// A hash table from (owner, string) to a number, built once and then only read.
//
// Owners are nodes of a program: all their keys share one table, so that the cost of a lookup
// depends neither on the number of owners nor on the number of strings of one. The hash is keyed,
// so that nobody can aim at a bucket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace headrace::selector {

class StringTable {
 public:
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;

  explicit StringTable(std::uint64_t seed) noexcept : seed_(seed) {}

  std::uint32_t find(std::uint32_t owner, std::string_view text) const noexcept;
  // What stands there already, or `value` after adding it.
  std::uint32_t find_or_add(std::uint32_t owner, std::string_view text, std::uint32_t value);

 private:
  struct Slot {
    std::uint32_t tag = 0;    // upper half of the hash
    std::uint32_t entry = 0;  // index + 1 into entries_; 0: free
  };
  struct Entry {
    std::uint64_t hash;
    std::uint32_t owner;
    std::uint32_t value;
    std::size_t offset;
    std::size_t size;
  };

  std::uint64_t hash(std::uint32_t owner, std::string_view text) const noexcept;
  std::uint32_t find_hashed(std::uint64_t hash, std::uint32_t owner,
                            std::string_view text) const noexcept;
  void place(std::uint32_t entry) noexcept;
  void grow();

  std::uint64_t seed_;
  std::vector<Slot> slots_;  // a power of two, at most half full, or empty
  std::vector<Entry> entries_;
  std::string bytes_;
};

}  // namespace headrace::selector
