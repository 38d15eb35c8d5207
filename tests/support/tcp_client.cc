// SPDX-License-Identifier: Apache-2.0
#include "tests/support/tcp_client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "core/check.h"

namespace headrace::test {
namespace {

constexpr int kWaitMs = 20'000;  // an end for a test that fails

}  // namespace

std::string HttpReply::header(std::string_view name) const {
  const std::string_view lines = head;
  for (std::size_t at = 0; at < lines.size();) {
    const std::size_t end = lines.find("\r\n", at);
    const std::string_view line = lines.substr(at, end - at);
    const std::size_t colon = line.find(':');
    if (colon == name.size() && strncasecmp(line.data(), name.data(), name.size()) == 0) {
      const std::size_t value = line.find_first_not_of(' ', colon + 1);
      return value == std::string_view::npos ? std::string() : std::string(line.substr(value));
    }
    at = end + 2;
  }
  return {};
}

std::vector<HttpReply> replies_in(std::string_view bytes, bool to_head) {
  std::vector<HttpReply> replies;
  for (;;) {
    const std::size_t line_end = bytes.find("\r\n");
    const std::size_t head_end = bytes.find("\r\n\r\n");
    if (head_end == std::string_view::npos || !bytes.starts_with("HTTP/1.1 ")) return replies;
    HttpReply reply;
    reply.status = std::atoi(std::string(bytes.substr(9, 3)).c_str());
    reply.head = bytes.substr(line_end + 2, head_end - line_end);
    const std::string length = reply.header("content-length");
    const std::size_t size =
        to_head || length.empty() ? 0 : std::strtoul(length.c_str(), nullptr, 10);
    if (bytes.size() < head_end + 4 + size) return replies;
    reply.body = bytes.substr(head_end + 4, size);
    bytes.remove_prefix(head_end + 4 + size);
    replies.push_back(std::move(reply));
  }
}

std::string http_request(std::string_view method, std::string_view target, std::string_view body,
                         std::string_view extra_lines) {
  std::string text;
  text.append(method).append(" ").append(target).append(" HTTP/1.1\r\nHost: test\r\n");
  if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  text.append(extra_lines).append("\r\n").append(body);
  return text;
}

TcpClient::TcpClient(std::uint16_t port, int receive_bytes)
    : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  HEADRACE_CHECK(fd_ >= 0);
  if (receive_bytes != 0) {
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes));
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  HEADRACE_CHECK(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  HEADRACE_CHECK(::fcntl(fd_, F_SETFL, O_NONBLOCK) == 0);
}

TcpClient::~TcpClient() { close(); }

std::size_t TcpClient::send(std::string_view bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t size =
        ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size <= 0) break;
    sent += static_cast<std::size_t>(size);
  }
  return sent;
}

void TcpClient::poll() {
  char piece[16 * 1024];
  while (end_ == End::kNone) {
    const ssize_t size = ::recv(fd_, piece, sizeof(piece), MSG_DONTWAIT);
    if (size > 0) {
      received_.append(piece, static_cast<std::size_t>(size));
    } else if (size == 0) {
      end_ = End::kClosed;
    } else if (errno == EAGAIN || errno == EINTR) {
      return;
    } else {
      end_ = End::kReset;
    }
  }
}

void TcpClient::shut_down_sending() { ::shutdown(fd_, SHUT_WR); }

void TcpClient::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void TcpClient::reset() {
  const linger at_once{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  close();
}

bool TcpClient::wait_for_replies(std::size_t count, bool to_head) {
  for (;;) {
    poll();
    if (end_ != End::kNone || replies(to_head).size() >= count) return true;
    pollfd waited{fd_, POLLIN, 0};
    if (::poll(&waited, 1, kWaitMs) == 0) return false;
  }
}

HttpReply TcpClient::exchange(std::string_view request, bool to_head) {
  received_.clear();
  while (!request.empty()) {
    const std::size_t sent = send(request);
    request.remove_prefix(sent);
    if (request.empty()) break;
    pollfd waited{fd_, POLLOUT | POLLIN, 0};
    if (::poll(&waited, 1, kWaitMs) == 0) return {};
    poll();
    if (end_ != End::kNone) break;
  }
  wait_for_replies(1, to_head);
  const auto all = replies(to_head);
  return all.empty() ? HttpReply{} : all.front();
}

}  // namespace headrace::test
