// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/scenario.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace headrace::bench_tools {
namespace {

using tools::Json;

constexpr std::array kScenarios = {
    Scenario{.name = "accept",
             .help = "messages made durable that no event matches",
             .is_matched = false},
    Scenario{.name = "dispatch", .help = "accepted, delivered to one endpoint, and put on record"},
    Scenario{.name = "fanout",
             .help = "each message to 100 endpoints",
             .endpoints = 100,
             .is_fanned_out = true,
             .per_second = 200},
    Scenario{.name = "backlog",
             .help = "an endpoint comes back, and gets what waits",
             .flow = Flow::kBacklog,
             .messages = 50'000},
    Scenario{.name = "noisy",
             .help = "good endpoints beside bad ones: the good ones' latencies",
             .endpoints = 16,
             .bad = 4,
             .per_second = 2000},
    Scenario{.name = "restart",
             .help = "the daemon killed in the middle, and started again",
             .flow = Flow::kKills,
             .per_second = 2000},
};
constexpr Scenario kChaos = {.name = "chaos",
                             .help = "the daemon killed again and again under load",
                             .flow = Flow::kKills,
                             .per_second = 2000,
                             .kill_every_ns = 2'000'000'000};

Error invalid(std::string what) { return {ErrorCode::kInvalidArgument, std::move(what)}; }

Json text(std::string_view content) { return Json::string(std::string(content)); }
Json number(std::uint64_t value) { return Json::number(fmt::format("{}", value)); }

Json object(std::initializer_list<std::pair<std::string_view, Json>> members) {
  Json made = Json::object();
  for (const auto& [name, value] : members) made.set(name, value);
  return made;
}

Json array_of(std::size_t count, const Json& item) {
  return Json::array(std::vector<Json>(count, item));
}

// The scalar's text at a path of members, where that is a string.
std::string_view text_at(const Json& root, std::string_view path) {
  const Json* at = &root;
  while (at != nullptr && !path.empty()) {
    const std::string_view name = path.substr(0, path.find('.'));
    path.remove_prefix(std::min(name.size() + 1, path.size()));
    at = at->find(name);
  }
  return at != nullptr && at->is_string() ? std::string_view(at->text) : std::string_view();
}

// What a bad endpoint does: each kind in its turn.
Json bad_answer(std::uint32_t which) {
  switch (which % 4) {
    case 0:
      return object({{"fault", text("hang")}});
    case 1:
      return object({{"status", number(503)}});
    case 2:
      return object({{"fault", text("reset")}});
    default:
      return object({{"fault", text("drip")}});
  }
}

std::string microseconds(std::uint64_t ns) { return fmt::format("{}us", ns / 1000); }

}  // namespace

std::span<const Scenario> all_scenarios() noexcept { return kScenarios; }

const Scenario* find_scenario(std::string_view name) noexcept {
  const auto* const found =
      std::find_if(kScenarios.begin(), kScenarios.end(),
                   [name](const Scenario& scenario) { return scenario.name == name; });
  return found == kScenarios.end() ? nullptr : found;
}

const Scenario& chaos_scenario() noexcept { return kChaos; }

Result<void> RunOptions::check() const {
  if (durability != "fsync" && durability != "os")
    return invalid("--durability must be fsync or os");
  if (signing != "none" && signing != "v1") return invalid("--signing must be none or v1");
  if (duration_ns < 100'000'000) return invalid("--duration must be at least 100ms");
  if (connections == 0 || repeat == 0) return invalid("--connections and --repeat must be above 0");
  if (endpoints && (*endpoints == 0 || *endpoints > kEndpointsMax))
    return invalid(fmt::format("--endpoints must be 1 to {}", kEndpointsMax));
  if (per_second && !(*per_second > 0)) return invalid("--rate must be above 0");
  return {};
}

Result<Scenario> adjusted(const Scenario& scenario, const RunOptions& options) {
  if (auto checked = options.check(); !checked) return checked.error();
  Scenario made = scenario;
  if (options.per_second) made.per_second = *options.per_second;
  if (options.endpoints) made.endpoints = *options.endpoints;
  if (options.messages) made.messages = *options.messages;
  if (options.kill_every_ns != 0) made.kill_every_ns = options.kill_every_ns;
  if (made.flow == Flow::kBacklog && made.messages == 0)
    return invalid("--messages must be above 0");
  return made;
}

Result<RoutedField> routed_field(const Corpus& corpus) {
  constexpr std::array<std::string_view, 4> kPaths = {"type", "repository.full_name",
                                                      "sender.login", "action"};
  std::vector<Json> payloads;
  for (const Payload& payload : corpus) {
    auto parsed = tools::parse_json(payload.body);
    if (!parsed) return invalid("a payload is not JSON");
    payloads.push_back(std::move(*parsed));
  }
  for (const std::string_view path : kPaths) {
    const std::string_view value = payloads.empty() ? "" : text_at(payloads.front(), path);
    const auto has_it = [&](const Json& each) { return text_at(each, path) == value; };
    if (!value.empty() && std::all_of(payloads.begin(), payloads.end(), has_it))
      return RoutedField{fmt::format("$Event{{{}}}", path), std::string(value)};
  }
  return invalid("the payloads have no field in common that could be routed on");
}

double mean_body_bytes(const Corpus& corpus) noexcept {
  double sum = 0;
  for (const Payload& payload : corpus) sum += static_cast<double>(payload.body.size());
  return corpus.empty() ? 0 : sum / static_cast<double>(corpus.size());
}

Json webhook_definition() {
  return object({{"tag", text("bench")},
                 {"name", text("Bench")},
                 {"envs", array_of(1, object({{"slug", text("prd")}}))}});
}

Json event_definition(const Scenario& scenario, const RoutedField& field) {
  return object(
      {{"tag", text("bench:routed")},
       {"name", text("Routed")},
       {"selector", text(field.selector)},
       {"selector_value", text(scenario.is_matched ? field.value : "nobody sends this")}});
}

Json endpoint_definition(const Scenario& scenario, const std::string& secret,
                         const std::string& sink, std::uint32_t index) {
  Json signing = object({{"scheme", text(secret.empty() ? "none" : "v1")}});
  if (!secret.empty()) signing.set("secret", text(secret));
  Json made = object({{"access_tag", text("bench")},
                      {"webhook_tag", text("bench")},
                      {"env", text("prd")},
                      {"url", text(fmt::format("{}/{}", sink, index))},
                      {"method", text("POST")},
                      {"signing", std::move(signing)}});
  // An outage of ours must not outlast the schedule, nor the patience of who waits for the drain.
  constexpr std::size_t kRetries = 100;
  if (scenario.flow != Flow::kSteady)
    made.set("retry", object({{"schedule", array_of(kRetries, text("1s"))}}));
  return made;
}

std::string sink_script(const Scenario& scenario, std::uint64_t seed) {
  Json rules = Json::array();
  for (std::uint32_t i = 0; i < scenario.bad; ++i) {
    const Json at = number(scenario.endpoints + i);
    rules.items.push_back(
        object({{"from", at}, {"to", at}, {"answers", array_of(1, bad_answer(i))}}));
  }
  return to_text(object({{"endpoints", number(scenario.endpoints + scenario.bad)},
                         {"seed", number(seed)},
                         {"rules", std::move(rules)}}));
}

std::vector<std::string> load_arguments(const Scenario& scenario, const RunOptions& options,
                                        const LoadAim& aim) {
  std::vector<std::string> made = {"bench", "load"};
  const auto add = [&made](const char* flag, std::string value) {
    made.emplace_back(flag);
    made.push_back(std::move(value));
  };
  made.insert(made.end(), aim.links.begin(), aim.links.end());
  made.emplace_back("--json");
  if (aim.is_held) made.emplace_back("--hold");
  add("--duration", microseconds(aim.duration_ns));
  add("--connections", fmt::format("{}", options.connections));
  add("--seed", fmt::format("{}", options.seed));
  add("--run", fmt::format("{:016x}", aim.run));
  add("--ledger", aim.ledger_directory);
  if (scenario.messages != 0) add("--messages", fmt::format("{}", scenario.messages));
  if (scenario.per_second > 0) {
    add("--rate", fmt::format("{}", scenario.per_second));
  } else {
    made.emplace_back("--closed");
  }
  // A killed daemon makes whatever was due meanwhile late: that is what is being measured.
  if (scenario.flow == Flow::kKills) add("--lag-max", "100");
  if (options.github.empty()) {
    add("--size", options.size);
    // As many values as a forge's push of that size has, and of its letters.
    add("--text", "100");
    add("--unicode", "0");
  } else {
    add("--github", options.github);
    add("--event", "push");
  }
  made.insert(made.end(), options.load_flags.begin(), options.load_flags.end());
  return made;
}

std::vector<std::string> daemon_arguments(const RunOptions& options, const std::string& directory,
                                          std::uint16_t ingest_port, std::uint16_t api_port) {
  std::vector<std::string> made = {
      "serve",
      "--data",
      directory,
      "--listen",
      fmt::format("127.0.0.1:{}", ingest_port),
      "--api-listen",
      fmt::format("127.0.0.1:{}", api_port),
      "--durability",
      options.durability,
      "--ingest-loops",
      fmt::format("{}", options.ingest_loops),
      "--shards",
      fmt::format("{}", options.shards),
      // Receivers of a run are on loopback, and speak plain HTTP; no name is asked for.
      "--endpoint-allow",
      "127.0.0.0/8",
      "--plain-http-endpoints",
      "true",
      "--dns-servers",
      "127.0.0.1:1",
      "--drain-grace",
      "1s",
  };
  made.insert(made.end(), options.daemon_flags.begin(), options.daemon_flags.end());
  return made;
}

}  // namespace headrace::bench_tools
