// SPDX-License-Identifier: Apache-2.0
// Where a server listens: the text form of an address, and a socket that several loops can share.
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "headrace/result.h"

namespace headrace::ingest {

struct ListenAddress {
  sockaddr_storage address{};

  // "127.0.0.1:8080", "[::1]:8080", ":8080" (every address); port 0 lets the system choose.
  // kInvalidArgument otherwise.
  static Result<ListenAddress> parse(std::string_view text);
  std::string to_string() const;
};

// A bound TCP socket, not yet listening, with SO_REUSEADDR and SO_REUSEPORT: each loop binds one of
// its own and the kernel spreads connections over them.
class BoundSocket {
 public:
  // kConnectFailed with errno (address in use, no permission).
  static Result<BoundSocket> bind(const ListenAddress& address);
  BoundSocket(BoundSocket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  BoundSocket& operator=(BoundSocket&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~BoundSocket();

  // The address that it got, with the port that the system chose.
  ListenAddress address() const;
  // The descriptor, the caller's from now on.
  int release() noexcept { return std::exchange(fd_, -1); }

 private:
  explicit BoundSocket(int fd) noexcept : fd_(fd) {}
  int fd_;
};

}  // namespace headrace::ingest
