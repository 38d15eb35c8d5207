// SPDX-License-Identifier: Apache-2.0
// The bytes of one request, as pieces that lie where they are: nothing of the payload is copied.
//
// Pure; no allocation. The pieces point into the endpoint, the payload, the scratch and the query
// given.
#pragma once

#include <uv.h>

#include <array>
#include <cstddef>
#include <string_view>

#include "core/clock.h"
#include "core/limits.h"
#include "dispatch/endpoint.h"
#include "store/types.h"

namespace headrace::dispatch {

struct RequestPieces {
  // Of the provider's lines every second one may have to be left out; the rest is prefix, query,
  // own lines, end, body.
  static constexpr std::size_t kPiecesMax = core::limits::kHeaderCountMax / 2 + 8;

  std::array<uv_buf_t, kPiecesMax> list;
  unsigned count = 0;
  std::size_t bytes = 0;

  // False: no room. An empty piece takes none.
  bool add(std::string_view piece) noexcept;
  // Drops the first `size` bytes. Requires: size <= bytes.
  void consume(std::size_t size) noexcept;
};

// Where the lines that differ from delivery to delivery are written; must live until the request is
// sent.
using RequestScratch = std::array<char, 256 + Signer::kLineBytesMax>;

// Fills `out` with the request of `delivery` at `now`, signed. `added_query` is appended to the
// target (empty: nothing). False when the provider's lines fall into too many pieces, which
// ingest's limit on their number excludes, or when memory ran out while signing.
bool build_request(const Endpoint& endpoint, const store::Delivery& delivery, core::WallMs now,
                   std::string_view added_query, RequestScratch& scratch,
                   RequestPieces& out) noexcept;

}  // namespace headrace::dispatch
