// SPDX-License-Identifier: Apache-2.0
#include "api/json_body.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>
#include <vector>

#include "selector/json_scan.h"
#include "selector/json_text.h"

namespace headrace::api {
namespace {

// The members that the engine keeps as text.
constexpr std::array<std::string_view, 7> kRawNames = {
    "sample", "auth", "delivery_auth", "filter", "verification", "tls", "payload"};
constexpr std::size_t kRawDepth = 3;  // "/envs/0/sample"

// The machine type that holds it, or the nearest number that one does.
Json number_of(std::string_view text) {
  const char* const end = text.data() + text.size();
  std::uint64_t whole = 0;
  if (const auto read = std::from_chars(text.data(), end, whole);
      read.ec == std::errc{} && read.ptr == end)
    return whole;
  std::int64_t negative = 0;
  if (const auto read = std::from_chars(text.data(), end, negative);
      read.ec == std::errc{} && read.ptr == end)
    return negative;
  double real = 0;
  const auto read = std::from_chars(text.data(), end, real);
  if (read.ec == std::errc{}) return real;
  return std::numeric_limits<double>::max();  // out of every range; no member here allows that
}

}  // namespace

// What the scanner tells, put together from the inside out.
class JsonBody::Builder {
 public:
  Builder(std::string_view text, JsonBody& body) : at_(text.data()), body_(body) {}

  void begin_object() { open(Json::object(), '{'); }
  void begin_array() { open(Json::array(), '['); }
  void end() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    at_ = find(frame.value.is_object() ? '}' : ']') + 1;
    add(std::move(frame.value), {frame.begin, static_cast<std::size_t>(at_ - frame.begin)});
  }
  void key(selector::JsonString name) {
    frames_.back().key.clear();
    selector::append_unescaped(name.raw, frames_.back().key);
    at_ = name.raw.data() + name.raw.size() + 1;
  }
  void string(selector::JsonString text) {
    std::string value;
    selector::append_unescaped(text.raw, value);
    add(std::move(value), {text.raw.data() - 1, text.raw.size() + 2});
  }
  void number(std::string_view text) { add(number_of(text), text); }
  void literal(std::string_view word) {  // not where it stands in the text
    add(word == "null" ? Json() : Json(word == "true"), {find(word.front()), word.size()});
  }

 private:
  struct Frame {
    Json value;
    std::string key;  // of the member that comes next
    const char* begin;
  };

  void open(Json empty, char bracket) {
    const char* const begin = find(bracket);
    at_ = begin + 1;
    frames_.push_back({std::move(empty), {}, begin});
  }
  // Between two things that the scanner tells of there are only white space, commas and colons.
  const char* find(char c) const noexcept {
    const char* at = at_;
    while (*at != c) ++at;
    return at;
  }
  void add(Json value, std::string_view raw) {
    at_ = raw.data() + raw.size();
    if (frames_.empty()) {
      body_.json_ = std::move(value);
      return;
    }
    Frame& frame = frames_.back();
    if (frame.value.is_array()) {
      frame.value.push_back(std::move(value));
    } else if (frame.value.emplace(frame.key, std::move(value)).second) {
      keep(raw);
    }
  }
  void keep(std::string_view raw) {
    const std::string& name = frames_.back().key;
    if (frames_.size() > kRawDepth ||
        std::find(kRawNames.begin(), kRawNames.end(), name) == kRawNames.end())
      return;
    std::string pointer;
    for (const Frame& frame : frames_) {
      pointer += '/';
      pointer += frame.value.is_array() ? std::to_string(frame.value.size()) : frame.key;
    }
    // The same place comes twice only inside members that are dropped; the first is the one.
    body_.raw_.emplace(std::move(pointer), raw);
  }

  const char* at_;
  JsonBody& body_;
  std::vector<Frame> frames_;
};

Result<JsonBody> JsonBody::parse(std::string_view text) {
  JsonBody body;
  Builder builder(text, body);
  selector::JsonScanner<Builder> scanner(text, builder);
  if (scanner.run()) return body;
  return Error{ErrorCode::kMalformed,
               std::string("the body is not JSON: ") + scanner.fault().reason,
               static_cast<std::int64_t>(scanner.fault().offset)};
}

std::string_view JsonBody::raw(std::string_view pointer) const {
  const auto it = raw_.find(pointer);
  return it == raw_.end() ? std::string_view{} : it->second;
}

}  // namespace headrace::api
