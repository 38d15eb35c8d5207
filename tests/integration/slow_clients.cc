// SPDX-License-Identifier: Apache-2.0
// A process of clients that begin requests and hardly go on: `slow_clients HOST:PORT TARGET COUNT
// ARRIVAL_MS`.
//
// Half of them dribble a head, half a body, a byte a second each, evenly over time as clients that
// do not know of each other would; whoever is closed comes again. Says "ready" once all have been
// connected. Ends with its standard input and then says what happened, as JSON. It is cheap, so
// that what it takes from a server on the same cores is little beside what it does to the server.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Ms = std::chrono::milliseconds;

constexpr Ms kByteEvery{1000};                // of one client
constexpr Ms kRest{500};                      // until one that was closed comes again
constexpr std::uint32_t kInput = UINT32_MAX;  // names standard input among the slots

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

sockaddr_in parse_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  sockaddr_in address{};
  address.sin_family = AF_INET;
  if (colon == std::string_view::npos ||
      inet_pton(AF_INET, std::string(text.substr(0, colon)).c_str(), &address.sin_addr) != 1) {
    errno = EINVAL;
    fail("HOST:PORT");
  }
  const int port = std::atoi(std::string(text.substr(colon + 1)).c_str());
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

class SlowClients {
 public:
  SlowClients(const sockaddr_in& address, std::string_view target, std::size_t count, Ms arrival)
      : address_(address), arrival_(arrival), slots_(count), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    const std::string line = "POST " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n";
    head_ = line + "X-Slow: ";
    body_ = line + "Content-Length: 100000\r\n\r\n{";
    watch(STDIN_FILENO, kInput, EPOLL_CTL_ADD, EPOLLIN);
  }

  void run() {
    const auto begin = Clock::now();
    std::size_t arrived = 0, bytes = 0;
    for (bool said = false; !ended_;) {
      const auto passed = std::chrono::duration_cast<Ms>(Clock::now() - begin);
      for (const std::size_t due = due_by(passed, arrival_);
           arrived < std::min(due, slots_.size());) {
        connect(arrived++);
      }
      for (const std::size_t due = due_by(passed, kByteEvery); bytes < due; ++bytes)
        dribble(bytes % slots_.size());
      for (; !gone_.empty() && gone_.front().at <= Clock::now(); gone_.pop_front())
        connect(gone_.front().slot);
      if (!said && connected_ >= slots_.size()) {
        said = true;
        std::puts("ready");
        std::fflush(stdout);
      }
      wait();
    }
  }

  void tell() const {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    const auto ms = [](const timeval& time) { return time.tv_sec * 1000 + time.tv_usec / 1000; };
    std::printf(R"({"connected":%zu,"open":%zu,"refused":%zu,"cpu_ms":%ld})"
                "\n",
                connected_, open_, refused_, ms(used.ru_utime) + ms(used.ru_stime));
  }

 private:
  struct Slot {
    int fd = -1;
    bool connected = false;
  };
  struct Gone {
    Clock::time_point at;
    std::size_t slot;
  };

  // How much of what comes `slots_.size()` times in `every` has its time by now.
  std::size_t due_by(Ms passed, Ms every) const {
    return static_cast<std::size_t>(passed.count()) * slots_.size() /
           static_cast<std::size_t>(every.count());
  }

  void watch(int fd, std::size_t slot, int operation, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.u32 = static_cast<std::uint32_t>(slot);
    if (epoll_ctl(epoll_, operation, fd, &event) != 0) fail("epoll_ctl");
  }

  void connect(std::size_t slot) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) fail("socket");
    slots_[slot] = {fd, false};
    const auto* address = reinterpret_cast<const sockaddr*>(&address_);
    if (::connect(fd, address, sizeof(address_)) != 0 && errno != EINPROGRESS) {
      close(slot);
      return;
    }
    watch(fd, slot, EPOLL_CTL_ADD, EPOLLOUT);
  }

  void close(std::size_t slot) {
    ::close(slots_[slot].fd);
    if (slots_[slot].connected) --open_;
    slots_[slot] = {};
    gone_.push_back({Clock::now() + kRest, slot});
  }

  void send(std::size_t slot, std::string_view bytes) const {
    // Whether it arrives shows in what is read.
    if (::send(slots_[slot].fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) return;
  }

  void dribble(std::size_t slot) const {
    if (slots_[slot].connected) send(slot, "x");
  }

  void on_event(std::size_t slot, std::uint32_t events) {
    if (!slots_[slot].connected && (events & EPOLLOUT) != 0 && (events & EPOLLERR) == 0) {
      slots_[slot].connected = true;
      ++connected_;
      ++open_;
      watch(slots_[slot].fd, slot, EPOLL_CTL_MOD, EPOLLIN);
      send(slot, slot % 2 == 0 ? head_ : body_);
      return;
    }
    std::array<char, 4096> bytes;
    const ssize_t size = ::recv(slots_[slot].fd, bytes.data(), bytes.size(), 0);
    if (size > 0) {
      ++refused_;
    } else if (size == 0 || (errno != EAGAIN && errno != EINTR)) {
      close(slot);
    }
  }

  void wait() {
    std::array<epoll_event, 256> events;
    const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 1);
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      if (event.data.u32 != kInput) {
        on_event(event.data.u32, event.events);
        continue;
      }
      char byte;
      if (::read(STDIN_FILENO, &byte, 1) <= 0) ended_ = true;
    }
  }

  const sockaddr_in address_;
  const Ms arrival_;  // of all of them
  std::vector<Slot> slots_;
  const int epoll_;
  std::string head_, body_;
  std::deque<Gone> gone_;  // by time
  std::size_t connected_ = 0, open_ = 0, refused_ = 0;
  bool ended_ = false;
};

}  // namespace

int main(int count, char** arguments) {
  const int clients = count == 5 ? std::atoi(arguments[3]) : 0;
  const int arrival_ms = count == 5 ? std::atoi(arguments[4]) : 0;
  if (clients <= 0 || arrival_ms <= 0) {
    std::fputs("usage: slow_clients HOST:PORT TARGET COUNT ARRIVAL_MS\n", stderr);
    return 2;
  }
  SlowClients slow{parse_address(arguments[1]), arguments[2], static_cast<std::size_t>(clients),
                   Ms{arrival_ms}};
  slow.run();
  slow.tell();
  return 0;
}
