// SPDX-License-Identifier: Apache-2.0
// Fetches URLs by which a provider wants to be told that somebody listens (AWS SNS), one after the
// other.
//
// Whoever hands a URL over has checked whose it is; here it is https or nothing, no redirect is
// followed, and the address behind the name is judged before it is connected to, like an
// endpoint's. Threads: confirm() from any, never blocking. Limits: kWaitingMax, kTriesMax,
// kAnswerBytesMax. Lifecycle: start(); stop() always.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "core/log.h"
#include "dispatch/address_filter.h"
#include "dispatch/resolver.h"
#include "headrace/result.h"

namespace headrace::engine {

class Confirmer {
 public:
  static constexpr std::size_t kWaitingMax = 64;
  static constexpr unsigned kTriesMax = 4;
  static constexpr std::size_t kAnswerBytesMax = 64 * 1024;

  // The status of an answer. Blocks; `given_up` says at any time that nobody waits any more.
  using Fetch =
      std::function<Result<int>(const std::string& url, const std::function<bool()>& given_up)>;
  struct Options {
    std::chrono::milliseconds first_delay{2'000};  // before the second try; each next is four times
  };

  Confirmer(Fetch fetch, core::LogSink& log, Options options);
  Confirmer(Fetch fetch, core::LogSink& log) : Confirmer(std::move(fetch), log, Options()) {}
  ~Confirmer() { stop(); }

  void start();
  // What waits is forgotten: providers ask again.
  void stop();
  // Dropped with a warning while there is no room, and silently when it is not started. One that
  // waits already is not put there twice.
  void confirm(std::string url) noexcept;
  // For those who know nothing of this class.
  std::function<void(std::string url)> port() {
    return [this](std::string url) { confirm(std::move(url)); };
  }

 private:
  void run();
  void confirm_now(const std::string& url);
  bool stopping();

  const Fetch fetch_;
  core::LogSink& log_;
  const Options options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> waiting_;
  bool running_ = false;
  std::thread thread_;
};

// The addresses of a host. None: it cannot be resolved. Empty: the system is asked.
using HostLookUp = std::function<dispatch::Addresses(const std::string& host)>;

struct HttpsFetchOptions {
  // Whether a connection to this address may be made for this URL. Empty: none may.
  std::function<bool(const std::string& url, const sockaddr& address)> allows;
  std::string extra_roots_file;  // PEM, besides the system's roots; empty: those alone
  HostLookUp look_up;
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds timeout{15'000};
};
// GETs by libcurl. kForbidden: the URL is not https, or the address is not allowed; kConnectFailed;
// kUnavailable: no memory.
Confirmer::Fetch https_fetch(HttpsFetchOptions options);
// The same by the filter of endpoints, which must outlive it.
Confirmer::Fetch https_fetch(const dispatch::AddressFilter& addresses, std::string extra_roots_file,
                             HostLookUp look_up);

}  // namespace headrace::engine
