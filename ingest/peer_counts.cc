// SPDX-License-Identifier: Apache-2.0
#include "ingest/peer_counts.h"

#include <algorithm>

#include "core/check.h"

namespace headrace::ingest {
namespace {

core::IpAddress client_of(const core::IpAddress& peer) noexcept {
  core::IpAddress client = peer;
  if (!client.v4) std::fill(client.bytes.begin() + 8, client.bytes.end(), std::uint8_t{0});
  return client;
}

}  // namespace

bool PeerCounts::add(const core::IpAddress& peer) {
  const std::lock_guard lock(mutex_);
  std::size_t& count = counts_[client_of(peer)];
  if (count >= each_max_) return false;
  ++count;
  return true;
}

void PeerCounts::remove(const core::IpAddress& peer) {
  const std::lock_guard lock(mutex_);
  const auto found = counts_.find(client_of(peer));
  HEADRACE_CHECK(found != counts_.end());
  if (--found->second == 0) counts_.erase(found);
}

std::size_t PeerCounts::peers() const {
  const std::lock_guard lock(mutex_);
  return counts_.size();
}

}  // namespace headrace::ingest
