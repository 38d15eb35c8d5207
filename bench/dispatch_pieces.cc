// SPDX-License-Identifier: Apache-2.0
// The way of a delivery through a shard: mailbox, lane, connection, request, answer, outcome.
#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "bench/instant_network.h"
#include "bench/instructions.h"
#include "bench/no_names.h"
#include "bench/sample_messages.h"
#include "core/buffer.h"
#include "core/log.h"
#include "core/loop.h"
#include "core/mailbox.h"
#include "core/snapshot.h"
#include "dispatch/request.h"
#include "dispatch/shard.h"

namespace headrace::bench {
namespace {

constexpr core::EndpointNumber kEndpoint{1};

std::shared_ptr<const dispatch::Endpoint> make_endpoint() {
  dispatch::EndpointSettings settings;
  settings.number = kEndpoint;
  settings.url = "http://127.0.0.1/in";
  return dispatch::make_endpoint(std::move(settings)).value();
}

// Deliveries of one payload, each with an id of its own.
class Deliveries {
 public:
  Deliveries() {
    payload_.buffer = pool_.acquire(kUsualFields.size() + kUsualBodyBytes);
    std::fill_n(std::copy(kUsualFields.begin(), kUsualFields.end(), payload_.buffer.data()),
                kUsualBodyBytes, 'x');
    payload_.headers = {0, kUsualFields.size()};
    payload_.body = {kUsualFields.size(), kUsualBodyBytes};
  }
  store::Delivery next() noexcept {
    store::Delivery made;
    made.message = MessageId{{++made_, 7}};
    made.endpoint = kEndpoint;
    made.payload = payload_;
    return made;
  }

 private:
  core::BufferPool pool_{1 << 20};
  store::Payload payload_;
  std::uint64_t made_ = 0;
};

void count_request_building() {
  const auto endpoint = make_endpoint();
  Deliveries deliveries;
  const store::Delivery delivery = deliveries.next();
  dispatch::RequestScratch scratch;
  dispatch::RequestPieces pieces;
  count_instructions("dispatch.build_request", 1000, [&](std::uint64_t times) {
    for (; times != 0; --times) {
      pieces.count = 0;
      pieces.bytes = 0;
      HEADRACE_CHECK(
          dispatch::build_request(*endpoint, delivery, StandingClock::kNow, "", scratch, pieces));
    }
  });
}

// One shard with one endpoint, everything on this thread.
class Dispatching {
 public:
  Dispatching() {
    const auto endpoint = make_endpoint();
    dispatch::RequestScratch scratch;
    dispatch::RequestPieces pieces;
    HEADRACE_CHECK(
        dispatch::build_request(*endpoint, made_.next(), StandingClock::kNow, "", scratch, pieces));
    network_.set_request_bytes(pieces.bytes);
    auto table = std::make_shared<dispatch::EndpointTable>();
    table->put(endpoint);
    endpoints_.publish(std::move(table));
    outcomes_.open(
        loop_, [](void* self) noexcept { static_cast<Dispatching*>(self)->collect(); }, this);
    shard_.emplace(loop_,
                   dispatch::ShardLinks{deliveries_, outcomes_, endpoints_, names_, answers_, log_,
                                        nullptr, &network_},
                   dispatch::ShardOptions{.allowed = [](const auto&, const auto&) { return true; },
                                          .plain_http = true});
    shard_->start();
  }
  ~Dispatching() {
    shard_->stop([this] {
      outcomes_.close();
      network_.close();
      loop_.post([this] { loop_.stop(); });
    });
    loop_.run();
  }

  void deliver(std::uint64_t count) {
    left_ = count;
    hand_over();
    loop_.run();
  }

 private:
  static constexpr std::uint64_t kAtOnce = 64;  // as many as a group brings

  void hand_over() noexcept {
    under_way_ = std::min(kAtOnce, left_);
    for (std::uint64_t i = 0; i < under_way_; ++i) HEADRACE_CHECK(sender_.try_push(made_.next()));
    sender_.notify();
  }
  void collect() noexcept {
    for (std::size_t count = 0; (count = outcomes_.drain(batch_)) != 0; under_way_ -= count) {
      for (std::size_t i = 0; i < count; ++i) {
        HEADRACE_CHECK(batch_[i].verdict == store::Verdict::kDelivered);
        batch_[i].response.reset();
      }
      left_ -= count;
    }
    if (under_way_ != 0) return;
    if (left_ == 0) return loop_.stop();
    hand_over();
  }

  StandingClock clock_;
  core::Loop loop_{clock_};
  InstantNetwork network_{loop_, kUsualResponse};
  NoNames names_;
  core::NullLogSink log_;
  Deliveries made_;
  core::BufferPool answers_{16 << 20};
  core::Mailbox<store::Delivery> deliveries_{core::limits::kDeliveryMailboxSize};
  core::Mailbox<store::Outcome> outcomes_{core::limits::kOutcomeMailboxSize};
  core::Mailbox<store::Delivery>::Sender sender_{deliveries_};
  core::SnapshotCell<dispatch::EndpointTable> endpoints_{
      std::make_shared<dispatch::EndpointTable>()};
  std::optional<dispatch::Shard> shard_;
  std::array<store::Outcome, kAtOnce> batch_;
  std::uint64_t left_ = 0;
  std::uint64_t under_way_ = 0;
};

void count_deliveries() {
  Dispatching dispatching;
  count_instructions("dispatch.delivery", 512,
                     [&](std::uint64_t times) { dispatching.deliver(times); });
}

}  // namespace

void count_dispatch_pieces() {
  count_request_building();
  count_deliveries();
}

}  // namespace headrace::bench
