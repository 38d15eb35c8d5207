// SPDX-License-Identifier: Apache-2.0
#include "core/metrics.h"

#include <gtest/gtest.h>

namespace headrace::core {
namespace {

TEST(MetricsRegistryTest, WritesFamiliesSortedWithOneHeadingEach) {
  Counter full, late, depth;
  full.add(3);
  late.add();
  depth.set(7);
  MetricsRegistry registry;
  registry.add(MetricKind::kCounter, "headrace_shed_total", "Shed.", "reason=\"late\"", &late);
  registry.add(MetricKind::kGauge, "headrace_depth", "How deep.\nReally \\ deep.", "", &depth);
  registry.add(MetricKind::kCounter, "headrace_shed_total", "Shed.", "reason=\"full\"", &full);
  EXPECT_EQ(registry.prometheus(),
            "# HELP headrace_depth How deep.\\nReally \\\\ deep.\n"
            "# TYPE headrace_depth gauge\n"
            "headrace_depth 7\n"
            "# HELP headrace_shed_total Shed.\n"
            "# TYPE headrace_shed_total counter\n"
            "headrace_shed_total{reason=\"full\"} 3\n"
            "headrace_shed_total{reason=\"late\"} 1\n");
}

TEST(MetricsRegistryTest, SumsCountersOfTheSameNameAndLabels) {
  Counter first, second;
  first.add(3);
  second.add(4);
  MetricsRegistry registry;
  registry.add(MetricKind::kCounter, "a_total", "A.", "", &first);
  registry.add(MetricKind::kCounter, "a_total", "A.", "", &second);
  EXPECT_NE(registry.prometheus().find("\na_total 7\n"), std::string::npos);
  registry.remove(&first);
  EXPECT_NE(registry.prometheus().find("\na_total 4\n"), std::string::npos);
}

TEST(MetricsRegistryTest, IsEmptyWithoutCounters) {
  Counter counter;
  MetricsRegistry registry;
  registry.add(MetricKind::kCounter, "a_total", "A.", "", &counter);
  registry.remove(&counter);
  EXPECT_EQ(registry.prometheus(), "");
}

}  // namespace
}  // namespace headrace::core
