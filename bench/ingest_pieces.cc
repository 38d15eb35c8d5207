// SPDX-License-Identifier: Apache-2.0
// The way of a request through an ingest loop: by its parts, and whole over a connection of its own
// on loopback.
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/instructions.h"
#include "bench/push_payload.h"
#include "bench/sample_messages.h"
#include "core/loop.h"
#include "core/mailbox.h"
#include "core/snapshot.h"
#include "ingest/listener.h"
#include "ingest/receiver.h"
#include "ingest/router.h"
#include "selector/program.h"
#include "selector/routing_table.h"

namespace headrace::bench {
namespace {

constexpr std::uint32_t kLinks = 1000;

Bits128 token_of(std::uint32_t link) noexcept { return {42, link}; }
std::string token_text(std::uint32_t link) {
  std::string text(kIdDigits, '\0');
  format_base62(token_of(link), text.data());
  return text;
}

// A webhook whose messages are told apart by one field, and its links, each with one endpoint.
std::shared_ptr<const selector::RoutingTable> routes() {
  const auto action = selector::Selector::parse("$Event{action}").value();
  const std::vector<selector::EventRule> rules = {{core::EventNumber{1}, action, "push"},
                                                  {core::EventNumber{2}, action, "issue"}};
  selector::WebhookRoute webhook;
  webhook.number = core::WebhookNumber{1};
  webhook.program = std::make_shared<selector::Program>(selector::Program::compile(rules).value());
  auto table = std::make_shared<selector::RoutingTable>(7);
  table->put(std::make_shared<const selector::WebhookRoute>(webhook));
  for (std::uint32_t i = 1; i <= kLinks; ++i) {
    selector::LinkRoute link;
    link.number = core::LinkNumber{i};
    link.token = token_of(i);
    link.webhook = webhook.number;
    link.endpoints = {{core::EndpointNumber{i}, false}};
    table->put(std::make_shared<const selector::LinkRoute>(std::move(link)));
  }
  return table;
}

void count_routing() {
  const core::SnapshotCell<selector::RoutingTable> table(routes());
  core::BufferPool pool(1 << 20);
  ingest::Router router(table, pool, 7);
  const std::string body = push_payload("push");
  const std::string token = token_text(kLinks / 2);
  store::Intake intake;
  intake.payload.buffer = pool.acquire(body.size());
  body.copy(intake.payload.buffer.data(), body.size());
  intake.payload.body = {0, static_cast<std::uint32_t>(body.size())};
  count_instructions("ingest.route", 100, [&](std::uint64_t times) {
    for (; times != 0; --times) {
      const auto route = router.find(token, StandingClock::kNow);
      const auto declared = ingest::declared_body("application/json", "", body.size());
      const auto name = router.name_of(route, {}, "72d3162e-cc78-11e3-81ab-4c9367dc0958");
      intake.event = core::EventNumber::kNone;
      HEADRACE_CHECK(router.route(route, declared, name, intake).has_value());
      HEADRACE_CHECK(intake.status == store::MessageStatus::kRouted);
    }
  });
}

// A receiver, a store that says at once that it has everything, and a client that posts the next
// request when it has the answer, all on one loop: one request is under way, so nothing depends on
// who is first.
class Receiving {
 public:
  Receiving() {
    intakes_.open(
        loop_, [](void* self) noexcept { static_cast<Receiving*>(self)->store(); }, this);
    auto socket =
        ingest::BoundSocket::bind(ingest::ListenAddress::parse("127.0.0.1:0").value()).value();
    const auto address = socket.address();
    HEADRACE_CHECK(receiver_.start(std::move(socket)).has_value());
    client_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    HEADRACE_CHECK(::connect(client_, reinterpret_cast<const sockaddr*>(&address.address),
                             sizeof(sockaddr_in)) == 0);
    HEADRACE_CHECK(uv_poll_init(loop_.uv(), &poll_, client_) == 0);
    poll_.data = this;
    uv_poll_start(&poll_, UV_READABLE, [](uv_poll_t* poll, int, int) noexcept {
      static_cast<Receiving*>(poll->data)->on_answer();
    });
  }
  ~Receiving() {
    uv_close(reinterpret_cast<uv_handle_t*>(&poll_), nullptr);
    receiver_.stop([this] {
      intakes_.close();
      loop_.post([this] { loop_.stop(); });
    });
    loop_.run();
    ::close(client_);
  }

  void receive(std::uint64_t count) {
    left_ = count;
    post();
    loop_.run();
  }

 private:
  void post() noexcept {
    const auto sent = ::send(client_, request_.data(), request_.size(), MSG_NOSIGNAL);
    HEADRACE_CHECK(sent == static_cast<ssize_t>(request_.size()));
  }
  void on_answer() noexcept {
    std::array<char, 1024> bytes;
    const auto size = ::recv(client_, bytes.data(), bytes.size(), MSG_DONTWAIT);
    HEADRACE_CHECK(size > 0);
    const std::string_view answer(bytes.data(), static_cast<std::size_t>(size));
    HEADRACE_CHECK(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with('}'));
    if (--left_ == 0) return loop_.stop();
    post();
  }
  void store() noexcept {
    std::array<store::Intake, 64> batch;
    for (std::size_t count = 0; (count = intakes_.drain(batch)) != 0;) {
      for (std::size_t i = 0; i < count; ++i) {
        HEADRACE_CHECK(batch[i].status == store::MessageStatus::kRouted);
        sender_.try_push({batch[i].token, MessageId{{1, 1}}, store::Acceptance::kStored});
      }
    }
    sender_.notify();
  }

  StandingClock clock_;
  core::Loop loop_{clock_};
  const core::SnapshotCell<selector::RoutingTable> routes_{routes()};
  core::Mailbox<store::Intake> intakes_{1024};
  core::Mailbox<store::Answer> answers_{core::limits::kAnswerMailboxSize};
  core::Mailbox<store::Answer>::Sender sender_{answers_};
  ingest::Receiver receiver_{
      loop_,
      {.origin = 0, .intakes = intakes_, .answers = answers_, .routes = routes_, .dedupe_seed = 7}};
  const std::string request_ = request_by_length(token_text(kLinks / 2), push_payload("push"));
  int client_ = -1;
  uv_poll_t poll_{};
  std::uint64_t left_ = 0;
};

void count_requests() {
  Receiving receiving;
  count_instructions("ingest.request", 100, [&](std::uint64_t times) { receiving.receive(times); });
}

}  // namespace

void count_ingest_pieces() {
  count_routing();
  count_requests();
}

}  // namespace headrace::bench
