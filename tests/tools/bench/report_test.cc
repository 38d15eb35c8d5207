// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/report.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tools/bench/html_page.h"
#include "tools/bench/load_report.h"

namespace headrace::bench_tools {
namespace {

Json json(std::string_view text) { return *tools::parse_json(text); }

constexpr std::string_view kLoad = R"({"format":"headrace.bench.load/1","valid":true,"sent":2})";

TEST(ResultsTest, StandOnALineEachOrOverSeveral) {
  const std::string text = std::string(kLoad) + "\n\n" + std::string(kLoad) + std::string(kLoad) +
                           "{\n \"kind\": \"run\",\n \"a\": \"}\\\"{\"}\n";
  const auto results = parse_results(text);
  ASSERT_TRUE(results) << results.error().what;
  ASSERT_EQ(results->size(), 4u);
  EXPECT_EQ((*results)[3].text_at("a"), "}\"{");
}

TEST(ResultsTest, WhatIsNoneIsSaid) {
  EXPECT_EQ(parse_results("")->size(), 0u);
  for (const std::string_view text : {"{", "[]", "1", "}", "\"", "{}", R"({"kind":"cake"})",
                                      "nonsense", R"({"kind":"run"} x)", R"({"kind":"run")"}) {
    EXPECT_FALSE(parse_results(text)) << text;
  }
  const auto second = parse_results(std::string(kLoad) + "\n{\"kind\":}");
  EXPECT_TRUE(second.error().what.starts_with("result 2: line 1, column 9")) << second.error().what;
}

TEST(FigureTest, UnitsStandInNames) {
  const auto time = [](std::string_view name) {
    const Unit unit = unit_of(name);
    return unit.dimension == Dimension::kTime ? unit.scale : 0;
  };
  EXPECT_EQ(time("e2e.p99_us"), 1e3);
  EXPECT_EQ(time("latency_from_due_us.p99"), 1e3);
  EXPECT_EQ(time("cpu_us_per_event"), 1e3);
  EXPECT_EQ(time("duration_s"), 1e9);
  EXPECT_EQ(time("cpu_us_per_event_by_thread.hr-ingest-0"), 1e3);
  EXPECT_EQ(time("cpu_us_per_event.b.median"), 1e3);
  for (const char* none : {"events_per_s", "cpu_us_per_event.ratio", "latency_from_due_us.count",
                           "late_share", "bytes_written_over_body", "statuses.200", "lost"}) {
    EXPECT_EQ(unit_of(none).dimension, Dimension::kNone) << none;
  }
  for (const char* bytes :
       {"rss_max_bytes", "bytes_written", "bytes_written_per_event", "verify.ledger_bytes_cut"}) {
    EXPECT_EQ(unit_of(bytes).dimension, Dimension::kBytes) << bytes;
  }
}

TEST(FigureTest, AreReadable) {
  EXPECT_EQ(readable(812.34, "p50_us"), "812.3 us");
  EXPECT_EQ(readable(1234, "p50_us"), "1.23 ms");
  EXPECT_EQ(readable(0, "p50_us"), "0");
  EXPECT_EQ(readable(0.5, "p50_us"), "500 ns");
  EXPECT_EQ(readable(90, "t_s"), "90.00 s");
  EXPECT_EQ(readable(7200, "sent_bytes"), "7.20 KB");
  EXPECT_EQ(readable(45000.4, "events_per_s"), "45000");
  EXPECT_EQ(readable(1.25, "bytes_written_over_body"), "1.250");
}

// So that an expectation for what load prints is never refused as unknown.
TEST(FigureTest, TheSchemaKnowsWhatALoadPrints) {
  LoadResult result;
  result.answered = result.statuses[200] = 1;
  for (core::Histogram* each : {&result.from_due, &result.from_sent, &result.lag})
    each->record(5000);
  const Json printed = json(load_json(LoadOptions(), result));
  ASSERT_EQ(kind_of(printed), ResultKind::kLoad);
  const std::vector<Figure> figures = figures_of(printed);
  EXPECT_GT(figures.size(), 50u);
  for (const Figure& figure : figures) {
    const auto& known = known_names(ResultKind::kLoad);
    EXPECT_TRUE(std::any_of(known.begin(), known.end(), [&figure](const std::string& name) {
      return means(figure.name, name, false);
    })) << figure.name;
  }
  KneeStep step{1, true, result};
  const Json knee = json(knee_json(1, {step}));
  EXPECT_EQ(kind_of(knee), ResultKind::kKnee);
}

TEST(CurveTest, ListedOnesComeBeforeSummaries) {
  const auto curves = curves_of(json(R"({"kind":"run",
      "measured":{"accept":{"count":10,"p50_us":1,"p99_us":2,"max_us":3},
                  "e2e":{"count":20,"p50_us":4,"max_us":6}},
      "load":{"latency_from_due_us":{"p50":1}},
      "percentiles":{"accept":[[50,1.5],[90,2.5],["x",1],[99]],"none":[]}})"));
  ASSERT_EQ(curves.size(), 2u);
  EXPECT_EQ(curves[0].name, "accept");
  EXPECT_EQ(curves[0].count, 10u);
  EXPECT_EQ(curves[0].points, (std::vector<std::pair<double, double>>{{50, 1.5}, {90, 2.5}}));
  EXPECT_EQ(curves[1].name, "e2e");
  EXPECT_EQ(curves[1].points, (std::vector<std::pair<double, double>>{{50, 4}, {100, 6}}));
}

TEST(CurveTest, IsWrittenAsHdrHistogramsToolsReadIt) {
  EXPECT_EQ(percentiles_text({"accept", {{50, 812.3}, {100, 9000}}, 10}),
            "       Value     Percentile TotalCount 1/(1-Percentile)\n\n"
            "     812.300 0.500000000000          5           2.00\n"
            "    9000.000 1.000000000000         10\n"
            "#[Max     =     9000.000, Total count    =           10]\n");
}

TEST(ReportTest, ShowsWhatIsThere) {
  const std::string text = report_table(
      json(
          R"({"kind":"run","scenario":"dispatch","valid":false,"invalid_because":["too \u001b late"],
               "machine":{"cpus":2,"cpu_model":"A"},
               "measured":{"cpu_us_per_event":20.5,"accept":{"p50_us":300,"max_us":4000}}})"),
      false);
  EXPECT_NE(
      text.find("dispatch\n  INVALID: too \\x1b late\n  machine        cpus 2, cpu_model A\n"),
      std::string::npos)
      << text;
  EXPECT_NE(text.find("cpu_us_per_event                             20.50 us\n"),
            std::string::npos);
  EXPECT_NE(text.find("accept   300.0 us"), std::string::npos) << text;
}

TEST(HtmlPageTest, TextsOfResultsAreNeverMarkup) {
  EXPECT_EQ(html_escaped("<a href='x'>\"&\n"), "&lt;a href=&#39;x&#39;&gt;&quot;&amp;\\n");
  EXPECT_EQ(script_escaped("\"</script><!--\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa&\""),
            "\"\\u003c/script\\u003e\\u003c!--\\u2028\\u2029\xe2\x80\xaa\\u0026\"");
  const std::string evil = R"({"kind":"run","scenario":"</script><script>alert(1)</script>",)"
                           R"("machine":{"<img src=x onerror=y>":"<b>"},"measured":{}})";
  const std::string page = html_page({json(evil)});
  EXPECT_EQ(page.find("<script>alert"), std::string::npos);
  EXPECT_EQ(page.find("<img"), std::string::npos);
  EXPECT_EQ(page.find("<b>"), std::string::npos);
  EXPECT_NE(page.find("&lt;img src=x"), std::string::npos);
}

}  // namespace
}  // namespace headrace::bench_tools
