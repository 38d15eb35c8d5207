// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/live.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "core/check.h"
#include "core/clock.h"

namespace headrace::bench_tools {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
// How long a thread may take to notice that it is asked: a wait of it is shorter.
constexpr std::uint64_t kAnswerNs = 60'000'000;
// Below it a message is not behind, it shares a wake-up with others.
constexpr double kBehindShownUs = 10'000;

std::uint64_t interval_of(const LiveOptions& options, std::uint64_t duration_ns) noexcept {
  if (options.interval_ns != 0) return options.interval_ns;
  return std::clamp(duration_ns / 20, kSecondNs / 10, kSecondNs);
}

// A whole number of intervals.
std::uint64_t point_of(const LiveOptions& options, std::uint64_t duration_ns) noexcept {
  const std::uint64_t interval = interval_of(options, duration_ns);
  return std::max<std::uint64_t>(duration_ns / interval / options.points_max, 1) * interval;
}

std::string short_time(double us) {
  if (us < 1e3) return fmt::format("{:.3g}us", us);
  return us < 1e6 ? fmt::format("{:.3g}ms", us / 1e3) : fmt::format("{:.3g}s", us / 1e6);
}

}  // namespace

void LiveCounts::add(const LiveCounts& other) noexcept {
  sent += other.sent;
  answered += other.answered;
  accepted += other.accepted;
  errors += other.errors;
  backlog += other.backlog;
  behind_ns = std::max(behind_ns, other.behind_ns);
}

// --- a share ---

void LiveShare::publish(const LiveCounts& counts) noexcept {
  sent_.store(counts.sent, std::memory_order_relaxed);
  answered_.store(counts.answered, std::memory_order_relaxed);
  accepted_.store(counts.accepted, std::memory_order_relaxed);
  errors_.store(counts.errors, std::memory_order_relaxed);
  backlog_.store(counts.backlog, std::memory_order_relaxed);
  behind_ns_.store(counts.behind_ns, std::memory_order_relaxed);
  if (state_.load(std::memory_order_acquire) != State::kAsked) return;
  current_ = 1 - current_;  // the reader left that one empty
  state_.store(State::kGiven, std::memory_order_release);
}

LiveCounts LiveShare::counts() const noexcept {
  return {.sent = sent_.load(std::memory_order_relaxed),
          .answered = answered_.load(std::memory_order_relaxed),
          .accepted = accepted_.load(std::memory_order_relaxed),
          .errors = errors_.load(std::memory_order_relaxed),
          .backlog = backlog_.load(std::memory_order_relaxed),
          .behind_ns = behind_ns_.load(std::memory_order_relaxed)};
}

void LiveShare::ask() noexcept {
  // Only this thread leaves kIdle, so what it is may not change in between.
  if (state_.load(std::memory_order_relaxed) == State::kIdle)
    state_.store(State::kAsked, std::memory_order_release);
}

void LiveShare::take(core::Histogram& window) noexcept {
  if (!is_given()) return;
  core::Histogram& given = windows_[1 - current_];
  window.add(given);
  given.reset();
  state_.store(State::kIdle, std::memory_order_release);
}

void LiveShare::take_rest(core::Histogram& window) noexcept {
  for (core::Histogram& each : windows_) {
    window.add(each);
    each.reset();
  }
  state_.store(State::kIdle, std::memory_order_relaxed);
}

// --- intervals ---

LivePoint LiveWindow::close(std::uint64_t at_ns, const LiveCounts& counts) noexcept {
  HEADRACE_DCHECK(at_ns > from_ns_);
  const double seconds = static_cast<double>(at_ns - from_ns_) / 1e9;
  const auto rate = [seconds](std::uint64_t before, std::uint64_t after) {
    return static_cast<double>(after - before) / seconds;
  };
  const auto us = [this](double percentile) {
    return static_cast<double>(times_.value_at(percentile)) / 1e3;
  };
  const LivePoint point = {.t_s = static_cast<double>(at_ns) / 1e9,
                           .sent_per_s = rate(before_.sent, counts.sent),
                           .answered_per_s = rate(before_.answered, counts.answered),
                           .accepted_per_s = rate(before_.accepted, counts.accepted),
                           .errors_per_s = rate(before_.errors, counts.errors),
                           .backlog = counts.backlog,
                           .behind_us = static_cast<double>(counts.behind_ns) / 1e3,
                           .count = times_.count(),
                           .p50_us = us(50),
                           .p99_us = us(99)};
  from_ns_ = at_ns;
  before_ = counts;
  times_.reset();
  return point;
}

// --- the monitor ---

LiveMonitor::LiveMonitor(LiveOptions options, unsigned shares, std::uint64_t duration_ns)
    : options_(std::move(options)),
      interval_ns_(interval_of(options_, duration_ns)),
      point_ns_(point_of(options_, duration_ns)),
      shares_(shares) {
  // For the time of sending; what is waited for afterwards may take more.
  constexpr std::size_t kMore = 64;
  points_.reserve(duration_ns / point_ns_ + kMore);
}

LiveMonitor::~LiveMonitor() { HEADRACE_CHECK(!thread_.joinable()); }

void LiveMonitor::start(std::uint64_t start_ns) {
  start_ns_ = start_ns;
  thread_ = std::thread([this] { run(); });
}

std::vector<LivePoint> LiveMonitor::stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopped_ = true;
  }
  stopping_.notify_all();
  if (thread_.joinable()) thread_.join();
  core::Histogram rest = LiveShare::make_window();
  for (LiveShare& share : shares_) share.take_rest(rest);
  charted_.add(rest);
  // A rest that is too short has rates of chance only.
  const std::uint64_t at = now();
  if (at > charted_.from_ns() + interval_ns_ / 2) points_.push_back(charted_.close(at, counts()));
  return std::move(points_);
}

std::uint64_t LiveMonitor::now() const noexcept {
  const std::uint64_t now = core::SystemClock().steady_ns();
  return now > start_ns_ ? now - start_ns_ : 0;
}

// False: it is to end.
bool LiveMonitor::wait_until(std::uint64_t at_ns) {
  std::unique_lock lock(mutex_);
  while (!is_stopped_) {
    const std::uint64_t time = core::SystemClock().steady_ns();
    if (time >= start_ns_ + at_ns) return true;
    stopping_.wait_for(lock, std::chrono::nanoseconds(start_ns_ + at_ns - time));
  }
  return false;
}

LiveCounts LiveMonitor::counts() const noexcept {
  LiveCounts all;
  for (const LiveShare& share : shares_) all.add(share.counts());
  return all;
}

void LiveMonitor::run() {
  const auto is_given = [](const LiveShare& share) { return share.is_given(); };
  const std::uint64_t answer_ns = std::min(kAnswerNs, interval_ns_ / 2);
  core::Histogram window = LiveShare::make_window();
  for (std::uint64_t at = interval_ns_; wait_until(at);) {
    const std::uint64_t time = now();
    for (LiveShare& share : shares_) share.ask();
    if (!wait_until(time + answer_ns)) return;
    // A thread that got no time makes this interval longer, as does one that this thread missed.
    if (std::all_of(shares_.begin(), shares_.end(), is_given)) {
      for (LiveShare& share : shares_) share.take(window);
      observe(time, window);
      window.reset();
    }
    while (at <= time) at += interval_ns_;
  }
}

void LiveMonitor::observe(std::uint64_t at_ns, const core::Histogram& window) {
  const LiveCounts counts = this->counts();
  charted_.add(window);
  shown_.add(window);
  if (at_ns >= charted_.from_ns() + point_ns_ - interval_ns_ / 2)
    points_.push_back(charted_.close(at_ns, counts));
  if (options_.show && at_ns >= shown_.from_ns() + options_.shown_ns)
    options_.show(shown_.close(at_ns, counts));
}

// --- a terminal ---

std::string live_line(const LivePoint& point, double total_s, std::size_t columns) {
  std::string text = total_s > 0 ? fmt::format("{:.0f}/{:.0f}s", point.t_s, total_s)
                                 : fmt::format("{:.0f}s", point.t_s);
  text += fmt::format(" sent {:.0f}/s", point.sent_per_s);
  const std::string answered = fmt::format(", answered {:.0f}/s", point.answered_per_s);
  std::string rest = fmt::format(", 2xx {:.0f}/s", point.accepted_per_s);
  if (point.count != 0)
    rest += fmt::format(", p50 {}, p99 {}", short_time(point.p50_us), short_time(point.p99_us));
  rest += fmt::format(", backlog {}, errors {:.0f}/s", point.backlog, point.errors_per_s);
  if (point.behind_us > kBehindShownUs)
    rest += fmt::format(", behind {}", short_time(point.behind_us));
  // Where there is little room, what was answered is the first to go, unless it says something.
  const bool is_room = text.size() + answered.size() + rest.size() <= columns;
  if (is_room || point.accepted_per_s < point.answered_per_s) text += answered;
  text += rest;
  if (text.size() > columns) text.resize(columns);
  return text;
}

TerminalLine::TerminalLine(bool is_wanted) {
  const char* const kind = std::getenv("TERM");
  const bool can_rewrite = kind != nullptr && std::string_view(kind) != "dumb";
  is_shown_ = is_wanted && can_rewrite && isatty(STDERR_FILENO) == 1;
}

std::size_t TerminalLine::columns() const noexcept {
  constexpr std::size_t kUsual = 80;
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kUsual - 1;
  return size.ws_col - 1u;  // in the last one, some terminals begin another line
}

void TerminalLine::show(std::string_view text) {
  if (!is_shown_) return;
  fmt::print(stderr, "\r{}\x1b[K", text);
  std::fflush(stderr);
  is_dirty_ = true;
}

void TerminalLine::clear() {
  if (!is_dirty_) return;
  fmt::print(stderr, "\r\x1b[K");
  std::fflush(stderr);
  is_dirty_ = false;
}

}  // namespace headrace::bench_tools
