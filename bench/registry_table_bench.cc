// SPDX-License-Identifier: Apache-2.0
// What a change of the registry costs those who publish and those who read: tables of 300,000
// links and of 100,000 endpoints, changed one entry at a time.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/cost.h"
#include "core/check.h"
#include "core/random.h"
#include "dispatch/endpoint.h"
#include "selector/routing_table.h"

namespace headrace {
namespace {

using dispatch::Endpoint;
using dispatch::EndpointTable;
using selector::LinkRoute;
using selector::RoutingTable;
using selector::WebhookRoute;

constexpr std::size_t kLinks = 300'000;
constexpr std::size_t kEndpoints = 100'000;
constexpr core::WebhookNumber kWebhook{1};
constexpr core::WallMs kNow = 1'700'000'000'000;

std::size_t heap_bytes() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

std::shared_ptr<const LinkRoute> make_link(Bits128 token, std::uint32_t number) {
  auto link = std::make_shared<LinkRoute>();
  link->number = core::LinkNumber{number};
  link->token = token;
  link->webhook = kWebhook;
  link->endpoints = {{core::EndpointNumber{number}, false}};
  return link;
}

std::vector<std::shared_ptr<const LinkRoute>> make_links(std::size_t count) {
  core::Random random(7);
  std::vector<std::shared_ptr<const LinkRoute>> links;
  for (std::uint32_t i = 0; i < count; ++i)
    links.push_back(make_link({random.next(), random.next()}, i + 1));
  return links;
}

std::shared_ptr<const WebhookRoute> make_webhook() {
  auto webhook = std::make_shared<WebhookRoute>();
  webhook->number = kWebhook;
  webhook->program =
      std::make_shared<const selector::Program>(std::move(selector::Program::compile({})).value());
  return webhook;
}

RoutingTable load(const std::vector<std::shared_ptr<const LinkRoute>>& links) {
  RoutingTable table(42);
  table.put(make_webhook());
  for (const auto& link : links) table.put(link);
  return table;
}

// Made once, as it is large.
const std::vector<std::shared_ptr<const LinkRoute>>& all_links() {
  static const auto links = make_links(kLinks);
  return links;
}
const RoutingTable& full_table() {
  static const RoutingTable table = load(all_links());
  return table;
}

std::string token_of(Bits128 bits) {
  std::string token(kIdDigits, '0');
  format_base62(bits, token.data());
  return token;
}

void load_links(benchmark::State& state) {
  const auto& links = all_links();
  std::size_t bytes = 0;
  for (auto _ : state) {
    const std::size_t before = heap_bytes();
    auto table = std::make_unique<RoutingTable>(load(links));
    bytes = heap_bytes() - before;
    HEADRACE_CHECK(table->link_count() == kLinks);
    state.PauseTiming();
    table.reset();
    state.ResumeTiming();
  }
  state.counters["bytes_per_link"] = static_cast<double>(bytes) / kLinks;
}
BENCHMARK(load_links)->Unit(benchmark::kMillisecond);

// One publication: a copy that is changed, and the last owner of the table before letting it go.
template <class Change>
void publish(benchmark::State& state, const Change& change) {
  auto current = std::make_shared<const RoutingTable>(full_table());
  core::Random random(11);
  const bench::Cost cost;
  for (auto _ : state) {
    auto next = std::make_shared<RoutingTable>(*current);
    change(*next, *all_links()[random.below(kLinks)]);
    current = std::move(next);
  }
  cost.report_rounds(state);
}

void replace_link(benchmark::State& state) {
  publish(state, [](RoutingTable& table, const LinkRoute& link) {
    table.put(make_link(link.token, static_cast<std::uint32_t>(link.number)));
  });
}
BENCHMARK(replace_link);

void add_and_erase_link(benchmark::State& state) {
  core::Random random(13);
  publish(state, [&](RoutingTable& table, const LinkRoute& link) {
    table.erase(link.token);
    table.put(make_link({random.next(), random.next()}, 1));
  });
}
BENCHMARK(add_and_erase_link);

void replace_webhook(benchmark::State& state) {
  const auto webhook = make_webhook();
  publish(state, [&](RoutingTable& table, const LinkRoute&) { table.put(webhook); });
}
BENCHMARK(replace_webhook);

// What the last reader of a table pays when it goes on to the next one.
void drop_old_table(benchmark::State& state) {
  auto current = std::make_shared<const RoutingTable>(full_table());
  core::Random random(11);
  for (auto _ : state) {
    auto next = std::make_shared<RoutingTable>(*current);
    const LinkRoute& link = *all_links()[random.below(kLinks)];
    next->put(make_link(link.token, static_cast<std::uint32_t>(link.number)));
    std::shared_ptr<const RoutingTable> old = std::exchange(current, std::move(next));
    const auto begin = std::chrono::steady_clock::now();
    old.reset();
    state.SetIterationTime(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
}
BENCHMARK(drop_old_table)->UseManualTime();

void find(benchmark::State& state, const std::vector<std::string>& tokens, bool expected) {
  const RoutingTable& table = full_table();
  std::size_t at = 0;
  const bench::Cost cost;
  for (auto _ : state) {
    const RoutingTable::Route route = table.find(tokens[at], kNow);
    HEADRACE_CHECK(static_cast<bool>(route) == expected);
    if (++at == tokens.size()) at = 0;
  }
  if (cost.report_rounds(state) != 0) state.SkipWithError("a look-up allocated");
}

void find_hit(benchmark::State& state) {
  core::Random random(3);
  std::vector<std::string> tokens;
  for (std::int64_t i = 0; i < state.range(0); ++i)
    tokens.push_back(token_of(all_links()[random.below(kLinks)]->token));
  find(state, tokens, true);
}
BENCHMARK(find_hit)->Arg(1)->Arg(100'000);

void find_miss(benchmark::State& state) {
  core::Random random(5);
  std::vector<std::string> tokens;
  for (std::int64_t i = 0; i < state.range(0); ++i)
    tokens.push_back(token_of({random.next(), random.next()}));
  find(state, tokens, false);
}
BENCHMARK(find_miss)->Arg(1)->Arg(100'000);

std::shared_ptr<const Endpoint> make_endpoint(std::uint32_t number) {
  dispatch::EndpointSettings settings;
  settings.number = core::EndpointNumber{number};
  settings.url = "http://receiver.example/in";
  auto endpoint = dispatch::make_endpoint(std::move(settings));
  HEADRACE_CHECK(endpoint.has_value());
  return *endpoint;
}

const std::vector<std::shared_ptr<const Endpoint>>& all_endpoints() {
  static const auto endpoints = [] {
    std::vector<std::shared_ptr<const Endpoint>> made;
    for (std::uint32_t i = 0; i < kEndpoints; ++i) made.push_back(make_endpoint(i + 1));
    return made;
  }();
  return endpoints;
}

void load_endpoints(benchmark::State& state) {
  const auto& endpoints = all_endpoints();
  std::size_t bytes = 0;
  for (auto _ : state) {
    const std::size_t before = heap_bytes();
    EndpointTable table;
    for (const auto& endpoint : endpoints) table.put(endpoint);
    bytes = heap_bytes() - before;
  }
  state.counters["bytes_per_endpoint"] = static_cast<double>(bytes) / kEndpoints;
}
BENCHMARK(load_endpoints)->Unit(benchmark::kMillisecond);

void replace_endpoint(benchmark::State& state) {
  auto first = std::make_shared<EndpointTable>();
  for (const auto& endpoint : all_endpoints()) first->put(endpoint);
  std::shared_ptr<const EndpointTable> current = std::move(first);
  std::vector<std::shared_ptr<const Endpoint>> changed;
  core::Random random(17);
  for (std::size_t i = 0; i < 1024; ++i)
    changed.push_back(make_endpoint(static_cast<std::uint32_t>(random.below(kEndpoints)) + 1));
  std::size_t at = 0;
  const bench::Cost cost;
  for (auto _ : state) {
    auto next = std::make_shared<EndpointTable>(*current);
    next->put(changed[at++ % changed.size()]);
    current = std::move(next);
  }
  cost.report_rounds(state);
}
BENCHMARK(replace_endpoint);

}  // namespace
}  // namespace headrace

BENCHMARK_MAIN();
