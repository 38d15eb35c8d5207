// SPDX-License-Identifier: Apache-2.0
// Finds which intakes of a group were seen before: in the store's window, or earlier in the same
// group. Internal to store/.
//
// Threads: the store thread. Allocates nothing once it has seen the largest group.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "store/event_store.h"
#include "store/keys.h"
#include "store/rocks_database.h"

namespace headrace::store {

class Duplicates {
 public:
  explicit Duplicates(RocksDatabase& database) : database_(database) {}

  // Looks up the keys of all of them at once.
  Result<void> begin(std::span<const Intake> intakes, core::WallMs now);

  // The message under whose id intake `index` was stored already; none: it is the first, and stored
  // under `placed[index].id` as far as later ones are concerned. Requires: called once for each, in
  // order.
  std::optional<MessageId> first_of(std::span<const Intake> intakes, std::span<const Placed> placed,
                                    std::size_t index);

 private:
  static constexpr std::uint32_t kEmpty = 0;
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  Result<void> look_up(core::WallMs now);

  RocksDatabase& database_;
  std::vector<std::uint32_t> asked_;  // of each intake: which look-up is its own, or kNone
  std::vector<FixedBytes<kDedupeKeyBytes>> keys_;
  std::vector<rocksdb::Slice> slices_;
  std::vector<rocksdb::PinnableSlice> values_;
  std::vector<rocksdb::Status> statuses_;
  std::vector<MessageId> seen_;       // of each look-up: what it found, or zero
  std::vector<std::uint32_t> table_;  // open addressing over the group: index + 1, or kEmpty
};

}  // namespace headrace::store
