// SPDX-License-Identifier: Apache-2.0
// One ingest loop's work: requests to links become intakes; answers of the store become responses.
//
//   POST /in/{token}   (and GET, for providers that use it)   → 200 {"id":"msg_…"} once the message
//   is durable
//
// What comes to a link that has a verifier is judged before anything else looks into it: 401 unless
// it is its provider's, and the answer where a provider asks whether somebody listens.
// Threads: its loop only. Limits: kIntakesPerLoopMax unanswered intakes, then 503.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/buffer.h"
#include "core/loop.h"
#include "core/mailbox.h"
#include "core/metrics.h"
#include "core/snapshot.h"
#include "ingest/guard.h"
#include "ingest/http_server.h"
#include "ingest/router.h"
#include "store/types.h"

namespace headrace::ingest {

struct ReceiverCounters {
  core::Counter accepted;      // answered 200: stored, or a duplicate
  core::Counter unknown_link;  // answered 404
  core::Counter unavailable;   // answered 503
};

class Receiver final : public HttpHandler {
 public:
  struct Ports {
    std::uint16_t origin = 0;  // which of the committer's origins this is
    core::Mailbox<store::Intake>& intakes;
    core::Mailbox<store::Answer>& answers;
    const core::SnapshotCell<selector::RoutingTable>& routes;
    // Keys the hash of dedupe keys; the same for the life of a store.
    std::uint64_t dedupe_seed = 0;
    HttpServerOptions server{};
    // What links begin with, as providers know them; empty: not known. Without a slash at the end.
    std::string public_url{};
    // Told of URLs that a provider wants fetched as an answer; must not block. Empty: they are not.
    std::function<void(std::string url)> confirm{};
  };

  Receiver(core::Loop& loop, const Ports& ports);
  ~Receiver() override;

  // Serves a bound socket. On the loop.
  Result<void> start(BoundSocket socket);
  // New requests are answered 503; what was taken is answered as it becomes durable. `drained` is
  // called on the loop when every connection is gone.
  // `done` is called on the loop once every connection is gone; a client that keeps one busy delays
  // it, so the caller has a limit of its own.
  void drain(std::function<void()> done);
  void stop(std::function<void()> done);

  const ReceiverCounters& counters() const noexcept { return counters_; }
  const RouterCounters& router_counters() const noexcept { return router_.counters(); }
  const HttpServerCounters& server_counters() const noexcept { return server_.counters(); }
  const GuardCounters& guard_counters() const noexcept { return guard_.counters(); }

 private:
  class Flush final : public core::BeforeWait {
   public:
    explicit Flush(Receiver& receiver) : receiver_(receiver) {}
    void before_wait() noexcept override { receiver_.end_of_iteration(); }

   private:
    Receiver& receiver_;
  };

  HeadDecision decide(const core::RequestHead& head, const Router::Route& route) noexcept;
  HeadDecision on_head(const core::RequestHead& head, const char* base) noexcept override;
  void on_request(const IncomingRequest& request, ResponseToken token) noexcept override;
  void take(const IncomingRequest& request, const Router::Route& route, const MessageName& name,
            ResponseToken token) noexcept;
  void end_of_iteration() noexcept;
  static void on_answers(void* self) noexcept;
  void answer(const store::Answer& answer) noexcept;

  std::optional<verification::ReplayId> verify(const IncomingRequest& request,
                                               const Router::Route& route,
                                               ResponseToken token) noexcept;
  void answer(ResponseToken token, const verification::Reply& reply) noexcept;
  void refuse(ResponseToken token, int status, std::string_view detail,
              std::string_view lines = {}) noexcept;

  core::Loop& loop_;
  const std::uint16_t origin_;
  core::BufferPool pool_;
  Router router_;
  Guard guard_;
  const std::function<void(std::string url)> confirm_;
  HttpServer server_;
  core::Mailbox<store::Intake>::Sender intakes_;
  core::Mailbox<store::Answer>& answers_;
  Flush flush_;
  std::vector<store::Answer> batch_;
  std::size_t unanswered_ = 0;
  bool draining_ = false;
  std::function<void()> drained_;
  bool started_ = false;
  ReceiverCounters counters_;
};

}  // namespace headrace::ingest
