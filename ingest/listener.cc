// SPDX-License-Identifier: Apache-2.0
#include "ingest/listener.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

namespace headrace::ingest {
namespace {

Error invalid(std::string_view text) {
  return Error{ErrorCode::kInvalidArgument,
               "'" + std::string(text) + "' is not HOST:PORT with a numeric address", 0};
}

socklen_t size_of(const sockaddr_storage& address) noexcept {
  return address.ss_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
}

Error socket_error(const ListenAddress& address, int error, int fd) {
  if (fd >= 0) ::close(fd);
  return Error{ErrorCode::kConnectFailed,
               "cannot listen on " + address.to_string() + ": " + std::strerror(error), error};
}

}  // namespace

Result<ListenAddress> ListenAddress::parse(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  const bool has_null = text.find('\0') != std::string_view::npos;  // inet_pton would end there
  if (colon == std::string_view::npos || has_null) return invalid(text);
  std::uint16_t port = 0;
  const std::string_view digits = text.substr(colon + 1);
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (digits.empty() || parsed.ec != std::errc{} || parsed.ptr != digits.data() + digits.size())
    return invalid(text);

  ListenAddress result;
  std::string host(text.substr(0, colon));
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(result.address);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    if (inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &v6.sin6_addr) != 1)
      return invalid(text);
    return result;
  }
  if (host.empty() || host == "*") host = "0.0.0.0";
  if (host == "localhost") host = "127.0.0.1";
  auto& v4 = reinterpret_cast<sockaddr_in&>(result.address);
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  if (inet_pton(AF_INET, host.c_str(), &v4.sin_addr) != 1) return invalid(text);
  return result;
}

std::string ListenAddress::to_string() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text));
    return fmt::format("[{}]:{}", text, ntohs(v6.sin6_port));
  }
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
  inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text));
  return fmt::format("{}:{}", text, ntohs(v4.sin_port));
}

Result<BoundSocket> BoundSocket::bind(const ListenAddress& address) {
  const int fd = ::socket(address.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return socket_error(address, errno, fd);
  const int on = 1;
  if (::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
      ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0 ||
      ::bind(fd, reinterpret_cast<const sockaddr*>(&address.address), size_of(address.address)) !=
          0) {
    return socket_error(address, errno, fd);
  }
  return BoundSocket(fd);
}

BoundSocket::~BoundSocket() {
  if (fd_ >= 0) ::close(fd_);
}

ListenAddress BoundSocket::address() const {
  ListenAddress result;
  socklen_t size = sizeof(result.address);
  ::getsockname(fd_, reinterpret_cast<sockaddr*>(&result.address), &size);
  return result;
}

}  // namespace headrace::ingest
