// SPDX-License-Identifier: Apache-2.0
// JSON as a value that keeps what people wrote: the order of members, the digits of numbers, and
// where in the text each value stands.
//
// A number stays the text that it was, so none is rounded on its way from a file to the daemon.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/result.h"

namespace headrace::tools {

struct JsonMember;

struct Json {
  enum class Kind : std::uint8_t { kNull, kBoolean, kNumber, kString, kArray, kObject };

  Kind kind = Kind::kNull;
  std::string text;  // the content of a string; a number, true or false as it was written
  std::vector<Json> items;
  std::vector<JsonMember> members;
  std::uint32_t line = 0;  // where it begins, from 1; 0: it was not read from a text
  std::uint32_t column = 0;

  static Json string(std::string content);
  static Json number(std::string digits);  // Requires: a number of the JSON grammar.
  static Json boolean(bool value);
  static Json array();
  static Json array(std::vector<Json> items);
  static Json object();

  bool is_string() const noexcept { return kind == Kind::kString; }
  bool is_array() const noexcept { return kind == Kind::kArray; }
  bool is_object() const noexcept { return kind == Kind::kObject; }

  // The member of that name, the first one where there are more; null: none, or not an object.
  const Json* find(std::string_view name) const noexcept;
  Json* find(std::string_view name) noexcept;
  // The text of a string member; empty where there is none.
  std::string_view text_at(std::string_view name) const noexcept;
  // Replaces the member, or adds it behind the others. Requires: an object.
  void set(std::string_view name, Json value);
  void remove(std::string_view name);
};

struct JsonMember {
  std::string name;
  Json value;
};

// kMalformed: not JSON; `detail` is the offset, and `what` says line and column.
Result<Json> parse_json(std::string_view text);
// On one line, without spaces.
std::string to_text(const Json& json);
// The same value: members in any order, numbers by value ("1e2" is "100"), places aside.
bool same_value(const Json& left, const Json& right);

}  // namespace headrace::tools
