// SPDX-License-Identifier: Apache-2.0
// The traffic of a simulation, and what goes wrong in it.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "core/check.h"
#include "selector/program.h"
#include "tests/sim/simulation.h"

namespace headrace::sim {

namespace {

constexpr core::EventNumber kPush{1};
constexpr Bits128 kToken{42, 1};
constexpr std::uint64_t kNoRoomAtAll = 0;
constexpr std::uint64_t kAllRoom = ~std::uint64_t{0};

std::shared_ptr<const selector::Program> program() {
  const auto action = selector::Selector::parse("$Event{action}");
  const std::vector<selector::EventRule> rules = {{kPush, *action, "push"}};
  auto compiled = selector::Program::compile(rules, {}, {});
  HEADRACE_CHECK(compiled.has_value());
  return std::make_shared<selector::Program>(std::move(*compiled));
}

std::string token() {
  std::string text(kIdDigits, '\0');
  format_base62(kToken, text.data());
  return text;
}

}  // namespace

// One link, which sends its one event to all endpoints.
void Simulation::prepare_tables() {
  selector::WebhookRoute webhook;
  webhook.number = core::WebhookNumber{3};
  webhook.program = program();
  selector::LinkRoute link;
  link.number = core::LinkNumber{1};
  link.token = kToken;
  link.webhook = webhook.number;
  for (const EndpointPlan& endpoint : plan_.endpoints) {
    link.endpoints.push_back({endpoint.settings.number, false});
    auto made = dispatch::make_endpoint(endpoint.settings);
    HEADRACE_CHECK(made.has_value());
    there_.emplace_back(endpoint.settings);
    table_.put(*made);
    const auto number = static_cast<std::uint32_t>(endpoint.settings.number);
    ledger_.set_endpoint(number, &endpoint.settings);
    if (endpoint.reliable) ledger_.set_reliable(number);
  }
  auto table = std::make_shared<selector::RoutingTable>(7);
  table->put(std::make_shared<const selector::WebhookRoute>(webhook));
  table->put(std::make_shared<const selector::LinkRoute>(link));
  routes_.publish(std::move(table));
  publish();
}

void Simulation::publish() {
  endpoints_.publish(std::make_shared<const dispatch::EndpointTable>(table_));
}

void Simulation::schedule_traffic() {
  for (std::size_t i = 0; i < plan_.messages; ++i) {
    agenda_.after(dice_.below(plan_.duration), [this] { submit_any(); });
  }
}

// Through the link to all endpoints, or directly to some of them.
void Simulation::submit_any() {
  std::vector<std::uint32_t> targets;
  const bool to_all = dice_.one_in(4) && plan_.endpoints.size() < 10;
  for (std::uint32_t i = 1; i <= plan_.endpoints.size(); ++i) {
    if (to_all || dice_.one_in(plan_.endpoints.size() < 10 ? 2 : 20)) targets.push_back(i);
  }
  if (targets.empty()) targets.push_back(1);
  submit(std::move(targets));
}

void Simulation::submit(std::vector<std::uint32_t> targets) {
  if (calm_ || !process_ || !process_->running()) return;
  std::size_t bytes = dice_.one_in(5) ? dice_.between(40, 6'000) : dice_.between(40, 400);
  if (plan_.troubles.large_bodies && dice_.one_in(10)) bytes = dice_.between(6'000, 60'000);
  const bool by_link = targets.size() == plan_.endpoints.size();
  std::uint64_t key = 0;
  if (plan_.troubles.repeats && by_link) {
    key = last_key_ != 0 && dice_.one_in(2) ? dice_.between(1, last_key_) : ++last_key_;
  }
  const std::uint64_t number = ledger_.submit(targets, bytes, key);
  const auto done = [this, number](Result<store::Answer> answer) {
    if (process_ && !process_->store().dead()) ledger_.on_answer(number, answer);
  };
  const std::string& body = ledger_.submission(number).body;
  if (by_link) {
    ingest::Submitter::Message message{token(), body, "application/json", "", "X-One: 1\r\n"};
    if (key != 0) message.header_lines += "Idempotency-Key: k" + std::to_string(key) + "\r\n";
    return process_->submitter().submit(std::move(message), done);
  }
  ingest::Submitter::Direct direct;
  direct.link = core::LinkNumber{2};
  direct.event = kPush;
  for (const std::uint32_t target : targets)
    direct.targets.emplace_back(core::EndpointNumber{target});
  direct.body = body;
  direct.content_type = "application/json";
  process_->submitter().submit(std::move(direct), done);
}

void Simulation::burst() {
  const auto target = static_cast<std::uint32_t>(1 + dice_.below(plan_.endpoints.size()));
  const std::uint64_t count = dice_.any_of({100u, 300u, 1'300u});
  for (std::uint64_t i = 0; i < count; ++i) submit({target});
}

void Simulation::schedule(bool on, std::uint64_t times_max, void (Simulation::*trouble)()) {
  if (!on) return;
  for (std::uint64_t times = dice_.between(1, times_max); times != 0; --times) {
    agenda_.after(dice_.below(plan_.duration), [this, trouble] {
      if (!calm_) (this->*trouble)();
    });
  }
}

void Simulation::schedule_troubles() {
  const Troubles& on = plan_.troubles;
  schedule(on.flapping, 20, &Simulation::change_moods);
  schedule(on.sync_fails, 3, &Simulation::break_disk);
  schedule(on.disk_full, 3, &Simulation::fill_disk);
  schedule(on.index_fails, 5, &Simulation::refuse_index);
  schedule(on.load_fails, 5, &Simulation::refuse_loads);
  schedule(on.stalls, 10, &Simulation::stall);
  schedule(on.clock_jumps, 3, &Simulation::jump_clock);
  schedule(on.crashes, 4, &Simulation::crash);
  schedule(on.power_cuts, 4, &Simulation::cut_power);
  schedule(on.restarts, 3, &Simulation::restart_in_order);
  schedule(on.edits, 10, &Simulation::edit);
  schedule(on.deletions, 2, &Simulation::remove_endpoint);
  schedule(on.pauses, 6, &Simulation::pause_or_resume);
  schedule(on.bursts, 2, &Simulation::burst);
  schedule(true, 3, &Simulation::checkpoint);
}

void Simulation::change_moods() {
  for (auto& [number, receiver] : network_.receivers()) {
    if (dice_.one_in(2)) receiver->set_troubled(!receiver->troubled());
  }
}

void Simulation::break_disk() {
  using Operation = testing::FaultyFileSystem::Operation;
  const auto operation = dice_.any_of({Operation::kSync, Operation::kSync, Operation::kWrite,
                                       Operation::kCreate, Operation::kSyncDirectory});
  trace_.note("break_disk", static_cast<std::uint64_t>(operation));
  files_.fail(operation, static_cast<std::uint32_t>(dice_.between(1, 3)), EIO);
  agenda_.after(dice_.between(kSecond, 10 * kSecond), [this] { open_again_if_broken(); });
}

void Simulation::fill_disk() {
  trace_.note("disk_full");
  files_.set_room(dice_.one_in(2) ? kNoRoomAtAll : dice_.below(plan_.segment_bytes));
  // What fits the segment that was begun is taken all the same, save where there is none.
  if (dice_.one_in(2)) refuse_appends(true);
  agenda_.after(dice_.between(kSecond / 10, 10 * kSecond), [this] {
    trace_.note("disk_has_room");
    files_.set_room(kAllRoom);
    refuse_appends(false);
  });
}

void Simulation::refuse_appends(bool refuses) {
  if (!process_ || !process_->running()) return;
  process_->store().faults().append = refuses;
  process_->store().faults().append_code = ErrorCode::kStorageFull;
}

void Simulation::refuse_index() {
  if (!process_ || !process_->running()) return;
  process_->store().faults().apply = !process_->store().faults().apply;
  trace_.note("refuse_index", process_->store().faults().apply ? 1 : 0);
}

void Simulation::refuse_loads() {
  if (!process_ || !process_->running()) return;
  process_->store().faults().load = !process_->store().faults().load;
  trace_.note("refuse_loads", process_->store().faults().load ? 1 : 0);
}

void Simulation::stall() {
  if (!process_ || !process_->running()) return;
  const std::size_t loop = dice_.below(stalled_until_.size());
  stalled_until_[loop] = clock_.steady_ns() + dice_.below(3 * kSecond);
  trace_.note("stall", loop);
}

void Simulation::jump_clock() {
  const std::int64_t hour = 3'600'000;
  const bool back = dice_.one_in(2);
  trace_.note("clock_jump", back ? 1 : 0);
  clock_.set_wall(back ? -hour : hour);
  if (back) ledger_.on_clock_set_back();
}

void Simulation::edit() {
  const std::size_t index = dice_.below(there_.size());
  if (!there_[index]) return;
  dispatch::EndpointSettings& settings = *there_[index];
  Plan::redraw(settings, dice_);
  auto made = dispatch::make_endpoint(settings);
  HEADRACE_CHECK(made.has_value());
  table_.put(*made);
  trace_.note("edit", index + 1);
  ledger_.set_endpoint(static_cast<std::uint32_t>(index + 1), &settings);
  publish();
}

void Simulation::pause_or_resume() {
  const std::size_t index = dice_.below(there_.size());
  if (there_[index]) set_held(index, !there_[index]->held);
}

// Both sides are told, as the engine does it.
void Simulation::set_held(std::size_t index, bool held) {
  dispatch::EndpointSettings& settings = *there_[index];
  settings.held = held;
  auto made = dispatch::make_endpoint(settings);
  HEADRACE_CHECK(made.has_value());
  table_.put(*made);
  trace_.note("set_held", index + 1, held ? 1 : 0);
  ledger_.set_endpoint(static_cast<std::uint32_t>(index + 1), &settings);
  publish();
  if (process_ && process_->running()) process_->hold(settings.number, held);
}

void Simulation::remove_endpoint() {
  const std::size_t index = dice_.below(there_.size());
  trace_.note("delete", index + 1);
  there_[index].reset();
  table_.erase(core::EndpointNumber{static_cast<std::uint32_t>(index + 1)});
  ledger_.set_endpoint(static_cast<std::uint32_t>(index + 1), nullptr);
  publish();
  if (process_ && process_->running())  // so that what it held is given up
    process_->hold(core::EndpointNumber{static_cast<std::uint32_t>(index + 1)}, false);
}

// RocksDB flushes only here, so that its threads never run beside the simulation's one.
void Simulation::checkpoint() {
  if (!process_ || !process_->running()) return;
  trace_.note("checkpoint");
  (void)process_->store().checkpoint();
}

void Simulation::calm() {
  trace_.note("calm");
  calm_ = true;
  network_.calm();
  files_.set_room(kAllRoom);
  files_.heal();
  for (std::size_t i = 0; i < there_.size(); ++i) {
    if (there_[i] && there_[i]->held) set_held(i, false);
  }
  if (process_ && process_->running()) process_->store().faults() = {};
  std::fill(stalled_until_.begin(), stalled_until_.end(), 0);
  watch_health();
}

}  // namespace headrace::sim
