// SPDX-License-Identifier: Apache-2.0
#include "api/api_server.h"

#include <condition_variable>
#include <mutex>
#include <utility>

#include "api/problem.h"
#include "core/check.h"
#include "core/limits.h"

namespace headrace::api {

namespace {

constexpr std::size_t kBodyBytesMax = 4 * core::limits::kMiB;
constexpr std::size_t kPoolBytes = 64 * core::limits::kMiB;
constexpr std::size_t kJobsMax = 256;

}  // namespace

// One request on its way through a worker thread.
struct ApiServer::Job {
  uv_work_t work{};
  ApiServer* server = nullptr;
  ingest::ResponseToken token{};
  Request request;
  Reply reply;
};

ApiServer::ApiServer(Engine& engine, std::string admin_key)
    : routes_(engine, std::move(admin_key)),
      pool_(kPoolBytes),
      thread_(clock_, "hr-api"),
      server_(thread_.loop(), pool_, *this) {}

ApiServer::~ApiServer() { stop(); }

Result<void> ApiServer::start(const std::string& listen) {
  auto address = ingest::ListenAddress::parse(listen);
  if (!address) return std::move(address).error();
  auto socket = ingest::BoundSocket::bind(*address);
  if (!socket) return std::move(socket).error();
  address_ = socket->address().to_string();
  thread_.start();
  started_ = true;
  Result<void> listening;
  thread_.run_and_wait([&] { listening = server_.listen(std::move(*socket)); });
  return listening;
}

void ApiServer::stop() {
  if (!std::exchange(started_, false)) return;
  std::mutex mutex;
  std::condition_variable changed;
  bool stopped = false;
  thread_.loop().post([&] {
    server_.drain();
    when_idle_ = [&] {
      server_.stop([&] {
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
  thread_.stop();
}

void ApiServer::maybe_stopped() {
  if (jobs_ == 0 && when_idle_) std::exchange(when_idle_, nullptr)();
}

ingest::HeadDecision ApiServer::on_head(const core::RequestHead&, const char*) noexcept {
  return {.body_bytes_max = kBodyBytesMax};
}

void ApiServer::on_request(const ingest::IncomingRequest& request,
                           ingest::ResponseToken token) noexcept {
  if (jobs_ >= kJobsMax) {
    respond(token,
            problem(Error{ErrorCode::kUnavailable, "too many requests are being worked on", 0}));
    return;
  }
  auto job = std::make_unique<Job>();
  job->work.data = job.get();
  job->server = this;
  job->token = token;
  if (!job->request.set_target(request.head.method, request.head.target.in(request.base))) {
    respond(token, problem(400, "malformed", "the path or query has a wrong percent escape"));
    return;
  }
  job->request.authorization = request.head.find(request.base, "authorization");
  job->request.body = request.body.in(request.base);
  const int queued = uv_queue_work(
      thread_.loop().uv(), &job->work,
      [](uv_work_t* work) {
        auto& self = *static_cast<Job*>(work->data);
        self.reply = self.server->routes_.handle(self.request);
      },
      [](uv_work_t* work, int) {
        const std::unique_ptr<Job> done(static_cast<Job*>(work->data));
        done->server->finished(*done);
      });
  HEADRACE_CHECK(queued == 0);
  ++jobs_;
  (void)job.release();  // its completion takes it back
}

void ApiServer::finished(Job& job) noexcept {
  --jobs_;
  respond(job.token, job.reply);
  maybe_stopped();
}

void ApiServer::respond(ingest::ResponseToken token, const Reply& reply) noexcept {
  server_.respond(token, {.status = reply.status,
                          .content_type = reply.content_type,
                          .body = reply.body,
                          .extra_lines = reply.extra_lines});
}

}  // namespace headrace::api
