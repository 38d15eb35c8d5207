// SPDX-License-Identifier: Apache-2.0
#include "api/routes.h"

#include <openssl/crypto.h>

#include <charconv>
#include <utility>

#include "api/bodies.h"
#include "api/problem.h"

namespace headrace::api {

using core::Method;

namespace {

constexpr std::size_t kPageDefault = 100;
constexpr std::size_t kPageMax = 1000;

Reply not_found() { return problem(404, "not_found", "there is nothing at this path"); }

Reply wrong_method(std::string_view allow) {
  Reply reply = problem(405, "method_not_allowed", "this path does not take the method");
  reply.extra_lines = "Allow: " + std::string(allow) + "\r\n";
  return reply;
}

template <class T>
Reply created(const Result<T>& result) {
  if (!result) return problem(result.error());
  return {201, "application/json", to_json(*result), {}};
}

template <class T>
Reply listed(const Result<std::vector<T>>& result) {
  if (!result) return problem(result.error());
  return {200, "application/json", page(*result), {}};
}

Result<std::size_t> page_size(const Request& request) {
  const auto text = request.parameter("limit");
  if (!text) return kPageDefault;
  std::size_t size = 0;
  const auto parsed = std::from_chars(text->data(), text->data() + text->size(), size);
  const bool whole = parsed.ec == std::errc{} && parsed.ptr == text->data() + text->size();
  if (whole && size >= 1 && size <= kPageMax) return size;
  return Error{ErrorCode::kInvalidArgument, "limit must be between 1 and 1000", 0};
}

// An id given as a parameter; a zero one when it is absent.
template <class SomeId>
Result<SomeId> id_parameter(const Request& request, const std::string& name) {
  const auto text = request.parameter(name);
  if (!text) return SomeId{};
  auto id = SomeId::parse(*text);
  if (id) return id;
  return Error{ErrorCode::kInvalidArgument, "parameter '" + name + "': " + id.error().what, 0};
}

}  // namespace

Reply Routes::handle(const Request& request) const {
  if (request.path.empty()) return not_found();
  if (request.path[0] != "v1") return operational(request);
  if (!authorized(request)) {
    Reply reply = problem(401, "unauthorized", "the key is missing or wrong");
    reply.extra_lines = "WWW-Authenticate: Bearer\r\n";
    return reply;
  }
  const std::string collection = request.path.size() > 1 ? request.path[1] : "";
  if (collection == "apps") return apps(request);
  if (collection == "products") return products(request);
  if (collection == "messages") return messages(request);
  if (request.path.size() != 2) return not_found();
  if (collection != "endpoints" && collection != "deliveries" && collection != "attempts")
    return not_found();
  if (request.method != Method::kGet) return wrong_method("GET");
  if (collection == "endpoints") return {200, "application/json", page(engine_.endpoints()), {}};
  return collection == "deliveries" ? list_deliveries(request) : list_attempts(request);
}

// Takes the same time however much of the key is right.
bool Routes::authorized(const Request& request) const noexcept {
  constexpr std::string_view kScheme = "Bearer ";
  const std::string& given = request.authorization;
  if (given.size() != kScheme.size() + admin_key_.size() || !given.starts_with(kScheme))
    return false;
  return CRYPTO_memcmp(given.data() + kScheme.size(), admin_key_.data(), admin_key_.size()) == 0;
}

// What load balancers and Prometheus ask; without a key, and without anything secret.
Reply Routes::operational(const Request& request) const {
  if (request.path.size() != 1) return not_found();
  const std::string& name = request.path[0];
  if (name != "livez" && name != "readyz" && name != "metrics") return not_found();
  if (request.method != Method::kGet && request.method != Method::kHead)
    return wrong_method("GET, HEAD");
  if (name == "metrics") return {200, "text/plain; version=0.0.4", engine_.metrics(), {}};
  if (name == "livez" || engine_.ready())
    return {200, "application/json", R"({"status":"ok"})", {}};
  return problem(503, "unavailable", "messages are not taken");
}

Reply Routes::apps(const Request& request) const {
  if (request.path.size() != 4) return not_found();
  const std::string& app = request.path[2];
  const std::string& what = request.path[3];
  if (what != "webhooks" && what != "events") return not_found();
  if (request.method == Method::kGet) {
    if (what == "webhooks") return listed(engine_.webhooks(app));
    const auto webhook = request.parameter("webhook");
    if (!webhook) return problem(422, "invalid_argument", "parameter 'webhook' is missing");
    return listed(engine_.events(app, *webhook));
  }
  if (request.method != Method::kPost) return wrong_method("GET, POST");
  if (what == "webhooks") {
    auto spec = webhook_spec(request.body);
    return spec ? created(engine_.create_webhook(app, *spec)) : problem(spec.error());
  }
  auto spec = event_spec(request.body);
  return spec ? created(engine_.create_event(app, *spec)) : problem(spec.error());
}

Reply Routes::products(const Request& request) const {
  if (request.path.size() != 4 || request.path[3] != "links") return not_found();
  if (request.method != Method::kPost) return wrong_method("POST");
  auto spec = link_spec(request.body);
  if (!spec) return problem(spec.error());
  auto link = engine_.create_link(request.path[2], *spec);
  Reply reply = created(link);
  if (link && !link->created) reply.status = 200;
  return reply;
}

Reply Routes::messages(const Request& request) const {
  if (request.method != Method::kGet) return wrong_method("GET");
  if (request.path.size() == 2) return list_messages(request);
  if (request.path.size() != 3) return not_found();
  auto id = MessageId::parse(request.path[2]);
  if (!id) return problem(404, "not_found", "there is no such message");
  auto message = engine_.message(*id);
  if (!message) return problem(message.error());
  return {200, "application/json", to_json(*message), {}};
}

Reply Routes::list_messages(const Request& request) const {
  auto link = id_parameter<LinkId>(request, "link");
  auto before = id_parameter<MessageId>(request, "cursor");
  auto size = page_size(request);
  if (!link) return problem(link.error());
  if (!before) return problem(before.error());
  if (!size) return problem(size.error());
  if (!*link) return problem(422, "invalid_argument", "parameter 'link' is missing");
  auto messages = engine_.messages(*link, *before, *size);
  if (!messages) return problem(messages.error());
  const bool more = messages->size() == *size;
  return {
      200, "application/json", page(*messages, more ? messages->back().id.to_string() : ""), {}};
}

Reply Routes::list_deliveries(const Request& request) const {
  auto message = id_parameter<MessageId>(request, "message");
  if (!message) return problem(message.error());
  if (!*message) return problem(422, "invalid_argument", "parameter 'message' is missing");
  return listed(engine_.deliveries(*message));
}

Reply Routes::list_attempts(const Request& request) const {
  auto message = id_parameter<MessageId>(request, "message");
  auto endpoint = id_parameter<EndpointId>(request, "endpoint");
  auto before = id_parameter<MessageId>(request, "cursor");
  auto size = page_size(request);
  if (!message) return problem(message.error());
  if (!endpoint) return problem(endpoint.error());
  if (!before) return problem(before.error());
  if (!size) return problem(size.error());
  if (*message) return listed(engine_.attempts(*message, *endpoint));
  if (!*endpoint)
    return problem(422, "invalid_argument", "parameter 'message' or 'endpoint' is needed");
  auto attempts = engine_.endpoint_attempts(*endpoint, *before, *size);
  if (!attempts) return problem(attempts.error());
  const bool more = attempts->size() >= *size;
  return {200,
          "application/json",
          page(*attempts, more ? attempts->back().message.to_string() : ""),
          {}};
}

}  // namespace headrace::api
