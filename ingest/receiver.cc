// SPDX-License-Identifier: Apache-2.0
#include "ingest/receiver.h"

#include <algorithm>
#include <utility>

#include "core/check.h"
#include "core/limits.h"
#include "ingest/forwarded_headers.h"

namespace headrace::ingest {

namespace limits = core::limits;

namespace {

constexpr std::string_view kPrefix = "/in/";
constexpr std::string_view kRetryAfter = "Retry-After: 1\r\n";
constexpr std::size_t kAnswerBatch = 256;
constexpr std::size_t kThrownAwayBytesMax = 64 * limits::kKiB;
constexpr HeadDecision kOtherMethod{.refuse_status = 405,
                                    .refuse_reason = "a link takes POST and GET",
                                    .refuse_lines = "Allow: POST, GET\r\n"};

struct Target {
  std::string_view token;
  std::string_view query;
};

Target split_target(std::string_view target) noexcept {
  const std::size_t question = target.find('?');
  const std::string_view path = target.substr(0, question);
  return {path.starts_with(kPrefix) ? path.substr(kPrefix.size()) : std::string_view{},
          question == std::string_view::npos ? std::string_view{} : target.substr(question + 1)};
}

}  // namespace

Receiver::Receiver(core::Loop& loop, const Ports& ports)
    : loop_(loop),
      origin_(ports.origin),
      pool_(limits::kBufferBytesMaxDefault),
      router_(ports.routes, pool_, ports.dedupe_seed),
      guard_(ports.public_url),
      confirm_(ports.confirm),
      server_(loop, pool_, *this, ports.server),
      intakes_(ports.intakes),
      answers_(ports.answers),
      flush_(*this),
      batch_(kAnswerBatch) {}

Receiver::~Receiver() { HEADRACE_CHECK(!started_); }

Result<void> Receiver::start(BoundSocket socket) {
  answers_.open(loop_, &Receiver::on_answers, this);
  started_ = true;
  Result<void> listening = server_.listen(std::move(socket));
  // Behind the server's own: sending answers makes room in pipelines and so more intakes, which
  // the store must be told of before the loop sleeps.
  loop_.add_before_wait(&flush_);
  return listening;
}

void Receiver::drain(std::function<void()> done) {
  draining_ = true;
  drained_ = std::move(done);
  server_.drain();
}

void Receiver::end_of_iteration() noexcept {
  intakes_.notify();
  if (drained_ && unanswered_ == 0 && server_.drained())
    loop_.post(std::exchange(drained_, nullptr));
}

void Receiver::stop(std::function<void()> done) {
  if (!started_) {
    done();
    return;
  }
  server_.stop([this, done = std::move(done)] {
    answers_.close();
    loop_.remove_before_wait(&flush_);
    started_ = false;
    done();
  });
}

// Why a request to this link is not taken, if it is not.
HeadDecision Receiver::decide(const core::RequestHead& head, const Router::Route& route) noexcept {
  if (draining_) {
    return {.refuse_status = 503, .refuse_reason = "shutting down", .refuse_lines = kRetryAfter};
  }
  if (!route) return {.refuse_status = 404, .refuse_reason = "there is no such link"};
  // Some providers ask by OPTIONS; whether this one may is known when all of it is there.
  const bool asks = head.method == core::Method::kOptions && route.link->verifier != nullptr;
  if (head.method != core::Method::kPost && head.method != core::Method::kGet && !asks) {
    return kOtherMethod;
  }
  return {.body_bytes_max = route.webhook->body_bytes_max};
}

HeadDecision Receiver::on_head(const core::RequestHead& head, const char* base) noexcept {
  const HeadDecision decision =
      decide(head, router_.find(split_target(head.target.in(base)).token, loop_.wall()));
  // A small body is read and thrown away, so that a load balancer keeps its connection.
  const bool small =
      !head.chunked && !head.expect_continue && head.content_length <= kThrownAwayBytesMax;
  if (decision.refuse_status == 0 || !small) return decision;
  return {.body_bytes_max = kThrownAwayBytesMax};
}

void Receiver::on_request(const IncomingRequest& request, ResponseToken token) noexcept {
  const Target target = split_target(request.head.target.in(request.base));
  // Looked up again: the table may have been swapped since the head arrived.
  const Router::Route route = router_.find(target.token, loop_.wall());
  if (const HeadDecision decision = decide(request.head, route); decision.refuse_status != 0) {
    refuse(token, decision.refuse_status, decision.refuse_reason, decision.refuse_lines);
    return;
  }
  if (unanswered_ >= limits::kIntakesPerLoopMax) {
    refuse(token, 503, "too many messages wait to be stored", kRetryAfter);
    return;
  }
  const auto replay_id = verify(request, route, token);
  if (!replay_id) return;
  // Before anything is moved: an id is a view.
  take(request, route,
       router_.name_of(route, *replay_id, find_dedupe_value(request.head, request.base)), token);
}

// What names the message and was signed, or nothing of a link that takes anybody's. None: it was
// answered.
std::optional<verification::ReplayId> Receiver::verify(const IncomingRequest& request,
                                                       const Router::Route& route,
                                                       ResponseToken token) noexcept {
  const verification::Verifier* const verifier = route.link->verifier.get();
  if (verifier == nullptr) return verification::ReplayId();
  const std::string_view target = request.head.target.in(request.base);
  const verification::Received received{.method = request.head.method,
                                        .target = target,
                                        .query = split_target(target).query,
                                        .head = request.head,
                                        .base = request.base,
                                        .body = request.body.in(request.base),
                                        .now = loop_.wall()};
  if (const auto reply = guard_.challenge(*verifier, received)) {
    answer(token, *reply);
    return std::nullopt;
  }
  if (request.head.method == core::Method::kOptions) {
    refuse(token, kOtherMethod.refuse_status, kOtherMethod.refuse_reason,
           kOtherMethod.refuse_lines);
    return std::nullopt;
  }
  const verification::Judgement judgement = guard_.judge(*verifier, received);
  switch (judgement.verdict) {
    case verification::Verdict::kGenuine:
      return judgement.replay_id;
    case verification::Verdict::kReply:
      answer(token, judgement.reply);
      return std::nullopt;
    case verification::Verdict::kRefused:
      refuse(token, 401, judgement.reason);
      return std::nullopt;
  }
  return std::nullopt;
}

void Receiver::take(const IncomingRequest& request, const Router::Route& route,
                    const MessageName& name, ResponseToken token) noexcept {
  const Target target = split_target(request.head.target.in(request.base));
  store::Intake intake;
  const DeclaredBody declared =
      declared_body(request.head.find(request.base, "content-type"),
                    request.head.find(request.base, "content-encoding"), request.body.size);
  const core::Range lines = keep_forwarded_lines(request.head, request.base,
                                                 credential_header_of(route.link->verifier.get()));
  const auto offset_in_request = [&](std::string_view part) {
    return core::Range{part.empty() ? 0 : static_cast<std::uint32_t>(part.data() - request.base),
                       static_cast<std::uint32_t>(part.size())};
  };
  intake.payload.buffer = request.buffer;
  intake.payload.headers = request.in_buffer(lines);
  intake.payload.query = request.in_buffer(offset_in_request(target.query));
  intake.payload.body = request.in_buffer(request.body);
  intake.payload.method = request.head.method;
  intake.received_at = loop_.wall();
  intake.origin = origin_;
  intake.token = static_cast<std::uint64_t>(token);

  if (auto routed = router_.route(route, declared, name, intake); !routed) {
    const ErrorCode code = routed.error().code;
    const int status = code == ErrorCode::kMalformed  ? 400
                       : code == ErrorCode::kTooLarge ? 413
                                                      : 503;
    refuse(token, status, routed.error().what, status == 503 ? kRetryAfter : std::string_view{});
    return;
  }
  if (!intakes_.try_push(std::move(intake))) {
    refuse(token, 503, "too many messages wait to be stored", kRetryAfter);
    return;
  }
  ++unanswered_;
}

void Receiver::on_answers(void* self) noexcept {
  auto& receiver = *static_cast<Receiver*>(self);
  for (;;) {
    const std::size_t count = receiver.answers_.drain(receiver.batch_);
    for (std::size_t i = 0; i < count; ++i) receiver.answer(receiver.batch_[i]);
    if (count < receiver.batch_.size()) return;
  }
}

void Receiver::answer(const store::Answer& answer) noexcept {
  --unanswered_;
  const ResponseToken token{answer.token};
  switch (answer.acceptance) {
    case store::Acceptance::kStored:
    case store::Acceptance::kDuplicate: {
      counters_.accepted.add();
      constexpr std::string_view kBefore = R"({"id":")";
      constexpr std::string_view kAfter = R"("})";
      char body[kBefore.size() + MessageId::kTextSize + kAfter.size()];
      kBefore.copy(body, kBefore.size());
      answer.id.format(body + kBefore.size());
      kAfter.copy(body + kBefore.size() + MessageId::kTextSize, kAfter.size());
      server_.respond(
          token,
          {.content_type = "application/json", .body = {body, sizeof(body)}, .extra_lines = {}});
      return;
    }
    case store::Acceptance::kFull:
      refuse(token, 503, "the disk is full", kRetryAfter);
      return;
    case store::Acceptance::kUnavailable:
      refuse(token, 503, "the store does not take messages", kRetryAfter);
      return;
  }
}

void Receiver::answer(ResponseToken token, const verification::Reply& reply) noexcept {
  if (!reply.confirm_url.empty() && confirm_) confirm_(reply.confirm_url);
  server_.respond(token, {.status = reply.status,
                          .content_type = reply.content_type,
                          .body = reply.body,
                          .extra_lines = reply.extra_lines});
}

void Receiver::refuse(ResponseToken token, int status, std::string_view detail,
                      std::string_view lines) noexcept {
  if (status == 404) counters_.unknown_link.add();
  if (status == 503) counters_.unavailable.add();
  const std::string body = problem_document(status, detail);
  server_.respond(token, {.status = status,
                          .content_type = "application/problem+json",
                          .body = body,
                          .extra_lines = lines});
}

}  // namespace headrace::ingest
