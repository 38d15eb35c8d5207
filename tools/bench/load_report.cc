// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/load_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>

#include "tools/bench/figures.h"

namespace headrace::bench_tools {
namespace {

struct Percentile {
  double percent;
  std::string_view member;
  std::string_view title;
};
constexpr std::array kPercentiles = {
    Percentile{50, "p50", "p50"}, Percentile{90, "p90", "p90"}, Percentile{99, "p99", "p99"},
    Percentile{99.9, "p99_9", "p99.9"}, Percentile{99.99, "p99_99", "p99.99"}};

double us(std::uint64_t ns) noexcept { return static_cast<double>(ns) / 1e3; }

double per_second(std::uint64_t count, std::uint64_t ns) noexcept {
  return ns == 0 ? 0 : static_cast<double>(count) * 1e9 / static_cast<double>(ns);
}

double late_share(const LoadResult& result) noexcept {
  const std::uint64_t due = result.measured_sent + result.unsent;
  return due == 0 ? 0 : static_cast<double>(result.measured_late) / static_cast<double>(due);
}

double cpu_us_per_message(const LoadResult& result) noexcept {
  return result.sent == 0 ? 0 : us(result.cpu_ns) / static_cast<double>(result.sent);
}

// Of times in nanoseconds; null where there is none.
std::string json_of(const core::Histogram& times) {
  if (times.count() == 0) return "null";
  std::string text =
      fmt::format(R"({{"count":{},"min":{:.1f},"mean":{:.1f},"stddev":{:.1f})", times.count(),
                  us(times.min()), times.mean() / 1e3, times.stddev() / 1e3);
  for (const Percentile& each : kPercentiles)
    text += fmt::format(R"(,"{}":{:.1f})", each.member, us(times.value_at(each.percent)));
  return text + fmt::format(R"(,"max":{:.1f}}})", us(times.max()));
}

// Reasons are texts of ours, and paths and errors of the system: quoted for what these may hold.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

// What charts show of it: how many percent took how long at most. By tens to 90 %, then by ones to
// 99 %, and so on, until nothing is beyond.
std::string curve_json(const core::Histogram& times) {
  const std::string end = fmt::format("[100,{:.1f}]]", us(times.max()));
  std::string text = "[";
  for (double step = 10; step > 1e-6; step /= 10) {
    for (int left = step == 10 ? 10 : 9; left > 0; --left) {
      const double percent = 100 - left * step;
      const std::uint64_t value = std::min(times.value_at(percent), times.max());
      text += fmt::format("[{:.8g},{:.1f}],", percent, us(value));
      if (value == times.max()) return text + end;
    }
  }
  return text + end;
}

std::string curves_json(const LoadResult& result) {
  std::string text = "{";
  const auto add = [&text](std::string_view name, const core::Histogram& times) {
    if (times.count() == 0) return;
    text += fmt::format(R"({}"{}":{})", text.size() == 1 ? "" : ",", name, curve_json(times));
  };
  add("latency_from_due_us", result.from_due);
  add("latency_from_sent_us", result.from_sent);
  return text + "}";
}

std::string series_json(const LoadResult& result) {
  std::string text = "[";
  const auto time = [](const LivePoint& point, double time_us) {
    return point.count == 0 ? std::string("null") : fmt::format("{:.1f}", time_us);
  };
  for (const LivePoint& point : result.series) {
    text += fmt::format(
        R"({}{{"t_s":{:.3f},"sent_per_s":{:.1f},"answered_per_s":{:.1f},"accepted_per_s":{:.1f},)"
        R"("errors_per_s":{:.1f},"backlog":{},"behind_us":{:.1f},"p50_us":{},"p99_us":{}}})",
        text.size() == 1 ? "" : ",", point.t_s, point.sent_per_s, point.answered_per_s,
        point.accepted_per_s, point.errors_per_s, point.backlog, point.behind_us,
        time(point, point.p50_us), time(point, point.p99_us));
  }
  return text + "]";
}

std::string statuses_json(const LoadResult& result) {
  std::string text = "{";
  for (std::size_t status = 0; status < LoadResult::kStatuses; ++status) {
    if (result.statuses[status] == 0) continue;
    text +=
        fmt::format(R"({}"{}":{})", text.size() == 1 ? "" : ",", status, result.statuses[status]);
  }
  return text + "}";
}

template <class Enum, std::size_t kCount>
std::string counts_json(const std::array<std::uint64_t, kCount>& counts) {
  std::string text = "{";
  for (std::size_t i = 0; i < kCount; ++i) {
    text +=
        fmt::format(R"({}"{}":{})", i == 0 ? "" : ",", to_string(static_cast<Enum>(i)), counts[i]);
  }
  return text + "}";
}

std::string slow_json(const SlowCounts& slow) {
  return fmt::format(
      R"({{"count":{},"connections":{},"closed_by_server":{},"answered":{},"accepted":{}}})",
      slow.count, slow.connections, slow.closed_by_server, slow.answered, slow.accepted);
}

std::string slow_row(const SlowCounts& slow) {
  if (slow.count == 0) return {};
  return fmt::format(
      "  {} slow clients: {} connections, {} closed by the server, {} answered, {} accepted\n",
      slow.count, slow.connections, slow.closed_by_server, slow.answered, slow.accepted);
}

std::string faults_json(const LoadResult& result) {
  std::string text = "[";
  for (const std::string& fault : result.faults)
    text += (text.size() == 1 ? "" : ",") + quoted(fault);
  return text + "]";
}

std::string readable_time(std::uint64_t ns) { return readable(us(ns), "_us"); }

std::string row(std::string_view title, const core::Histogram& times) {
  if (times.count() == 0) return {};
  std::string text = fmt::format("  {:<24}", title);
  for (const Percentile& each : kPercentiles)
    text += fmt::format("{:>11}", readable_time(times.value_at(each.percent)));
  return text + fmt::format("{:>11}\n", readable_time(times.max()));
}

std::string latency_table(const LoadResult& result) {
  std::string text = fmt::format("  {:<24}", "");
  for (const Percentile& each : kPercentiles) text += fmt::format("{:>11}", each.title);
  text += fmt::format("{:>11}\n", "max");
  text += row("latency from due", result.from_due);
  text +=
      row(result.from_due.count() == 0 ? "latency" : "from sent (uncorrected)", result.from_sent);
  return text + row("send lag", result.lag);
}

std::string counts_table(const LoadResult& result) {
  std::string text;
  for (std::size_t status = 0; status < LoadResult::kStatuses; ++status) {
    if (result.statuses[status] != 0)
      text += fmt::format("  answered {:<15}{}\n", status, result.statuses[status]);
  }
  for (std::size_t i = 0; i < kLoadErrors; ++i) {
    if (result.errors[i] != 0)
      text +=
          fmt::format("  error {:<18}{}\n", to_string(static_cast<LoadError>(i)), result.errors[i]);
  }
  for (std::size_t i = 1; i < kKinds; ++i) {
    if (result.kinds[i] != 0)
      text += fmt::format("  sent as {:<16}{}\n", to_string(static_cast<MessageKind>(i)),
                          result.kinds[i]);
  }
  return text;
}

std::string verdict(const LoadResult& result) {
  std::string text;
  for (const std::string& fault : result.faults) text += "  INVALID: " + fault + "\n";
  return text;
}

}  // namespace

std::string load_json(const LoadOptions& options, const LoadResult& result) {
  std::string text = fmt::format(
      R"({{"format":"headrace.bench.load/1","valid":{},"invalid_because":{},"run":"{:016x}",)",
      result.valid(), faults_json(result), options.run);
  auto out = std::back_inserter(text);
  const bool is_open = !options.closed_loop;
  const double rate = options.arrivals.per_second;
  fmt::format_to(out, R"("loop":"{}","arrivals":{},"offered_per_s":{},)",
                 is_open ? "open" : "closed",
                 is_open ? quoted(to_string(options.arrivals.shape)) : "null",
                 is_open ? fmt::format("{:.3f}", rate) : "null");
  fmt::format_to(out, R"("threads":{},"connections":{},"churn":{},"tls":{},"duration_s":{:.3f},)",
                 options.threads, options.connections, options.churn, options.tls != nullptr,
                 static_cast<double>(options.arrivals.duration_ns) / 1e9);
  fmt::format_to(out, R"("sent":{},"answered":{},"unanswered":{},"unsent":{},)", result.sent,
                 result.answered, result.unanswered, result.unsent);
  fmt::format_to(out, R"("sent_per_s":{:.1f},"answered_per_s":{:.1f},"accepted_per_s":{:.1f},)",
                 per_second(result.measured_sent, result.measured_ns),
                 per_second(result.measured_answered, result.measured_ns),
                 per_second(result.measured_accepted, result.measured_ns));
  fmt::format_to(out,
                 R"("sent_bytes":{},"received_bytes":{},"statuses":{},"errors":{},"kinds":{},)",
                 result.sent_bytes, result.received_bytes, statuses_json(result),
                 counts_json<LoadError>(result.errors), counts_json<MessageKind>(result.kinds));
  fmt::format_to(out, R"("latency_from_due_us":{},"latency_from_sent_us":{},"send_lag_us":{},)",
                 json_of(result.from_due), json_of(result.from_sent), json_of(result.lag));
  fmt::format_to(out, R"("late":{},"late_share":{:.6f},"late_for_want_of_a_connection":{},)",
                 result.measured_late, late_share(result), result.measured_starved);
  fmt::format_to(out, R"("reconnects":{},"cpu_us_per_message":{:.3f},"ledger_records":{},)",
                 result.reconnects, cpu_us_per_message(result), result.ledger_records);
  fmt::format_to(out, R"("slow_clients":{},)", slow_json(result.slow));
  fmt::format_to(out, R"("series":{},"percentiles":{}}})", series_json(result),
                 curves_json(result));
  return text + "\n";
}

std::string load_table(const LoadOptions& options, const LoadResult& result) {
  std::string text;
  if (options.closed_loop) {
    text = fmt::format("closed loop, {} connections\n", options.connections);
  } else {
    text = fmt::format("open loop, {}, {:.0f} messages/s due, {} connections\n",
                       to_string(options.arrivals.shape), options.arrivals.per_second,
                       options.connections);
  }
  text += fmt::format("  sent {:.0f}/s, answered {:.0f}/s, accepted {:.0f}/s\n",
                      per_second(result.measured_sent, result.measured_ns),
                      per_second(result.measured_answered, result.measured_ns),
                      per_second(result.measured_accepted, result.measured_ns));
  text += latency_table(result) + counts_table(result);
  text += fmt::format("  sent {}, unanswered {}, unsent {}, late {:.3f} %\n", result.sent,
                      result.unanswered, result.unsent, late_share(result) * 100);
  text += slow_row(result.slow);
  text += fmt::format("  {:.2f} us of CPU a message in this tool\n", cpu_us_per_message(result));
  return text + verdict(result);
}

std::string knee_json(double knee_per_second, const std::vector<KneeStep>& steps) {
  std::string text =
      fmt::format(R"({{"format":"headrace.bench.knee/1","valid":{},"knee_per_s":{:.1f},"steps":[)",
                  knee_per_second > 0, knee_per_second);
  const char* comma = "";
  for (const KneeStep& step : steps) {
    const LoadResult& result = step.result;
    text += fmt::format(
        R"({}{{"per_s":{:.1f},"carried":{},"accepted_per_s":{:.1f},"unsent":{},"late_share":{:.6f},)"
        R"("latency_from_due_us":{}}})",
        comma, step.per_second, step.carried,
        per_second(result.measured_accepted, result.measured_ns), result.unsent, late_share(result),
        json_of(result.from_due));
    comma = ",";
  }
  return text + "]}\n";
}

std::string knee_table(double knee_per_second, const std::vector<KneeStep>& steps) {
  std::string text = fmt::format("  {:>12}{:>14}{:>12}{:>12}{:>10}\n", "due/s", "accepted/s", "p50",
                                 "p99", "carried");
  for (const KneeStep& step : steps) {
    const LoadResult& result = step.result;
    text += fmt::format("  {:>12.0f}{:>14.0f}{:>12}{:>12}{:>10}\n", step.per_second,
                        per_second(result.measured_accepted, result.measured_ns),
                        readable_time(result.from_due.value_at(50)),
                        readable_time(result.from_due.value_at(99)), step.carried ? "yes" : "no");
  }
  return text + fmt::format("knee: {:.0f} messages/s\n", knee_per_second);
}

}  // namespace headrace::bench_tools
