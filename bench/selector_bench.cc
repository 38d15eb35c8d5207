// SPDX-License-Identifier: Apache-2.0
// What it costs to find a message's event, beside a bare parse of the same payload by the same
// parser.
//
// Each run also counts heap allocations; allocs_per_op of the hot path must be 0, and the program
// fails when it is not.
#include <benchmark/benchmark.h>
#include <simdjson.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/cost.h"
#include "bench/push_payload.h"
#include "core/buffer.h"
#include "core/check.h"
#include "selector/json.h"
#include "selector/program.h"

namespace headrace::selector {
namespace {

class Padded {
 public:
  explicit Padded(std::string text) : size_(text.size()), bytes_(std::move(text)) {
    bytes_.append(core::BufferPool::kPadding, '\0');
  }
  std::string_view view() const noexcept { return std::string_view(bytes_).substr(0, size_); }

 private:
  std::size_t size_;
  std::string bytes_;
};

Selector parsed(const std::string& text) { return std::move(Selector::parse(text)).value(); }

// `count` events told apart by one path.
Program program_by_value(std::int64_t count) {
  std::vector<EventRule> rules;
  for (std::int64_t i = 0; i < count; ++i) {
    rules.push_back({static_cast<core::EventNumber>(i + 1), parsed("$Event{action}"),
                     "event." + std::to_string(i)});
  }
  return std::move(Program::compile(rules)).value();
}

// `count` events with a path each; one of them is in the payload.
Program program_by_path(std::int64_t count) {
  std::vector<EventRule> rules;
  for (std::int64_t i = 1; i < count; ++i) {
    const std::string path = "$Event{repository}{owner}{key_" + std::to_string(i) + "}";
    rules.push_back({static_cast<core::EventNumber>(i + 1), parsed(path), "x"});
  }
  rules.push_back({core::EventNumber{1}, parsed("$Event{action}"), "event.0"});
  return std::move(Program::compile(rules)).value();
}

void report(benchmark::State& state, const bench::Cost& cost, std::size_t bytes) {
  if (cost.report_rounds(state, bytes) != 0) state.SkipWithError("the matcher allocated");
}

void run_message(benchmark::State& state, const Program& program, const MessageView& message) {
  Matcher matcher;
  matcher.run(program, message);
  const bench::Cost cost;
  for (auto _ : state) {
    Match match = matcher.run(program, message);
    benchmark::DoNotOptimize(match);
  }
  report(state, cost, message.body.size());
}

void bare_parse(benchmark::State& state) {
  const Padded body(bench::push_payload("event.0"));
  simdjson::dom::parser parser;
  HEADRACE_CHECK(parser.parse(body.view().data(), body.view().size(), false).error() ==
                 simdjson::SUCCESS);
  const bench::Cost cost;
  for (auto _ : state) {
    auto document = parser.parse(body.view().data(), body.view().size(), false);
    benchmark::DoNotOptimize(document);
  }
  cost.report_rounds(state, body.view().size());
  state.counters["body_bytes"] = static_cast<double>(body.view().size());
}
BENCHMARK(bare_parse);

void run_events_by_value(benchmark::State& state) {
  const Padded body(bench::push_payload("event." + std::to_string(state.range(0) - 1)));
  const Program program = program_by_value(state.range(0));
  run_message(state, program, {body.view(), BodyKind::kJson, {}, {}});
}
BENCHMARK(run_events_by_value)->Arg(1)->Arg(10000);

// A different event each time, so that the table does not stay in the first-level cache.
void run_changing_events(benchmark::State& state) {
  std::vector<Padded> bodies;
  constexpr std::size_t kBodies = 64;
  const std::int64_t step =
      std::max<std::int64_t>(1, state.range(0) / static_cast<std::int64_t>(kBodies));
  for (std::size_t i = 0; i < kBodies; ++i) {
    const std::int64_t number = (static_cast<std::int64_t>(i) * step) % state.range(0);
    bodies.emplace_back(bench::push_payload("event." + std::to_string(number)));
  }
  const Program program = program_by_value(state.range(0));
  Matcher matcher;
  std::size_t at = 0;
  matcher.run(program, {bodies[0].view(), BodyKind::kJson, {}, {}});
  const bench::Cost cost;
  for (auto _ : state) {
    Match match = matcher.run(program, {bodies[at++ % kBodies].view(), BodyKind::kJson, {}, {}});
    benchmark::DoNotOptimize(match);
  }
  report(state, cost, bodies[0].view().size());
}
BENCHMARK(run_changing_events)->Arg(1)->Arg(10000);

void run_events_by_path(benchmark::State& state) {
  const Padded body(bench::push_payload("event.0"));
  const Program program = program_by_path(state.range(0));
  run_message(state, program, {body.view(), BodyKind::kJson, {}, {}});
}
BENCHMARK(run_events_by_path)->Arg(1)->Arg(10000);

// A number beyond 64 bits sends the document to the exact reader.
void run_exact_reader(benchmark::State& state) {
  std::string text = bench::push_payload("event.0");
  text.insert(1, "\"big\":123456789012345678901234567890,");
  const Padded body(std::move(text));
  run_message(state, program_by_value(1), {body.view(), BodyKind::kJson, {}, {}});
}
BENCHMARK(run_exact_reader);

void run_invalid_document(benchmark::State& state) {
  std::string text = bench::push_payload("event.0");
  text.back() = ']';
  const Padded body(std::move(text));
  run_message(state, program_by_value(1), {body.view(), BodyKind::kJson, {}, {}});
}
BENCHMARK(run_invalid_document);

// Around the size where the exact reader takes over because of memory.
void run_large_document(benchmark::State& state) {
  std::string text = R"({"action":"event.0","list":[0)";
  const std::string element = ',' + bench::push_payload("event.1");
  while (text.size() + element.size() + 2 <= static_cast<std::size_t>(state.range(0)))
    text += element;
  const Padded body(text + "]}");
  run_message(state, program_by_value(1), {body.view(), BodyKind::kJson, {}, {}});
}
BENCHMARK(run_large_document)->Arg(1 << 18)->Arg(1 << 20)->Arg(1 << 22);

void run_form_with_json(benchmark::State& state) {
  std::string text = "payload=";
  for (const char c : bench::push_payload("event.0")) {
    constexpr char kHex[] = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0) {
      text += c;
    } else {
      text += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  const Padded body(std::move(text));
  const std::vector<EventRule> rules = {
      {core::EventNumber{1}, parsed("$Event{payload.action}"), "event.0"}};
  run_message(state, std::move(Program::compile(rules)).value(),
              {body.view(), BodyKind::kForm, {}, {}});
}
BENCHMARK(run_form_with_json);

constexpr std::string_view kHeaderLines =
    "Host: hooks.example.test\r\nUser-Agent: GitHub-Hookshot/044aadd\r\nContent-Length: "
    "7324\r\nAccept: */*\r\n"
    "Content-Type: application/json\r\nX-GitHub-Delivery: 72d3162e-cc78-11e3-81ab-4c9367dc0958\r\n"
    "X-GitHub-Event: push\r\nX-GitHub-Hook-ID: 292430182\r\nX-GitHub-Hook-Installation-Target-ID: "
    "79929171\r\n"
    "X-Hub-Signature-256: "
    "sha256=d57c68ca6f92289e6987922ff26938930f6e66a2d161ef06abdf1859230aa23c\r\n";

void run_header_only(benchmark::State& state) {
  const std::vector<EventRule> rules = {
      {core::EventNumber{1}, parsed("$Header{X-GitHub-Event}"), "push"}};
  MessageView message;
  message.kind = BodyKind::kRaw;
  message.header_lines = kHeaderLines;
  run_message(state, std::move(Program::compile(rules)).value(), message);
}
BENCHMARK(run_header_only);

// `count` endpoints, each of its own mind about the same five paths. Of 1,000 about half accept
// the payload, having looked at all five.
std::vector<FilterRule> filters(std::int64_t count) {
  std::vector<FilterRule> rules;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::string number = std::to_string(i);
    const std::string json =
        R"({"$Event{action}":{"in":["event.0","event.)" + number +
        R"("]},"$Event{repository.private}":false,"$Event{repository.id}":{"lt":)" +
        std::to_string(186853002 - 500 + i) + R"(},"$Event{repository.owner.login}":{"ne":"user)" +
        number + R"("},"$Event{ref}":{"startsWith":"refs/tags/"}})";
    rules.push_back({static_cast<core::EndpointNumber>(i + 1),
                     std::make_shared<const Filter>(std::move(Filter::parse(json)).value())});
  }
  return rules;
}

// One event, and every endpoint asked whether it wants the message; 0 is the same document without
// filters.
void run_filters(benchmark::State& state) {
  const Padded body(bench::push_payload("event.0"));
  const std::vector<EventRule> rules = {
      {core::EventNumber{1}, parsed("$Event{action}"), "event.0"}};
  const auto endpoints = static_cast<std::uint32_t>(state.range(0));
  const Program program = std::move(Program::compile(rules, {}, filters(state.range(0)))).value();
  const MessageView message{body.view(), BodyKind::kJson, {}, {}};
  Matcher matcher;
  std::uint32_t accepted = 0;
  const auto run = [&] {
    Match match = matcher.run(program, message);
    benchmark::DoNotOptimize(match);
    accepted = 0;
    for (std::uint32_t i = 1; i <= endpoints; ++i)
      accepted += matcher.passes(static_cast<core::EndpointNumber>(i)) ? 1U : 0U;
    benchmark::DoNotOptimize(accepted);
  };
  run();
  const bench::Cost cost;
  for (auto _ : state) run();
  report(state, cost, body.view().size());
  state.counters["accepted"] = static_cast<double>(accepted);
}
BENCHMARK(run_filters)->Arg(0)->Arg(1)->Arg(100)->Arg(1000);

// A thousand endpoints of which all have the same filter.
void run_shared_filter(benchmark::State& state) {
  const Padded body(bench::push_payload("event.0"));
  std::vector<FilterRule> rules = filters(1);
  for (std::uint32_t i = 2; i <= 1000; ++i)
    rules.push_back({static_cast<core::EndpointNumber>(i), rules[0].filter});
  const Program program = std::move(Program::compile({}, {}, rules)).value();
  Matcher matcher;
  for (auto _ : state) {
    matcher.run(program, {body.view(), BodyKind::kJson, {}, {}});
    for (std::uint32_t i = 1; i <= 1000; ++i) {
      bool passes = matcher.passes(static_cast<core::EndpointNumber>(i));
      benchmark::DoNotOptimize(passes);
    }
  }
}
BENCHMARK(run_shared_filter);

void compile_filters(benchmark::State& state) {
  const std::vector<FilterRule> rules = filters(state.range(0));
  for (auto _ : state) {
    auto program = Program::compile({}, {}, rules);
    benchmark::DoNotOptimize(program);
  }
}
BENCHMARK(compile_filters)->Arg(1000);

void validate_only(benchmark::State& state) {
  const std::string body = bench::push_payload("event.0");
  const bench::Cost cost;
  for (auto _ : state) {
    auto fault = find_json_fault(body);
    benchmark::DoNotOptimize(fault);
  }
  report(state, cost, body.size());
}
BENCHMARK(validate_only);

}  // namespace
}  // namespace headrace::selector

BENCHMARK_MAIN();
