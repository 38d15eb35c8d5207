// SPDX-License-Identifier: Apache-2.0
// A client of a server under test, on loopback: it sends bytes as given and keeps all that comes
// back.
//
// Threads: one. Nothing blocks but exchange() and wait_for_replies(), which are for servers that
// run on a thread of their own; a test that drives the server's loop by hand calls send() and
// poll() in turns with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace headrace::test {

struct HttpReply {
  int status = 0;
  std::string head;  // the header lines, each with CRLF
  std::string body;

  // The value of the header, compared without case; empty when there is none.
  std::string header(std::string_view name) const;
};

// The whole replies at the front of `bytes`. An interim reply (100) is one of its own. `to_head`:
// they answer HEAD requests, so none has a body.
std::vector<HttpReply> replies_in(std::string_view bytes, bool to_head = false);

// A request with a Host and, where there is a body, a Content-Length.
std::string http_request(std::string_view method, std::string_view target,
                         std::string_view body = {}, std::string_view extra_lines = {});

class TcpClient {
 public:
  enum class End : std::uint8_t {
    kNone,    // the connection is open
    kClosed,  // the server closed it in order
    kReset,   // it was reset, and what the kernel held is lost
  };

  // Connects to 127.0.0.1. `receive_bytes`: the size of the kernel's receive buffer; 0: its own
  // choice.
  explicit TcpClient(std::uint16_t port, int receive_bytes = 0);
  ~TcpClient();
  TcpClient(const TcpClient&) = delete;
  TcpClient& operator=(const TcpClient&) = delete;

  // How many of the bytes the kernel took.
  std::size_t send(std::string_view bytes);
  // Takes what has come.
  void poll();
  std::vector<HttpReply> replies(bool to_head = false) const {
    return replies_in(received_, to_head);
  }
  const std::string& received() const noexcept { return received_; }
  End end() const noexcept { return end_; }

  void shut_down_sending();
  void close();
  // Closes so that the server sees a reset.
  void reset();

  // Blocks until there are `count` replies or the connection has ended; false: neither came in 20
  // s.
  bool wait_for_replies(std::size_t count, bool to_head = false);
  // Sends the request and waits for the next reply; a status of 0 when there is none.
  HttpReply exchange(std::string_view request, bool to_head = false);

 private:
  int fd_;
  std::string received_;
  End end_ = End::kNone;
};

}  // namespace headrace::test
