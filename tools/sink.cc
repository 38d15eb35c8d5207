// SPDX-License-Identifier: Apache-2.0
#include "tools/sink.h"

#include <fmt/format.h>
#include <signal.h>

#include <cstdio>
#include <utility>

#include "core/buffer.h"
#include "core/clock.h"
#include "core/limits.h"
#include "core/loop.h"
#include "ingest/http_server.h"

namespace headrace::tools {
namespace {

class Sink final : public ingest::HttpHandler {
 public:
  explicit Sink(core::Loop& loop)
      : loop_(loop), pool_(core::limits::kBufferBytesMaxDefault), server_(loop, pool_, *this) {}

  Result<void> listen(ingest::BoundSocket socket) { return server_.listen(std::move(socket)); }
  void stop() {
    server_.stop([this] { loop_.stop(); });
  }
  std::uint64_t requests() const noexcept { return server_.counters().requests.value(); }

 private:
  ingest::HeadDecision on_head(const core::RequestHead&, const char*) noexcept override {
    return {.body_bytes_max = core::limits::kBodyBytesMax};
  }
  void on_request(const ingest::IncomingRequest&, ingest::ResponseToken token) noexcept override {
    server_.respond(token, {.content_type = "text/plain", .body = "ok"});
  }

  core::Loop& loop_;
  core::BufferPool pool_;
  ingest::HttpServer server_;
};

void on_signal(uv_signal_t* handle, int) {
  uv_close(reinterpret_cast<uv_handle_t*>(handle), nullptr);
  static_cast<Sink*>(handle->data)->stop();
}

}  // namespace

int run_sink(const std::string& listen) {
  signal(SIGPIPE, SIG_IGN);
  auto address = ingest::ListenAddress::parse(listen);
  auto socket =
      address ? ingest::BoundSocket::bind(*address) : Result<ingest::BoundSocket>(address.error());
  if (!socket) {
    fmt::print(stderr, "headrace sink: {}\n", socket.error().what);
    return 1;
  }
  const core::SystemClock clock;
  core::Loop loop(clock);
  Sink sink(loop);
  const std::string bound = socket->address().to_string();
  if (auto listening = sink.listen(std::move(*socket)); !listening) {
    fmt::print(stderr, "headrace sink: {}\n", listening.error().what);
    sink.stop();
    loop.run();
    return 1;
  }
  fmt::print("sink on http://{}\n", bound);
  std::fflush(stdout);
  uv_signal_t terminate;
  uv_signal_init(loop.uv(), &terminate);
  terminate.data = &sink;
  uv_signal_start(&terminate, &on_signal, SIGTERM);
  loop.run();
  fmt::print("{} requests\n", sink.requests());
  return 0;
}

}  // namespace headrace::tools
