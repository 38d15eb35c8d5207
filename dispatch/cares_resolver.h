// SPDX-License-Identifier: Apache-2.0
// The resolver of the daemon: c-ares on the loop, with a cache, one look-up a name at a time.
//
// Threads: everything on the loop's thread.
// Lifecycle: stop(done) before destruction; requests still waiting are then answered with no
// addresses. Limits: cache_entries_max names; what lives longer than ttl_max is asked for again.
#pragma once

#include <uv.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "core/loop.h"
#include "dispatch/resolver.h"
#include "headrace/result.h"

struct ares_addrinfo;
struct ares_channeldata;

namespace headrace::dispatch {

struct CaresOptions {
  std::string servers;                       // "10.0.0.1:53,[::1]:5353"; empty: those of the system
  std::chrono::milliseconds timeout{2'000};  // of the first try; later ones wait longer
  int tries = 2;
  std::chrono::seconds ttl_min{5};
  std::chrono::seconds ttl_max{300};
  std::size_t cache_entries_max = 1024;
};

class CaresResolver final : public Resolver {
 public:
  // kInvalidArgument when the servers cannot be read; kUnavailable when c-ares cannot start.
  static Result<std::unique_ptr<CaresResolver>> make(core::Loop& loop, CaresOptions options);
  ~CaresResolver() override;  // Requires: stopped, or never asked.

  std::optional<Addresses> resolve(std::string_view host, ResolveRequest& request) override;
  void cancel(ResolveRequest& request) noexcept override;

  // `done` is called, later, when every socket is closed.
  void stop(std::function<void()> done);

  std::size_t look_ups() const noexcept {
    return look_ups_;
  }  // sent so far, cached ones not counted

 private:
  struct LookUp {
    CaresResolver* resolver = nullptr;
    std::string host;
    ResolveRequest waiting;  // head of a ring
    Addresses addresses;
    bool starting = true;
    bool ended = false;
  };
  struct Entry {
    Addresses addresses;
    core::SteadyMs expires = 0;
  };
  struct Socket {
    uv_poll_t poll;
    CaresResolver* resolver;
    int fd;
  };

  CaresResolver(core::Loop& loop, CaresOptions options) noexcept;
  Result<void> open();
  static void on_answer(void* look_up, int status, int timeouts, ares_addrinfo* result) noexcept;
  static void on_socket_state(void* resolver, int fd, int readable, int writable) noexcept;
  static void on_poll(uv_poll_t* handle, int status, int events) noexcept;
  static void on_socket_closed(uv_handle_t* handle) noexcept;

  void answered(LookUp& look_up, int status, const ares_addrinfo* result) noexcept;
  void answer_waiting(LookUp& look_up) noexcept;
  const Addresses* find_cached(const std::string& host) noexcept;
  void remember(const std::string& host, const Addresses& addresses, std::chrono::seconds ttl);
  void watch(int fd, int events) noexcept;
  void unwatch(int fd) noexcept;
  void arm_timer() noexcept;
  void report_stopped();
  core::SteadyMs now_ms() const noexcept { return loop_.clock().steady_ns() / 1'000'000; }

  core::Loop& loop_;
  const CaresOptions options_;
  ares_channeldata* channel_ = nullptr;
  core::Timer timer_;
  std::size_t look_ups_ = 0;
  std::size_t sockets_open_ = 0;
  std::unordered_map<std::string, std::unique_ptr<LookUp>> under_way_;
  std::unordered_map<std::string, Entry> cache_;
  std::unordered_map<int, Socket*> sockets_;
  std::function<void()> on_stopped_;
};

}  // namespace headrace::dispatch
