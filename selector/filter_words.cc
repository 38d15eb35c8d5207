// SPDX-License-Identifier: Apache-2.0
#include "selector/filter_words.h"

#include <algorithm>

#include "selector/utf8.h"

namespace headrace::selector {
namespace {

constexpr std::size_t kTextBytesShown = 100;
constexpr std::size_t kOperandsShown = 5;

void append_byte_escaped(char c, std::string& out) {
  constexpr char kHex[] = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  out += "\\u00";
  out += kHex[byte >> 4];
  out += kHex[byte & 15];
}

// At most kTextBytesShown bytes of it, as UTF-8 without control characters: headers and form fields
// are any bytes.
void append_shown(std::string_view text, std::string& out) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t length =
        std::max<std::size_t>(1, utf8_sequence(text.data() + at, text.data() + text.size()));
    if (at + length > kTextBytesShown) break;
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte < 0x20 || byte == 0x7F || (length == 1 && byte >= 0x80)) {
      append_byte_escaped(text[at], out);
    } else {
      if (byte == '"' || byte == '\\') out += '\\';
      out += text.substr(at, length);
    }
    at += length;
  }
  if (at != text.size()) out += "\xE2\x80\xA6";  // an ellipsis
}

void append_quoted(std::string_view text, std::string& out) {
  out += '"';
  append_shown(text, out);
  out += '"';
}

void append_operand(const FilterOperand& operand, std::string& out) {
  if (operand.type == FilterOperand::Type::kString) {
    append_quoted(operand.text, out);
  } else {
    append_shown(operand.text, out);
  }
}

}  // namespace

std::string condition_in_words(const FilterCondition& condition) {
  std::string out = condition.selector.canonical();
  out += ' ';
  out += to_string(condition.op);
  out += ' ';
  if (condition.op != FilterOperator::kIn && condition.op != FilterOperator::kNin) {
    append_operand(condition.operands[0], out);
    return out;
  }
  out += '[';
  const std::size_t shown = std::min(kOperandsShown, condition.operands.size());
  for (std::size_t i = 0; i < shown; ++i) {
    if (i != 0) out += ", ";
    append_operand(condition.operands[i], out);
  }
  return out += shown == condition.operands.size() ? "]" : ", \xE2\x80\xA6]";
}

std::string value_in_words(const FoundValue& value) {
  std::string out = "the value is ";
  switch (value.kind) {
    case ValueKind::kMissing:
      return "there is no value";
    case ValueKind::kObject:
      return out += "an object";
    case ValueKind::kArray:
      return out += "an array";
    case ValueKind::kText:
    case ValueKind::kUntyped:
      append_quoted(value.text, out);
      break;
    case ValueKind::kNumber:
    case ValueKind::kLiteral:
      append_shown(value.text, out);
      break;
  }
  return out;
}

}  // namespace headrace::selector
