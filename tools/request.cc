// SPDX-License-Identifier: Apache-2.0
#include "tools/request.h"

#include <algorithm>
#include <utility>

#include "selector/json_text.h"
#include "tools/json_value.h"

namespace headrace::tools {
namespace {

using Texts = std::vector<std::string>;

Error wrong(const Field& field, const std::string& what) {
  const std::string name(field.name);
  return Error{ErrorCode::kInvalidArgument,
               (field.is_positional ? name : "--" + name) + ": " + what};
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    if (!text.substr(0, end).empty()) parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

Json as_list(const Texts& texts) {
  Json list = Json::array();
  for (const std::string& text : texts) {
    for (std::string& part : split(text, ',')) list.items.push_back(Json::string(std::move(part)));
  }
  return list;
}

// JSON text, or what stands in the file behind an @.
Result<Json> as_json(const Field& field, const std::string& text, const ReadFile& read) {
  auto source = text.starts_with('@') ? read(text.substr(1)) : Result<std::string>(text);
  if (!source) return wrong(field, source.error().what);
  auto json = parse_json(*source);
  if (!json) return wrong(field, "is not JSON: " + json.error().what);
  return json;
}

// JSON, or a word for none of it or for all of it as it comes.
Result<Json> as_object(const Field& field, const std::string& text, const ReadFile& read) {
  if (text == "none") return Json{};
  if (text == "default") return Json::object();
  return as_json(field, text, read);
}

Result<Json> as_rate(const Field& field, const std::string& text) {
  if (text == "none") return Json{};
  const std::size_t slash = text.find('/');
  const std::string rate = text.substr(0, slash);
  if (!selector::is_json_number(rate)) return wrong(field, "must be NUMBER, NUMBER/BURST or none");
  Json limit = Json::object();
  limit.set("per_second", Json::number(rate));
  if (slash == std::string::npos) return limit;
  const std::string burst = text.substr(slash + 1);
  if (!selector::is_json_number(burst)) return wrong(field, "must be NUMBER, NUMBER/BURST or none");
  limit.set("burst", Json::number(burst));
  return limit;
}

Result<Json> as_schedule(const Field& field, const std::string& text, const ReadFile& read) {
  if (text == "default") return Json{};
  if (text.starts_with('{') || text.starts_with('@')) return as_json(field, text, read);
  Json schedule = Json::object();
  schedule.set("schedule", text == "none" ? Json::array() : as_list({text}));
  return schedule;
}

Result<Json> as_headers(const Field& field, const Texts& lines) {
  Json headers = Json::object();
  for (const std::string& line : lines) {
    const std::size_t colon = line.find(':');
    if (colon == 0 || colon == std::string::npos) return wrong(field, "must be 'NAME: VALUE'");
    const std::size_t begin = std::min(line.find_first_not_of(" \t", colon + 1), line.size());
    headers.set(line.substr(0, colon), Json::string(line.substr(begin)));
  }
  return headers;
}

Result<Json> as_env(const Field& field, const std::string& text) {
  if (text.starts_with('{')) {
    auto json = parse_json(text);
    return json ? std::move(json) : wrong(field, "is not JSON: " + json.error().what);
  }
  const std::size_t equals = text.find('=');
  Json env = Json::object();
  env.set("slug", Json::string(text.substr(0, equals)));
  if (equals != std::string::npos) env.set(field.url_member, Json::string(text.substr(equals + 1)));
  return env;
}

Result<Json> as_envs(const Field& field, const Texts& texts) {
  Json envs = Json::array();
  for (const std::string& text : texts) {
    auto env = as_env(field, text);
    if (!env) return env;
    envs.items.push_back(std::move(*env));
  }
  return envs;
}

Json as_pairs(const Texts& pairs) {
  std::string all;
  for (const std::string& pair : pairs) all.append(all.empty() ? "" : "&").append(pair);
  return Json::string(std::move(all));
}

Result<Json> as_payload(const Field& field, const std::string& name, const ReadFile& read) {
  auto bytes = read(name);
  if (!bytes) return wrong(field, bytes.error().what);
  return Json::string(std::move(*bytes));
}

// Editors and echo end a file with a line end that nobody means.
Result<Json> as_secret(const Field& field, const std::string& name, const ReadFile& read) {
  auto bytes = read(name);
  if (!bytes) return wrong(field, bytes.error().what);
  if (bytes->ends_with('\n')) bytes->pop_back();
  if (bytes->ends_with('\r')) bytes->pop_back();
  return Json::string(std::move(*bytes));
}

Result<Json> value_of(const Field& field, const Texts& texts, const ReadFile& read) {
  const std::string& last = texts.back();
  switch (field.form) {
    case Form::kText:
      return Json::string(last);
    case Form::kSwitch:
      return Json::boolean(true);
    case Form::kNumber:
      if (!selector::is_json_number(last)) return wrong(field, "must be a number");
      return Json::number(last);
    case Form::kBoolean:
      if (last != "true" && last != "false") return wrong(field, "must be true or false");
      return Json::boolean(last == "true");
    case Form::kList:
      return as_list(texts);
    case Form::kJson:
      return as_json(field, last, read);
    case Form::kSchedule:
      return as_schedule(field, last, read);
    case Form::kObject:
      return as_object(field, last, read);
    case Form::kRate:
      return as_rate(field, last);
    case Form::kLimit:
      return last == "never" || last == "none" || last == "default" ? Json{} : Json::string(last);
    case Form::kPayload:
      return as_payload(field, last, read);
    case Form::kSecret:
      return as_secret(field, last, read);
    case Form::kHeaders:
      return as_headers(field, texts);
    case Form::kPairs:
      return as_pairs(texts);
    case Form::kEnvs:
      return as_envs(field, texts);
  }
  return Json{};
}

// Makes one request; what has been given is taken field by field.
class Maker {
 public:
  Maker(const Command& command, const Values& values, const ReadFile& read)
      : command_(command), fields_(fields_of(command)), values_(values), read_(read) {}

  Result<Request> make() {
    request_.method = command_.method;
    if (auto path = add_path(); !path) return path.error();
    if (auto body = read_body(); !body) return body.error();
    for (const Field& field : fields_) {
      if (auto added = add(field); !added) return added.error();
    }
    if (command_.has_body()) request_.body = to_text(body_);
    return std::move(request_);
  }

 private:
  const Texts* given(std::string_view name) const {
    const auto it = values_.find(name);
    return it == values_.end() || it->second.empty() ? nullptr : &it->second;
  }

  Result<void> add_path() {
    std::string_view path = command_.path;
    if (const std::size_t open = path.find('['); open != std::string_view::npos) {
      const std::size_t close = path.find(']');
      const std::string_view part = path.substr(open + 1, close - open - 1);
      if (auto added = add_segments(path.substr(0, open)); !added) return added;
      if (given(placeholders(part).front().name) != nullptr) {
        if (auto added = add_segments(part); !added) return added;
      }
      path.remove_prefix(close + 1);
    }
    return add_segments(path);
  }

  Result<void> add_segments(std::string_view path) {
    for (const Placeholder& placeholder : placeholders(path)) {
      const Texts* texts = given(placeholder.name);
      // An empty segment would be another route.
      if (texts == nullptr || texts->back().empty()) {
        return Error{ErrorCode::kInvalidArgument, placeholder.name + " must not be empty"};
      }
      request_.target += path.substr(0, path.find('{'));
      request_.target += percent_encoded(texts->back());
      path.remove_prefix(path.find('}') + 1);
    }
    request_.target += path;
    return {};
  }

  // The file goes first: flags override its members.
  Result<void> read_body() {
    body_ = Json::object();
    const Texts* files = given("file");
    if (files == nullptr || !command_.has_body()) return {};
    auto text = read_(files->back());
    if (!text) return Error{ErrorCode::kInvalidArgument, "--file: " + text.error().what};
    auto json = parse_json(*text);
    if (!json) return Error{ErrorCode::kInvalidArgument, files->back() + ": " + json.error().what};
    if (!json->is_object())
      return Error{ErrorCode::kInvalidArgument, files->back() + ": must be a JSON object"};
    body_ = std::move(*json);
    return {};
  }

  Result<void> add(const Field& field) {
    const Texts* texts = given(field.name);
    static const Texts kStandardInput = {"-"};
    if (texts == nullptr && field.is_positional && given("file") == nullptr)
      texts = &kStandardInput;
    if (texts == nullptr) return {};
    switch (field.place) {
      case Place::kBody:
        return add_member(field, *texts);
      case Place::kQuery:
        return add_parameter(field, *texts);
      case Place::kUnset:
        return add_nulls(field, *texts);
      case Place::kIfMatch:
        request_.if_match = etag_of(texts->back());
        return {};
      case Place::kIdempotencyKey:
        request_.idempotency_key = texts->back();
        return {};
      case Place::kPath:
      case Place::kWholeBody:
        return {};
    }
    return {};
  }

  Result<void> add_member(const Field& field, const Texts& texts) {
    auto value = value_of(field, texts, read_);
    if (!value) return value.error();
    body_.set(field.member, std::move(*value));
    return {};
  }

  Result<void> add_parameter(const Field& field, const Texts& texts) {
    auto value = value_of(field, texts, read_);
    if (!value) return value.error();
    request_.target += request_.target.find('?') == std::string::npos ? '?' : '&';
    request_.target.append(field.member).append("=").append(percent_encoded(value->text));
    return {};
  }

  Result<void> add_nulls(const Field& field, const Texts& texts) {
    for (const std::string& text : texts) {
      for (const std::string& name : split(text, ',')) {
        const bool is_known =
            std::any_of(command_.fields.begin(), command_.fields.end(),
                        [&name](const Field& each) { return each.member == name; });
        if (!is_known) return wrong(field, "there is no member '" + name + "'");
        body_.set(name, Json{});
      }
    }
    return {};
  }

  const Command& command_;
  const std::vector<Field> fields_;
  const Values& values_;
  const ReadFile& read_;
  Request request_;
  Json body_;
};

}  // namespace

Result<Request> make_request(const Command& command, const Values& values, const ReadFile& read) {
  return Maker(command, values, read).make();
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string encoded;
  for (const char c : text) {
    if (kPlain.find(c) != std::string_view::npos) {
      encoded += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded += '%';
    encoded += kDigits[byte >> 4];
    encoded += kDigits[byte & 15];
  }
  return encoded;
}

std::string etag_of(std::string_view revision) {
  if (revision == "*") return "*";
  return '"' + std::string(revision) + '"';
}

}  // namespace headrace::tools
