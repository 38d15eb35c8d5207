// SPDX-License-Identifier: Apache-2.0
#include "tests/store/store_rig.h"

#include <algorithm>
#include <utility>

namespace headrace::store {

namespace {

core::Range append(char* base, std::uint32_t& used, std::string_view bytes) {
  bytes.copy(base + used, bytes.size());
  const core::Range range{used, static_cast<std::uint32_t>(bytes.size())};
  used += range.size;
  return range;
}

}  // namespace

void ListeningSink::write(core::LogLevel, std::string_view event, std::string_view,
                          std::initializer_list<core::LogField> fields) noexcept {
  const std::lock_guard lock(mutex_);
  events_.emplace_back(event);
  for (const core::LogField& field : fields) {
    const auto* number = std::get_if<std::int64_t>(&field.value);
    if (number != nullptr) numbers_[std::string(field.name)] = *number;
  }
}

std::int64_t ListeningSink::number(const std::string& field) const {
  const std::lock_guard lock(mutex_);
  const auto found = numbers_.find(field);
  return found == numbers_.end() ? -1 : found->second;
}

std::size_t ListeningSink::count(std::string_view event) const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(std::count(events_.begin(), events_.end(), event));
}

Intake make_intake(core::BufferPool& pool, const MessageSpec& spec, core::WallMs now) {
  Intake intake;
  Payload& payload = intake.payload;
  payload.buffer = pool.acquire(spec.headers.size() + spec.query.size() + spec.body.size() + 1);
  char* const base = payload.buffer.data();
  std::uint32_t used = 0;
  // Not in the order in which they are stored, nor without gaps.
  payload.query = append(base, used, spec.query);
  ++used;
  payload.headers = append(base, used, spec.headers);
  payload.body = append(base, used, spec.body);
  std::vector<EndpointNumber> endpoints;
  for (const std::uint32_t number : spec.endpoints) endpoints.push_back(EndpointNumber{number});
  const bool many = endpoints.size() > Targets::kInPlace;
  intake.targets =
      Targets::of(endpoints, many ? pool.acquire(endpoints.size() * sizeof(EndpointNumber))
                                  : core::BufferRef{});
  intake.received_at = now;
  intake.dedupe_key = Bits128{spec.dedupe == 0 ? 0u : 0x1234u, spec.dedupe};
  intake.link = LinkNumber{spec.link};
  intake.event = EventNumber{9};
  intake.status = spec.status;
  intake.is_test = spec.is_test;
  return intake;
}

Outcome make_outcome(MessageId message, LogPosition position, std::uint32_t endpoint,
                     Verdict verdict, std::uint16_t attempt, core::WallMs next_at) {
  Outcome outcome;
  outcome.ticket.position = position;
  outcome.message = message;
  outcome.endpoint = EndpointNumber{endpoint};
  outcome.verdict = verdict;
  outcome.attempt = attempt;
  outcome.http_status = verdict == Verdict::kDelivered ? 200 : 503;
  outcome.started_at = 77;
  outcome.duration_us = 1500;
  outcome.next_at = next_at;
  return outcome;
}

Outcome make_outcome(const Delivery& delivery, Verdict verdict, core::WallMs next_at) {
  const bool attempted = verdict != Verdict::kReturned;
  Outcome outcome = make_outcome(
      delivery.message, delivery.ticket.position, static_cast<std::uint32_t>(delivery.endpoint),
      verdict, static_cast<std::uint16_t>(delivery.attempts + (attempted ? 1 : 0)), next_at);
  outcome.ticket = delivery.ticket;
  return outcome;
}

void set_response(Outcome& outcome, core::BufferPool& pool, std::string_view head,
                  std::string_view body) {
  outcome.response = pool.acquire(head.size() + body.size() + 1);
  std::uint32_t used = 0;
  outcome.response_head = append(outcome.response.data(), used, head);
  outcome.response_body = append(outcome.response.data(), used, body);
}

Result<void> commit(EventStore& store, Group& group) {
  if (auto appended = store.append(group); !appended) return appended;
  for (std::size_t i = 0; i < group.intakes.size(); ++i) {
    const Placed& placed = group.placed[i];
    if (placed.acceptance != Acceptance::kStored) continue;
    for (const EndpointNumber endpoint : group.intakes[i].targets.list()) {
      group.spilled.push_back({endpoint, 0, placed.id, placed.position, 0});
    }
  }
  group.low_water = store.end();
  return store.apply(group);
}

Placed commit_one(EventStore& store, core::BufferPool& pool, const MessageSpec& spec,
                  core::WallMs now) {
  Group group;
  group.intakes.push_back(make_intake(pool, spec, now));
  if (!commit(store, group)) return Placed{};
  return group.placed.front();
}

std::vector<Delivery> load_all(EventStore& store, core::BufferPool& pool, std::uint32_t endpoint,
                               core::WallMs now) {
  std::vector<Delivery> loaded;
  PendingCursor cursor;
  (void)store.load_pending(EndpointNumber{endpoint}, cursor, now, {1'000'000, 1 << 25}, pool, loaded);
  return loaded;
}

void StoreRig::fill_rocks_disk(bool full) {
  files.set_room(full ? 0 : testing::FaultyFileSystem::kNoLimit, options.directory + "/db");
}

StoreRig::StoreRig() {
  options.directory = "/store";
  options.segment_bytes = 16 * 1024;
  options.disk_reserve_bytes = 0;
  options.log_files = &files;
  options.rocks_env_for_test = rocks_files_.env();
  files.keep_order(options.directory + "/db/");
}

StoreRig::~StoreRig() { store_.reset(); }

Result<void> StoreRig::open() {
  store_.reset();
  auto opened = RocksStore::open(options, clock, ++opened_, sink);
  if (!opened) return std::move(opened).error();
  store_ = std::move(*opened);
  return {};
}

void StoreRig::cut_power(std::uint64_t seed) {
  files.power_off(seed);
  store_.reset();
  files.power_on();
}

}  // namespace headrace::store
