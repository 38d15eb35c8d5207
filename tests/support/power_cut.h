// SPDX-License-Identifier: Apache-2.0
// What a power cut leaves of a FaultyFileSystem: decided by a seed, block by block and entry by
// entry.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/random.h"
#include "tests/support/faulty_file_system.h"

namespace headrace::testing {

class PowerCut {
 public:
  static constexpr std::uint64_t kBlockBytes = 4096;

  explicit PowerCut(std::uint64_t seed);

  // What is there when the power comes back, all of it synced.
  FaultyFileSystem::Nodes survivors(const FaultyFileSystem& disk);

 private:
  using Node = FaultyFileSystem::Node;
  using Change = FaultyFileSystem::Change;

  // Which of the states 0 (synced last) to `last` (as it was) is kept.
  std::size_t pick(std::size_t last);
  std::string content(const Node& node);
  std::size_t size(const Node& node);
  std::string block(const Node& node, std::uint64_t index, const std::vector<const Change*>& all);

  core::Random random_;
  std::uint64_t mood_;
};

}  // namespace headrace::testing
