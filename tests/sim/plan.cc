// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/plan.h"

#include <array>
#include <chrono>
#include <utility>

#include "core/check.h"

namespace headrace::sim {

namespace {

using std::chrono::milliseconds;

dispatch::RetryPolicy draw_retry(Dice& dice) {
  using dispatch::RetryPolicy;
  const auto jitter = dice.any_of({0u, 20u, 100u});
  if (dice.one_in(4)) {
    RetryPolicy::Exponential shape{milliseconds(dice.any_of({100, 1'000, 5'000})), 2.0,
                                   milliseconds(120'000), dice.between(1, 8), jitter};
    return *RetryPolicy::of_exponential(shape);
  }
  std::vector<RetryPolicy::Delay> delays(dice.any_of({0u, 1u, 2u, 3u, 5u, 8u}));
  for (auto& delay : delays) {
    delay = milliseconds(dice.any_of({0, 10, 100, 1'000, 2'000, 5'000, 30'000, 120'000}));
  }
  return *RetryPolicy::of_list(delays, jitter);
}

std::optional<dispatch::BreakerSettings> draw_breaker(Dice& dice) {
  dispatch::BreakerSettings breaker;
  if (dice.one_in(3)) return breaker;
  if (dice.one_in(2)) return std::nullopt;
  breaker.window = milliseconds(dice.any_of({1'000, 10'000, 60'000}));
  breaker.count_min = static_cast<std::uint32_t>(dice.between(1, 10));
  breaker.threshold = dice.any_of({0.3, 0.5, 0.9, 1.0});
  breaker.open_for = milliseconds(dice.any_of({100, 1'000, 10'000}));
  breaker.open_for_max = milliseconds(60'000);
  breaker.probes = static_cast<std::uint32_t>(dice.between(1, 3));
  return breaker;
}

dispatch::EndpointSettings draw_settings(std::uint32_t number, bool by_name, Dice& dice) {
  dispatch::EndpointSettings settings;
  settings.number = core::EndpointNumber{number};
  settings.url = url_of(number, by_name);
  Plan::redraw(settings, dice);
  if (dice.one_in(4)) settings.order = dispatch::Order::kStrict;
  if (dice.one_in(2)) settings.head_of_line = dispatch::HeadOfLine::kSkip;
  return settings;
}

EndpointPlan draw_endpoint(std::uint32_t number, const Troubles& troubles, Dice& dice) {
  EndpointPlan plan;
  plan.by_name = dice.one_in(3);
  plan.settings = draw_settings(number, plan.by_name, dice);
  // How often attempts begin is looked at where they connect, which a look-up would put off.
  if (plan.by_name) plan.settings.rate_limit.reset();
  plan.first_address_bad = plan.by_name && troubles.network && dice.one_in(4);
  plan.latency = dice.any_of({Ns{50'000}, kMs, 20 * kMs, 100 * kMs});
  plan.reliable = !troubles.network || dice.one_in(3);
  if (plan.reliable) return plan;
  constexpr auto kCount = static_cast<std::uint64_t>(Manner::kCount);
  const std::uint64_t kinds = dice.any_of({1u, 2u, 4u, 20u});
  for (std::uint64_t i = 0; i < kinds; ++i) plan.manners |= 1u << dice.below(kCount);
  plan.trouble_in_100 = dice.any_of({5u, 30u, 80u, 100u});
  return plan;
}

Troubles draw_troubles(Dice& dice) {
  Troubles on;
  // A third of the seeds has few troubles, so that what they hide from each other shows.
  const std::uint64_t one_in = dice.any_of({2u, 3u, 8u});
  for (bool* trouble : {&on.network, &on.names, &on.flapping, &on.sync_fails, &on.disk_full,
                        &on.index_fails, &on.load_fails, &on.stalls, &on.clock_jumps, &on.crashes,
                        &on.power_cuts, &on.restarts, &on.edits, &on.deletions, &on.pauses,
                        &on.bursts, &on.large_bodies, &on.repeats, &on.small_sockets}) {
    *trouble = dice.one_in(one_in);
  }
  if (dice.one_in(2)) on.network = true;
  return on;
}

}  // namespace

std::string url_of(std::uint32_t endpoint, bool by_name) {
  const std::string path = "/hook/" + std::to_string(endpoint);
  if (by_name) return "http://e" + std::to_string(endpoint) + ".test" + path;
  return "http://10.1.0." + std::to_string(endpoint) + path;
}

void Plan::redraw(dispatch::EndpointSettings& settings, Dice& dice) {
  const bool by_name = settings.url.find(".test") != std::string::npos;
  settings.retry = draw_retry(dice);
  settings.retry_after_max = std::chrono::seconds(dice.any_of({1, 30, 600}));
  settings.breaker = draw_breaker(dice);
  settings.rate_limit.reset();
  if (!by_name && dice.one_in(4)) {
    settings.rate_limit = dispatch::RateLimit{dice.any_of({2.0, 10.0, 33.3, 500.0}),
                                              static_cast<std::uint32_t>(dice.between(1, 20))};
  }
  settings.in_flight_max = dice.any_of({1u, 2u, 5u, 16u, 64u, 1024u});
  settings.adaptive = dice.one_in(4);
  settings.method = dice.any_of({core::Method::kPost, core::Method::kPut});
  settings.connect_timeout = milliseconds(dice.any_of({300, 1'000, 5'000}));
  settings.attempt_timeout = milliseconds(dice.any_of({1'000, 5'000, 15'000}));
  if (dice.one_in(4)) {
    const std::array<std::string, 1> retried = {"410"};
    const std::array<std::string, 2> final = {"404", "3xx"};
    settings.retry_rules = *dispatch::RetryRules::of(retried, final);
  }
}

Plan Plan::of(std::uint64_t seed) {
  Dice dice(seed * 0x9e3779b97f4a7c15u + 1);
  Plan plan;
  plan.seed = seed;
  plan.troubles = draw_troubles(dice);
  plan.durable = !dice.one_in(6);
  if (!plan.durable) plan.troubles.power_cuts = false;  // it does not promise to survive one
  const std::uint64_t endpoints = dice.any_of({1u, 2u, 3u, 5u, 8u, 40u});
  for (std::uint32_t number = 1; number <= endpoints; ++number) {
    plan.endpoints.push_back(draw_endpoint(number, plan.troubles, dice));
  }
  plan.shards = dice.between(1, 3);
  plan.messages = dice.any_of({20u, 60u, 150u, 300u});
  plan.duration = dice.any_of({5u, 20u, 60u, 300u}) * kSecond;
  plan.segment_bytes = dice.any_of({96u, 256u, 1'024u}) * 1'024;
  plan.dedupe_window_ms = dice.any_of({10'000u, 3'600'000u});
  plan.shuffles = !dice.one_in(4);
  return plan;
}

std::string Plan::describe() const {
  const Troubles& on = troubles;
  const std::array<std::pair<bool, const char*>, 19> names = {
      {{on.network, "network"},
       {on.names, "names"},
       {on.flapping, "flapping"},
       {on.sync_fails, "sync_fails"},
       {on.disk_full, "disk_full"},
       {on.index_fails, "index_fails"},
       {on.load_fails, "load_fails"},
       {on.stalls, "stalls"},
       {on.clock_jumps, "clock_jumps"},
       {on.crashes, "crashes"},
       {on.power_cuts, "power_cuts"},
       {on.restarts, "restarts"},
       {on.edits, "edits"},
       {on.deletions, "deletions"},
       {on.pauses, "pauses"},
       {on.bursts, "bursts"},
       {on.large_bodies, "large_bodies"},
       {on.repeats, "repeats"},
       {on.small_sockets, "small_sockets"}}};
  std::string text = std::to_string(endpoints.size()) + " endpoints, " + std::to_string(shards) +
                     " shards, " + std::to_string(messages) + " messages in " +
                     std::to_string(duration / kSecond) + " s" + (durable ? "" : ", not durable");
  for (const auto& [is_on, name] : names) {
    if (is_on) text.append(" ").append(name);
  }
  return text;
}

}  // namespace headrace::sim
