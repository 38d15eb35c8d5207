// SPDX-License-Identifier: Apache-2.0
// Streams over TCP, on a libuv loop.
//
// Threads: the loop's. Ownership: outlives its streams.
#pragma once

#include <memory>

#include "core/limits.h"
#include "core/loop.h"
#include "dispatch/transport.h"

namespace headrace::dispatch {

class TcpTransport final : public Transport {
 public:
  static constexpr std::size_t kReadBytes = 64 * core::limits::kKiB;

  explicit TcpTransport(core::Loop& loop) : loop_(loop) {}
  std::unique_ptr<Stream> make_stream(StreamOwner& owner) override;

 private:
  friend class TcpStream;
  core::Loop& loop_;
  // One is enough for all streams, as what is read is used up before the next read.
  const std::unique_ptr<char[]> read_buffer_{new char[kReadBytes]};
};

}  // namespace headrace::dispatch
