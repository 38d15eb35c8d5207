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

}  // namespace

bool Request::set_target(core::Method request_method, std::string_view target) {
  method = request_method;
  const std::size_t question = std::min(target.find('?'), target.size());
  std::string_view plain_path = target.substr(0, question);
  if (plain_path.starts_with('/')) plain_path.remove_prefix(1);
  const bool path_ok = split(plain_path, '/', [this](std::string_view piece) {
    auto decoded = percent_decoded(piece, false);
    if (!decoded) return false;
    path.push_back(std::move(*decoded));
    return true;
  });
  if (!path_ok) return false;
  const std::string_view parameters =
      question < target.size() ? target.substr(question + 1) : std::string_view{};
  return split(parameters, '&', [this](std::string_view piece) {
    const std::size_t equals = std::min(piece.find('='), piece.size());
    auto name = percent_decoded(piece.substr(0, equals), true);
    auto value = percent_decoded(piece.substr(std::min(equals + 1, piece.size())), true);
    if (!name || !value) return false;
    query.emplace(std::move(*name), std::move(*value));
    return true;
  });
}

std::optional<std::string> Request::parameter(const std::string& name) const {
  const auto it = query.find(name);
  if (it == query.end()) return std::nullopt;
  return it->second;
}

}  // namespace headrace::api
