// SPDX-License-Identifier: Apache-2.0
#include "ingest/forwarded_headers.h"

#include <algorithm>
#include <bitset>
#include <cstring>

#include "core/http_grammar.h"
#include "core/limits.h"

namespace headrace::ingest {
namespace {

bool is_dropped(std::string_view name) noexcept {
  constexpr std::string_view kDropped[] = {
      "te",
      "host",
      "expect",
      "trailer",
      "upgrade",
      "connection",
      "keep-alive",
      "forwarded",
      "x-real-ip",
      "webhook-id",
      "headrace-test",
      "content-length",
      "proxy-connection",
      "transfer-encoding",
      "webhook-timestamp",
      "webhook-signature",
      "proxy-authorization",
      "proxy-authenticate",
  };
  constexpr std::string_view kForwarded = "x-forwarded-";
  if (core::http::equals_lower(name.substr(0, kForwarded.size()), kForwarded)) return true;
  // Sizes tell most names apart without a look at their letters.
  return std::any_of(std::begin(kDropped), std::end(kDropped), [name](std::string_view dropped) {
    return core::http::equals_lower(name, dropped);
  });
}

bool equal_no_case(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return core::http::to_lower(x) == core::http::to_lower(y);
  });
}

// Which lines are not passed on, by the index of their field.
using Dropped = std::bitset<core::limits::kHeaderCountMax>;

// Marks the fields that a Connection field's value names.
void drop_listed(const core::RequestHead& head, const char* base, std::string_view list,
                 Dropped& dropped) noexcept {
  // What Connection usually says, which names none.
  if (core::http::equals_lower(list, "close") || core::http::equals_lower(list, "keep-alive"))
    return;
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    const std::string_view element = core::http::trim(list.substr(0, comma));
    for (std::size_t i = 0; i < head.field_count; ++i) {
      if (equal_no_case(head.fields[i].name.in(base), element)) dropped.set(i);
    }
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
}

Dropped find_dropped(const core::RequestHead& head, const char* base,
                     std::string_view credential) noexcept {
  Dropped dropped;
  for (std::size_t i = 0; i < head.field_count; ++i) {
    const std::string_view name = head.fields[i].name.in(base);
    if (!is_dropped(name) && !core::http::equals_lower(name, credential)) continue;
    dropped.set(i);
    if (core::http::equals_lower(name, "connection"))
      drop_listed(head, base, head.fields[i].value.in(base), dropped);
  }
  return dropped;
}

}  // namespace

core::Range keep_forwarded_lines(const core::RequestHead& head, char* base,
                                 std::string_view credential) noexcept {
  // Known before anything moves: a moved line may cover the Connection field.
  const Dropped dropped = find_dropped(head, base, credential);
  const std::uint32_t end = head.lines.offset + head.lines.size;
  std::uint32_t out = head.lines.offset;
  // A run of lines to keep is moved as one.
  std::uint32_t run = out;
  const auto keep_run = [&](std::uint32_t run_end) {
    if (out != run) std::memmove(base + out, base + run, run_end - run);
    out += run_end - run;
  };
  for (std::size_t i = 0; i < head.field_count; ++i) {
    if (!dropped.test(i)) continue;
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
