// SPDX-License-Identifier: Apache-2.0
#include "tools/json_value.h"

#include <algorithm>
#include <utility>

#include "selector/json.h"
#include "selector/json_text.h"

namespace headrace::tools {
namespace {

// Reads a text that is known to be valid, which leaves nothing that can go wrong.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Json value() {
    skip_space();
    Json json;
    json.line = line_;
    json.column = static_cast<std::uint32_t>(at_ - line_begin_ + 1);
    switch (text_[at_]) {
      case '{':
        read_object(json);
        break;
      case '[':
        read_array(json);
        break;
      case '"':
        json.kind = Json::Kind::kString;
        json.text = string();
        break;
      default:
        read_word(json);
    }
    return json;
  }

 private:
  void skip_space() {
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c != ' ' && c != '\t' && c != '\r' && c != '\n') return;
      if (c != '\n') continue;
      ++line_;
      line_begin_ = at_ + 1;
    }
  }

  // Takes the closing bracket if it is next; else the comma before the next item, if there is one.
  bool at_end(char closing) {
    skip_space();
    if (text_[at_] == ',') {
      ++at_;
      skip_space();
    }
    if (text_[at_] != closing) return false;
    ++at_;
    return true;
  }

  void read_object(Json& json) {
    json.kind = Json::Kind::kObject;
    ++at_;
    while (!at_end('}')) {
      std::string name = string();
      skip_space();
      ++at_;  // the colon
      json.members.push_back({std::move(name), value()});
    }
  }

  void read_array(Json& json) {
    json.kind = Json::Kind::kArray;
    ++at_;
    while (!at_end(']')) json.items.push_back(value());
  }

  std::string string() {
    const std::size_t begin = ++at_;
    while (text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
    std::string content;
    selector::append_unescaped(text_.substr(begin, at_ - begin), content);
    ++at_;
    return content;
  }

  void read_word(Json& json) {
    const std::size_t end = std::min(text_.find_first_of(",]} \t\r\n", at_), text_.size());
    json.text = text_.substr(at_, end - at_);
    at_ = end;
    const char first = json.text.front();
    json.kind = first == 'n'                   ? Json::Kind::kNull
                : first == 't' || first == 'f' ? Json::Kind::kBoolean
                                               : Json::Kind::kNumber;
    if (json.kind == Json::Kind::kNull) json.text.clear();
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_begin_ = 0;
  std::uint32_t line_ = 1;
};

// A lone surrogate, which has no UTF-8: three bytes in here, see append_unescaped().
bool is_surrogate(std::string_view at) noexcept {
  return at.size() >= 3 && at[0] == '\xed' && static_cast<unsigned char>(at[1]) >= 0xa0;
}

void append_escaped(unsigned code, std::string& out) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += kDigits[code >> shift & 15];
}

void append_string(std::string_view content, std::string& out) {
  out += '"';
  for (std::size_t i = 0; i < content.size(); ++i) {
    const auto byte = static_cast<unsigned char>(content[i]);
    if (byte == '"' || byte == '\\') {
      out += '\\';
      out += content[i];
    } else if (byte < 0x20 || byte == 0x7f) {
      append_escaped(byte, out);
    } else if (is_surrogate(content.substr(i))) {
      append_escaped(0xd000U | (static_cast<unsigned char>(content[i + 1]) & 0x3fU) << 6 |
                         (static_cast<unsigned char>(content[i + 2]) & 0x3fU),
                     out);
      i += 2;
    } else {
      out += content[i];
    }
  }
  out += '"';
}

void append(const Json& json, std::string& out);

void append_members(const Json& json, std::string& out) {
  out += '{';
  for (const JsonMember& member : json.members) {
    if (out.back() != '{') out += ',';
    append_string(member.name, out);
    out += ':';
    append(member.value, out);
  }
  out += '}';
}

void append_items(const Json& json, std::string& out) {
  out += '[';
  for (std::size_t i = 0; i < json.items.size(); ++i) {
    if (i > 0) out += ',';
    append(json.items[i], out);
  }
  out += ']';
}

void append(const Json& json, std::string& out) {
  switch (json.kind) {
    case Json::Kind::kNull:
      out += "null";
      break;
    case Json::Kind::kBoolean:
    case Json::Kind::kNumber:
      out += json.text;
      break;
    case Json::Kind::kString:
      append_string(json.text, out);
      break;
    case Json::Kind::kArray:
      append_items(json, out);
      break;
    case Json::Kind::kObject:
      append_members(json, out);
      break;
  }
}

bool same_number(const std::string& left, const std::string& right) {
  std::string left_normal;
  std::string right_normal;
  selector::append_normal_number(left, left_normal);
  selector::append_normal_number(right, right_normal);
  return left_normal == right_normal;
}

bool same_members(const Json& left, const Json& right) {
  const auto has_same = [&right](const JsonMember& member) {
    const Json* other = right.find(member.name);
    return other != nullptr && same_value(member.value, *other);
  };
  return left.members.size() == right.members.size() &&
         std::all_of(left.members.begin(), left.members.end(), has_same);
}

Error malformed(std::string_view text, const selector::JsonFault& fault) {
  const std::string_view before = text.substr(0, fault.offset);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const std::size_t line_begin = before.rfind('\n') + 1;  // npos + 1 is 0
  return Error{ErrorCode::kMalformed,
               "line " + std::to_string(line) + ", column " +
                   std::to_string(fault.offset - line_begin + 1) + ": " + fault.reason,
               static_cast<std::int64_t>(fault.offset)};
}

}  // namespace

Json Json::string(std::string content) {
  Json json;
  json.kind = Kind::kString;
  json.text = std::move(content);
  return json;
}

Json Json::number(std::string digits) {
  Json json;
  json.kind = Kind::kNumber;
  json.text = std::move(digits);
  return json;
}

Json Json::boolean(bool value) {
  Json json;
  json.kind = Kind::kBoolean;
  json.text = value ? "true" : "false";
  return json;
}

Json Json::array() { return array(std::vector<Json>()); }

Json Json::array(std::vector<Json> items) {
  Json json;
  json.kind = Kind::kArray;
  json.items = std::move(items);
  return json;
}

Json Json::object() {
  Json json;
  json.kind = Kind::kObject;
  return json;
}

const Json* Json::find(std::string_view name) const noexcept {
  const auto it = std::find_if(members.begin(), members.end(),
                               [name](const JsonMember& member) { return member.name == name; });
  return it == members.end() ? nullptr : &it->value;
}

Json* Json::find(std::string_view name) noexcept {
  return const_cast<Json*>(std::as_const(*this).find(name));
}

std::string_view Json::text_at(std::string_view name) const noexcept {
  const Json* member = find(name);
  return member != nullptr && member->is_string() ? std::string_view(member->text)
                                                  : std::string_view();
}

void Json::set(std::string_view name, Json value) {
  if (Json* member = find(name)) {
    *member = std::move(value);
  } else {
    members.push_back({std::string(name), std::move(value)});
  }
}

void Json::remove(std::string_view name) {
  std::erase_if(members, [name](const JsonMember& member) { return member.name == name; });
}

Result<Json> parse_json(std::string_view text) {
  if (const auto fault = selector::find_json_fault(text)) return malformed(text, *fault);
  return Reader(text).value();
}

std::string to_text(const Json& json) {
  std::string text;
  append(json, text);
  return text;
}

bool same_value(const Json& left, const Json& right) {
  if (left.kind != right.kind) return false;
  if (left.kind == Json::Kind::kNumber) return same_number(left.text, right.text);
  if (left.is_object()) return same_members(left, right);
  return left.text == right.text && std::equal(left.items.begin(), left.items.end(),
                                               right.items.begin(), right.items.end(), same_value);
}

}  // namespace headrace::tools
