// SPDX-License-Identifier: Apache-2.0
#include "ingest/router.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>

namespace headrace::ingest {

using selector::BodyKind;

namespace {

bool contains_no_case(std::string_view text, std::string_view lower) noexcept {
  return std::search(text.begin(), text.end(), lower.begin(), lower.end(), [](char a, char b) {
           return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b;
         }) != text.end();
}

}  // namespace

DeclaredBody declared_body(std::string_view content_type, std::string_view content_encoding,
                           std::size_t body_size) noexcept {
  // An encoded body is passed on as it is; nobody looks inside.
  if (!content_encoding.empty() && !contains_no_case(content_encoding, "identity"))
    return {BodyKind::kRaw, true};
  if (contains_no_case(content_type, "application/json") ||
      contains_no_case(content_type, "+json")) {
    return {BodyKind::kJson, true};
  }
  if (contains_no_case(content_type, "application/x-www-form-urlencoded"))
    return {BodyKind::kForm, true};
  return {body_size == 0 ? BodyKind::kRaw : BodyKind::kJson, false};
}

Router::Router(const core::SnapshotCell<selector::RoutingTable>& routes, core::BufferPool& pool,
               std::uint64_t dedupe_seed)
    : routes_(routes), pool_(pool), dedupe_seed_(dedupe_seed) {}

const selector::LinkRoute* Router::find(std::string_view token) noexcept {
  return routes_.get().find(token);
}

Result<void> Router::route(const selector::LinkRoute& link, DeclaredBody declared,
                           store::Intake& intake) {
  const store::Payload& payload = intake.payload;
  selector::MessageView view;
  view.body = payload.body.in(payload.buffer);
  view.kind = link.payload == selector::PayloadRule::kRaw ? BodyKind::kRaw : declared.kind;
  view.query = payload.query.in(payload.buffer);
  view.header_lines = payload.headers.in(payload.buffer);

  selector::Match match = matcher_.run(*link.program, view);
  if (!match.valid && !declared.explicitly) {
    view.kind = BodyKind::kRaw;
    match = matcher_.run(*link.program, view);
  }
  if (!match.valid) {
    counters_.invalid_json.add();
    return Error{
        ErrorCode::kMalformed,
        fmt::format("the body is not valid JSON at byte {}: {}", match.fault_offset, match.fault),
        static_cast<std::int64_t>(match.fault_offset)};
  }
  intake.link = link.number;
  intake.event = link.pinned != core::EventNumber::kNone ? link.pinned : match.event;
  if (intake.event == core::EventNumber::kNone) {
    counters_.unmatched.add();
    intake.status = store::MessageStatus::kUnmatched;
    return {};
  }
  if (!collect_targets(link, intake)) {
    return Error{ErrorCode::kUnavailable, "no memory for the list of endpoints", 0};
  }
  if (intake.targets.size() == 0) {
    counters_.no_endpoint.add();
    intake.status = store::MessageStatus::kNoEndpoint;
  } else {
    intake.status = store::MessageStatus::kRouted;
  }
  return {};
}

bool Router::collect_targets(const selector::LinkRoute& link, store::Intake& intake) noexcept {
  const auto [first, last] = std::equal_range(
      link.by_event.begin(), link.by_event.end(), std::pair{intake.event, core::EndpointNumber{}},
      [](const auto& a, const auto& b) { return a.first < b.first; });
  std::span<const core::EndpointNumber> all = link.endpoints;
  if (first != last) {
    endpoints_.assign(all.begin(), all.end());
    for (auto it = first; it != last; ++it) endpoints_.push_back(it->second);
    all = endpoints_;
  }
  core::BufferRef spill;
  if (all.size() > store::Targets::kInPlace) {
    spill = pool_.acquire(all.size_bytes());
    if (!spill) return false;
  }
  intake.targets = store::Targets::of(all, std::move(spill));
  return true;
}

Bits128 Router::dedupe_key(const selector::LinkRoute& link, std::string_view value) const noexcept {
  if (value.empty()) return {};
  const std::uint64_t seed =
      dedupe_seed_ ^ (std::uint64_t{static_cast<std::uint32_t>(link.number)} << 32);
  const XXH128_hash_t hash = XXH3_128bits_withSeed(value.data(), value.size(), seed);
  return Bits128{hash.high64, hash.low64 | 1};  // never zero, which means none
}

}  // namespace headrace::ingest
