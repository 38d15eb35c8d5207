// SPDX-License-Identifier: Apache-2.0
// Byte streams to endpoints, as a seam: TCP in the daemon (tcp_transport.h), a simulated network in
// tests.
//
// Threads: everything on one loop. Ownership: a stream is made once for its owner, which outlives
// it, and is used for one connection after another.
#pragma once

#include <sys/socket.h>
#include <uv.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

namespace headrace::dispatch {

// Who uses a stream. Never called from within a method of the stream.
class StreamOwner {
 public:
  virtual void on_connected(bool connected) noexcept = 0;
  virtual void on_bytes(std::string_view bytes) noexcept = 0;  // not empty; valid during the call
  // Nothing more will come. `in_order`: the peer closed it, and all that it sent was seen.
  virtual void on_end(bool in_order) noexcept = 0;
  virtual void on_written(bool written) noexcept = 0;  // of write()
  virtual void on_stream_closed() noexcept = 0;        // it may be connected again

 protected:
  ~StreamOwner() = default;
};

class Stream {
 public:
  virtual ~Stream() = default;  // Requires: closed, or never connected.

  // Begins to connect; on_connected() follows, then whatever the peer sends. False: it failed at
  // once. Either way close() is due. Requires: closed, or never connected.
  virtual bool connect(const sockaddr& address) noexcept = 0;
  // Takes what goes without waiting, 0 bytes or more; nullopt: the peer takes nothing more.
  // Requires: connected, and no write() under way.
  virtual std::optional<std::size_t> try_write(const uv_buf_t* list, unsigned count) noexcept = 0;
  // Takes all of it in time; the bytes must live until on_written(), the list need not. False: the
  // peer takes nothing more. Requires: as try_write().
  virtual bool write(const uv_buf_t* list, unsigned count) noexcept = 0;
  // on_stream_closed() follows later, and nothing else. Requires: connect() was called, and not
  // close() since.
  virtual void close() noexcept = 0;
};

class Transport {
 public:
  virtual ~Transport() = default;
  virtual std::unique_ptr<Stream> make_stream(StreamOwner& owner) = 0;
};

}  // namespace headrace::dispatch
