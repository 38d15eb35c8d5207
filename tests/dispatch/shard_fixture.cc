// SPDX-License-Identifier: Apache-2.0
#include "tests/dispatch/shard_fixture.h"

#include <arpa/inet.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace headrace::dispatch {

namespace {
// Far more turns than anything here needs, yet an end for a test that fails.
constexpr std::size_t kTurnsMax = 2'000'000;
}  // namespace

std::optional<Addresses> TableResolver::resolve(std::string_view host, ResolveRequest& request) {
  if (auto known = known_addresses(host)) return known;
  ++asked;
  waiting_.push_back(&request);
  if (hang) return std::nullopt;
  loop_.post([this, asking = &request, name = std::string(host)] {
    if (std::erase(waiting_, asking) == 0) return;
    const auto found = names.find(name);
    asking->on_resolved(*asking, found == names.end() ? Addresses{} : found->second);
  });
  return std::nullopt;
}

ShardTest::ShardTest() {
  options.allowed = [this](const Url& url, const sockaddr& address) {
    return addresses.allows(url, address);
  };
  options.plain_http = true;
}

ShardTest::~ShardTest() {
  stop_shard();
  for (auto& server : servers) server->stop();
  run_until([&] {
    return std::all_of(servers.begin(), servers.end(),
                       [](const auto& server) { return server->stopped(); });
  });
  outcome_mail.close();
  run_turns(4);
  outcomes.clear();
}

void ShardTest::start() {
  options.seed = 1;
  shard = std::make_unique<Shard>(
      loop,
      ShardLinks{deliveries, outcome_mail, endpoints, resolver, answers, log, tls.get(), transport},
      options);
  outcome_mail.open(
      loop, [](void* self) noexcept { static_cast<ShardTest*>(self)->collect(); }, this);
  shard->start();
}

void ShardTest::stop_shard() {
  if (shard == nullptr) return;
  bool stopped = false;
  shard->stop([&] { stopped = true; });
  run_until([&] { return stopped; });
  run_turns(4);
  shard.reset();
}

test::FakeEndpoint& ShardTest::serve(test::FakeEndpoint::Script script, SSL_CTX* context) {
  servers.push_back(std::make_unique<test::FakeEndpoint>(loop, std::move(script), context));
  return *servers.back();
}

test::FakeEndpoint& ShardTest::serve(test::FakeEndpoint::Reply reply, SSL_CTX* context) {
  return serve([reply = std::move(reply)](const auto&) { return reply; }, context);
}

EndpointSettings ShardTest::settings_for(std::string url, core::EndpointNumber number) {
  EndpointSettings settings;
  settings.number = number;
  settings.url = std::move(url);
  return settings;
}

void ShardTest::set_endpoint(EndpointSettings settings) {
  auto made = make_endpoint(std::move(settings));
  ASSERT_TRUE(made) << made.error().what;
  published.put(*made);
  publish();
}

void ShardTest::remove_endpoint(core::EndpointNumber number) {
  published.erase(number);
  publish();
}

void ShardTest::publish() { endpoints.publish(std::make_shared<const EndpointTable>(published)); }

store::Delivery ShardTest::delivery(std::uint64_t message, std::string_view body,
                                    std::string_view headers) {
  store::Delivery made;
  made.message = MessageId{{message, 1}};
  made.endpoint = kEndpoint;
  made.ticket.slot = static_cast<std::uint32_t>(message);
  made.payload.buffer = payloads.acquire(headers.size() + body.size());
  char* const bytes = made.payload.buffer.data();
  std::copy(body.begin(), body.end(), std::copy(headers.begin(), headers.end(), bytes));
  made.payload.headers = {0, static_cast<std::uint32_t>(headers.size())};
  made.payload.body = {static_cast<std::uint32_t>(headers.size()),
                       static_cast<std::uint32_t>(body.size())};
  return made;
}

void ShardTest::push(store::Delivery made) {
  ASSERT_TRUE(sender.try_push(std::move(made)));
  sender.notify();
}

void ShardTest::push_many(std::uint64_t first, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) push(delivery(first + i));
}

void ShardTest::collect() {
  std::array<store::Outcome, 64> batch;
  for (std::size_t count = 0; (count = outcome_mail.drain(batch)) != 0;) {
    std::move(batch.begin(), batch.begin() + static_cast<std::ptrdiff_t>(count),
              std::back_inserter(outcomes));
  }
}

void ShardTest::run_until(const std::function<bool()>& condition) {
  for (std::size_t i = 0; i < kTurnsMax; ++i) {
    if (condition()) return;
    loop.run_once();
    if (i % 64 == 63) sched_yield();
  }
  FAIL() << "what the test waits for did not happen";
}

void ShardTest::run_turns(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) loop.run_once();
}

void ShardTest::pass(std::chrono::milliseconds by) {
  clock.advance(by);
  run_turns(3);
}

void ShardTest::run_until_outcomes(std::size_t count) {
  run_until([&] { return outcomes.size() >= count; });
}

store::Outcome ShardTest::deliver(store::Delivery made) {
  const std::size_t before = outcomes.size();
  push(std::move(made));
  run_until_outcomes(before + 1);
  return outcomes.size() > before ? outcomes.back() : store::Outcome{};
}

RefusingPort::RefusingPort() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  // Bound but not listening: nobody else gets the port, and nobody can connect to it.
  if (bind(fd_, reinterpret_cast<sockaddr*>(&address), size) == 0) {
    getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
}

RefusingPort::~RefusingPort() { ::close(fd_); }

std::string RefusingPort::url() const {
  return "http://127.0.0.1:" + std::to_string(port_) + "/hook";
}

}  // namespace headrace::dispatch
