// SPDX-License-Identifier: Apache-2.0
#include "api/request.h"

#include <algorithm>

namespace headrace::api {
namespace {

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_space) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      result += ' ';
    } else if (text[i] != '%') {
      result += text[i];
    } else {
      const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
      if (high < 0 || low < 0) return std::nullopt;
      result += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return result;
}

// Calls `take` with each piece of `text` between separators.
template <class Take>
bool split(std::string_view text, char separator, Take take) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    if (!take(text.substr(0, end))) return false;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return true;
}

// False: an escape is wrong.
bool read_path(std::string_view text, std::vector<std::string>& path) {
  if (text.starts_with('/')) text.remove_prefix(1);
  return split(text, '/', [&path](std::string_view piece) {
    auto decoded = percent_decoded(piece, false);
    if (decoded) path.push_back(std::move(*decoded));
    return decoded.has_value();
  });
}

bool read_query(std::string_view text, std::map<std::string, std::string>& query) {
  return split(text, '&', [&query](std::string_view piece) {
    const std::size_t equals = std::min(piece.find('='), piece.size());
    auto name = percent_decoded(piece.substr(0, equals), true);
    auto value = percent_decoded(piece.substr(std::min(equals + 1, piece.size())), true);
    if (!name || !value) return false;
    query.emplace(std::move(*name), std::move(*value));
    return true;
  });
}

}  // namespace

bool Request::set_target(core::Method request_method, std::string_view text) {
  method = request_method;
  target = text;
  const std::size_t question = std::min(text.find('?'), text.size());
  has_valid_target = read_path(text.substr(0, question), path) &&
                     read_query(text.substr(std::min(question + 1, text.size())), query);
  return has_valid_target;
}

std::string_view Request::plain_path() const noexcept {
  const std::string_view text = target;
  return text.substr(0, text.find('?'));
}

std::optional<std::string> Request::parameter(std::string_view name) const {
  const auto it = query.find(std::string(name));
  if (it == query.end()) return std::nullopt;
  return it->second;
}

}  // namespace headrace::api
