// SPDX-License-Identifier: Apache-2.0
// Writes JSON text from left to right, so that members may be JSON to the letter.
//
// Requires: calls that make a document (a key before each value of an object, ends that match).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace headrace::api {

class JsonWriter {
 public:
  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);

  // What is not UTF-8 in a text shows as U+FFFD.
  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(const std::string& text) { return value(std::string_view(text)); }
  JsonWriter& value(std::int64_t number) { return raw(std::to_string(number)); }
  JsonWriter& value(std::uint64_t number) { return raw(std::to_string(number)); }
  JsonWriter& value(bool flag) { return raw(flag ? "true" : "false"); }
  JsonWriter& null() { return raw("null"); }
  // `json` as it stands. Requires: it is one JSON value.
  JsonWriter& raw(std::string_view json);

  template <class Value>
  JsonWriter& member(std::string_view name, const Value& of) {
    return key(name).value(of);
  }
  // null where the text is empty
  JsonWriter& member_or_null(std::string_view name, std::string_view text) {
    return text.empty() ? key(name).null() : key(name).value(text);
  }
  JsonWriter& raw_or_null(std::string_view name, std::string_view json) {
    return json.empty() ? key(name).null() : key(name).raw(json);
  }

  std::string take() { return std::move(text_); }

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  void separate();

  std::string text_;
  bool follows_value_ = false;
};

}  // namespace headrace::api
