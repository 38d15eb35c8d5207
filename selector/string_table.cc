// SPDX-License-Identifier: Apache-2.0
#include "selector/string_table.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>

namespace headrace::selector {

std::uint64_t StringTable::hash(std::uint32_t owner, std::string_view text) const noexcept {
  // The odd constant spreads neighbouring owners over the seed's bits.
  return XXH3_64bits_withSeed(text.data(), text.size(), seed_ ^ (owner * 0x9E3779B97F4A7C15ULL));
}

std::uint32_t StringTable::find(std::uint32_t owner, std::string_view text) const noexcept {
  return slots_.empty() ? kNone : find_hashed(hash(owner, text), owner, text);
}

std::uint32_t StringTable::find_hashed(std::uint64_t hash, std::uint32_t owner,
                                       std::string_view text) const noexcept {
  const std::size_t mask = slots_.size() - 1;
  const auto tag = static_cast<std::uint32_t>(hash >> 32);
  for (std::size_t at = hash & mask; slots_[at].entry != 0; at = (at + 1) & mask) {
    if (slots_[at].tag != tag) continue;
    const Entry& entry = entries_[slots_[at].entry - 1];
    if (entry.owner == owner && std::string_view(bytes_.data() + entry.offset, entry.size) == text)
      return entry.value;
  }
  return kNone;
}

std::uint32_t StringTable::find_or_add(std::uint32_t owner, std::string_view text,
                                       std::uint32_t value) {
  if (2 * (entries_.size() + 1) > slots_.size()) grow();
  const std::uint64_t key = hash(owner, text);
  if (const std::uint32_t found = find_hashed(key, owner, text); found != kNone) return found;
  entries_.push_back({key, owner, value, bytes_.size(), text.size()});
  bytes_ += text;
  place(static_cast<std::uint32_t>(entries_.size() - 1));
  return value;
}

void StringTable::place(std::uint32_t entry) noexcept {
  const std::uint64_t key = entries_[entry].hash;
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = key & mask;
  while (slots_[at].entry != 0) at = (at + 1) & mask;
  slots_[at] = {static_cast<std::uint32_t>(key >> 32), entry + 1};
}

void StringTable::grow() {
  slots_.assign(std::max<std::size_t>(8, 2 * slots_.size()), Slot{});
  for (std::uint32_t entry = 0; entry < entries_.size(); ++entry) place(entry);
}

}  // namespace headrace::selector
