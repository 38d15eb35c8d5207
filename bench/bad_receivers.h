// SPDX-License-Identifier: Apache-2.0
// Three receivers on loopback that make trouble, all on one thread.
//
//   black hole  listens, never accepts and never answers: the first connections are completed by
//               the kernel and lead nowhere, the rest are not completed at all
//   drip        begins an answer and sends a byte of it a second
//   flap        by turns: refuses connections, resets them, answers 500 (half a second each)
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "core/check.h"
#include "ingest/listener.h"

namespace headrace::bench {

class BadReceivers {
 public:
  BadReceivers() {
    listen_on(black_hole_, 1);
    listen_on(drip_, SOMAXCONN);
    thread_ = std::thread([this] { run(); });
  }
  ~BadReceivers() {
    stopping_.store(true);
    thread_.join();
    for (const Peer& peer : peers_) ::close(peer.fd);
    close_listener(black_hole_);
    close_listener(drip_);
    close_listener(flap_);
  }
  BadReceivers(const BadReceivers&) = delete;
  BadReceivers& operator=(const BadReceivers&) = delete;

  // "HOST:PORT" of each.
  std::vector<std::string> addresses() const {
    return {black_hole_.address, drip_.address, flap_.address};
  }
  // How often somebody connected, or tried to and was let in, all three together.
  std::uint64_t connections() const noexcept { return connections_.load(); }

 private:
  using Clock = std::chrono::steady_clock;
  enum class Mode { kRefuse, kReset, kFail };
  static constexpr auto kTurn = std::chrono::milliseconds(500);
  static constexpr auto kDrip = std::chrono::seconds(1);
  static constexpr int kTickMs = 20;

  // Holds its port for as long as it lives; whether it listens there changes.
  struct Place {
    ingest::BoundSocket port = any_port();
    std::string address = port.address().to_string();
    int listener = -1;
  };
  struct Peer {
    int fd = -1;
    bool drips = false;
    bool begun = false;
  };

  static ingest::BoundSocket any_port() {
    auto socket = ingest::BoundSocket::bind(*ingest::ListenAddress::parse("127.0.0.1:0"));
    HEADRACE_CHECK(socket.has_value());
    return std::move(*socket);
  }
  static void listen_on(Place& place, int backlog) {
    auto socket = ingest::BoundSocket::bind(*ingest::ListenAddress::parse(place.address));
    HEADRACE_CHECK(socket.has_value());
    place.listener = socket->release();
    HEADRACE_CHECK(::listen(place.listener, backlog) == 0);
  }
  static void close_listener(Place& place) {
    if (place.listener >= 0) ::close(std::exchange(place.listener, -1));
  }

  void run() {
    auto next_turn = Clock::now() + kTurn;
    auto next_drip = Clock::now() + kDrip;
    while (!stopping_.load()) {
      wait();
      accept_all(drip_, true);
      accept_all(flap_, false);
      answer_all();
      const auto now = Clock::now();
      if (now >= next_turn) {
        turn();
        next_turn = now + kTurn;
      }
      if (now >= next_drip) {
        drip();
        next_drip = now + kDrip;
      }
    }
  }

  void wait() {
    std::vector<pollfd> polled;
    for (const int fd : {drip_.listener, flap_.listener}) {
      if (fd >= 0) polled.push_back({fd, POLLIN, 0});
    }
    for (const Peer& peer : peers_) {
      if (!peer.begun) polled.push_back({peer.fd, POLLIN, 0});
    }
    (void)::poll(polled.data(), polled.size(), kTickMs);
  }

  void accept_all(const Place& place, bool drips) {
    while (place.listener >= 0) {
      const int fd = ::accept4(place.listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      connections_.fetch_add(1);
      if (drips || mode_ == Mode::kFail) {
        peers_.push_back({fd, drips});
      } else {
        reset(fd);
      }
    }
  }
  static void reset(int fd) {
    const linger now{1, 0};
    (void)::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    ::close(fd);
  }

  // Whoever has sent something gets an answer, or the beginning of one.
  void answer_all() {
    static constexpr std::string_view kFailed =
        "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    static constexpr std::string_view kBegun = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
    std::erase_if(peers_, [](Peer& peer) {
      char bytes[64 * 1024];
      const ssize_t got = ::recv(peer.fd, bytes, sizeof(bytes), 0);
      if (got < 0) return false;
      bool over = got == 0;
      if (!over && !peer.begun) {
        const std::string_view answer = peer.drips ? kBegun : kFailed;
        (void)::send(peer.fd, answer.data(), answer.size(), MSG_NOSIGNAL);
        peer.begun = true;
        over = !peer.drips;
      }
      if (over) ::close(peer.fd);
      return over;
    });
  }
  void drip() {
    for (const Peer& peer : peers_) {
      if (peer.drips && peer.begun) (void)::send(peer.fd, "x", 1, MSG_NOSIGNAL);
    }
  }
  void turn() {
    mode_ = mode_ == Mode::kRefuse  ? Mode::kReset
            : mode_ == Mode::kReset ? Mode::kFail
                                    : Mode::kRefuse;
    if (mode_ == Mode::kRefuse) close_listener(flap_);
    if (mode_ == Mode::kReset) listen_on(flap_, SOMAXCONN);
  }

  Place black_hole_, drip_, flap_;
  std::vector<Peer> peers_;
  Mode mode_ = Mode::kRefuse;
  std::atomic<std::uint64_t> connections_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace headrace::bench
