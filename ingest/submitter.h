// SPDX-License-Identifier: Apache-2.0
// The way in for the host process: messages that did not come over a socket.
//
// Threads: submit() from any thread; everything else on its loop. Limits as Receiver's.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/buffer.h"
#include "core/loop.h"
#include "core/mailbox.h"
#include "core/numbers.h"
#include "ingest/receiver.h"
#include "ingest/router.h"

namespace headrace::ingest {

class Submitter final : private core::BeforeWait {
 public:
  // What becomes of a submission: stored or a duplicate (then with an id), or the reason why not.
  using Done = std::function<void(Result<store::Answer>)>;

  struct Message {
    std::string token, body, content_type, query, header_lines;
    // Delivered as a test, neither taken for a duplicate nor one's first, and never judged: it is
    // our own.
    bool is_test = false;
    core::EventNumber pinned = core::EventNumber::kNone;  // overrides the selector
  };
  // A message with given receivers: no link is looked up, no event looked for, no duplicate.
  struct Direct {
    core::LinkNumber link = core::kSystemLink;
    core::EventNumber event = core::EventNumber::kNone;
    std::vector<core::EndpointNumber> targets;  // one named twice gets it once
    std::string body, content_type, query, header_lines;
    bool is_test = false;
  };

  Submitter(core::Loop& loop, const Receiver::Ports& ports);
  ~Submitter() override;

  void start();
  // Answers what is still open as unavailable.
  void stop();
  // Any thread; `done` is called on the loop. kNotFound: there is no such link; kTooLarge;
  // kMalformed: the body is not the JSON it was declared to be; kInvalidArgument: the lines or the
  // query are not those of a request, or it is no message but a provider's question; kUnauthorized:
  // the link's verifier refuses it; kUnavailable: another time.
  void submit(Message message, Done done);
  // The same; kInvalidArgument also without a receiver, kTooLarge also with more than
  // kTargetsPerMessageMax.
  void submit(Direct direct, Done done);

  const RouterCounters& router_counters() const noexcept { return router_.counters(); }
  const GuardCounters& guard_counters() const noexcept { return guard_.counters(); }

 private:
  void before_wait() noexcept override { intakes_.notify(); }
  static void on_answers(void* self) noexcept;
  // What of a submission becomes the form of a request.
  struct Parts {
    std::string_view body, content_type, query, header_lines;
  };
  template <class Submission>
  void post(Submission submission, Done done);
  template <class Submission>
  void take(const Submission& submission, Done done);
  Result<verification::ReplayId> verify(const Message& message, const Router::Route& route,
                                        const core::RequestHead& head, const char* base,
                                        core::WallMs now);
  Result<void> fill(const Message& message, store::Intake& intake);
  Result<void> fill(const Direct& direct, store::Intake& intake);
  Result<const core::RequestHead*> lay_out(const Parts& parts, std::size_t body_bytes_max,
                                           store::Payload& payload);

  core::Loop& loop_;
  const std::uint16_t origin_;
  core::BufferPool pool_;
  Router router_;
  Guard guard_;
  core::RequestParser parser_;
  core::Mailbox<store::Intake>::Sender intakes_;
  core::Mailbox<store::Answer>& answers_;
  std::vector<Done> waiting_;        // by token
  std::vector<std::uint64_t> free_;  // tokens
  std::vector<store::Answer> batch_;
  bool started_ = false;
};

}  // namespace headrace::ingest
