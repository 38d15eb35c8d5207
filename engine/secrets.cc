// SPDX-License-Identifier: Apache-2.0
#include "engine/secrets.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/secret_bytes.h"
#include "dispatch/percent.h"

namespace headrace::engine {
namespace {

constexpr std::string_view kBegin = "$Secret{";
constexpr std::size_t kNameBytesMax = 64;

bool is_name_char(char c) noexcept {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

// Calls `plain` with the text between secrets and `secret` with each name, in order. The offset of
// a secret that is not written as one is; npos when all are.
template <class Plain, class Secret>
std::size_t walk(std::string_view text, const Plain& plain, const Secret& secret) {
  std::size_t at = 0;
  for (;;) {
    const std::size_t begin = text.find(kBegin, at);
    plain(text.substr(at, begin == std::string_view::npos ? begin : begin - at));
    if (begin == std::string_view::npos) return begin;
    const std::size_t name_at = begin + kBegin.size();
    const std::size_t end = text.find('}', name_at);
    if (end == std::string_view::npos) return begin;
    const std::string_view name = text.substr(name_at, end - name_at);
    if (name.empty() || name.size() > kNameBytesMax ||
        !std::all_of(name.begin(), name.end(), is_name_char))
      return begin;
    secret(name);
    at = end + 1;
  }
}

std::string json_escaped(const std::string& text) {
  const std::string quoted =
      nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return quoted.substr(1, quoted.size() - 2);
}

// A string that grows leaves its old bytes behind, so it grows by hand.
void make_room(std::string& out, std::size_t more) {
  if (out.capacity() - out.size() >= more) return;
  std::string larger;
  larger.reserve(2 * (out.size() + more));
  larger += out;
  wipe(out);
  out = std::move(larger);
}

void append_escaped(std::string& out, const std::string& value, Escape escape) {
  // A byte is at most \u00xx or %xx.
  make_room(out, 6 * value.size());
  switch (escape) {
    case Escape::kNone:
      out += value;
      return;
    case Escape::kJson:
      out += json_escaped(value);
      return;
    case Escape::kPercent:
      dispatch::append_percent_encoded(out, value);
      return;
  }
}

Error malformed(std::size_t fault) {
  return {ErrorCode::kMalformed,
          "a secret is written $Secret{NAME}, with 1 to 64 of A-Z a-z 0-9 _ in its name",
          static_cast<std::int64_t>(fault)};
}

}  // namespace

Result<std::vector<std::string>> secret_names(std::string_view text) {
  std::vector<std::string> names;
  const std::size_t fault = walk(
      text, [](std::string_view) {}, [&](std::string_view name) { names.emplace_back(name); });
  if (fault == std::string_view::npos) return names;
  return malformed(fault);
}

Result<std::string> with_secrets(std::string_view text, std::string_view workspace,
                                 const SecretSource& source, Escape escape) {
  std::string result;
  std::string missing;
  const std::size_t fault = walk(
      text,
      [&](std::string_view plain) {
        make_room(result, plain.size());
        result += plain;
      },
      [&](std::string_view name) {
        auto value = source ? source(workspace, name) : std::nullopt;
        if (value) {
          append_escaped(result, *value, escape);
          core::wipe(value->data(), value->size());
        }
        if (!value && missing.empty()) missing = name;
      });
  if (fault != std::string_view::npos) return malformed(fault);
  if (missing.empty()) return result;
  wipe(result);
  return Error{ErrorCode::kNotFound, "there is no secret " + missing, 0};
}

void wipe(std::string& text) noexcept {
  core::wipe(text.data(), text.size());
  text.clear();
}

void wipe(std::vector<std::pair<std::string, std::string>>& fields) noexcept {
  for (auto& [name, value] : fields) wipe(value);
  fields.clear();
}

std::string hide_credentials(const std::string& text) {
  std::string rest;
  const std::size_t fault = walk(
      text, [&](std::string_view plain) { rest += plain; }, [](std::string_view) {});
  const bool harmless =
      fault == std::string_view::npos &&
      (rest.empty() ||
       ((rest == "Bearer " || rest == "Basic " || rest == "Token " || rest == "token ") &&
        rest.size() != text.size()) ||
       text == "$Link");
  return harmless ? text : std::string(kHidden);
}

}  // namespace headrace::engine
