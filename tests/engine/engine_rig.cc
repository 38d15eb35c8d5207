// SPDX-License-Identifier: Apache-2.0
#include "tests/engine/engine_rig.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <future>
#include <iterator>
#include <thread>

namespace headrace::test {

namespace {

constexpr std::uint64_t kPatienceNs = 60'000'000'000;

}  // namespace

Sink::Sink(FakeEndpoint::Reply reply) : reply_(std::move(reply)) {
  thread_.start();
  thread_.run_and_wait([this] {
    endpoint_ = std::make_unique<FakeEndpoint>(
        thread_.loop(), [this](const auto& request) { return on_request(request); });
    endpoint_->keep_requests(false);
  });
}

Sink::~Sink() {
  thread_.run_and_wait([this] { endpoint_->stop(); });
  bool stopped = false;
  while (!stopped) thread_.run_and_wait([&] { stopped = endpoint_->stopped(); });
  thread_.run_and_wait([this] { endpoint_.reset(); });
  thread_.stop();
}

void Sink::answer_with(FakeEndpoint::Reply reply) {
  const std::lock_guard lock(mutex_);
  reply_ = std::move(reply);
}

void Sink::count_while(std::function<bool()> condition) {
  const std::lock_guard lock(mutex_);
  counts_ = std::move(condition);
}

std::vector<FakeEndpoint::Request> Sink::wait_for(std::size_t count) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return requests_.size() >= count; });
  return requests_;
}

std::size_t Sink::count() const {
  const std::lock_guard lock(mutex_);
  return requests_.size();
}

FakeEndpoint::Reply Sink::on_request(const FakeEndpoint::Request& request) {
  const std::lock_guard lock(mutex_);
  if (!counts_ || counts_()) requests_.push_back(request);
  changed_.notify_all();
  return reply_;
}

bool eventually(const std::function<bool()>& condition) {
  const core::SystemClock clock;
  const std::uint64_t end = clock.steady_ns() + kPatienceNs;
  while (!condition()) {
    if (clock.steady_ns() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

std::string exchange(const std::string& address, const std::string& request) {
  const std::size_t colon = address.rfind(':');
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  peer.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
  inet_pton(AF_INET, address.substr(0, colon).c_str(), &peer.sin_addr);
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::string answer;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&peer), sizeof(peer)) == 0 &&
      ::send(fd, request.data(), request.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(request.size())) {
    char bytes[4096];
    for (ssize_t got = 0; (got = ::recv(fd, bytes, sizeof(bytes), 0)) > 0;) {
      answer.append(bytes, static_cast<std::size_t>(got));
    }
  }
  ::close(fd);
  return answer;
}

std::string_view token_of(std::string_view link) { return link.substr(link.rfind('/') + 1); }

std::pair<SubmitStatus, MessageId> submit(Engine& engine, std::string_view link,
                                          std::string_view body) {
  std::promise<std::pair<SubmitStatus, MessageId>> answer;
  engine.submit({.link_token = token_of(link), .body = body, .content_type = "application/json"},
                [&](SubmitStatus status, MessageId id) {
                  answer.set_value({status, id});
                });
  return answer.get_future().get();
}

EngineConfig small_engine(std::string directory) {
  EngineConfig config;
  config.data_directory = std::move(directory);
  config.ingest_loops = 1;
  config.shards = 1;
  config.drain_grace = std::chrono::milliseconds(20);
  config.endpoint_allow = {"127.0.0.0/8", "::1"};
  config.plain_http_endpoints = true;
  config.dns_servers = "127.0.0.1:1";  // nobody answers there
  return config;
}

std::unique_ptr<Engine> open(EngineConfig config, Dependencies dependencies) {
  auto engine = Engine::open(std::move(config), std::move(dependencies));
  EXPECT_TRUE(engine) << engine.error().what;
  return engine ? std::move(*engine) : nullptr;
}

Workspace home(Engine& engine) { return engine.workspace("default").value(); }

std::string register_app(Engine& engine) {
  auto webhook = home(engine).create_webhook("github", {.tag = "repo", .envs = {{.slug = "prd"}}});
  EXPECT_TRUE(webhook);
  EXPECT_TRUE(home(engine).create_event(
      "github",
      {.tag = "repo:starred", .selector = "$Event{action}", .sample = std::string(kStarred)}));
  return webhook->envs[0].link;
}

Endpoint register_product(Engine& engine, std::string_view product, std::string url) {
  EndpointSettings settings;
  settings.url = std::move(url);
  auto endpoint = home(engine).create_endpoint(
      product,
      {.access_tag = "github", .webhook = "repo", .env = "prd", .settings = std::move(settings)});
  EXPECT_TRUE(endpoint) << endpoint.error().what;
  return *endpoint;
}

std::vector<Delivery> deliveries_of(Engine& engine, MessageId message) {
  HistoryFilter filter;
  filter.message = message;
  auto page = home(engine).deliveries(filter);
  return page ? std::move(page->items) : std::vector<Delivery>();
}

std::vector<Attempt> attempts_of(Engine& engine, MessageId message) {
  HistoryFilter filter;
  filter.message = message;
  auto page = home(engine).attempts(filter);
  return page ? std::move(page->items) : std::vector<Attempt>();
}

bool is_delivered(Engine& engine, MessageId message) {
  const auto deliveries = deliveries_of(engine, message);
  return !deliveries.empty() &&
         std::all_of(deliveries.begin(), deliveries.end(), [](const Delivery& delivery) {
           return delivery.state == DeliveryState::kDelivered;
         });
}

std::size_t open_files() {
  const std::filesystem::directory_iterator files("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

}  // namespace headrace::test
