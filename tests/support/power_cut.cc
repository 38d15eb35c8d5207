// SPDX-License-Identifier: Apache-2.0
#include "tests/support/power_cut.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

namespace headrace::testing {

namespace {

// So that each extreme is met often enough: nothing since the last sync is kept, or all of it.
constexpr std::uint64_t kMoods = 8;
constexpr std::uint64_t kLosesAll = 0;
constexpr std::uint64_t kKeepsAll = 1;

// The parts of `change` that lie in the block, put there.
void perform(std::string& block, std::uint64_t begin, bool resize, std::uint64_t offset,
             const std::string& bytes) {
  const std::uint64_t end = begin + block.size();
  if (resize) {  // what was cut off reads as zero, should the file grow again
    if (offset < end) {
      const auto from = static_cast<std::size_t>(std::max(offset, begin) - begin);
      std::fill(block.begin() + static_cast<std::ptrdiff_t>(from), block.end(), '\0');
    }
    return;
  }
  const std::uint64_t from = std::max(offset, begin);
  const std::uint64_t to = std::min<std::uint64_t>(offset + bytes.size(), end);
  if (from >= to) return;
  block.replace(static_cast<std::size_t>(from - begin), static_cast<std::size_t>(to - from), bytes,
                static_cast<std::size_t>(from - offset), static_cast<std::size_t>(to - from));
}

}  // namespace

PowerCut::PowerCut(std::uint64_t seed) : random_(seed), mood_(random_.below(kMoods)) {}

std::size_t PowerCut::pick(std::size_t last) {
  if (mood_ == kLosesAll) return 0;
  if (mood_ == kKeepsAll) return last;
  return static_cast<std::size_t>(random_.below(last + 1));
}

// A size may be kept though the bytes are not, and the other way round.
std::size_t PowerCut::size(const Node& node) {
  std::vector<std::size_t> sizes = {node.durable.size()};
  for (const Change& change : node.unsynced) {
    const auto offset = static_cast<std::size_t>(change.offset);
    sizes.push_back(change.resize ? offset : std::max(sizes.back(), offset + change.bytes.size()));
  }
  return sizes[pick(sizes.size() - 1)];
}

std::string PowerCut::block(const Node& node, std::uint64_t index,
                            const std::vector<const Change*>& all) {
  const std::uint64_t begin = index * kBlockBytes;
  std::vector<std::string> states(1, std::string(kBlockBytes, '\0'));
  if (begin < node.durable.size()) {
    node.durable.copy(states[0].data(), kBlockBytes, static_cast<std::size_t>(begin));
  }
  for (const Change* change : all) {
    states.push_back(states.back());
    perform(states.back(), begin, change->resize, change->offset, change->bytes);
  }
  const std::size_t kept = pick(all.size());
  std::string block = states[kept];
  if (mood_ > kKeepsAll && kept < all.size() && random_.below(4) == 0) {
    const auto torn = static_cast<std::size_t>(random_.below(kBlockBytes));
    block.replace(0, torn, states[kept + 1], 0, torn);
  }
  return block;
}

std::string PowerCut::content(const Node& node) {
  std::string content = node.durable;
  if (node.unsynced.empty()) return content;
  content.resize(size(node), '\0');
  std::map<std::uint64_t, std::vector<const Change*>> touched;
  const std::uint64_t blocks = (content.size() + kBlockBytes - 1) / kBlockBytes;
  for (const Change& change : node.unsynced) {
    const std::uint64_t first = change.offset / kBlockBytes;
    const std::uint64_t behind =
        change.resize ? blocks : (change.offset + change.bytes.size() - 1) / kBlockBytes + 1;
    if (!change.resize && change.bytes.empty()) continue;
    for (std::uint64_t i = first; i < std::min(behind, blocks); ++i) touched[i].push_back(&change);
  }
  for (const auto& [index, changes] : touched) {
    const std::string kept = block(node, index, changes);
    const auto begin = static_cast<std::size_t>(index * kBlockBytes);
    const std::size_t bytes = std::min<std::size_t>(kBlockBytes, content.size() - begin);
    content.replace(begin, bytes, kept, 0, bytes);
  }
  return content;
}

FaultyFileSystem::Nodes PowerCut::survivors(const FaultyFileSystem& disk) {
  FaultyFileSystem::Nodes entries = disk.durable_;
  const auto is_ordered = [&](const auto& change) {
    return change.path.starts_with(disk.ordered_);
  };
  const auto& changes = disk.unsynced_entries_;
  std::size_t left =
      pick(static_cast<std::size_t>(std::count_if(changes.begin(), changes.end(), is_ordered)));
  for (const auto& change : changes) {
    const bool kept = is_ordered(change) ? left > 0 : pick(1) == 1;
    if (is_ordered(change) && left > 0) --left;
    if (kept) FaultyFileSystem::perform(entries, change);
  }
  // With a directory goes what is in it.
  for (const auto& change : disk.unsynced_entries_) {
    if (!change.node || !change.node->directory || entries.contains(change.path)) continue;
    std::erase_if(entries,
                  [&](const auto& entry) { return entry.first.starts_with(change.path + "/"); });
  }
  FaultyFileSystem::Nodes survivors;
  for (const auto& [path, node] : entries) {
    auto survivor = std::make_shared<Node>();
    survivor->path = node->path;
    survivor->directory = node->directory;
    survivor->live = survivor->durable = content(*node);
    survivors[path] = std::move(survivor);
  }
  return survivors;
}

}  // namespace headrace::testing
