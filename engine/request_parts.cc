// SPDX-License-Identifier: Apache-2.0
#include "engine/request_parts.h"

#include <simdjson.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/http_grammar.h"
#include "core/limits.h"
#include "dispatch/percent.h"
#include "engine/faults.h"
#include "engine/secrets.h"

namespace headrace::engine {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kLink = "$Link";
constexpr const char* kHiddenGiven =
    "[hidden] stands for a credential that is not shown: give the credential, or leave auth out";

std::string pointer_to(const std::string& pointer, std::string_view member) {
  std::string result = pointer + "/";
  for (const char c : member) {
    if (c == '~') {
      result += "~0";
    } else if (c == '/') {
      result += "~1";
    } else {
      result += c;
    }
  }
  return result;
}

Result<Json> parse_parts(std::string_view json, const std::string& pointer) {
  if (json.size() > core::limits::kPartsBytesMax)
    return invalid(pointer, "the parts of a request have at most 64 KiB");
  Json parts = Json::parse(json, nullptr, false);
  if (!parts.is_object())
    return invalid(pointer, "must be an object with headers, query, body and params");
  for (const auto& [name, part] : parts.items()) {
    if (name != "headers" && name != "query" && name != "body" && name != "params")
      return invalid(pointer_to(pointer, name), "only headers, query, body and params belong here");
    if (name != "body" && !part.is_object())
      return invalid(pointer_to(pointer, name), "must be an object");
    if (name == "body" && !part.is_object() && !part.is_array())
      return invalid(pointer_to(pointer, name), "must be an object or an array");
  }
  return parts;
}

std::string scalar_text(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

Result<Fields> parse_fields(const Json& parts, const char* name, const std::string& pointer) {
  Fields fields;
  const auto it = parts.find(name);
  if (it == parts.end()) return fields;
  for (const auto& [field, value] : it->items()) {
    const std::string here = pointer_to(pointer_to(pointer, name), field);
    if (value.is_structured()) return invalid(here, "must be a text, number or boolean");
    std::string text = value.is_null() ? std::string() : scalar_text(value);
    if (text.find(kHidden) != std::string::npos) return invalid(here, kHiddenGiven);
    if (auto names = secret_names(text); !names) return invalid(here, names.error().what);
    fields.emplace_back(field, std::move(text));
  }
  return fields;
}

// An object or array as it is written. What stands between it and the next comma is cut off.
std::string_view raw_text(simdjson::ondemand::value value) {
  std::string_view raw;
  if (simdjson::ondemand::object object; !value.get_object().get(object)) {
    if (object.raw_json().get(raw)) return {};
  } else if (simdjson::ondemand::array array; !value.get_array().get(array)) {
    if (array.raw_json().get(raw)) return {};
  }
  return raw.substr(0, raw.find_last_of("]}") + 1);
}

// The body's text to the letter: a number in it may be longer than any machine type. As in the
// parsed document its name may be written with escapes, and of two the last counts.
std::string raw_body(std::string_view json) {
  const simdjson::padded_string padded(json);
  simdjson::ondemand::parser parser;
  simdjson::ondemand::document document;
  simdjson::ondemand::object parts;
  if (parser.iterate(padded).get(document) || document.get_object().get(parts)) return {};
  std::string_view body;
  for (auto field : parts) {
    std::string_view name;
    if (field.unescaped_key().get(name)) return {};
    const bool is_body = name == "body";
    simdjson::ondemand::value part;
    if (field.value().get(part)) return {};
    const std::string_view text = raw_text(part);
    if (is_body) body = text;
  }
  return std::string(body);
}

const Json* find_member(const Json& object, const std::string& name, bool any_case) {
  for (const auto& [key, value] : object.items()) {
    const bool same = any_case
                          ? std::equal(key.begin(), key.end(), name.begin(), name.end(),
                                       [](char a, char b) {
                                         return core::http::to_lower(a) == core::http::to_lower(b);
                                       })
                          : key == name;
    if (same) return &value;
  }
  return nullptr;
}

bool same_type(const Json& a, const Json& b) noexcept {
  return a.type() == b.type() || (a.is_number() && b.is_number());
}

void compare(const Json& sample, const Json& auth, const std::string& pointer, bool any_case,
             std::vector<ErrorItem>& faults) {
  for (const auto& [name, wanted] : sample.items()) {
    const std::string here = pointer_to(pointer, name);
    const Json* given = auth.is_object() ? find_member(auth, name, any_case) : nullptr;
    if (given == nullptr) {
      faults.push_back({here, "is missing: the webhook's sample has it"});
    } else if (!wanted.is_null() && !same_type(wanted, *given)) {
      faults.push_back(
          {here, std::string("must be ") + wanted.type_name() + ", as in the webhook's sample"});
    } else if (wanted.is_object()) {
      compare(wanted, *given, here, false, faults);
    }
  }
}

bool is_name_char(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

// Calls `plain` and `name` with what the URL is made of, in order.
template <class Plain, class Name>
void walk_url(std::string_view url, const Plain& plain, const Name& name) {
  const std::size_t scheme = url.find("://");
  const std::size_t path =
      url.find('/', scheme == std::string_view::npos ? 0 : scheme + 3);  // ":8080" is a port
  std::size_t done = 0;
  std::size_t at = 0;
  while (at < url.size()) {
    const bool braced = url[at] == '{' && (at == 0 || url[at - 1] != '$') &&
                        !url.substr(0, at).ends_with("$Secret");
    const bool segment = url[at] == ':' && at > path && url[at - 1] == '/';
    std::size_t end = at + 1;
    if (braced || segment) {
      while (end < url.size() && is_name_char(url[end])) ++end;
    }
    const bool closed = braced ? end < url.size() && url[end] == '}'
                               : end == url.size() || url[end] == '/' || url[end] == '?';
    if ((braced || segment) && closed && end > at + 1) {
      plain(url.substr(done, at - done));
      name(url.substr(at + 1, end - at - 1), url.substr(at, end - at + (braced ? 1 : 0)));
      done = at = end + (braced ? 1 : 0);
    } else {
      ++at;
    }
  }
  plain(url.substr(done));
}

void replace_all(std::string& text, std::string_view from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

bool any_mentions(const Fields& fields) {
  return std::any_of(fields.begin(), fields.end(), [](const auto& field) {
    return field.second.find(kLink) != std::string::npos;
  });
}

void hide(Json& value) {
  if (value.is_structured()) {
    for (Json& member : value) hide(member);
  } else {
    value = hide_credentials(value.is_string() ? value.get<std::string>() : value.dump());
  }
}

}  // namespace

Result<RequestParts> parse_request_parts(std::string_view json, const std::string& pointer) {
  RequestParts result;
  if (json.empty()) return result;
  auto parts = parse_parts(json, pointer);
  if (!parts) return std::move(parts).error();
  for (const auto& [name, to] :
       {std::pair{"headers", &result.headers}, std::pair{"query", &result.query},
        std::pair{"params", &result.params}}) {
    auto fields = parse_fields(*parts, name, pointer);
    if (!fields) return std::move(fields).error();
    *to = std::move(*fields);
  }
  if (const auto body = parts->find("body"); body != parts->end() && !body->empty()) {
    result.body = raw_body(json);
    if (result.body.empty()) return invalid(pointer + "/body", "cannot be read");
    if (result.body.find(kHidden) != std::string::npos)
      return invalid(pointer + "/body", kHiddenGiven);
    if (auto names = secret_names(result.body); !names)
      return invalid(pointer + "/body", names.error().what);
  }
  return result;
}

Result<void> check_structure(std::string_view sample, std::string_view auth,
                             const std::string& pointer) {
  if (sample.empty()) return {};
  const Json wanted = Json::parse(sample, nullptr, false);
  const Json given = auth.empty() ? Json::object() : Json::parse(auth, nullptr, false);
  Error error{ErrorCode::kInvalidArgument, "auth does not have what the webhook's sample shows", 0};
  for (const auto& [name, part] : wanted.items()) {
    if (part.empty()) continue;
    const auto it = given.find(name);
    const std::string here = pointer_to(pointer, name);
    if (part.is_array() && (it == given.end() || !it->is_array())) {
      error.items.push_back({here, "must be array, as in the webhook's sample"});
    } else if (part.is_object()) {
      compare(part, it == given.end() ? Json::object() : *it, here, name == "headers", error.items);
    }
  }
  if (error.items.empty()) return {};
  return error;
}

std::vector<std::string> placeholders(std::string_view url) {
  std::vector<std::string> names;
  walk_url(
      url, [](std::string_view) {},
      [&](std::string_view name, std::string_view) { names.emplace_back(name); });
  return names;
}

std::string fill_placeholders(std::string_view url, const Fields& params) {
  std::string result;
  walk_url(
      url, [&](std::string_view plain) { result += plain; },
      [&](std::string_view name, std::string_view whole) {
        const auto it = std::find_if(params.begin(), params.end(),
                                     [name](const auto& param) { return param.first == name; });
        if (it == params.end()) {
          result += whole;
        } else if (it->second.find("$Secret{") != std::string::npos) {
          result += it->second;  // encoded when it is resolved
        } else {
          dispatch::append_percent_encoded(result, it->second);
        }
      });
  return result;
}

bool mentions_link(const RequestParts& parts) {
  return any_mentions(parts.headers) || any_mentions(parts.query) || any_mentions(parts.params) ||
         parts.body.find(kLink) != std::string::npos;
}

Result<void> put_link_into(RequestParts& parts, const std::string& link, bool sends_body,
                           const std::string& pointer) {
  if (mentions_link(parts)) {
    for (Fields* fields : {&parts.headers, &parts.query, &parts.params}) {
      for (auto& [name, value] : *fields) replace_all(value, kLink, link);
    }
    replace_all(parts.body, kLink, link);  // a link needs no escape inside a JSON string
    return {};
  }
  if (!sends_body) {
    parts.query.emplace_back("url", link);
    return {};
  }
  const Json body = parts.body.empty() ? Json::object() : Json::parse(parts.body, nullptr, false);
  if (!body.is_object() || body.contains("url"))
    return invalid(pointer + "/body",
                   "write $Link where the link belongs: it cannot become \"url\"");
  const std::string member = "\"url\":" + Json(link).dump();
  if (body.empty()) {
    parts.body = "{" + member + "}";
  } else {
    parts.body.insert(parts.body.rfind('}'), "," + member);
  }
  return {};
}

std::string hidden_parts(const std::string& json) {
  if (json.empty()) return json;
  Json parts = Json::parse(json, nullptr, false);
  if (!parts.is_object()) return {};
  for (Json& part : parts) {
    if (part.is_structured()) hide(part);
  }
  return parts.dump();
}

}  // namespace headrace::engine
