// SPDX-License-Identifier: Apache-2.0
#include "engine/units.h"

#include <utility>

namespace headrace::engine {

void Countdown::done() {
  const std::lock_guard lock(mutex_);
  if (left_ != 0 && --left_ == 0) changed_.notify_all();
}

bool Countdown::wait_for(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, limit, [this] { return left_ == 0; });
}

void Countdown::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return left_ == 0; });
}

std::function<void()> Countdown::counter(const std::shared_ptr<Countdown>& countdown) {
  return [countdown] { countdown->done(); };
}

IngestUnit::IngestUnit(const core::Clock& clock, std::size_t index)
    : thread(clock, "hr-ingest-" + std::to_string(index)) {}

ShardUnit::ShardUnit(const core::Clock& clock, std::size_t index)
    : thread(clock, "hr-shard-" + std::to_string(index)) {}

StoreUnit::StoreUnit(const core::Clock& clock) : thread(clock, "hr-store") {}

JobsUnit::JobsUnit(const core::Clock& clock, StoreUnit& to)
    : thread(clock, "hr-jobs"), redelivery(to) {}

void JobsUnit::Posted::reopen(std::vector<store::Reopening> reopenings,
                              std::function<void(Result<store::ReopenResult>)> done) {
  unit_.thread.loop().post(
      [this, reopenings = std::move(reopenings), done = std::move(done)]() mutable {
        unit_.committer->reopen(std::move(reopenings), std::move(done));
      });
}

void JobsUnit::Posted::erase(MessageId message, std::function<void(Result<void>)> done) {
  unit_.thread.loop().post([this, message, done = std::move(done)]() mutable {
    unit_.committer->erase(message, std::move(done));
  });
}

namespace {

using core::MetricKind;

}  // namespace

void register_metrics(core::MetricsRegistry& registry, const IngestUnit& unit) {
  const auto& server = unit.receiver->server_counters();
  const auto& router = unit.receiver->router_counters();
  const auto& receiver = unit.receiver->counters();
  registry.add(MetricKind::kCounter, "headrace_ingest_connections_total", "Connections accepted.",
               "", &server.connections);
  registry.add(MetricKind::kGauge, "headrace_ingest_connections", "Connections open.", "",
               &server.open);
  registry.add(MetricKind::kCounter, "headrace_ingest_requests_total", "Whole requests received.",
               "", &server.requests);
  registry.add(MetricKind::kCounter, "headrace_ingest_accepted_total", "Requests answered 200.", "",
               &receiver.accepted);
  constexpr auto kRefused = "headrace_ingest_refused_total";
  constexpr auto kRefusedHelp = "Requests refused, by reason.";
  registry.add(MetricKind::kCounter, kRefused, kRefusedHelp, "reason=\"unavailable\"",
               &receiver.unavailable);
  registry.add(MetricKind::kCounter, kRefused, kRefusedHelp, "reason=\"unknown_link\"",
               &receiver.unknown_link);
  registry.add(MetricKind::kCounter, kRefused, kRefusedHelp, "reason=\"invalid_json\"",
               &router.invalid_json);
  registry.add(MetricKind::kCounter, kRefused, kRefusedHelp, "reason=\"protocol\"",
               &server.rejected);
  registry.add(MetricKind::kCounter, kRefused, kRefusedHelp, "reason=\"timeout\"",
               &server.timeouts);
  registry.add(MetricKind::kCounter, kRefused, kRefusedHelp, "reason=\"memory\"", &server.shed);
  registry.add(MetricKind::kCounter, kRefused, kRefusedHelp, "reason=\"content_encoding\"",
               &router.bad_coding);
  for (std::size_t i = 0; i < ingest::kUnverifiedCount; ++i) {
    const auto kind = static_cast<ingest::Unverified>(i);
    registry.add(MetricKind::kCounter, "headrace_ingest_unverified_total",
                 "Requests that were not proved to be their provider's, by what was wrong.",
                 "reason=\"" + std::string(ingest::to_string(kind)) + "\"",
                 &unit.receiver->guard_counters().unverified[i]);
  }
  registry.add(MetricKind::kCounter, "headrace_ingest_challenges_total",
               "Providers' questions that were answered.", "",
               &unit.receiver->guard_counters().challenges);
  constexpr auto kClosed = "headrace_ingest_connections_closed_total";
  constexpr auto kClosedHelp = "Connections closed for the sake of others, by reason.";
  registry.add(MetricKind::kCounter, kClosed, kClosedHelp, "reason=\"evicted\"", &server.evicted);
  registry.add(MetricKind::kCounter, kClosed, kClosedHelp, "reason=\"client_limit\"",
               &server.crowding);
  registry.add(MetricKind::kCounter, kClosed, kClosedHelp, "reason=\"handshake\"",
               &server.handshake);
  registry.add(MetricKind::kCounter, "headrace_messages_unmatched_total",
               "Messages that no selector matched.", "", &router.unmatched);
  registry.add(MetricKind::kCounter, "headrace_messages_no_endpoint_total",
               "Messages that nobody is registered for.", "", &router.no_endpoint);
}

void register_metrics(core::MetricsRegistry& registry, const ShardUnit& unit) {
  const auto& counters = unit.shard->counters();
  registry.add(MetricKind::kCounter, "headrace_attempts_total", "Delivery attempts begun.", "",
               &counters.attempts);
  registry.add(MetricKind::kCounter, "headrace_attempts_failed_total", "Attempts that failed.", "",
               &counters.failed);
  constexpr auto kOutcomes = "headrace_deliveries_total";
  constexpr auto kOutcomesHelp = "Deliveries by what became of them.";
  registry.add(MetricKind::kCounter, kOutcomes, kOutcomesHelp, "outcome=\"delivered\"",
               &counters.delivered);
  registry.add(MetricKind::kCounter, kOutcomes, kOutcomesHelp, "outcome=\"dead\"", &counters.dead);
  registry.add(MetricKind::kCounter, kOutcomes, kOutcomesHelp, "outcome=\"retried\"",
               &counters.retried);
  registry.add(MetricKind::kCounter, kOutcomes, kOutcomesHelp, "outcome=\"returned\"",
               &counters.returned);
  registry.add(MetricKind::kCounter, kOutcomes, kOutcomesHelp, "outcome=\"postponed\"",
               &counters.postponed);
  registry.add(MetricKind::kCounter, "headrace_lane_holds_total",
               "Times a lane was held as its endpoint was unreachable.", "", &counters.holds);
  registry.add(MetricKind::kCounter, "headrace_breaker_opens_total",
               "Times an endpoint's breaker opened.", "", &counters.breaker_opens);
  registry.add(MetricKind::kGauge, "headrace_breakers_open",
               "Endpoints whose breaker is open or half-open.", "", &counters.breakers_open);
  registry.add(MetricKind::kGauge, "headrace_lanes", "Lanes in memory.", "", &counters.lanes);
  registry.add(MetricKind::kCounter, "headrace_endpoint_connections_total",
               "Connections opened to endpoints.", "", &counters.connections_opened);
  registry.add(MetricKind::kGauge, "headrace_endpoint_connections",
               "Connections open to endpoints.", "", &counters.connections_open);
  registry.add(MetricKind::kCounter, "headrace_endpoint_bytes_sent_total",
               "Bytes sent to endpoints.", "", &counters.bytes_sent);
  registry.add(MetricKind::kCounter, "headrace_endpoint_bytes_received_total",
               "Bytes received from endpoints.", "", &counters.bytes_received);
}

void register_metrics(core::MetricsRegistry& registry, const StoreUnit& unit) {
  const auto& counters = unit.committer->counters();
  registry.add(MetricKind::kCounter, "headrace_messages_stored_total", "Messages made durable.", "",
               &counters.messages);
  registry.add(MetricKind::kCounter, "headrace_messages_duplicate_total",
               "Messages seen before within the window.", "", &counters.duplicates);
  registry.add(MetricKind::kCounter, "headrace_store_groups_total", "Group commits.", "",
               &counters.groups);
  registry.add(MetricKind::kCounter, "headrace_store_outcomes_total", "Outcomes recorded.", "",
               &counters.outcomes);
  registry.add(MetricKind::kCounter, "headrace_store_failures_total",
               "Writes that the store refused.", "", &counters.store_failures);
  registry.add(MetricKind::kCounter, "headrace_deliveries_handed_over_total",
               "Deliveries that never waited.", "", &counters.handed_over);
  registry.add(MetricKind::kCounter, "headrace_deliveries_spilled_total",
               "Deliveries that waited in the store.", "", &counters.spilled);
  registry.add(MetricKind::kCounter, "headrace_deliveries_loaded_total",
               "Deliveries read back from the store.", "", &counters.loaded);
  registry.add(MetricKind::kCounter, "headrace_messages_erased_total",
               "Messages erased by request.", "", &counters.erased);
  registry.add(MetricKind::kGauge, "headrace_store_out_of_room",
               "1 while messages are refused for want of room on the disk.", "",
               &counters.out_of_room);
  registry.add(MetricKind::kGauge, "headrace_disk_free_bytes",
               "Free on the file system of the data directory.", "", &counters.disk_free_bytes);
  registry.add(MetricKind::kGauge, "headrace_disk_used_bytes",
               "What the message log and its indexes take.", "", &counters.disk_used_bytes);
  registry.add(MetricKind::kGauge, "headrace_deliveries_in_memory",
               "Deliveries handed over and not yet ended.", "", &counters.in_memory);
}

void register_metrics(core::MetricsRegistry& registry, const EndpointWatch& watch) {
  constexpr auto kDisabled = "headrace_endpoints_disabled_total";
  constexpr auto kDisabledHelp = "Endpoints that were disabled by the engine, by reason.";
  registry.add(MetricKind::kCounter, kDisabled, kDisabledHelp, "reason=\"gone\"",
               &watch.counters().gone);
  registry.add(MetricKind::kCounter, kDisabled, kDisabledHelp, "reason=\"failing\"",
               &watch.counters().failing);
}

}  // namespace headrace::engine
