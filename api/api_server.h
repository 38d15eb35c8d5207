// SPDX-License-Identifier: Apache-2.0
// Serves the management API on a loop of its own; the work is done by threads of its own, save what
// asks whether the process lives: that is answered on the loop, whatever the threads wait for.
//
// Threads: start() and stop() from the thread that made it.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "api/routes.h"
#include "api/workers.h"
#include "core/buffer.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/loop.h"
#include "ingest/http_server.h"
#include "ingest/inbound.h"

namespace headrace::api {

struct ApiServerOptions {
  std::size_t jobs_max = 256;  // requests that are worked on at a time; more are answered 503
  InboundConfig inbound;
  core::LogSink* log = nullptr;  // null: nothing is said; else it must outlive the server
  ThrottleOptions throttle{};    // of keys that are wrong
};

class ApiServer final : private ingest::HttpHandler {
 public:
  ApiServer(Engine& engine, std::string root_key, ApiServerOptions options = {});
  ~ApiServer() override;

  // Listens on "HOST:PORT" and answers from then on. kInvalidArgument: the configuration.
  Result<void> start(const std::string& listen);
  std::string address() const { return address_; }
  // As Engine::reload_certificates(). Requires: started.
  Result<void> reload_certificates() { return inbound_->reload_certificates(); }
  // Waits for requests that are being worked on, then closes every connection.
  void stop();

 private:
  struct Job;

  ingest::HeadDecision on_head(const core::RequestHead& head, const char* base) noexcept override;
  void on_request(const ingest::IncomingRequest& request,
                  ingest::ResponseToken token) noexcept override;
  void finished(const Job& job) noexcept;
  void respond(ingest::ResponseToken token, const Reply& reply) noexcept;
  void maybe_stopped();

  const ApiServerOptions options_;
  const core::SystemClock clock_;
  Routes routes_;
  core::BufferPool pool_;
  core::LoopThread thread_;
  std::optional<Workers> workers_;  // while it is started
  std::unique_ptr<ingest::Inbound> inbound_;
  std::unique_ptr<ingest::HttpServer> server_;  // from start() on
  std::string address_;
  std::size_t jobs_ = 0;
  std::function<void()> when_idle_;
  bool started_ = false;
};

}  // namespace headrace::api
