// SPDX-License-Identifier: Apache-2.0
#include "api/api_server.h"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "api/problem.h"
#include "api/request_id.h"
#include "core/check.h"
#include "core/descriptors.h"
#include "core/limits.h"

namespace headrace::api {

namespace {

// A body that is a little too long is read, so that its answer is a document like any other; the
// connection of a longer one is closed.
constexpr std::size_t kBodyBytesRead = kBodyBytesMax + core::limits::kMiB;
constexpr std::size_t kPoolBytes = 64 * core::limits::kMiB;
// Of the descriptors that the process may have an eighth is for clients of the API, a half for
// those that post messages; the rest is left to the store and to deliveries.
constexpr std::size_t kDescriptorShare = 8;
// Of these at most 2 wait for providers (routes_registrations.cc) and 4 for names
// (engine/name_look_up.h), so that others always find one.
constexpr std::size_t kWorkers = 8;

std::optional<std::string> field(const ingest::IncomingRequest& request, std::string_view name) {
  const std::string_view value = request.head.find(request.base, name);
  if (value.data() == nullptr) return std::nullopt;
  return std::string(value);
}

Request taken_apart(const ingest::IncomingRequest& incoming) {
  Request request;
  request.set_target(incoming.head.method, incoming.head.target.in(incoming.base));
  request.authorization = field(incoming, "authorization").value_or(std::string());
  request.workspace = field(incoming, "headrace-workspace");
  request.content_type = field(incoming, "content-type");
  request.if_match = field(incoming, "if-match");
  request.if_none_match = field(incoming, "if-none-match");
  request.idempotency_key = field(incoming, "idempotency-key");
  request.request_id = request_id(incoming.head.find(incoming.base, "x-request-id"));
  request.body = incoming.body.in(incoming.base);
  request.peer = incoming.peer;
  return request;
}

}  // namespace

// One request on its way through a worker thread.
struct ApiServer::Job {
  ingest::ResponseToken token{};
  Request request;
  Reply reply;
};

ApiServer::ApiServer(Engine& engine, std::string root_key, ApiServerOptions options)
    : options_(std::move(options)),
      routes_(engine, std::move(root_key), clock_, options_.log, options_.throttle),
      pool_(kPoolBytes),
      thread_(clock_, "hr-api") {}

ApiServer::~ApiServer() { stop(); }

Result<void> ApiServer::start(const std::string& listen) {
  auto inbound = ingest::Inbound::make(
      options_.inbound,
      core::descriptor_share(kDescriptorShare, core::limits::kConnectionsPerLoopMax));
  if (!inbound) return std::move(inbound).error();
  auto address = ingest::ListenAddress::parse(listen);
  if (!address) return std::move(address).error();
  auto socket = ingest::BoundSocket::bind(*address);
  if (!socket) return std::move(socket).error();
  address_ = socket->address().to_string();
  inbound_ = std::move(*inbound);
  ingest::HttpHandler& handler = *this;  // make_unique may not know that it is one
  server_ = std::make_unique<ingest::HttpServer>(thread_.loop(), pool_, handler,
                                                 inbound_->options(1, options_.log));
  workers_.emplace(kWorkers);
  thread_.start();
  started_ = true;
  Result<void> listening;
  thread_.run_and_wait([&] { listening = server_->listen(std::move(*socket)); });
  return listening;
}

void ApiServer::stop() {
  if (!std::exchange(started_, false)) return;
  std::mutex mutex;
  std::condition_variable changed;
  bool stopped = false;
  thread_.loop().post([&] {
    server_->drain();
    when_idle_ = [&] {
      server_->stop([&] {
        const std::lock_guard lock(mutex);
        stopped = true;
        changed.notify_one();
      });
    };
    maybe_stopped();
  });
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return stopped; });
  }
  workers_.reset();
  thread_.stop();
}

void ApiServer::maybe_stopped() {
  if (jobs_ == 0 && when_idle_) std::exchange(when_idle_, nullptr)();
}

ingest::HeadDecision ApiServer::on_head(const core::RequestHead&, const char*) noexcept {
  return {.body_bytes_max = kBodyBytesRead};
}

void ApiServer::on_request(const ingest::IncomingRequest& request,
                           ingest::ResponseToken token) noexcept {
  Request taken = taken_apart(request);
  if (Routes::never_waits(taken)) return respond(token, routes_.handle(taken));
  if (jobs_ >= options_.jobs_max) {
    const Error busy{ErrorCode::kUnavailable, "too many requests are being worked on"};
    respond(token, Routes::refuse(taken, problem(busy)));
    return;
  }
  ++jobs_;
  auto job = std::make_shared<Job>();
  job->token = token;
  job->request = std::move(taken);
  workers_->run([this, job] {
    job->reply = routes_.handle(job->request);
    thread_.loop().post([this, job] { finished(*job); });
  });
}

void ApiServer::finished(const Job& job) noexcept {
  --jobs_;
  respond(job.token, job.reply);
  maybe_stopped();
}

void ApiServer::respond(ingest::ResponseToken token, const Reply& reply) noexcept {
  server_->respond(token, {.status = reply.status,
                           .content_type = reply.content_type,
                           .body = reply.body,
                           .extra_lines = reply.extra_lines});
}

}  // namespace headrace::api
