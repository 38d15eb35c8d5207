// SPDX-License-Identifier: Apache-2.0
// A small name server on loopback.
#pragma once

#include <arpa/inet.h>
#include <uv.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/loop.h"

namespace headrace::test {

// Answers A questions with one address and AAAA ones with one or none; NXDOMAIN for names that
// begin with "no", SERVFAIL for those that begin with "fail". Threads: its loop, save the atomic
// members.
class NameServer {
 public:
  explicit NameServer(core::Loop& loop) {
    uv_udp_init(loop.uv(), &socket_);
    socket_.data = this;
    sockaddr_in address{};
    uv_ip4_addr("127.0.0.1", 0, &address);
    uv_udp_bind(&socket_, reinterpret_cast<const sockaddr*>(&address), 0);
    int size = sizeof(address);
    uv_udp_getsockname(&socket_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    uv_udp_recv_start(
        &socket_,
        [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
          auto& bytes = static_cast<NameServer*>(handle->data)->bytes_;
          *buffer = uv_buf_init(bytes.data(), static_cast<unsigned>(bytes.size()));
        },
        [](uv_udp_t* handle, ssize_t size_read, const uv_buf_t*, const sockaddr* from, unsigned) {
          if (size_read > 12 && from != nullptr) {
            static_cast<NameServer*>(handle->data)
                ->answer(static_cast<std::size_t>(size_read), *from);
          }
        });
  }
  void close() { uv_close(reinterpret_cast<uv_handle_t*>(&socket_), nullptr); }

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  static constexpr std::uint32_t v4(unsigned a, unsigned b, unsigned c, unsigned d) noexcept {
    return a << 24 | b << 16 | c << 8 | d;
  }
  std::atomic<std::uint32_t> v4_address{v4(127, 0, 0, 9)};
  std::atomic<bool> has_v6{false};  // ::1
  std::uint8_t ttl = 60;
  bool silent = false;
  std::size_t a_questions = 0;

 private:
  void answer(std::size_t size, const sockaddr& from) {
    // The question: labels up to a zero, then type and class. What may follow (EDNS) is dropped.
    std::size_t end = 12;
    while (end < size && bytes_[end] != 0) end += static_cast<unsigned char>(bytes_[end]) + 1u;
    end += 5;
    if (end > size) return;
    const bool wants_a = bytes_[end - 3] == 1;
    a_questions += wants_a ? 1 : 0;
    if (silent) return;
    const bool exists = std::string_view(bytes_.data() + 13, 2) != "no";
    const bool fails = std::string_view(bytes_.data() + 13, 4) == "fail";
    const bool has_answer = (wants_a || has_v6) && exists && !fails;
    std::string reply(bytes_.data(), end);
    reply[2] = static_cast<char>(0x81);
    reply[3] = static_cast<char>(fails ? 0x82 : exists ? 0x80 : 0x83);
    reply[7] = has_answer ? 1 : 0;
    reply[8] = reply[9] = reply[10] = reply[11] = 0;
    if (has_answer) append_record(reply, wants_a);
    uv_buf_t buffer = uv_buf_init(reply.data(), static_cast<unsigned>(reply.size()));
    uv_udp_try_send(&socket_, &buffer, 1, &from);
  }

  void append_record(std::string& reply, bool is_a) const {
    const std::array<char, 12> head = {static_cast<char>(0xc0),
                                       12,
                                       0,
                                       is_a ? char{1} : char{28},
                                       0,
                                       1,
                                       0,
                                       0,
                                       0,
                                       static_cast<char>(ttl),
                                       0,
                                       is_a ? char{4} : char{16}};
    reply.append(head.data(), head.size());
    if (!is_a) return void(reply.append(15, '\0').append(1, '\1'));
    const std::uint32_t address = v4_address;
    for (int shift = 24; shift >= 0; shift -= 8)
      reply += static_cast<char>(address >> shift & 0xff);
  }

  uv_udp_t socket_{};
  std::uint16_t port_ = 0;
  std::array<char, 2048> bytes_{};
};

}  // namespace headrace::test
