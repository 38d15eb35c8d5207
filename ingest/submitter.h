// SPDX-License-Identifier: Apache-2.0
// The way in for the host process: messages that did not come over a socket.
//
// Threads: submit() from any thread; everything else on its loop. Limits as Receiver's.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/buffer.h"
#include "core/loop.h"
#include "core/mailbox.h"
#include "ingest/receiver.h"
#include "ingest/router.h"

namespace headrace::ingest {

class Submitter final : private core::BeforeWait {
 public:
  // What becomes of a submission: stored or a duplicate (then with an id), or the reason why not.
  using Done = std::function<void(Result<store::Answer>)>;

  struct Message {
    std::string token, body, content_type, query, header_lines;
  };

  Submitter(core::Loop& loop, const Receiver::Ports& ports);
  ~Submitter() override;

  void start();
  // Answers what is still open as unavailable.
  void stop();
  // Any thread; `done` is called on the loop.
  void submit(Message message, Done done);

  const RouterCounters& router_counters() const noexcept { return router_.counters(); }

 private:
  void before_wait() noexcept override { intakes_.notify(); }
  static void on_answers(void* self) noexcept;
  void take(const Message& message, Done done);
  Result<DeclaredBody> fill(const Message& message, const selector::LinkRoute& link,
                            store::Intake& intake);

  core::Loop& loop_;
  const std::uint16_t origin_;
  core::BufferPool pool_;
  Router router_;
  core::RequestParser parser_;
  core::Mailbox<store::Intake>::Sender intakes_;
  core::Mailbox<store::Answer>& answers_;
  std::vector<Done> waiting_;        // by token
  std::vector<std::uint64_t> free_;  // tokens
  std::vector<store::Answer> batch_;
  bool started_ = false;
};

}  // namespace headrace::ingest
