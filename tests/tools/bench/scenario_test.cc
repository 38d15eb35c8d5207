// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/scenario.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tools/bench/sink_script.h"

namespace headrace::bench_tools {
namespace {

using Strings = std::vector<std::string>;

// What follows a flag; empty: it is not there.
std::string value_of(const Strings& arguments, std::string_view flag) {
  const auto at = std::find(arguments.begin(), arguments.end(), flag);
  return at == arguments.end() || at + 1 == arguments.end() ? "" : *(at + 1);
}

bool has(const Strings& arguments, std::string_view flag) {
  return std::find(arguments.begin(), arguments.end(), flag) != arguments.end();
}

Strings arguments_of(std::string_view name, const RunOptions& options = {}) {
  return load_arguments(*find_scenario(name), options,
                        {.links = {"http://127.0.0.1:1/in/a"},
                         .ledger_directory = "/x",
                         .run = 0xab,
                         .duration_ns = 1'500'000'000,
                         .is_held = true});
}

TEST(ScenarioTest, EachIsFoundByItsName) {
  std::set<std::string_view> names;
  for (const Scenario& scenario : all_scenarios()) {
    EXPECT_TRUE(names.insert(scenario.name).second);
    EXPECT_EQ(find_scenario(scenario.name), &scenario);
    EXPECT_FALSE(scenario.help.empty());
  }
  EXPECT_EQ(names, (std::set<std::string_view>{"accept", "dispatch", "fanout", "backlog", "noisy",
                                               "restart"}));
  EXPECT_EQ(find_scenario("chaos"), nullptr);
  EXPECT_EQ(find_scenario(""), nullptr);
}

TEST(ScenarioTest, FlagsOverrideWhatItSays) {
  RunOptions options;
  options.per_second = 5;
  options.endpoints = 7;
  options.messages = 9;
  options.kill_every_ns = 11;
  const auto made = adjusted(chaos_scenario(), options);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->per_second, 5);
  EXPECT_EQ(made->endpoints, 7u);
  EXPECT_EQ(made->messages, 9u);
  EXPECT_EQ(made->kill_every_ns, 11u);
  EXPECT_EQ(adjusted(chaos_scenario(), {})->kill_every_ns, 2'000'000'000u);
}

TEST(ScenarioTest, OptionsThatMakeNoSenseAreRefused) {
  const auto refused = [](auto change) {
    RunOptions options;
    change(options);
    const auto made = adjusted(*find_scenario("dispatch"), options);
    return !made && made.error().code == ErrorCode::kInvalidArgument;
  };
  EXPECT_FALSE(refused([](RunOptions&) {}));
  EXPECT_TRUE(refused([](RunOptions& o) { o.durability = "none"; }));
  EXPECT_TRUE(refused([](RunOptions& o) { o.signing = "github"; }));
  EXPECT_TRUE(refused([](RunOptions& o) { o.duration_ns = 1; }));
  EXPECT_TRUE(refused([](RunOptions& o) { o.connections = 0; }));
  EXPECT_TRUE(refused([](RunOptions& o) { o.repeat = 0; }));
  EXPECT_TRUE(refused([](RunOptions& o) { o.endpoints = 0; }));
  EXPECT_TRUE(refused([](RunOptions& o) { o.endpoints = 1001; }));
  EXPECT_TRUE(refused([](RunOptions& o) { o.per_second = 0; }));
}

TEST(RoutedFieldTest, MadeBodiesAreRoutedByTheirType) {
  const auto corpus = generate({});
  ASSERT_TRUE(corpus);
  const auto field = routed_field(*corpus);
  ASSERT_TRUE(field);
  EXPECT_EQ(field->selector, "$Event{type}");
  EXPECT_EQ(field->value, "bench.made");
  EXPECT_EQ(mean_body_bytes(*corpus), 7168);
}

TEST(RoutedFieldTest, ItIsTheFirstThatAllHaveInCommon) {
  const Corpus corpus = {{R"({"type":"a","repository":{"full_name":"x/y"},"n":1})", "push"},
                         {R"({"type":"b","repository":{"full_name":"x/y"}})", "push"}};
  const auto field = routed_field(corpus);
  ASSERT_TRUE(field);
  EXPECT_EQ(field->selector, "$Event{repository.full_name}");
  EXPECT_EQ(field->value, "x/y");
  EXPECT_EQ(mean_body_bytes(corpus),
            static_cast<double>(corpus[0].body.size() + corpus[1].body.size()) / 2);
}

TEST(RoutedFieldTest, NoneInCommonIsAnError) {
  EXPECT_FALSE(routed_field({{R"({"type":"a"})", ""}, {R"({"type":"b"})", ""}}));
  EXPECT_FALSE(routed_field({{R"({"type":7})", ""}}));
  EXPECT_FALSE(routed_field({{"[]", ""}}));
  EXPECT_FALSE(routed_field({{"{", ""}}));
  EXPECT_FALSE(routed_field({}));
  EXPECT_EQ(mean_body_bytes({}), 0);
}

TEST(ScenarioTest, TheSinkReadsItsScript) {
  for (const Scenario& scenario : all_scenarios()) {
    const auto script = SinkScript::parse(sink_script(scenario, 3));
    ASSERT_TRUE(script) << scenario.name << ": " << script.error().what;
    EXPECT_EQ(script->endpoints(), scenario.endpoints + scenario.bad);
    EXPECT_EQ(script->seed, 3u);
  }
  const Scenario& noisy = *find_scenario("noisy");
  const auto script = SinkScript::parse(sink_script(noisy, 1));
  ASSERT_TRUE(script);
  for (std::uint32_t i = 0; i < noisy.endpoints; ++i) EXPECT_EQ(script->behaviour_of[i], 0u);
  for (std::uint32_t i = 0; i < noisy.bad; ++i)
    EXPECT_NE(script->behaviour_of[noisy.endpoints + i], 0u);
}

TEST(ScenarioTest, TheLoadIsToldWhatItSays) {
  const Strings closed = arguments_of("dispatch");
  EXPECT_EQ(closed[0], "bench");
  EXPECT_EQ(closed[1], "load");
  EXPECT_EQ(closed[2], "http://127.0.0.1:1/in/a");
  EXPECT_TRUE(has(closed, "--closed"));
  EXPECT_TRUE(has(closed, "--hold"));
  EXPECT_TRUE(has(closed, "--json"));
  EXPECT_EQ(value_of(closed, "--duration"), "1500000us");
  EXPECT_EQ(value_of(closed, "--run"), "00000000000000ab");
  EXPECT_EQ(value_of(closed, "--size"), "7k");
  EXPECT_EQ(value_of(closed, "--lag-max"), "");
  RunOptions options;
  options.github = "index.json";
  options.per_second = 100;
  const auto open = load_arguments(*adjusted(chaos_scenario(), options), options, {});
  EXPECT_FALSE(has(open, "--closed"));
  EXPECT_FALSE(has(open, "--hold"));
  EXPECT_EQ(value_of(open, "--rate"), "100");
  EXPECT_EQ(value_of(open, "--github"), "index.json");
  EXPECT_EQ(value_of(open, "--size"), "");
  EXPECT_EQ(value_of(open, "--lag-max"), "100");
  EXPECT_EQ(value_of(arguments_of("backlog"), "--messages"), "50000");
}

TEST(ScenarioTest, TheDaemonIsOnLoopbackAndMaySendThere) {
  RunOptions options;
  options.durability = "os";
  options.shards = 2;
  options.daemon_flags = {"--log-level", "error"};
  const Strings arguments = daemon_arguments(options, "/data", 1234, 5678);
  EXPECT_EQ(arguments.front(), "serve");
  EXPECT_EQ(value_of(arguments, "--listen"), "127.0.0.1:1234");
  EXPECT_EQ(value_of(arguments, "--api-listen"), "127.0.0.1:5678");
  EXPECT_EQ(value_of(arguments, "--data"), "/data");
  EXPECT_EQ(value_of(arguments, "--durability"), "os");
  EXPECT_EQ(value_of(arguments, "--shards"), "2");
  EXPECT_EQ(value_of(arguments, "--endpoint-allow"), "127.0.0.0/8");
  EXPECT_EQ(arguments.back(), "error");
}

TEST(ScenarioTest, DefinitionsAreOfOneWebhook) {
  const RoutedField field = {"$Event{type}", "bench.made"};
  EXPECT_EQ(webhook_definition().text_at("tag"), "bench");
  EXPECT_EQ(event_definition(*find_scenario("dispatch"), field).text_at("selector_value"),
            "bench.made");
  EXPECT_NE(event_definition(*find_scenario("accept"), field).text_at("selector_value"),
            "bench.made");
  const tools::Json plain =
      endpoint_definition(*find_scenario("dispatch"), "", "http://127.0.0.1:9", 3);
  EXPECT_EQ(plain.text_at("url"), "http://127.0.0.1:9/3");
  EXPECT_EQ(plain.find("signing")->text_at("scheme"), "none");
  EXPECT_EQ(plain.find("retry"), nullptr);
  const tools::Json is_signed =
      endpoint_definition(*find_scenario("backlog"), "whsec_x", "http://127.0.0.1:9", 0);
  EXPECT_EQ(is_signed.find("signing")->text_at("scheme"), "v1");
  EXPECT_EQ(is_signed.find("signing")->text_at("secret"), "whsec_x");
  EXPECT_NE(is_signed.find("retry"), nullptr);
}

}  // namespace
}  // namespace headrace::bench_tools
