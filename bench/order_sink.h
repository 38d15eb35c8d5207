// SPDX-License-Identifier: Apache-2.0
// A receiver that answers 200 at once and tells whose order it got; on a thread of its own.
#pragma once

#include <functional>
#include <future>
#include <string>
#include <string_view>
#include <utility>

#include "bench/shop.h"
#include "core/buffer.h"
#include "core/check.h"
#include "core/clock.h"
#include "core/limits.h"
#include "core/loop.h"
#include "ingest/http_server.h"
#include "ingest/listener.h"

namespace headrace::bench {

class OrderSink final : private ingest::HttpHandler {
 public:
  using OnOrder = std::function<void(std::optional<std::uint64_t> number)>;

  // `address`: where it listens; port 0: any.
  OrderSink(const core::Clock& clock, const std::string& address, OnOrder on_order)
      : on_order_(std::move(on_order)),
        thread_(clock, "sink"),
        server_(thread_.loop(), pool_, *this) {
    auto socket = ingest::BoundSocket::bind(*ingest::ListenAddress::parse(address));
    HEADRACE_CHECK(socket.has_value());
    address_ = socket->address().to_string();
    thread_.start();
    thread_.run_and_wait([&] { HEADRACE_CHECK(server_.listen(std::move(*socket)).has_value()); });
  }
  ~OrderSink() override {
    std::promise<void> stopped;
    thread_.loop().post([&] { server_.stop([&] { stopped.set_value(); }); });
    stopped.get_future().wait();
    thread_.stop();
  }
  const std::string& address() const noexcept { return address_; }

 private:
  ingest::HeadDecision on_head(const core::RequestHead&, const char*) noexcept override {
    return {};
  }
  void on_request(const ingest::IncomingRequest& request,
                  ingest::ResponseToken token) noexcept override {
    on_order_(OrderText::number_in({request.base + request.body.offset, request.body.size}));
    server_.respond(token, {.content_type = "application/json", .body = R"({"status":"ok"})"});
  }

  const OnOrder on_order_;
  core::BufferPool pool_{core::limits::kBufferBytesMaxDefault};
  core::LoopThread thread_;
  ingest::HttpServer server_;
  std::string address_;
};

}  // namespace headrace::bench
