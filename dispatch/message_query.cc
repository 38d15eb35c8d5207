// SPDX-License-Identifier: Apache-2.0
#include "dispatch/message_query.h"

#include <simdjson.h>

#include <algorithm>

#include "core/buffer.h"
#include "dispatch/percent.h"

namespace headrace::dispatch {

static_assert(core::BufferPool::kPadding >= simdjson::SIMDJSON_PADDING);

namespace {

// A form body or a query is taken over as it is, so nothing in it may end the request line.
bool is_safe_query(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c > ' ' && c < 0x7f && c != '#'; });
}

std::string_view trimmed(std::string_view text) noexcept {
  const std::size_t end = text.find_last_not_of(" \t\r\n");
  return end == std::string_view::npos ? std::string_view{} : text.substr(0, end + 1);
}

}  // namespace

struct MessageQuery::Parser {
  simdjson::ondemand::parser json;
};

MessageQuery::MessageQuery() : parser_(std::make_unique<Parser>()) {}
MessageQuery::~MessageQuery() = default;

std::string_view MessageQuery::of(const Endpoint& endpoint, const store::Payload& payload) {
  if (endpoint.settings.body) return {};
  const std::string_view body = payload.body.in(payload.buffer);
  const std::string_view own = payload.query.in(payload.buffer);
  if (body.empty()) return is_safe_query(own) ? own : std::string_view{};
  if (endpoint.sends_body) return {};
  text_.clear();
  const std::size_t first = body.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && body[first] == '{') {
    append_members(body);
    return text_;
  }
  return body.find('=') != std::string_view::npos && is_safe_query(body) ? body
                                                                         : std::string_view{};
}

// The document was validated when it was accepted; a fault here only ends the walk.
void MessageQuery::append_members(std::string_view body) {
  using simdjson::ondemand::json_type;
  const simdjson::padded_string_view padded{body.data(), body.size(),
                                            body.size() + simdjson::SIMDJSON_PADDING};
  simdjson::ondemand::document document;
  simdjson::ondemand::object object;
  if (parser_->json.iterate(padded).get(document) != simdjson::SUCCESS) return;
  if (document.get_object().get(object) != simdjson::SUCCESS) return;
  for (auto member : object) {
    std::string_view key;
    json_type type{};
    simdjson::ondemand::value value;
    if (member.unescaped_key().get(key) != simdjson::SUCCESS) return;
    if (member.value().get(value) != simdjson::SUCCESS) return;
    if (value.type().get(type) != simdjson::SUCCESS) return;
    if (type == json_type::object || type == json_type::array) continue;
    std::string_view text;
    if (type == json_type::string) {
      if (value.get_string().get(text) != simdjson::SUCCESS) return;
    } else if (type != json_type::null) {
      text = trimmed(value.raw_json_token());
    }
    if (!text_.empty()) text_ += '&';
    append_percent_encoded(text_, key);
    text_ += '=';
    append_percent_encoded(text_, text);
  }
}

}  // namespace headrace::dispatch
