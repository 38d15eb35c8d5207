// SPDX-License-Identifier: Apache-2.0
#include "api/json_writer.h"

#include "selector/utf8.h"

namespace headrace::api {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

void append_escape(unsigned char c, std::string& out) {
  constexpr char kHex[] = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      break;
    case '\\':
      out += "\\\\";
      break;
    case '\n':
      out += "\\n";
      break;
    case '\r':
      out += "\\r";
      break;
    case '\t':
      out += "\\t";
      break;
    default:
      out += {'\\', 'u', '0', '0', kHex[c >> 4], kHex[c & 15]};
  }
}

void append_text(std::string_view text, std::string& out) {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    const auto c = static_cast<unsigned char>(*at);
    const std::size_t length = selector::utf8_sequence(at, end);
    if (c < 0x20 || c == '"' || c == '\\' || c == 0x7f) {
      append_escape(c, out);
    } else if (length == 0) {
      out += kReplacement;
    } else {
      out.append(at, length);
    }
    at += length == 0 ? 1 : length;
  }
}

}  // namespace

JsonWriter& JsonWriter::key(std::string_view name) {
  value(name);
  text_ += ':';
  follows_value_ = false;
  return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
  separate();
  text_ += '"';
  append_text(text, text_);
  text_ += '"';
  return *this;
}

JsonWriter& JsonWriter::raw(std::string_view json) {
  separate();
  text_ += json;
  return *this;
}

JsonWriter& JsonWriter::open(char bracket) {
  separate();
  text_ += bracket;
  follows_value_ = false;
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  text_ += bracket;
  follows_value_ = true;
  return *this;
}

void JsonWriter::separate() {
  if (follows_value_) text_ += ',';
  follows_value_ = true;
}

}  // namespace headrace::api
