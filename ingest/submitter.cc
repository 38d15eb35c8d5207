// SPDX-License-Identifier: Apache-2.0
#include "ingest/submitter.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "core/check.h"
#include "core/http_grammar.h"
#include "core/limits.h"
#include "ingest/forwarded_headers.h"

namespace headrace::ingest {

namespace limits = core::limits;

namespace {

bool is_field_value(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), core::http::is_value_char);
}

}  // namespace

Submitter::Submitter(core::Loop& loop, const Receiver::Ports& ports)
    : loop_(loop),
      origin_(ports.origin),
      pool_(limits::kBufferBytesMaxDefault),
      router_(ports.routes, pool_, ports.dedupe_seed),
      intakes_(ports.intakes),
      answers_(ports.answers),
      batch_(limits::kGroupIntakesMax) {}

Submitter::~Submitter() { HEADRACE_CHECK(!started_); }

void Submitter::start() {
  answers_.open(loop_, &Submitter::on_answers, this);
  loop_.add_before_wait(this);
  started_ = true;
}

void Submitter::stop() {
  if (!started_) return;
  started_ = false;
  answers_.close();
  loop_.remove_before_wait(this);
  for (Done& done : waiting_) {
    if (done)
      std::exchange(done, nullptr)(Error{ErrorCode::kUnavailable, "the engine is closing", 0});
  }
}

void Submitter::submit(Message message, Done done) {
  auto shared = std::make_shared<Message>(std::move(message));
  loop_.post([this, shared = std::move(shared), done = std::move(done)]() mutable {
    take(*shared, std::move(done));
  });
}

void Submitter::take(const Message& message, Done done) {
  const Error busy{ErrorCode::kUnavailable, "too many messages wait to be stored", 0};
  if (!started_) return done(Error{ErrorCode::kUnavailable, "the engine is closing", 0});
  if (free_.empty()) {
    if (waiting_.size() == limits::kIntakesPerLoopMax) return done(busy);
    free_.push_back(waiting_.size());
    waiting_.emplace_back();
  }
  const selector::LinkRoute* link = router_.find(message.token);
  if (link == nullptr) return done(Error{ErrorCode::kNotFound, "there is no such link", 0});
  if (message.body.size() > link->body_bytes_max) {
    return done(Error{ErrorCode::kTooLarge, "the body is larger than the webhook allows", 0});
  }
  store::Intake intake;
  intake.received_at = loop_.wall();
  intake.origin = origin_;
  intake.token = free_.back();
  const auto declared = fill(message, *link, intake);
  if (!declared) return done(declared.error());
  if (auto routed = router_.route(*link, *declared, intake); !routed)
    return done(std::move(routed).error());
  if (!intakes_.try_push(std::move(intake))) return done(busy);
  waiting_[free_.back()] = std::move(done);
  free_.pop_back();
}

// The message takes the form of a request and goes through the same parser, so that what the host
// hands in obeys the same rules as what comes from a socket.
Result<DeclaredBody> Submitter::fill(const Message& message, const selector::LinkRoute& link,
                                     store::Intake& intake) {
  std::string head = "POST /";
  if (!message.query.empty()) head += "?" + message.query;
  head += " HTTP/1.1\r\nHost: localhost\r\n";
  if (!message.content_type.empty()) head += "Content-Type: " + message.content_type + "\r\n";
  head += message.header_lines + "\r\n";

  store::Payload& payload = intake.payload;
  payload.buffer = pool_.acquire(head.size() + message.body.size());
  if (!payload.buffer) return Error{ErrorCode::kUnavailable, "no memory for another message", 0};
  char* base = payload.buffer.data();
  std::memcpy(base, head.data(), head.size());
  std::memcpy(base + head.size(), message.body.data(), message.body.size());

  parser_.reset(link.body_bytes_max);
  // What was handed in is exactly the query and the lines, and nothing of it ends them early.
  const core::RequestHead& parsed = parser_.head();
  const std::size_t target_size = message.query.empty() ? 1 : 2 + message.query.size();
  const bool whole =
      is_field_value(message.content_type) &&
      parser_.parse(base, head.size()) == core::RequestParser::Status::kHeadComplete &&
      parsed.lines.offset + parsed.lines.size + 2 == head.size() &&
      parsed.target.size == target_size;
  if (!whole)
    return Error{ErrorCode::kInvalidArgument,
                 "the header lines or the query are not those of a request", 0};
  intake.dedupe_key = router_.dedupe_key(link, find_dedupe_value(parsed, base));
  const DeclaredBody declared =
      declared_body(parsed.find(base, "content-type"), parsed.find(base, "content-encoding"),
                    message.body.size());
  payload.query = message.query.empty()
                      ? core::Range{}
                      : core::Range{7, static_cast<std::uint32_t>(message.query.size())};
  payload.headers = keep_forwarded_lines(parsed, base);
  payload.body = {static_cast<std::uint32_t>(head.size()),
                  static_cast<std::uint32_t>(message.body.size())};
  return declared;
}

void Submitter::on_answers(void* self) noexcept {
  auto& submitter = *static_cast<Submitter*>(self);
  for (;;) {
    const std::size_t count = submitter.answers_.drain(submitter.batch_);
    for (std::size_t i = 0; i < count; ++i) {
      const store::Answer& answer = submitter.batch_[i];
      Done done = std::exchange(submitter.waiting_[answer.token], nullptr);
      submitter.free_.push_back(answer.token);
      done(answer);
    }
    if (count < submitter.batch_.size()) return;
  }
}

}  // namespace headrace::ingest
