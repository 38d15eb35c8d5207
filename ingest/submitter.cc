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

Error no_memory() { return Error{ErrorCode::kUnavailable, "no memory for another message", 0}; }

}  // namespace

Submitter::Submitter(core::Loop& loop, const Receiver::Ports& ports)
    : loop_(loop),
      origin_(ports.origin),
      pool_(limits::kBufferBytesMaxDefault),
      router_(ports.routes, pool_, ports.dedupe_seed),
      guard_(ports.public_url),
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

void Submitter::submit(Message message, Done done) { post(std::move(message), std::move(done)); }

void Submitter::submit(Direct direct, Done done) { post(std::move(direct), std::move(done)); }

template <class Submission>
void Submitter::post(Submission submission, Done done) {
  auto shared = std::make_shared<Submission>(std::move(submission));
  loop_.post([this, shared = std::move(shared), done = std::move(done)]() mutable {
    take(*shared, std::move(done));
  });
}

template <class Submission>
void Submitter::take(const Submission& submission, Done done) {
  const Error busy{ErrorCode::kUnavailable, "too many messages wait to be stored", 0};
  if (!started_) return done(Error{ErrorCode::kUnavailable, "the engine is closing", 0});
  if (free_.empty()) {
    if (waiting_.size() == limits::kIntakesPerLoopMax) return done(busy);
    free_.push_back(waiting_.size());
    waiting_.emplace_back();
  }
  store::Intake intake;
  intake.received_at = loop_.wall();
  intake.origin = origin_;
  intake.token = free_.back();
  if (auto filled = fill(submission, intake); !filled) return done(std::move(filled).error());
  if (!intakes_.try_push(std::move(intake))) return done(busy);
  waiting_[free_.back()] = std::move(done);
  free_.pop_back();
}

Result<void> Submitter::fill(const Message& message, store::Intake& intake) {
  const Router::Route route = router_.find(message.token, intake.received_at);
  if (!route) return Error{ErrorCode::kNotFound, "there is no such link", 0};
  const std::size_t body_bytes_max = route.webhook->body_bytes_max;
  if (message.body.size() > body_bytes_max)
    return Error{ErrorCode::kTooLarge, "the body is larger than the webhook allows", 0};
  store::Payload& payload = intake.payload;
  auto laid_out = lay_out({message.body, message.content_type, message.query, message.header_lines},
                          body_bytes_max, payload);
  if (!laid_out) return std::move(laid_out).error();
  const core::RequestHead& head = **laid_out;
  char* base = payload.buffer.data();
  intake.is_test = message.is_test;
  intake.event = message.pinned;
  const auto replay_id = verify(message, route, head, base, intake.received_at);
  if (!replay_id) return replay_id.error();
  const MessageName name = router_.name_of(route, *replay_id, find_dedupe_value(head, base));
  const DeclaredBody declared = declared_body(
      head.find(base, "content-type"), head.find(base, "content-encoding"), message.body.size());
  payload.headers =
      keep_forwarded_lines(head, base, credential_header_of(route.link->verifier.get()));
  return router_.route(route, declared, name, intake);
}

// As the receiver does it, of a POST to the link. A question has nobody to be answered.
Result<verification::ReplayId> Submitter::verify(const Message& message, const Router::Route& route,
                                                 const core::RequestHead& head, const char* base,
                                                 core::WallMs now) {
  const verification::Verifier* const verifier = route.link->verifier.get();
  if (verifier == nullptr || message.is_test) return verification::ReplayId();
  std::string target = "/in/" + message.token;
  if (!message.query.empty()) target.append("?").append(message.query);
  const auto judgement = guard_.judge(*verifier, {.method = core::Method::kPost,
                                                  .target = target,
                                                  .query = message.query,
                                                  .head = head,
                                                  .base = base,
                                                  .body = message.body,
                                                  .now = now});
  if (judgement.verdict == verification::Verdict::kGenuine) return judgement.replay_id;
  if (judgement.verdict == verification::Verdict::kRefused)
    return Error{ErrorCode::kUnauthorized, judgement.reason, 0};
  return Error{ErrorCode::kInvalidArgument, "it is a question of the provider, and no message", 0};
}

Result<void> Submitter::fill(const Direct& direct, store::Intake& intake) {
  if (direct.targets.empty())
    return Error{ErrorCode::kInvalidArgument, "a message needs a receiver", 0};
  if (direct.targets.size() > limits::kTargetsPerMessageMax)
    return Error{ErrorCode::kTooLarge, "a message has too many receivers", 0};
  if (direct.body.size() > limits::kBodyBytesMax)
    return Error{ErrorCode::kTooLarge, "the body is larger than any may be", 0};
  store::Payload& payload = intake.payload;
  auto laid_out = lay_out({direct.body, direct.content_type, direct.query, direct.header_lines},
                          limits::kBodyBytesMax, payload);
  if (!laid_out) return std::move(laid_out).error();
  payload.headers = keep_forwarded_lines(**laid_out, payload.buffer.data());
  intake.link = direct.link;
  intake.event = direct.event;
  intake.status = store::MessageStatus::kRouted;
  intake.is_test = direct.is_test;
  std::vector<core::EndpointNumber> targets = direct.targets;
  std::sort(targets.begin(), targets.end());
  targets.erase(std::unique(targets.begin(), targets.end()), targets.end());
  core::BufferRef spill;
  if (targets.size() > store::Targets::kInPlace) {
    spill = pool_.acquire(targets.size() * sizeof(core::EndpointNumber));
    if (!spill) return no_memory();
  }
  intake.targets = store::Targets::of(targets, std::move(spill));
  return {};
}

// The submission takes the form of a request and goes through the same parser, so that what the
// host hands in obeys the same rules as what comes from a socket. Sets buffer, query and body.
Result<const core::RequestHead*> Submitter::lay_out(const Parts& parts, std::size_t body_bytes_max,
                                                    store::Payload& payload) {
  std::string head = "POST /";
  if (!parts.query.empty()) head.append("?").append(parts.query);
  head += " HTTP/1.1\r\nHost: localhost\r\n";
  if (!parts.content_type.empty())
    head.append("Content-Type: ").append(parts.content_type).append("\r\n");
  head.append(parts.header_lines).append("\r\n");

  payload.buffer = pool_.acquire(head.size() + parts.body.size());
  if (!payload.buffer) return no_memory();
  char* base = payload.buffer.data();
  std::memcpy(base, head.data(), head.size());
  if (!parts.body.empty()) std::memcpy(base + head.size(), parts.body.data(), parts.body.size());

  parser_.reset(body_bytes_max);
  // What was handed in is exactly the query and the lines, and nothing of it ends them early.
  const core::RequestHead& parsed = parser_.head();
  const std::size_t target_size = parts.query.empty() ? 1 : 2 + parts.query.size();
  const bool whole =
      is_field_value(parts.content_type) &&
      parser_.parse(base, head.size()) == core::RequestParser::Status::kHeadComplete &&
      parsed.lines.offset + parsed.lines.size + 2 == head.size() &&
      parsed.target.size == target_size;
  if (!whole)
    return Error{ErrorCode::kInvalidArgument,
                 "the header lines or the query are not those of a request", 0};
  if (!parts.query.empty()) payload.query = {7, static_cast<std::uint32_t>(parts.query.size())};
  payload.body = {static_cast<std::uint32_t>(head.size()),
                  static_cast<std::uint32_t>(parts.body.size())};
  return &parsed;
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
