// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/run_result.h"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>
#include <utility>

#include "core/time_text.h"
#include "tools/bench/figures.h"
#include "tools/bench/processes.h"

namespace headrace::bench_tools {
namespace {

using tools::Json;

#ifdef NDEBUG
constexpr std::string_view kBuild = "release";
#else
constexpr std::string_view kBuild = "debug";
#endif
#if defined(__clang__)
constexpr std::string_view kCompiler = "clang " __clang_version__;
#else
constexpr std::string_view kCompiler = "gcc " __VERSION__;
#endif

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void set(Json& json, std::string_view name, std::uint64_t value) {
  json.set(name, Json::number(fmt::format("{}", value)));
}
void set(Json& json, std::string_view name, double value) {
  json.set(name, Json::number(fmt::format("{:.3f}", value)));
}
void set(Json& json, std::string_view name, std::string_view text) {
  json.set(name, Json::string(std::string(text)));
}
void set_truth(Json& json, std::string_view name, bool value) {
  json.set(name, Json::boolean(value));
}

double seconds(std::uint64_t ns) noexcept { return static_cast<double>(ns) / 1e9; }

double ratio(double amount, double of) noexcept { return of > 0 ? amount / of : 0; }
double us_each(std::uint64_t ns, std::uint64_t count) noexcept {
  return ratio(static_cast<double>(ns) / 1e3, static_cast<double>(count));
}
double per_second(std::uint64_t count, std::uint64_t ns) noexcept {
  return ratio(static_cast<double>(count), seconds(ns));
}

// Null where nothing was recorded.
Json summary(const core::Histogram& times) {
  if (times.count() == 0) return {};
  Json json = Json::object();
  const auto us = [](std::uint64_t ns) { return static_cast<double>(ns) / 1e3; };
  set(json, "count", times.count());
  set(json, "p50_us", us(times.value_at(50)));
  set(json, "p90_us", us(times.value_at(90)));
  set(json, "p99_us", us(times.value_at(99)));
  set(json, "p99_9_us", us(times.value_at(99.9)));
  set(json, "max_us", us(times.max()));
  set(json, "mean_us", times.mean() / 1e3);
  return json;
}

Json percentiles(const core::Histogram& times) {
  constexpr std::array kPercents = {0.0,  10.0, 25.0, 50.0,  75.0,  90.0,   95.0,
                                    99.0, 99.5, 99.9, 99.95, 99.99, 99.999, 100.0};
  Json list = Json::array();
  if (times.count() == 0) return list;
  for (const double percent : kPercents) {
    Json pair = Json::array();
    pair.items.push_back(Json::number(fmt::format("{}", percent)));
    const double us = static_cast<double>(times.value_at(percent)) / 1e3;
    pair.items.push_back(Json::number(fmt::format("{:.3f}", us)));
    list.items.push_back(std::move(pair));
  }
  return list;
}

Json machine_json(const Machine& machine) {
  Json json = Json::object();
  set(json, "cpus", std::uint64_t{machine.cpus});
  set(json, "cpu_model", machine.cpu_model);
  set(json, "kernel", machine.kernel);
  set(json, "memory_bytes", machine.memory_bytes);
  set(json, "filesystem", machine.filesystem);
  set_truth(json, "pinned", machine.is_pinned);
  return json;
}

Json build_json(const RunRecord& record) {
  Json json = Json::object();
  set(json, "version", record.version);
  // Of another program nothing is known but what it says of itself.
  const bool is_this = record.options.daemon.empty();
  set(json, "build", is_this ? kBuild : "unknown");
  set(json, "compiler", is_this ? kCompiler : "unknown");
  return json;
}

Json configuration_json(const RunRecord& record) {
  const RunOptions& options = record.options;
  Json json = Json::object();
  set(json, "durability", options.durability);
  set(json, "ingest_loops", std::uint64_t{options.ingest_loops});
  set(json, "shards", std::uint64_t{options.shards});
  set(json, "signing", options.signing);
  set(json, "payload", options.github.empty() ? "made" : "github");
  set(json, "body_bytes", record.body_bytes);
  set(json, "routed_on", record.field.selector);
  set(json, "endpoints", std::uint64_t{record.scenario.endpoints});
  set(json, "bad_endpoints", std::uint64_t{record.scenario.bad});
  set(json, "connections", std::uint64_t{options.connections});
  if (record.scenario.per_second > 0) {
    set(json, "rate_per_s", record.scenario.per_second);
    set_truth(json, "closed", false);
  } else {
    json.set("rate_per_s", Json());
    set_truth(json, "closed", true);
  }
  const bool has_warmup = record.scenario.flow == Flow::kSteady;
  set(json, "warmup_s", has_warmup ? seconds(options.warmup_ns) : 0.0);
  set(json, "duration_s", seconds(options.duration_ns));
  set(json, "seed", options.seed);
  return json;
}

Json threads_json(const RunRecord& record) {
  Json json = Json::object();
  for (const auto& [name, ns] : record.daemon.cpu_ns_by_thread) {
    const double us = us_each(ns, record.events);
    if (us >= 0.0005) set(json, name, us);
  }
  return json;
}

Json measured_json(const RunRecord& record) {
  Json json = Json::object();
  const ProcessUsage& daemon = record.daemon;
  const auto events = static_cast<double>(record.events);
  set(json, "duration_s", seconds(record.span_ns));
  set(json, "events", record.events);
  set(json, "events_per_s", per_second(record.events, record.span_ns));
  set(json, "deliveries", record.deliveries);
  if (record.deliveries_counted) {
    set(json, "deliveries_counted", *record.deliveries_counted);
  } else {
    json.set("deliveries_counted", Json());
  }
  set(json, "deliveries_per_s", per_second(record.deliveries, record.span_ns));
  set(json, "cpu_us_per_event", us_each(daemon.cpu_ns, record.events));
  if (record.deliveries > 0) {
    set(json, "cpu_us_per_delivery", us_each(daemon.cpu_ns, record.deliveries));
  } else {
    json.set("cpu_us_per_delivery", Json());
  }
  json.set("cpu_us_per_event_by_thread", threads_json(record));
  json.set("accept", summary(record.accept));
  json.set("e2e", summary(record.e2e));
  set(json, "rss_max_bytes", daemon.rss_max_bytes);
  set(json, "bytes_written", daemon.bytes_written);
  const auto written = static_cast<double>(daemon.bytes_written);
  set(json, "bytes_written_per_event", ratio(written, events));
  set(json, "bytes_written_over_body", ratio(written, events * record.body_bytes));
  set(json, "load_cpu_us_per_event", ratio(record.load_cpu_us, events));
  set(json, "sink_cpu_us_per_event", us_each(record.sink.cpu_ns, record.events));
  set(json, "kills", record.kills);
  set(json, "restart_max_s", seconds(record.restart_max_ns));
  return json;
}

Json series_json(const std::vector<SeriesPoint>& series) {
  Json list = Json::array();
  for (const SeriesPoint& point : series) {
    Json json = Json::object();
    set(json, "t_s", point.t_s);
    set(json, "accepted_per_s", point.accepted_per_s);
    set(json, "delivered_per_s", point.delivered_per_s);
    set(json, "backlog", point.backlog);
    set(json, "errors_per_s", point.errors_per_s);
    set(json, "cpu_us_per_event", point.cpu_us_per_event);
    set(json, "rss_bytes", point.rss_bytes);
    list.items.push_back(std::move(json));
  }
  return list;
}

// --- for people ---

std::string row(std::string_view title, const std::string& content) {
  return fmt::format("  {:<14}{}\n", title, content);
}

std::string latencies(std::string_view title, const core::Histogram& times) {
  if (times.count() == 0) return {};
  const auto us = [](std::uint64_t ns) { return readable(static_cast<double>(ns) / 1e3, "_us"); };
  const auto at = [&](double percent) { return us(times.value_at(percent)); };
  return row(title, fmt::format("p50 {}, p90 {}, p99 {}, p99.9 {}, max {}", at(50), at(90), at(99),
                                at(99.9), us(times.max())));
}

std::string threads_rows(const RunRecord& record) {
  constexpr double kShownFrom = 0.05;
  std::vector<std::pair<double, std::string>> threads;
  for (const auto& [name, ns] : record.daemon.cpu_ns_by_thread) {
    const double us = us_each(ns, record.events);
    if (us >= kShownFrom) threads.emplace_back(us, name);
  }
  std::sort(threads.rbegin(), threads.rend());
  std::string text;
  for (const auto& [us, name] : threads) text += row("", fmt::format("{:<16}{:8.2f}", name, us));
  return text;
}

std::string load_text(const RunRecord& record) {
  if (record.scenario.per_second > 0)
    return fmt::format("open loop of {:.0f}/s over {} connections", record.scenario.per_second,
                       record.options.connections);
  return fmt::format("closed loop of {} connections", record.options.connections);
}

std::string setting_rows(const RunRecord& record) {
  const Machine& machine = record.machine;
  const RunOptions& options = record.options;
  std::string text =
      row("machine",
          fmt::format(
              "{} CPUs ({}), Linux {}, {}, {:.1f} GB; {}", machine.cpus, machine.cpu_model,
              machine.kernel, machine.filesystem, static_cast<double>(machine.memory_bytes) / 1e9,
              machine.is_pinned ? "processes are pinned"
                                : fmt::format("not pinned: that takes {} CPUs", kPinnedCpusMin)));
  const bool is_this = options.daemon.empty();
  text += row("build", fmt::format("headrace {}{}", record.version,
                                   is_this ? fmt::format(", {}, {}", kBuild, kCompiler) : ""));
  text += row("settings", fmt::format("durability {}, ingest loops {}, shards {}, signing {}",
                                      options.durability, options.ingest_loops, options.shards,
                                      options.signing));
  return text +
         row("load", fmt::format("{}, {} bodies of {:.0f} bytes, routed on {}", load_text(record),
                                 options.github.empty() ? "made" : "GitHub's", record.body_bytes,
                                 record.field.selector));
}

std::string verify_row(const RunRecord& record) {
  const auto number = [&record](std::string_view name) {
    const Json* const found = record.verify.find(name);
    return found == nullptr ? std::string("?") : found->text;
  };
  std::string text = "accepted " + number("accepted");
  if (record.scenario.is_matched) text += ", delivered " + number("delivered");
  return row(
      "verified",
      text + fmt::format(", lost {}, altered {}, never accepted {}, duplicates {}", number("lost"),
                         number("altered"), number("unaccepted"), number("duplicated")));
}

// --- times ---

// The earlier one; 0 is none.
std::uint64_t earlier(std::uint64_t left, std::uint64_t right) noexcept {
  return left == 0 ? right : std::min(left, right);
}

void note_due(const LedgerView& ledger, std::vector<std::uint64_t>& due, RunTimes& times) {
  for (const LedgerRecord& record : ledger.records) {
    const bool is_apart = MessageId{record.run, record.number}.is_apart();
    if (record.event != LedgerEvent::kDue || is_apart) continue;
    if (record.number >= due.size()) due.resize(record.number + 1);
    due[record.number] = record.when_ns;
    times.first_due_ns = earlier(times.first_due_ns, record.when_ns);
  }
}

void note_accepted(const LedgerView& ledger, const std::vector<std::uint64_t>& due,
                   RunTimes& times) {
  for (const LedgerRecord& record : ledger.records) {
    const bool is_apart = MessageId{record.run, record.number}.is_apart();
    const bool is_known = is_apart || record.number < due.size();
    if (record.event != LedgerEvent::kAccepted || !is_known) continue;
    ++times.accepted;
    times.last_answer_ns = std::max(times.last_answer_ns, record.when_ns);
    if (is_apart) continue;
    const std::uint64_t since = due[record.number];
    times.accept.record(record.when_ns > since ? record.when_ns - since : 0);
  }
}

void note_received(const LedgerView& ledger, RunTimes& times) {
  for (const LedgerRecord& record : ledger.records) {
    times.first_receipt_ns = earlier(times.first_receipt_ns, record.when_ns);
    times.last_receipt_ns = std::max(times.last_receipt_ns, record.when_ns);
  }
}

}  // namespace

Machine this_machine(const std::string& data_directory) {
  Machine machine;
  machine.cpus = available_cpus().size();
  const std::string cpuinfo = text_of("/proc/cpuinfo");
  constexpr std::string_view kModel = "model name";
  if (const std::size_t at = cpuinfo.find(kModel); at != std::string::npos) {
    const std::size_t begin = cpuinfo.find(": ", at);
    if (begin != std::string::npos)
      machine.cpu_model = cpuinfo.substr(begin + 2, cpuinfo.find('\n', begin) - begin - 2);
  }
  utsname system{};
  if (::uname(&system) == 0) machine.kernel = system.release;
  machine.memory_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                         static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  std::error_code error;
  const std::string path = std::filesystem::canonical(data_directory, error).string();
  machine.filesystem = filesystem_type(text_of("/proc/self/mountinfo"), path);
  return machine;
}

RunTimes times_of(std::span<const LedgerView> ledgers) {
  RunTimes times;
  std::vector<std::uint64_t> due;
  for (const LedgerView& ledger : ledgers) {
    if (ledger.kind == LedgerKind::kLoad) note_due(ledger, due, times);
  }
  for (const LedgerView& ledger : ledgers) {
    if (ledger.kind == LedgerKind::kLoad) {
      note_accepted(ledger, due, times);
    } else {
      note_received(ledger, times);
    }
  }
  return times;
}

Json run_json(const RunRecord& record) {
  Json json = Json::object();
  set(json, "schema", std::uint64_t{1});
  set(json, "kind", record.scenario.name == "chaos" ? "chaos" : "run");
  set(json, "scenario", record.scenario.name);
  const auto started = core::format_timestamp(record.started_ns / 1'000'000);
  set(json, "started_at", std::string_view(started.data(), started.size()));
  json.set("headrace", build_json(record));
  json.set("machine", machine_json(record.machine));
  json.set("configuration", configuration_json(record));
  json.set("measured", measured_json(record));
  json.set("load", record.load);
  json.set("verify", record.verify);
  set_truth(json, "valid", record.faults.empty());
  Json faults = Json::array();
  for (const std::string& fault : record.faults) faults.items.push_back(Json::string(fault));
  json.set("invalid_because", std::move(faults));
  json.set("series", series_json(record.series));
  Json curves = Json::object();
  curves.set("accept", percentiles(record.accept));
  curves.set("e2e", percentiles(record.e2e));
  json.set("percentiles", std::move(curves));
  return json;
}

std::string run_table(const RunRecord& record) {
  const ProcessUsage& daemon = record.daemon;
  const auto events = static_cast<double>(record.events);
  std::string text =
      fmt::format("{}: {}\n", record.scenario.name, record.scenario.help) + setting_rows(record);
  text += row("throughput",
              fmt::format("{:.0f} events/s, {:.0f} deliveries/s over {:.2f} s",
                          per_second(record.events, record.span_ns),
                          per_second(record.deliveries, record.span_ns), seconds(record.span_ns)));
  std::string cpu = fmt::format("{:.2f} us an event", us_each(daemon.cpu_ns, record.events));
  if (record.deliveries > record.events)
    cpu += fmt::format(", {:.2f} us a delivery", us_each(daemon.cpu_ns, record.deliveries));
  cpu += fmt::format(" (load {:.2f}, sink {:.2f})", ratio(record.load_cpu_us, events),
                     us_each(record.sink.cpu_ns, record.events));
  text += row("CPU", cpu) + threads_rows(record);
  text += latencies("accept", record.accept) + latencies("end to end", record.e2e);
  text += row("memory",
              fmt::format("{:.1f} MB at most", static_cast<double>(daemon.rss_max_bytes) / 1e6));
  text += row("written", fmt::format("{:.0f} bytes an event, {:.2f} of the body",
                                     ratio(static_cast<double>(daemon.bytes_written), events),
                                     ratio(static_cast<double>(daemon.bytes_written),
                                           events * record.body_bytes)));
  if (record.kills > 0) {
    text += row("kills", fmt::format("{}; {:.2f} s at most until messages were taken again",
                                     record.kills, seconds(record.restart_max_ns)));
  }
  text += verify_row(record);
  for (const std::string& fault : record.faults) text += "  INVALID: " + fault + "\n";
  return text;
}

std::string repeats_table(const std::vector<Json>& runs) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kFigures = {
      {{"events_per_s", "events/s"},
       {"cpu_us_per_event", "CPU us an event"},
       {"rss_max_bytes", "memory, bytes"},
       {"bytes_written_per_event", "bytes written an event"}}};
  std::string text = fmt::format("{} runs\n  {:<26}{:>14}{:>14}{:>14}\n", runs.size(), "", "median",
                                 "least", "most");
  for (const auto& [member, title] : kFigures) {
    std::vector<double> values;
    for (const Json& run : runs) {
      const Json* const measured = run.find("measured");
      const Json* const value = measured == nullptr ? nullptr : measured->find(member);
      if (value != nullptr) values.push_back(std::strtod(value->text.c_str(), nullptr));
    }
    if (values.empty()) continue;
    std::sort(values.begin(), values.end());
    const std::size_t middle = values.size() / 2;
    const double median =
        values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
    text += fmt::format("  {:<26}{:>14.2f}{:>14.2f}{:>14.2f}\n", title, median, values.front(),
                        values.back());
  }
  return text;
}

}  // namespace headrace::bench_tools
