// SPDX-License-Identifier: Apache-2.0
#include "store/duplicates.h"

#include <algorithm>
#include <bit>

namespace headrace::store {

Result<void> Duplicates::begin(std::span<const Intake> intakes, core::WallMs now) {
  asked_.assign(intakes.size(), kNone);
  keys_.clear();
  for (std::size_t i = 0; i < intakes.size(); ++i) {
    if (intakes[i].dedupe_key == Bits128{}) continue;
    asked_[i] = static_cast<std::uint32_t>(keys_.size());
    keys_.push_back(dedupe_key(intakes[i].dedupe_key));
  }
  if (keys_.empty()) return {};
  table_.assign(std::bit_ceil(keys_.size() * 2), kEmpty);
  return look_up(now);
}

Result<void> Duplicates::look_up(core::WallMs now) {
  const std::size_t count = keys_.size();
  slices_.clear();
  for (const auto& key : keys_) slices_.push_back(slice(view(key)));
  if (values_.size() < count) values_.resize(count);
  statuses_.assign(count, rocksdb::Status());
  seen_.assign(count, MessageId{});
  database_.db().MultiGet(rocksdb::ReadOptions(), database_.dedupe(), count, slices_.data(),
                          values_.data(), statuses_.data());
  for (std::size_t i = 0; i < count; ++i) {
    if (statuses_[i].IsNotFound()) continue;
    if (!statuses_[i].ok()) return error_of(statuses_[i]);
    const auto value = decode_dedupe_value(view(values_[i]));
    if (value && value->expires_at > now) seen_[i] = value->message;
    values_[i].Reset();
  }
  return {};
}

std::optional<MessageId> Duplicates::first_of(std::span<const Intake> intakes,
                                              std::span<const Placed> placed, std::size_t index) {
  const std::uint32_t asked = asked_[index];
  if (asked == kNone) return std::nullopt;
  if (seen_[asked]) return seen_[asked];
  const Bits128 key = intakes[index].dedupe_key;
  const std::size_t mask = table_.size() - 1;
  for (std::size_t slot = static_cast<std::size_t>(key.low) & mask;; slot = (slot + 1) & mask) {
    if (table_[slot] == kEmpty) {
      table_[slot] = static_cast<std::uint32_t>(index) + 1;
      return std::nullopt;
    }
    if (intakes[table_[slot] - 1].dedupe_key == key) return placed[table_[slot] - 1].id;
  }
}

}  // namespace headrace::store
