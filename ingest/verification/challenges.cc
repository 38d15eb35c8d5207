// SPDX-License-Identifier: Apache-2.0
#include "ingest/verification/challenges.h"

#include <algorithm>

#include "core/encoding.h"
#include "core/http_grammar.h"
#include "ingest/verification/body_json.h"
#include "ingest/verification/described_scheme.h"
#include "ingest/verification/received_parts.h"

namespace headrace::verification {
namespace {

constexpr const char* kNoSniff = "X-Content-Type-Options: nosniff\r\n";

bool one_line(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), core::http::is_value_char);
}

std::string json_quoted(std::string_view text) {
  return Json(text).dump(-1, ' ', true, Json::error_handler_t::replace);
}

// Whether the body is worth a look, which almost none is.
bool may_ask(std::string_view body, std::string_view word) noexcept {
  return body.size() <= kChallengeBodyBytesMax && body.find(word) != std::string_view::npos;
}

// What X sends is no longer than this, and of these characters. What is signed for anybody who asks
// must not be what a message could be.
constexpr std::size_t kCrcTokenBytesMax = 128;
bool is_crc_token(std::string_view token) noexcept {
  return !token.empty() && token.size() <= kCrcTokenBytesMax &&
         std::all_of(token.begin(), token.end(), [](char c) {
           const char lower = core::http::to_lower(c);
           return (lower >= 'a' && lower <= 'z') || core::http::is_digit(c) ||
                  std::string_view("+/-_=.").find(c) != std::string_view::npos;
         });
}

}  // namespace

std::optional<Reply> echo_text(std::string_view text) {
  if (text.empty() || text.size() > kEchoBytesMax || !one_line(text)) return std::nullopt;
  Reply reply;
  reply.content_type = "text/plain";
  reply.body = text;
  reply.extra_lines = kNoSniff;
  return reply;
}

Reply json_reply(std::string body) {
  Reply reply;
  reply.content_type = "application/json";
  reply.body = std::move(body);
  reply.extra_lines = kNoSniff;
  return reply;
}

// Zoom, "Validate your webhook endpoint".
std::optional<Reply> answer_zoom(const Received& received, const core::HmacKey& key) {
  if (!may_ask(received.body, "endpoint.url_validation")) return std::nullopt;
  const BodyJson body(received.body);
  if (!body.root() || text_of(*body.root(), "event") != "endpoint.url_validation")
    return std::nullopt;
  const auto payload = object_of(*body.root(), "payload");
  const auto token = payload ? text_of(*payload, "plainToken") : std::nullopt;
  if (!token || token->empty() || token->size() > kEchoBytesMax || !one_line(*token))
    return std::nullopt;
  return json_reply(R"({"plainToken":)" + json_quoted(*token) + R"(,"encryptedToken":")" +
                    core::to_hex(key.sign(*token).view()) + R"("})");
}

// Slack, "url_verification event".
std::optional<Reply> answer_slack(const Received& received) {
  if (!may_ask(received.body, "url_verification")) return std::nullopt;
  const BodyJson body(received.body);
  if (!body.root() || text_of(*body.root(), "type") != "url_verification") return std::nullopt;
  const auto challenge = text_of(*body.root(), "challenge");
  return challenge ? echo_text(*challenge) : std::nullopt;
}

// Twitch, "Responding to a challenge request".
std::optional<Reply> answer_twitch(const Received& received) {
  const HeaderValue type = header_of(received, "twitch-eventsub-message-type");
  if (type.value != "webhook_callback_verification" ||
      received.body.size() > kChallengeBodyBytesMax)
    return std::nullopt;
  const BodyJson body(received.body);
  const auto challenge = body.root() ? text_of(*body.root(), "challenge") : std::nullopt;
  return challenge ? echo_text(*challenge) : std::nullopt;
}

// Discord, "Interactions": a PING has type 1 and is answered with a PONG, which has too.
std::optional<Reply> answer_discord(const Received& received) {
  if (!may_ask(received.body, "\"type\"")) return std::nullopt;
  const BodyJson body(received.body);
  if (!body.root()) return std::nullopt;
  const Member type = member_of(*body.root(), "type");
  std::int64_t number = 0;
  if (!type.one() || type.value.get_int64().get(number) || number != 1) return std::nullopt;
  return json_reply(R"({"type":1})");
}

// Meta, "Verification requests".
std::optional<Reply> answer_hub(const Received& received, const core::Digest& verify_token) {
  if (received.method != core::Method::kGet) return std::nullopt;
  if (query_parameter(received.query, "hub.mode") != "subscribe") return std::nullopt;
  const auto token = query_parameter(received.query, "hub.verify_token");
  const auto challenge = query_parameter(received.query, "hub.challenge");
  if (!token || !challenge || !equal_digests(token_digest(*token), verify_token))
    return std::nullopt;
  return echo_text(*challenge);
}

// X, "Challenge-Response Checks".
std::optional<Reply> answer_crc(const Received& received, const core::HmacKey& key,
                                std::string_view prefix) {
  if (received.method != core::Method::kGet) return std::nullopt;
  const auto token = query_parameter(received.query, "crc_token");
  if (!token || !is_crc_token(*token)) return std::nullopt;
  return json_reply(R"({"response_token":)" +
                    json_quoted(std::string(prefix) + core::to_base64(key.sign(*token).view())) +
                    "}");
}

// Okta, "One-time verification request".
std::optional<Reply> answer_okta(const Received& received) {
  if (received.method != core::Method::kGet) return std::nullopt;
  const HeaderValue asked = header_of(received, "x-okta-verification-challenge");
  if (asked.missing() || asked.value.size() > kEchoBytesMax) return std::nullopt;
  return json_reply(R"({"verification":)" + json_quoted(asked.value) + "}");
}

// Microsoft Graph, "Notification endpoint validation".
std::optional<Reply> answer_validation_token(const Received& received) {
  if (received.method != core::Method::kGet && received.method != core::Method::kPost)
    return std::nullopt;
  const auto token = query_parameter(received.query, "validationToken");
  return token ? echo_text(*token) : std::nullopt;
}

std::optional<CloudEventsOrigins> read_cloudevents(Settings& settings) {
  const Json* object = settings.object("cloudevents");
  if (object == nullptr) return std::nullopt;
  Settings inner(settings.document(), *object, settings.pointer_of("cloudevents"));
  CloudEventsOrigins made;
  made.origins = inner.texts("origins");
  if (made.origins.empty()) inner.fail("origins", R"(must have a host's name, or "*")");
  for (const std::string& origin : made.origins)
    if (origin != "*" && !core::http::is_host(origin))
      inner.fail("origins", R"(must have hosts' names, or "*")");
  made.rate = inner.number("rate", 1'000'000'000);
  inner.done();
  return made;
}

std::optional<Reply> answer_cloudevents(const Received& received,
                                        const CloudEventsOrigins& allowed) {
  if (received.method != core::Method::kOptions) return std::nullopt;
  const HeaderValue origin = header_of(received, "webhook-request-origin");
  if (origin.missing()) return std::nullopt;
  const auto match =
      std::find_if(allowed.origins.begin(), allowed.origins.end(),
                   [&](const std::string& one) { return one == "*" || one == origin.value; });
  if (match == allowed.origins.end()) return std::nullopt;
  Reply reply;
  // Written as it is configured: nothing of the peer's comes into a header.
  reply.extra_lines = "Allow: POST\r\nWebHook-Allowed-Origin: " + *match +
                      "\r\nWebHook-Allowed-Rate: " +
                      (allowed.rate ? std::to_string(*allowed.rate) : std::string("*")) + "\r\n";
  return reply;
}

}  // namespace headrace::verification
