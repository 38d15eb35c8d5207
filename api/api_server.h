// SPDX-License-Identifier: Apache-2.0
// Serves the management API on a loop of its own; the work is done by libuv's worker threads.
//
// Threads: start() and stop() from the thread that made it.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "api/routes.h"
#include "core/buffer.h"
#include "core/clock.h"
#include "core/loop.h"
#include "ingest/http_server.h"

namespace headrace::api {

struct ApiServerOptions {
  std::size_t jobs_max = 256;  // requests that are worked on at a time; more are answered 503
  core::LogSink* log = nullptr;
  ThrottleOptions throttle{};  // of keys that are wrong
  ingest::ClientRules clients{};  // which proxies are believed about who asks
};

class ApiServer final : private ingest::HttpHandler {
 public:
  ApiServer(Engine& engine, std::string root_key, ApiServerOptions options = {});
  ~ApiServer() override;

  // Listens on "HOST:PORT" and answers from then on.
  Result<void> start(const std::string& listen);
  std::string address() const { return address_; }
  // Waits for requests that are being worked on, then closes every connection.
  void stop();

 private:
  struct Job;

  ingest::HeadDecision on_head(const core::RequestHead& head, const char* base) noexcept override;
  void on_request(const ingest::IncomingRequest& request,
                  ingest::ResponseToken token) noexcept override;
  void finished(Job& job) noexcept;
  void respond(ingest::ResponseToken token, const Reply& reply) noexcept;
  void maybe_stopped();

  const ApiServerOptions options_;
  const core::SystemClock clock_;
  Routes routes_;
  core::BufferPool pool_;
  core::LoopThread thread_;
  ingest::HttpServer server_;
  std::string address_;
  std::size_t jobs_ = 0;
  std::function<void()> when_idle_;
  bool started_ = false;
};

}  // namespace headrace::api
