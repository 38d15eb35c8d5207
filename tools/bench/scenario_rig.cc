// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/scenario_rig.h"

#include <fmt/format.h>
#include <signal.h>
#include <stdlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include "core/clock.h"
#include "core/encoding.h"
#include "core/random.h"
#include "tools/run_command.h"

namespace headrace::tools {
namespace {

using bench_tools::Child;
using bench_tools::ProcessUsage;
using namespace std::chrono_literals;

constexpr auto kStartPatience = 60s;  // a long log is replayed first
constexpr auto kStopPatience = 60s;
constexpr int kPortTriesMax = 5;

std::uint64_t now_ms() noexcept { return core::SystemClock().steady_ns() / 1'000'000; }

// The value of a metric; 0 where it is not there. With a name that ends in "{", the sum of all that
// have labels.
std::uint64_t metric(std::string_view text, std::string_view name) {
  std::uint64_t sum = 0;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const bool is_it =
        line.starts_with(name) &&
        (name.ends_with('{') || (line.size() > name.size() && line[name.size()] == ' '));
    const std::size_t space = line.rfind(' ');
    if (!is_it || space == std::string_view::npos) continue;
    std::uint64_t value = 0;
    std::from_chars(line.data() + space + 1, line.data() + line.size(), value);
    sum += value;
  }
  return sum;
}

DaemonCounters counters_of(std::string_view text) {
  DaemonCounters counters;
  counters.accepted = metric(text, "headrace_ingest_accepted_total");
  counters.refused = metric(text, "headrace_ingest_refused_total{");
  counters.delivered = metric(text, R"(headrace_deliveries_total{outcome="delivered"})");
  counters.dead = metric(text, R"(headrace_deliveries_total{outcome="dead"})");
  counters.attempts = metric(text, "headrace_attempts_total");
  counters.failed_attempts = metric(text, "headrace_attempts_failed_total");
  counters.outcomes_recorded = metric(text, "headrace_store_outcomes_total");
  return counters;
}

// By its path where that is still it, as its threads are named by that; else as it is in memory.
std::string this_program() {
  constexpr const char* kRunning = "/proc/self/exe";
  std::error_code error;
  const std::string path = std::filesystem::read_symlink(kRunning, error).string();
  const bool is_it = !error && std::filesystem::equivalent(path, kRunning, error) && !error;
  return is_it ? path : kRunning;
}

std::string random_secret() {
  std::array<char, 24> bytes;
  core::secure_random(bytes.data(), bytes.size());
  return "whsec_" + core::to_base64({bytes.data(), bytes.size()});
}

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

std::string parent_of_runs(const std::string& given) {
  if (!given.empty()) return given;
  const char* const temporary = std::getenv("TMPDIR");
  return temporary != nullptr && *temporary != '\0' ? temporary : "/tmp";
}

}  // namespace

ScenarioRig::ScenarioRig(bench_tools::Scenario scenario, bench_tools::RunOptions options)
    : scenario_(std::move(scenario)),
      options_(std::move(options)),
      placement_(bench_tools::place(bench_tools::available_cpus())) {}

ScenarioRig::~ScenarioRig() {
  if (sink_ != nullptr) processes_.kill(*sink_);
  if (daemon_ != nullptr) processes_.kill(*daemon_);
  if (directory_.empty() || options_.keep) return;
  std::error_code error;
  std::filesystem::remove_all(directory_, error);
}

Result<void> ScenarioRig::prepare() {
  std::string pattern = parent_of_runs(options_.data) + "/headrace-run-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) {
    return Error{ErrorCode::kStorageFailed,
                 fmt::format("{} cannot be made: {}", pattern, std::strerror(errno)), errno};
  }
  directory_ = pattern;
  if (options_.signing == "v1") secret_ = random_secret();
  for (std::uint16_t* port : {&ingest_port_, &api_port_, &sink_port_}) {
    auto free = bench_tools::free_port();
    if (!free) return free.error();
    *port = *free;
  }
  std::ofstream script(directory_ + "/sink.json", std::ios::binary);
  script << bench_tools::sink_script(scenario_, options_.seed);
  script.close();
  if (script.fail()) return Error{ErrorCode::kStorageFailed, directory_ + " cannot be written to"};
  return {};
}

// --- processes ---

Result<Child*> ScenarioRig::start(const char* name, const std::string& program,
                                  std::vector<std::string> arguments,
                                  const std::vector<unsigned>& cpus) {
  return processes_.start(
      {.name = name, .program = program, .arguments = std::move(arguments), .cpus = cpus});
}

Error ScenarioRig::ended(const Child& child) const {
  return {ErrorCode::kUnavailable, fmt::format("the {} ended with exit code {}\n{}", child.name(),
                                               child.exit_code().value_or(0), child.last_errors())};
}

Result<void> ScenarioRig::pass(std::chrono::milliseconds moment) {
  const std::uint64_t until = now_ms() + static_cast<std::uint64_t>(moment.count());
  for (std::uint64_t now = now_ms(); now < until; now = now_ms()) {
    processes_.wait(static_cast<int>(until - now));
    if (processes_.is_interrupted()) return Error{ErrorCode::kCancelled, "interrupted"};
  }
  return {};
}

Result<std::string> ScenarioRig::next_line(Child& child, Patience patience) {
  const std::uint64_t deadline = now_ms() + static_cast<std::uint64_t>(patience.count());
  for (;;) {
    if (auto line = child.take_output()) return std::move(*line);
    if (child.exit_code()) return ended(child);
    if (processes_.is_interrupted()) return Error{ErrorCode::kCancelled, "interrupted"};
    const std::uint64_t now = now_ms();
    if (now >= deadline)
      return Error{ErrorCode::kTimedOut, fmt::format("the {} says nothing", child.name())};
    processes_.wait(static_cast<int>(deadline - now));
  }
}

Result<void> ScenarioRig::wait_for_end(Child& child, Patience patience) {
  const std::uint64_t deadline = now_ms() + static_cast<std::uint64_t>(patience.count());
  while (!child.exit_code()) {
    if (processes_.is_interrupted()) return Error{ErrorCode::kCancelled, "interrupted"};
    const std::uint64_t now = now_ms();
    if (now >= deadline)
      return Error{ErrorCode::kTimedOut, fmt::format("the {} does not end", child.name())};
    processes_.wait(static_cast<int>(deadline - now));
  }
  return {};
}

Result<void> ScenarioRig::start_sink() {
  std::vector<std::string> arguments = {"bench",
                                        "sink",
                                        "--json",
                                        "--listen",
                                        fmt::format("127.0.0.1:{}", sink_port_),
                                        "--script",
                                        directory_ + "/sink.json",
                                        "--ledger",
                                        ledger_directory()};
  if (!secret_.empty()) arguments.insert(arguments.end(), {"--secret", secret_});
  auto child = start("sink", this_program(), std::move(arguments), placement_.sink);
  if (!child) return child.error();
  sink_ = *child;
  auto said = next_line(*sink_, kStartPatience);  // where it listens, which we chose
  if (!said) return said.error();
  return {};
}

// False: its port was taken in the meantime.
Result<bool> ScenarioRig::wait_until_serving(Child& child) {
  const std::uint64_t deadline =
      now_ms() + static_cast<std::uint64_t>(Patience(kStartPatience).count());
  for (;;) {
    while (const auto line = child.take_error()) {
      const auto entry = parse_json(*line);
      if (!entry || entry->text_at("event") != "serving") continue;
      version_ = std::string(entry->text_at("version"));
      return true;
    }
    if (child.exit_code() && child.last_errors().find("connect_failed") != std::string::npos)
      return false;
    if (child.exit_code()) return ended(child);
    if (processes_.is_interrupted()) return Error{ErrorCode::kCancelled, "interrupted"};
    const std::uint64_t now = now_ms();
    if (now >= deadline) return Error{ErrorCode::kTimedOut, "the daemon does not serve"};
    processes_.wait(static_cast<int>(deadline - now));
  }
}

Result<void> ScenarioRig::start_daemon() {
  const std::string program = options_.daemon.empty() ? this_program() : options_.daemon;
  const std::string data = directory_ + "/data";
  for (int i = 0; i < kPortTriesMax; ++i) {
    auto child = start("daemon", program, daemon_arguments(options_, data, ingest_port_, api_port_),
                       placement_.daemon);
    if (!child) return child.error();
    daemon_ = *child;
    auto serves = wait_until_serving(*daemon_);
    if (!serves) return serves.error();
    if (*serves) {
      auto key = read_file(data + "/admin.key");
      if (!key) return key.error();
      client_ = std::make_unique<ApiClient>(
          Connection{.url = fmt::format("http://127.0.0.1:{}", api_port_),
                     .key = trimmed(std::move(*key)),
                     .workspace = ""});
      return {};
    }
    processes_.kill(*std::exchange(daemon_, nullptr));
    if (!links_.empty()) break;  // who is on its way to these ports must find it there
    for (std::uint16_t* port : {&ingest_port_, &api_port_}) {
      auto free = bench_tools::free_port();
      if (!free) return free.error();
      *port = *free;
    }
  }
  return Error{ErrorCode::kUnavailable, "the daemon finds its ports taken"};
}

void ScenarioRig::kill_daemon() {
  client_.reset();
  if (daemon_ != nullptr) processes_.kill(*std::exchange(daemon_, nullptr));
}

Result<void> ScenarioRig::stop_sink() {
  if (sink_ == nullptr) return {};
  sink_->signal(SIGTERM);
  auto stopped = wait_for_end(*sink_, kStopPatience);
  if (stopped && sink_->exit_code() != 0) stopped = ended(*sink_);
  processes_.kill(*std::exchange(sink_, nullptr));
  return stopped;
}

Result<void> ScenarioRig::stop_daemon() {
  if (daemon_ == nullptr) return {};
  client_.reset();
  daemon_->signal(SIGTERM);
  auto stopped = wait_for_end(*daemon_, kStopPatience);
  if (stopped && daemon_->exit_code() != 0) stopped = ended(*daemon_);
  processes_.kill(*std::exchange(daemon_, nullptr));
  return stopped;
}

Result<Child*> ScenarioRig::start_load(std::uint64_t run, std::uint64_t duration_ns, bool is_held) {
  auto child = start("load", this_program(),
                     load_arguments(scenario_, options_,
                                    {.links = links_,
                                     .ledger_directory = ledger_directory(),
                                     .run = run,
                                     .duration_ns = duration_ns,
                                     .is_held = is_held}),
                     placement_.load);
  if (!child || !is_held) return child;
  auto ready = next_line(**child, kStartPatience);
  if (!ready) return ready.error();
  return child;
}

// --- the daemon's definitions and counters ---

Result<Json> ScenarioRig::call(Method method, const std::string& target, const Json& body) {
  auto answer = client_->call({.method = method,
                               .target = target,
                               .body = to_text(body),
                               .if_match = {},
                               .idempotency_key = {}});
  if (!answer) return answer.error();
  if (answer->status >= 300) {
    return Error{ErrorCode::kUnavailable,
                 fmt::format("{} is answered {}: {}", target, answer->status, answer->body)};
  }
  return parse_json(answer->body);
}

std::string ScenarioRig::link_url(std::string_view link) const {
  const std::size_t path = link.find("/in/");
  return fmt::format("http://127.0.0.1:{}{}", ingest_port_,
                     path == std::string_view::npos ? link : link.substr(path));
}

Result<std::string> ScenarioRig::add_endpoint(std::uint32_t index) {
  const std::string sink = fmt::format("http://127.0.0.1:{}", sink_port_);
  auto made = call(Method::kPost, fmt::format("/v1/products/shop-{}/links", index),
                   endpoint_definition(scenario_, secret_, sink, index));
  if (!made) return made.error();
  return link_url(made->text_at("link"));
}

Result<void> ScenarioRig::define(const bench_tools::RoutedField& field) {
  auto webhook = call(Method::kPost, "/v1/apps/bench/webhooks", bench_tools::webhook_definition());
  if (!webhook) return webhook.error();
  auto event = call(Method::kPost, "/v1/apps/bench/events", event_definition(scenario_, field));
  if (!event) return event.error();
  std::vector<std::string> links;
  for (std::uint32_t i = 0; i < scenario_.endpoints + scenario_.bad; ++i) {
    auto link = add_endpoint(i);
    if (!link) return link.error();
    links.push_back(std::move(*link));
  }
  if (scenario_.is_fanned_out) {
    const Json* const envs = webhook->find("envs");
    if (envs == nullptr || envs->items.empty())
      return Error{ErrorCode::kMalformed, "the daemon answered no link"};
    links = {link_url(envs->items.front().text_at("link"))};
  }
  links_ = std::move(links);
  return {};
}

Result<DaemonCounters> ScenarioRig::counters() {
  if (client_ == nullptr) return Error{ErrorCode::kUnavailable, "there is no daemon"};
  processes_.wait(0);
  if (daemon_->exit_code()) return ended(*daemon_);
  auto answer = client_->call({.method = Method::kGet,
                               .target = "/metrics",
                               .body = {},
                               .if_match = {},
                               .idempotency_key = {}});
  if (!answer) return answer.error();
  return counters_of(answer->body);
}

Result<ProcessUsage> ScenarioRig::daemon_usage() const {
  if (daemon_ == nullptr || daemon_->exit_code())
    return Error{ErrorCode::kNotFound, "the daemon is not there"};
  return bench_tools::usage_of(daemon_->pid());
}

Result<ProcessUsage> ScenarioRig::sink_usage() const {
  if (sink_ == nullptr) return ProcessUsage();
  return bench_tools::usage_of(sink_->pid());
}

}  // namespace headrace::tools
