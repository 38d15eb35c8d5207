// SPDX-License-Identifier: Apache-2.0
#include "ingest/forwarded_headers.h"

#include <algorithm>
#include <cstring>

#include "core/limits.h"

namespace headrace::ingest {
namespace {

bool equal_no_case(std::string_view text, std::string_view lower) noexcept {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] + 32) : text[i];
    if (c != lower[i]) return false;
  }
  return true;
}

bool is_dropped(std::string_view name) noexcept {
  constexpr std::string_view kDropped[] = {
      "te",
      "host",
      "expect",
      "trailer",
      "upgrade",
      "connection",
      "keep-alive",
      "webhook-id",
      "content-length",
      "proxy-connection",
      "transfer-encoding",
      "webhook-timestamp",
      "webhook-signature",
      "proxy-authorization",
      "proxy-authenticate",
  };
  // Sizes tell most names apart without a look at their letters.
  return std::any_of(std::begin(kDropped), std::end(kDropped),
                     [name](std::string_view dropped) { return equal_no_case(name, dropped); });
}

// Whether `name` is an element of the comma-separated list of a Connection field.
bool is_listed(std::string_view list, std::string_view name) noexcept {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    std::string_view element = list.substr(0, comma);
    while (!element.empty() && (element.front() == ' ' || element.front() == '\t'))
      element.remove_prefix(1);
    while (!element.empty() && (element.back() == ' ' || element.back() == '\t'))
      element.remove_suffix(1);
    const bool same = element.size() == name.size() &&
                      std::equal(element.begin(), element.end(), name.begin(),
                                 [](char a, char b) { return (a | 0x20) == (b | 0x20); });
    if (same) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

}  // namespace

core::Range keep_forwarded_lines(const core::RequestHead& head, char* base) noexcept {
  const std::string_view connection = head.find(base, "connection");
  // Names of fields differ from what Connection usually says, which names none.
  const bool names_fields = !connection.empty() && !equal_no_case(connection, "close") &&
                            !equal_no_case(connection, "keep-alive");
  const std::uint32_t end = head.lines.offset + head.lines.size;
  std::uint32_t out = head.lines.offset;
  // A run of lines to keep is moved as one.
  std::uint32_t run = out;
  const auto keep_run = [&](std::uint32_t run_end) {
    if (out != run) std::memmove(base + out, base + run, run_end - run);
    out += run_end - run;
  };
  for (std::size_t i = 0; i < head.field_count; ++i) {
    const std::string_view name = head.fields[i].name.in(base);
    const bool listed = names_fields && is_listed(connection, name);
    if (!listed && !is_dropped(name)) continue;
    keep_run(head.fields[i].name.offset);
    run = i + 1 < head.field_count ? head.fields[i + 1].name.offset : end;
  }
  keep_run(end);
  return {head.lines.offset, out - head.lines.offset};
}

std::string_view find_dedupe_value(const core::RequestHead& head, const char* base) noexcept {
  for (const std::string_view name : {"webhook-id", "idempotency-key", "x-github-delivery"}) {
    const std::string_view value = head.find(base, name);
    if (!value.empty())
      return value.size() <= core::limits::kDedupeKeyBytesMax ? value : std::string_view{};
  }
  return {};
}

}  // namespace headrace::ingest
