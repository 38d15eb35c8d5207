// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/scenario_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <utility>

#include "core/clock.h"
#include "tools/bench/bench_command.h"

namespace headrace::tools {
namespace {

using bench_tools::Child;
using bench_tools::Flow;
using bench_tools::LedgerEvent;
using bench_tools::LedgerKind;
using bench_tools::LedgerRecord;
using bench_tools::LedgerView;
using bench_tools::ProcessUsage;
using bench_tools::RunRecord;
using namespace std::chrono_literals;

constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr std::uint64_t kSampleNs = kSecondNs / 2;
constexpr auto kCounterMoment = 50ms;  // asking costs the daemon a little, too
constexpr auto kLedgerMoment = 250ms;  // a sink writes its own each 100 ms
constexpr auto kPatience = 30s;        // without anything moving
constexpr auto kDrainPatience = 120s;  // of a load that is over its time

std::uint64_t now_ns() noexcept { return core::SystemClock().steady_ns(); }

double number_at(const Json& json, std::string_view name) {
  const Json* const found = json.find(name);
  return found == nullptr ? 0 : std::strtod(found->text.c_str(), nullptr);
}

// Answered 2xx, by what a load says.
std::uint64_t accepted_of(const Json& load) {
  std::uint64_t accepted = 0;
  if (const Json* const statuses = load.find("statuses")) {
    for (const JsonMember& status : statuses->members) {
      if (status.name.starts_with('2'))
        accepted += std::strtoull(status.value.text.c_str(), nullptr, 10);
    }
  }
  if (const Json* const slow = load.find("slow_clients"))
    accepted += static_cast<std::uint64_t>(number_at(*slow, "accepted"));
  return accepted;
}

std::uint64_t random_run() noexcept {
  const std::uint64_t run = core::random_seed();
  return run == 0 ? 1 : run;
}

double rate(std::uint64_t now, std::uint64_t before, double seconds) noexcept {
  // A daemon that was started in between counts from 0 again.
  const std::uint64_t more = now >= before ? now - before : now;
  return static_cast<double>(more) / seconds;
}

}  // namespace

ScenarioRun::ScenarioRun(const bench_tools::Scenario& scenario,
                         const bench_tools::RunOptions& options)
    : scenario_(scenario), options_(options), rig_(scenario, options), random_(options.seed) {
  record_.scenario = scenario;
  record_.options = options;
}

Result<RunRecord> ScenarioRun::run() {
  if (auto chosen = choose_payloads(); !chosen) return chosen.error();
  if (auto prepared = rig_.prepare(); !prepared) return prepared.error();
  record_.started_ns = bench_tools::wall_clock_ns();
  record_.machine = bench_tools::this_machine(rig_.directory());
  record_.machine.is_pinned = rig_.is_pinned();
  if (auto played = play(); !played) return played.error();
  record_.version = rig_.version();
  if (auto concluded = conclude(); !concluded) return concluded.error();
  return std::move(record_);
}

// The same that the loads make, who are told the same seed.
Result<void> ScenarioRun::choose_payloads() {
  Result<bench_tools::Corpus> corpus = bench_tools::Corpus();
  if (options_.github.empty()) {
    bench_tools::GeneratorOptions generator;
    auto size = bench_tools::SizeDistribution::parse(options_.size);
    if (!size) return size.error();
    generator.size = *size;
    generator.seed = options_.seed;
    corpus = bench_tools::generate(generator);
  } else {
    corpus = bench_tools::read_github(options_.github, {"push"});
  }
  if (!corpus) return corpus.error();
  auto field = bench_tools::routed_field(*corpus);
  if (!field) return field.error();
  record_.field = std::move(*field);
  record_.body_bytes = bench_tools::mean_body_bytes(*corpus);
  return {};
}

Result<void> ScenarioRun::play() {
  if (scenario_.flow != Flow::kBacklog) {
    if (auto started = rig_.start_sink(); !started) return started;
  }
  if (auto started = rig_.start_daemon(); !started) return started;
  if (auto defined = rig_.define(record_.field); !defined) return defined;
  Result<void> played;
  switch (scenario_.flow) {
    case Flow::kSteady:
      played = play_steady();
      break;
    case Flow::kBacklog:
      played = play_backlog();
      break;
    case Flow::kKills:
      played = play_kills();
      break;
  }
  if (!played) return played;
  if (auto stopped = rig_.stop_daemon(); !stopped) return stopped;
  return rig_.stop_sink();
}

Result<void> ScenarioRun::warm_up() {
  if (options_.warmup_ns == 0) return {};
  auto load = rig_.start_load(random_run(), options_.warmup_ns, false);
  if (!load) return load.error();
  auto result = result_of(**load);
  if (!result) return result.error();
  count_expected(*result);
  return scenario_.bad == 0 ? settle_by_counters() : Result<void>();
}

Result<void> ScenarioRun::play_steady() {
  if (auto warm = warm_up(); !warm) return warm;
  measured_run_ = random_run();
  auto load = rig_.start_load(measured_run_, options_.duration_ns, true);
  if (!load) return load.error();
  if (auto begun = begin_window(); !begun) return begun;
  (*load)->tell("go");
  if (auto watched = watch(**load); !watched) return watched;
  auto settled = scenario_.bad == 0 ? settle_by_counters() : settle_by_ledgers();
  return settled ? end_window() : settled;
}

// Only the drain is measured; what the messages cost before is the scenario `accept`'s.
Result<void> ScenarioRun::play_backlog() {
  measured_run_ = random_run();
  auto load = rig_.start_load(measured_run_, options_.duration_ns, true);
  if (!load) return load.error();
  window_start_ns_ = sampled_ns_ = now_ns();
  (*load)->tell("go");
  if (auto watched = watch(**load); !watched) return watched;
  if (auto started = rig_.start_sink(); !started) return started;
  if (auto begun = begin_window(); !begun) return begun;
  if (auto settled = settle_by_counters(); !settled) return settled;
  return end_window();
}

Result<void> ScenarioRun::play_kills() {
  measured_run_ = random_run();
  auto load = rig_.start_load(measured_run_, options_.duration_ns, true);
  if (!load) return load.error();
  if (auto begun = begin_window(); !begun) return begun;
  (*load)->tell("go");
  plan_next_kill(now_ns());
  if (auto watched = watch(**load); !watched) return watched;
  if (auto settled = settle_by_ledgers(); !settled) return settled;
  return end_window();
}

// --- the load ---

// Until the load has ended; meanwhile what happens is sampled, and the daemon killed when its time
// has come.
Result<void> ScenarioRun::watch(Child& load) {
  const auto patience = std::chrono::nanoseconds(options_.duration_ns) + kDrainPatience;
  const std::uint64_t deadline =
      now_ns() + static_cast<std::uint64_t>(std::chrono::nanoseconds(patience).count());
  while (!load.exit_code()) {
    const std::uint64_t now = now_ns();
    if (now > deadline) return Error{ErrorCode::kTimedOut, "the load does not end"};
    if (now >= sample_at_ns_) sample(now);
    if (is_time_to_kill(now)) {
      if (auto again = kill_and_start_again(); !again) return again;
      continue;
    }
    std::uint64_t next = sample_at_ns_;
    if (kill_at_ns_ != 0) next = std::min(next, kill_at_ns_);
    const auto moment =
        std::chrono::ceil<std::chrono::milliseconds>(std::chrono::nanoseconds(next - now));
    auto ended = rig_.wait_for_end(load, moment);
    if (!ended && ended.error().code != ErrorCode::kTimedOut) return ended;
  }
  auto result = result_of(load);
  if (!result) return result.error();
  count_expected(*result);
  record_.load = std::move(*result);
  return {};
}

Result<Json> ScenarioRun::result_of(Child& load) {
  const auto patience = std::chrono::nanoseconds(options_.duration_ns) + kDrainPatience;
  auto ended =
      rig_.wait_for_end(load, std::chrono::duration_cast<std::chrono::milliseconds>(patience));
  if (!ended) return ended.error();
  while (auto line = load.take_output()) {
    auto said = parse_json(*line);
    if (said && said->find("statuses") != nullptr) return said;
  }
  return Error{ErrorCode::kUnavailable, "the load said nothing\n" + load.last_errors()};
}

void ScenarioRun::count_expected(const Json& load_result) {
  const std::uint64_t each = scenario_.is_fanned_out ? scenario_.endpoints : 1;
  if (scenario_.is_matched) deliveries_expected_ += accepted_of(load_result) * each;
}

bool ScenarioRun::is_time_to_kill(std::uint64_t now) const noexcept {
  return kill_at_ns_ != 0 && now >= kill_at_ns_;
}

// A quarter more or less, so that a kill falls on any phase of what repeats.
void ScenarioRun::plan_next_kill(std::uint64_t now) {
  const bool is_once = scenario_.kill_every_ns == 0;
  const std::uint64_t every = is_once ? options_.duration_ns / 2 : scenario_.kill_every_ns;
  const std::uint64_t at = now + every * 3 / 4 + random_.below(every / 2 + 1);
  const bool is_over = at >= window_start_ns_ + options_.duration_ns;
  kill_at_ns_ = is_over || (is_once && record_.kills > 0) ? 0 : at;
}

Result<void> ScenarioRun::kill_and_start_again() {
  auto usage = rig_.daemon_usage();
  if (!usage) return usage.error();
  daemon_killed_ = sum_of(daemon_killed_, usage_between(daemon_before_, *usage));
  daemon_before_ = ProcessUsage();
  const std::uint64_t killed = now_ns();
  rig_.kill_daemon();
  ++record_.kills;
  if (auto started = rig_.start_daemon(); !started) return started;
  const std::uint64_t serves = now_ns();
  record_.restart_max_ns = std::max(record_.restart_max_ns, serves - killed);
  cpu_sampled_ns_ = 0;
  plan_next_kill(serves);
  return {};
}

// --- until all has arrived ---

Result<void> ScenarioRun::settle_by_counters() {
  std::uint64_t moved = now_ns();
  std::uint64_t seen = 0;
  for (;;) {
    auto counters = rig_.counters();
    if (!counters) return counters.error();
    const std::uint64_t ended = counters->delivered + counters->dead;
    if (ended >= deliveries_expected_ && counters->outcomes_recorded >= counters->attempts)
      return {};
    const std::uint64_t now = now_ns();
    if (now >= sample_at_ns_ && window_start_ns_ != 0) sample(now);
    if (const std::uint64_t done = ended + counters->outcomes_recorded; done != seen) {
      seen = done;
      moved = now;
    }
    if (now - moved > static_cast<std::uint64_t>(std::chrono::nanoseconds(kPatience).count())) {
      record_.faults.push_back(fmt::format(
          "{} of {} deliveries have not ended",
          deliveries_expected_ - std::min(ended, deliveries_expected_), deliveries_expected_));
      return {};
    }
    if (auto passed = rig_.pass(kCounterMoment); !passed) return passed;
  }
}

// For a daemon that was killed, whose counters begin anew, and for one with deliveries that will
// not end. What is unknown may arrive as well, so it is over when nothing does any more.
Result<void> ScenarioRun::settle_by_ledgers() {
  constexpr int kQuietLooks = 4;
  int quiet = 0;
  std::uint64_t seen = 0;
  std::uint64_t moved = now_ns();
  for (;;) {
    auto ledgers = read_ledgers();
    if (!ledgers) return ledgers.error();
    const bench_tools::VerifyReport report =
        bench_tools::verify(ledgers->measured, verify_options());
    const std::uint64_t now = now_ns();
    if (now >= sample_at_ns_) sample(now);
    quiet = report.received == seen ? quiet + 1 : 0;
    if (report.received != seen) moved = now;
    seen = report.received;
    if (report.lost.count == 0 && quiet >= kQuietLooks) return {};
    // What is missing now is found again when all is verified.
    if (now - moved > static_cast<std::uint64_t>(std::chrono::nanoseconds(kPatience).count()))
      return {};
    if (auto passed = rig_.pass(kLedgerMoment); !passed) return passed;
  }
}

// --- what it cost ---

Result<void> ScenarioRun::begin_window() {
  auto counters = rig_.counters();
  if (!counters) return counters.error();
  auto sink = rig_.sink_usage();
  if (!sink) return sink.error();
  auto daemon = rig_.daemon_usage();
  if (!daemon) return daemon.error();
  counters_at_start_ = counters_sampled_ = *counters;
  sink_before_ = std::move(*sink);
  daemon_before_ = std::move(*daemon);
  cpu_sampled_ns_ = daemon_before_.cpu_ns;
  if (window_start_ns_ == 0) window_start_ns_ = sampled_ns_ = now_ns();
  sample_at_ns_ = now_ns() + kSampleNs;
  return {};
}

Result<void> ScenarioRun::end_window() {
  auto daemon = rig_.daemon_usage();
  if (!daemon) return daemon.error();
  auto sink = rig_.sink_usage();
  if (!sink) return sink.error();
  record_.daemon = sum_of(daemon_killed_, usage_between(daemon_before_, *daemon));
  record_.sink = usage_between(sink_before_, *sink);
  if (scenario_.flow == Flow::kKills) return {};
  auto counters = rig_.counters();
  if (!counters) return counters.error();
  record_.deliveries_counted = counters->delivered - counters_at_start_.delivered;
  return {};
}

// A daemon that is down is seen as a gap.
void ScenarioRun::sample(std::uint64_t now) {
  sample_at_ns_ = now + kSampleNs;
  const auto counters = rig_.counters();
  const auto usage = rig_.daemon_usage();
  if (!counters || !usage || now <= sampled_ns_) return;
  const double seconds = static_cast<double>(now - sampled_ns_) / 1e9;
  bench_tools::SeriesPoint point;
  point.t_s = static_cast<double>(now - window_start_ns_) / 1e9;
  point.accepted_per_s = rate(counters->accepted, counters_sampled_.accepted, seconds);
  point.delivered_per_s = rate(counters->delivered, counters_sampled_.delivered, seconds);
  point.errors_per_s = rate(counters->refused + counters->failed_attempts,
                            counters_sampled_.refused + counters_sampled_.failed_attempts, seconds);
  const std::uint64_t each = scenario_.is_fanned_out ? scenario_.endpoints : 1;
  const std::uint64_t open = scenario_.is_matched ? counters->accepted * each : 0;
  const std::uint64_t done = counters->delivered + counters->dead;
  point.backlog = static_cast<double>(open > done ? open - done : 0);
  const std::uint64_t cpu =
      usage->cpu_ns >= cpu_sampled_ns_ ? usage->cpu_ns - cpu_sampled_ns_ : usage->cpu_ns;
  const double events = point.accepted_per_s * seconds;
  point.cpu_us_per_event = events > 0 ? static_cast<double>(cpu) / 1e3 / events : 0;
  point.rss_bytes = usage->rss_bytes;
  record_.series.push_back(point);
  sampled_ns_ = now;
  counters_sampled_ = *counters;
  cpu_sampled_ns_ = usage->cpu_ns;
}

// --- what became of it ---

bench_tools::VerifyOptions ScenarioRun::verify_options() const noexcept {
  bench_tools::VerifyOptions options;
  options.endpoints_per_message = scenario_.is_fanned_out ? scenario_.endpoints : 1;
  if (!scenario_.is_matched) options.endpoints_per_message = 0;
  return options;
}

Result<ScenarioRun::Ledgers> ScenarioRun::read_ledgers() const {
  auto opened = bench_tools::open_ledgers(rig_.ledger_directory());
  if (!opened) return opened.error();
  Ledgers ledgers;
  ledgers.opened = std::move(*opened);
  for (const bench_tools::Ledger& ledger : ledgers.opened) {
    LedgerView view = bench_tools::view_of(ledger);
    if (scenario_.bad > 0) {
      // Link N leads to endpoint N, of which the good ones come first.
      std::vector<LedgerRecord>& chosen = ledgers.chosen.emplace_back();
      std::copy_if(
          view.records.begin(), view.records.end(), std::back_inserter(chosen),
          [this](const LedgerRecord& record) { return record.endpoint < scenario_.endpoints; });
      view.records = chosen;
    }
    ledgers.all.push_back(view);
    if (view.kind == LedgerKind::kLoad) {
      if (view.run == measured_run_) ledgers.measured.push_back(view);
      continue;
    }
    // The warm-up had arrived before the first of them was sent.
    const auto first =
        std::find_if(view.records.begin(), view.records.end(),
                     [this](const LedgerRecord& record) { return record.run == measured_run_; });
    view.records = {first, view.records.end()};
    ledgers.measured.push_back(view);
  }
  return ledgers;
}

Result<void> ScenarioRun::conclude() {
  auto ledgers = read_ledgers();
  if (!ledgers) return ledgers.error();
  const bench_tools::VerifyOptions options = verify_options();
  const bench_tools::VerifyReport all = bench_tools::verify(ledgers->all, options);
  const bench_tools::VerifyReport measured = bench_tools::verify(ledgers->measured, options);
  breaches_ = all.breaches(options).size();
  record_.verify = verify_json(all, options);
  record_.e2e = measured.from_due;
  record_.deliveries = measured.deliveries;
  bench_tools::RunTimes times = bench_tools::times_of(ledgers->measured);
  record_.accept = std::move(times.accept);
  record_.events = times.accepted;
  const bool is_drain = scenario_.flow == Flow::kBacklog;
  const std::uint64_t begin = is_drain ? times.first_receipt_ns : times.first_due_ns;
  const std::uint64_t end = std::max(times.last_answer_ns, times.last_receipt_ns);
  record_.span_ns = end > begin ? end - begin : 0;
  record_.load_cpu_us =
      number_at(record_.load, "cpu_us_per_message") * number_at(record_.load, "sent");
  check_counts();
  return {};
}

void ScenarioRun::check_counts() {
  if (const Json* const faults = record_.load.find("invalid_because")) {
    for (const Json& fault : faults->items) record_.faults.push_back("load: " + fault.text);
  }
  if (record_.events == 0) record_.faults.emplace_back("nothing was accepted");
  const bool may_differ = scenario_.bad > 0 || !record_.deliveries_counted;
  if (!may_differ && *record_.deliveries_counted != record_.deliveries) {
    record_.faults.push_back(fmt::format("the daemon counted {} deliveries, the sink {}",
                                         *record_.deliveries_counted, record_.deliveries));
  }
}

}  // namespace headrace::tools
