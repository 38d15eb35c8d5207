// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/run_result.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>

namespace headrace::bench_tools {
namespace {

using tools::Json;
using tools::to_text;

constexpr std::uint64_t kUs = 1000;

double number(const Json& json, std::initializer_list<std::string_view> path) {
  const Json* at = &json;
  for (const std::string_view name : path) at = at == nullptr ? nullptr : at->find(name);
  return at == nullptr ? -1 : std::strtod(at->text.c_str(), nullptr);
}

// A thousand events in half a second, each delivered once, by a daemon that used 40 us for each.
RunRecord record() {
  RunRecord made;
  made.scenario = *find_scenario("dispatch");
  made.started_ns = 1'000'000'000'000'000'000;
  made.version = "1.2.3";
  made.machine = {.cpus = 2,
                  .cpu_model = "A \"fast\" one",
                  .kernel = "6.1",
                  .memory_bytes = 8'000'000'000,
                  .filesystem = "ext4",
                  .is_pinned = false};
  made.field = {"$Event{type}", "x"};
  made.body_bytes = 7000;
  made.daemon.cpu_ns = 40'000 * kUs;
  made.daemon.cpu_ns_by_thread = {{"hr-store", 10'000 * kUs}, {"idle", 10}};
  made.daemon.rss_max_bytes = 100'000'000;
  made.daemon.bytes_written = 7'700'000;
  made.sink.cpu_ns = 5'000 * kUs;
  made.load_cpu_us = 6'000;
  made.events = 1000;
  made.deliveries = 2000;
  made.deliveries_counted = 2000;
  made.span_ns = 500'000'000;
  for (std::uint64_t i = 1; i <= 1000; ++i) made.accept.record(i * kUs);
  made.load = Json::object();
  made.verify = Json::object();
  made.series = {{.t_s = 0.5, .accepted_per_s = 2000, .rss_bytes = 7}};
  return made;
}

TEST(RunResultTest, FiguresAreAnEventsAndADeliverys) {
  const Json json = run_json(record());
  EXPECT_EQ(json.text_at("kind"), "run");
  EXPECT_EQ(json.text_at("started_at"), "2001-09-09T01:46:40.000Z");
  EXPECT_EQ(number(json, {"measured", "events_per_s"}), 2000);
  EXPECT_EQ(number(json, {"measured", "deliveries_per_s"}), 4000);
  EXPECT_EQ(number(json, {"measured", "cpu_us_per_event"}), 40);
  EXPECT_EQ(number(json, {"measured", "cpu_us_per_delivery"}), 20);
  EXPECT_EQ(number(json, {"measured", "cpu_us_per_event_by_thread", "hr-store"}), 10);
  EXPECT_EQ(number(json, {"measured", "cpu_us_per_event_by_thread", "idle"}), -1);
  EXPECT_EQ(number(json, {"measured", "load_cpu_us_per_event"}), 6);
  EXPECT_EQ(number(json, {"measured", "sink_cpu_us_per_event"}), 5);
  EXPECT_EQ(number(json, {"measured", "bytes_written_per_event"}), 7700);
  EXPECT_EQ(number(json, {"measured", "bytes_written_over_body"}), 1.1);
  EXPECT_NEAR(number(json, {"measured", "accept", "p50_us"}), 500, 1);
  EXPECT_NEAR(number(json, {"measured", "accept", "p99_us"}), 990, 2);
  EXPECT_EQ(number(json, {"measured", "accept", "count"}), 1000);
  EXPECT_EQ(json.find("measured")->find("e2e")->kind, Json::Kind::kNull);
  EXPECT_EQ(number(json, {"configuration", "body_bytes"}), 7000);
  EXPECT_EQ(json.find("configuration")->find("closed")->text, "true");
  EXPECT_EQ(json.find("series")->items.size(), 1u);
  EXPECT_EQ(json.find("percentiles")->find("e2e")->items.size(), 0u);
  EXPECT_EQ(json.find("percentiles")->find("accept")->items.front().items.front().text, "0");
}

TEST(RunResultTest, ItIsJsonWhateverANameHolds) {
  const auto read = tools::parse_json(to_text(run_json(record())));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->find("machine")->text_at("cpu_model"), "A \"fast\" one");
}

TEST(RunResultTest, WithoutEventsNothingIsDividedByThem) {
  RunRecord empty = record();
  empty.events = empty.deliveries = empty.span_ns = 0;
  empty.accept.reset();
  empty.faults = {"nothing was accepted"};
  const Json json = run_json(empty);
  EXPECT_EQ(number(json, {"measured", "cpu_us_per_event"}), 0);
  EXPECT_EQ(number(json, {"measured", "events_per_s"}), 0);
  EXPECT_EQ(json.find("measured")->find("cpu_us_per_delivery")->kind, Json::Kind::kNull);
  EXPECT_EQ(json.find("valid")->text, "false");
  EXPECT_EQ(json.find("invalid_because")->items.front().text, "nothing was accepted");
  EXPECT_NE(run_table(empty).find("INVALID: nothing was accepted"), std::string::npos);
}

TEST(RunResultTest, OfAnotherProgramNoBuildIsClaimed) {
  RunRecord other = record();
  other.options.daemon = "/usr/bin/other";
  EXPECT_EQ(run_json(other).find("headrace")->text_at("build"), "unknown");
  EXPECT_EQ(run_json(record()).find("headrace")->text_at("version"), "1.2.3");
}

TEST(RunResultTest, TheTableSaysHowItWasMeasured) {
  const std::string table = run_table(record());
  for (const char* each : {"durability fsync", "signing none", "closed loop of 64 connections",
                           "not pinned", "2000 events/s", "40.00 us an event", "hr-store"})
    EXPECT_NE(table.find(each), std::string::npos) << each << "\n" << table;
}

TEST(RunResultTest, RepeatsShowMedianAndRange) {
  std::vector<Json> runs;
  for (const std::uint64_t events : {1000u, 3000u, 2000u}) {
    RunRecord each = record();
    each.events = events;
    runs.push_back(run_json(each));
  }
  const std::string table = repeats_table(runs);
  EXPECT_NE(table.find("3 runs"), std::string::npos);
  EXPECT_NE(table.find("4000.00       2000.00       6000.00"), std::string::npos) << table;
}

LedgerRecord at(LedgerEvent event, std::uint64_t number, std::uint64_t when_ns) {
  return {.run = 1, .number = number, .when_ns = when_ns, .event = event};
}

TEST(RunTimesTest, AreOfAllLedgersTogether) {
  const std::array first = {at(LedgerEvent::kDue, 0, 1000), at(LedgerEvent::kAccepted, 0, 1500),
                            at(LedgerEvent::kDue, 2, 3000), at(LedgerEvent::kRefused, 2, 9000)};
  const std::array second = {at(LedgerEvent::kDue, 1, 900), at(LedgerEvent::kAccepted, 1, 5000)};
  const std::array sink = {at(LedgerEvent::kReceived, 1, 6000),
                           at(LedgerEvent::kReceived, 0, 1600)};
  const std::array views = {LedgerView{.kind = LedgerKind::kSink, .records = sink},
                            LedgerView{.kind = LedgerKind::kLoad, .run = 1, .records = first},
                            LedgerView{.kind = LedgerKind::kLoad, .run = 1, .records = second}};
  const RunTimes times = times_of(views);
  EXPECT_EQ(times.accepted, 2u);
  EXPECT_EQ(times.first_due_ns, 900u);
  EXPECT_EQ(times.last_answer_ns, 5000u);
  EXPECT_EQ(times.first_receipt_ns, 1600u);
  EXPECT_EQ(times.last_receipt_ns, 6000u);
  EXPECT_EQ(times.accept.count(), 2u);
  EXPECT_EQ(times.accept.min(), 500u);
  EXPECT_EQ(times.accept.max(), 4100u);
}

TEST(RunTimesTest, OfNothingAreNothing) {
  const RunTimes times = times_of({});
  EXPECT_EQ(times.accepted, 0u);
  EXPECT_EQ(times.first_due_ns, 0u);
  EXPECT_EQ(times.last_receipt_ns, 0u);
}

TEST(MachineTest, IsThisOne) {
  const Machine machine = this_machine("/tmp");
  EXPECT_GT(machine.cpus, 0u);
  EXPECT_GT(machine.memory_bytes, 1u << 20);
  EXPECT_FALSE(machine.kernel.empty());
  EXPECT_FALSE(machine.filesystem.empty());
}

}  // namespace
}  // namespace headrace::bench_tools
