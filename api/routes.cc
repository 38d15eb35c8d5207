// SPDX-License-Identifier: Apache-2.0
#include "api/routes.h"

#include <openssl/sha.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "api/openapi.h"
#include "api/query_check.h"
#include "core/http_grammar.h"

namespace headrace::api {

using core::Method;

namespace {

constexpr std::size_t kIdempotencyKeyBytesMax = 256;

Reply wrong_method(const std::string& allowed) {
  Reply reply = problem(405, "method_not_allowed", "this path does not take the method");
  reply.extra_lines = "Allow: " + allowed + "\r\n";
  return reply;
}

// application/json, or any type that says it is JSON (RFC 6838, 4.2.8); parameters are not looked
// at.
bool is_json_type(std::string_view type) noexcept {
  type = core::http::trim(type.substr(0, type.find(';')));
  if (core::http::equals_lower(type, "application/json")) return true;
  constexpr std::string_view kSuffix = "+json";
  return type.size() > kSuffix.size() &&
         core::http::equals_lower(type.substr(type.size() - kSuffix.size()), kSuffix);
}

bool is_idempotency_key(std::string_view key) noexcept {
  const auto is_visible = [](char c) { return c > ' ' && c < '\x7f'; };
  return !key.empty() && key.size() <= kIdempotencyKeyBytesMax &&
         std::all_of(key.begin(), key.end(), is_visible);
}

std::string etag_of(std::uint64_t revision) {
  std::string etag(1, '"');
  return etag.append(std::to_string(revision)).append("\"");
}

// If-None-Match compares weakly (RFC 9110, 13.1.2), so a W/ before a tag does not matter.
bool names_etag(std::string_view list, std::string_view etag) noexcept {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    std::string_view one = core::http::trim(list.substr(0, comma));
    if (one.starts_with("W/")) one.remove_prefix(2);
    if (one == "*" || one == etag) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

Reply locked_out(std::chrono::milliseconds wait) {
  Reply reply =
      problem(429, "too_many_failures", "too many keys were wrong; this one was not looked at");
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait);
  reply.extra_lines = "Retry-After: " + std::to_string(seconds.count()) + "\r\n";
  return reply;
}

Actor actor_of(const Request& request, const Grant& grant) {
  return {.kind = grant.is_operator ? ActorKind::kOperator : ActorKind::kKey,
          .key = grant.key,
          .address = request.client() ? request.peer.to_string() : std::string(),
          .request_id = request.request_id};
}

// Writes the problem out, and says which revision is shown.
void complete(const Request& request, Reply& reply) {
  if (reply.problem) {
    reply.body = problem_document(*reply.problem, request.plain_path(), request.request_id);
    reply.problem.reset();
  }
  if (!reply.revision) return;
  const std::string etag = etag_of(*std::exchange(reply.revision, std::nullopt));
  reply.extra_lines += "ETag: " + etag + "\r\n";
  const bool is_read = request.method == Method::kGet || request.method == Method::kHead;
  if (!is_read || !request.if_none_match || !names_etag(*request.if_none_match, etag)) return;
  reply.status = 304;
  reply.content_type.clear();
  reply.body.clear();
}

}  // namespace

Routes::Routes(Engine& engine, std::string root_key, const core::Clock& clock, core::LogSink* log,
               const ThrottleOptions& throttle)
    : guard_(clock, log, throttle),
      authorizer_(engine, std::move(root_key), guard_),
      idempotency_(clock),
      openapi_(openapi_document()),
      services_{engine, openapi_, metrics_, waits_} {
  guard_.register_metrics(metrics_);
}

Reply Routes::handle(const Request& request) { return refuse(request, find(request)); }

Reply Routes::refuse(const Request& request, Reply reply) {
  complete(request, reply);
  reply.extra_lines += "X-Request-Id: " + request.request_id + "\r\n";
  return reply;
}

// What load balancers ask. Neither route looks at more than atomics.
bool Routes::never_waits(const Request& request) {
  const std::string_view path = request.plain_path();
  return path == "/livez" || path == "/readyz";
}

Reply Routes::find(const Request& request) {
  if (!request.has_valid_target)
    return problem(400, "malformed", "the path or query has a wrong percent escape");
  const RouteMatch match = find_route(request.method, request.path);
  if (!request.path.empty() && request.path[0] == "v1") return authorized(request, match);
  if (match.route != nullptr) return checked(request, match, {});
  if (!match.allowed.empty()) return wrong_method(match.allowed);
  return problem(404, "not_found", "there is nothing at this path");
}

// Nobody without a key learns which paths there are.
Reply Routes::authorized(const Request& request, const RouteMatch& match) {
  std::chrono::milliseconds wait{0};
  auto grant = authorizer_.identify(request, wait);
  if (wait.count() != 0) return locked_out(wait);
  if (!grant) return problem(grant.error());
  if (match.route == nullptr) {
    if (!match.allowed.empty()) return wrong_method(match.allowed);
    return problem(404, "not_found", "there is nothing at this path");
  }
  if (auto allowed = Authorizer::check(*grant, match.route->access); !allowed)
    return problem(allowed.error());
  const Actor actor = actor_of(request, *grant);
  const ActingAs acting(actor);
  return checked(request, match, *grant);
}

Reply Routes::checked(const Request& request, const RouteMatch& match, const Grant& grant) {
  const Route& route = *match.route;
  Call call{services_, route, request, match.values, grant, std::nullopt, {}};
  if (request.body.size() > kBodyBytesMax)
    return problem(413, "too_large", "a body may have 4 MiB");
  const bool has_body = !route.body.empty() && !request.body.empty();
  if (has_body && request.content_type && !is_json_type(*request.content_type))
    return problem(415, "unsupported_media_type", "a body must be application/json");
  if (route.access == Access::kNone) return run(call);
  if (auto faults = check_query(route, request); !faults.empty())
    return invalid("the query has parameters that are wrong", std::move(faults));
  if (is_of_workspace(route)) {
    auto workspace = services_.engine.workspace(grant.workspace);
    if (!workspace) return problem(workspace.error());
    call.workspace = std::move(*workspace);
  }
  const bool may_repeat = route.method == Method::kPost && request.idempotency_key.has_value();
  return may_repeat ? once(call) : run(call);
}

Reply Routes::once(Call& call) {
  if (!is_idempotency_key(*call.request.idempotency_key))
    return problem(422, "invalid_argument", "an Idempotency-Key is 1 to 256 visible characters");
  const auto workspace = services_.engine.workspace_info(call.grant.workspace);
  const std::string key = idempotency_key(call.grant, workspace ? workspace->created_at : UnixMs{0},
                                          *call.request.idempotency_key);
  Idempotency::Answer known = idempotency_.begin(key, idempotency_digest(call.request));
  switch (known.verdict) {
    case Idempotency::Verdict::kReplay:
      known.reply.extra_lines += "Idempotency-Replayed: true\r\n";
      return std::move(known.reply);
    case Idempotency::Verdict::kMismatch:
      return problem(422, "idempotency_mismatch", "the key was used for another request");
    case Idempotency::Verdict::kRunning:
      return problem(409, "idempotency_in_progress", "the first request is not answered yet");
    case Idempotency::Verdict::kWithheld:
      return problem(409, "idempotency_replayed",
                     "it was done, and what it answered is not shown again");
    case Idempotency::Verdict::kRun:
      break;
  }
  Reply reply = run(call);
  complete(call.request, reply);
  idempotency_.finish(key, reply, call.route.answer_is_secret);
  return reply;
}

Reply Routes::run(Call& call) {
  const Route& route = call.route;
  if (route.body.empty() || (route.body_is_optional && call.request.body.empty()))
    return route.handler(call);
  auto body = JsonBody::parse(call.request.body);
  if (!body) {
    Reply reply = problem(body.error());
    reply.status = reply.problem->status = 400;
    return reply;
  }
  call.body = std::move(*body);
  if (auto faults = validator_.check(route.body, call.body.json()); !faults.empty())
    return refused(std::move(faults));
  return route.handler(call);
}

// A workspace's tag has no line feed, and neither has an id. One that is made anew is another one.
std::string idempotency_key(const Grant& grant, UnixMs workspace_made_at, std::string_view key) {
  const std::string owner = grant.is_operator ? "operator" : grant.key.to_string();
  return grant.workspace + '\n' + std::to_string(workspace_made_at) + '\n' + owner + '\n' +
         std::string(key);
}

std::string idempotency_digest(const Request& request) {
  std::string text(core::to_string(request.method));
  text.append("\n").append(request.target).append("\n").append(request.body);
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

}  // namespace headrace::api
