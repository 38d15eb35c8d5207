// SPDX-License-Identifier: Apache-2.0
#include "ingest/router.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <span>
#include <utility>

#include "core/limits.h"

namespace headrace::ingest {

using selector::BodyKind;

namespace {

bool contains_no_case(std::string_view text, std::string_view lower) noexcept {
  return std::search(text.begin(), text.end(), lower.begin(), lower.end(), [](char a, char b) {
           return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b;
         }) != text.end();
}

// A header's names, a payload's and a signature's are not the same names. Frozen: keys are on disk.
constexpr std::uint64_t kPayloadNames = 0x5041594C4F4144;
constexpr std::uint64_t kSignedNames = 0x5349474E4544;

std::uint64_t seed_of(std::uint64_t seed, const selector::LinkRoute& link) noexcept {
  return seed ^ (std::uint64_t{static_cast<std::uint32_t>(link.number)} << 32);
}

Bits128 key_of(std::string_view value, std::uint64_t seed) noexcept {
  if (value.empty()) return {};
  const XXH128_hash_t hash = XXH3_128bits_withSeed(value.data(), value.size(), seed);
  return Bits128{hash.high64, hash.low64 | 1};  // never zero, which means none
}

}  // namespace

DeclaredBody declared_body(std::string_view content_type, std::string_view content_encoding,
                           std::size_t body_size) noexcept {
  const Coding coding = body_size == 0 ? Coding::kNone : coding_of(content_encoding);
  // It is passed on as it is; nobody can look inside.
  if (coding == Coding::kOther) return {BodyKind::kRaw, true};
  if (contains_no_case(content_type, "application/json") ||
      contains_no_case(content_type, "+json")) {
    return {BodyKind::kJson, true, coding};
  }
  if (contains_no_case(content_type, "application/x-www-form-urlencoded"))
    return {BodyKind::kForm, true, coding};
  return {body_size == 0 ? BodyKind::kRaw : BodyKind::kJson, false, coding};
}

Router::Router(const core::SnapshotCell<selector::RoutingTable>& routes, core::BufferPool& pool,
               std::uint64_t dedupe_seed)
    : routes_(routes), pool_(pool), dedupe_seed_(dedupe_seed) {}

Router::Route Router::find(std::string_view token, core::WallMs now) noexcept {
  return routes_.get().find(token, now);
}

// Looks into the message; its captures and filters can be asked for afterwards.
Result<selector::Match> Router::match(const Route& route, DeclaredBody declared,
                                      const store::Payload& payload) {
  const bool raw = route.webhook->payload == selector::PayloadRule::kRaw;
  selector::MessageView view;
  view.body = payload.body.in(payload.buffer);
  view.kind = raw ? BodyKind::kRaw : declared.kind;
  view.query = payload.query.in(payload.buffer);
  view.header_lines = payload.headers.in(payload.buffer);
  if (view.kind != BodyKind::kRaw && declared.coding != Coding::kNone) {
    auto inflated = inflater_.inflate(declared.coding, view.body, route.webhook->body_bytes_max);
    if (!inflated && declared.explicitly) return std::move(inflated).error();
    if (inflated) view.body = *inflated;
    if (!inflated) view.kind = BodyKind::kRaw;
  }
  const selector::Match match = matcher_.run(*route.webhook->program, view);
  if (match.valid || declared.explicitly) return match;
  view.kind = BodyKind::kRaw;
  return matcher_.run(*route.webhook->program, view);
}

MessageName Router::name_of(const Route& route, std::string_view replay_id,
                            std::string_view value) const noexcept {
  const std::uint64_t seed = seed_of(dedupe_seed_, *route.link);
  const verification::Verifier* const verifier = route.link->verifier.get();
  if (verifier == nullptr) return {key_of(value, seed), false};
  if (replay_id.empty()) return {key_of(value, seed), true};
  return {key_of(replay_id, seed ^ kSignedNames),
          route.webhook->dedupes_by_body && verifier->signs_body()};
}

Bits128 Router::dedupe_key(const MessageName& name, const Route& route) const noexcept {
  if (name.key != Bits128{} && !name.payload_first) return name.key;
  const Bits128 by_payload = payload_dedupe_key(route);
  return by_payload != Bits128{} ? by_payload : name.key;
}

Result<void> Router::route(const Route& route, DeclaredBody declared, const MessageName& name,
                           store::Intake& intake) {
  const selector::LinkRoute& link = *route.link;
  auto matched = match(route, declared, intake.payload);
  if (!matched) {
    counters_.bad_coding.add();
    return std::move(matched).error();
  }
  const selector::Match& found = *matched;
  if (!found.valid) {
    counters_.invalid_json.add();
    return Error{
        ErrorCode::kMalformed,
        fmt::format("the body is not valid JSON at byte {}: {}", found.fault_offset, found.fault),
        static_cast<std::int64_t>(found.fault_offset)};
  }
  intake.link = link.number;
  if (!intake.is_test) intake.dedupe_key = dedupe_key(name, route);
  if (intake.event == core::EventNumber::kNone)
    intake.event = link.pinned != core::EventNumber::kNone ? link.pinned : found.event;
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

bool Router::collect_targets(const selector::LinkRoute& link, store::Intake& intake) {
  endpoints_.clear();
  const auto keep = [this](const selector::LinkTarget& target) {
    if (!target.filtered || matcher_.passes(target.endpoint)) endpoints_.push_back(target.endpoint);
  };
  for (const selector::LinkTarget& target : link.endpoints) keep(target);
  auto wanted = std::lower_bound(link.by_event.begin(), link.by_event.end(), intake.event,
                                 [](const auto& entry, auto event) { return entry.first < event; });
  for (; wanted != link.by_event.end() && wanted->first == intake.event; ++wanted)
    keep(wanted->second);
  const std::span<const core::EndpointNumber> all = endpoints_;
  core::BufferRef spill;
  if (all.size() > store::Targets::kInPlace) {
    spill = pool_.acquire(all.size_bytes());
    if (!spill) return false;
  }
  intake.targets = store::Targets::of(all, std::move(spill));
  return true;
}

// What the last run captured; too long a value names nothing, as in a header.
Bits128 Router::payload_dedupe_key(const Route& route) const noexcept {
  if (!route.webhook->dedupes) return {};
  const auto value = matcher_.capture(0);
  if (!value || value->size() > core::limits::kDedupeKeyBytesMax) return {};
  return key_of(*value, seed_of(dedupe_seed_, *route.link) ^ kPayloadNames);
}

}  // namespace headrace::ingest
