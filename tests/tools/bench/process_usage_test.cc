// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/process_usage.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace headrace::bench_tools {
namespace {

TEST(ProcessUsageTest, TimesAreReadFromSchedstat) {
  EXPECT_EQ(parse_schedstat("147398 77936 3\n"), 147398u);
  EXPECT_EQ(parse_schedstat("0 0 0\n"), 0u);
  EXPECT_FALSE(parse_schedstat(""));
  EXPECT_FALSE(parse_schedstat("off\n"));
}

TEST(ProcessUsageTest, ANameMayHoldSpacesAndBraces) {
  constexpr std::string_view kBehind =
      " S 1 2 3 4 -1 4194560 100 0 0 0 17 25 0 0 20 0 8 0 555 1000 10 0";
  EXPECT_EQ(parse_stat_ticks(std::string("7 (cat)") + std::string(kBehind)), 42u);
  EXPECT_EQ(parse_stat_ticks(std::string("7 (a) b (c d)") + std::string(kBehind)), 42u);
  EXPECT_FALSE(parse_stat_ticks("7 (cat) S 1 2"));
  EXPECT_FALSE(parse_stat_ticks(""));
}

TEST(ProcessUsageTest, FieldsAreFoundByTheirWholeName) {
  constexpr std::string_view kIo =
      "rchar: 1\nwchar: 2\nread_bytes: 3\nwrite_bytes: 4096\ncancelled_write_bytes: 5\n";
  EXPECT_EQ(parse_proc_field(kIo, "write_bytes"), 4096u);
  EXPECT_EQ(parse_proc_field(kIo, "cancelled_write_bytes"), 5u);
  EXPECT_FALSE(parse_proc_field(kIo, "bytes"));
  EXPECT_EQ(parse_proc_field("Name:\tx\nVmHWM:\t  149080 kB\nVmRSS:\t 7 kB", "VmRSS"), 7u);
  EXPECT_EQ(parse_proc_field("VmHWM:\t  149080 kB", "VmHWM"), 149080u);
}

TEST(ProcessUsageTest, AFileSystemIsThatOfTheDeepestMount) {
  constexpr std::string_view kMounts =
      "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
      "30 22 0:26 / /tmp rw,nosuid shared:5 - tmpfs tmpfs rw\n"
      "31 22 0:27 / /tm rw - xfs /dev/b rw\n"
      "32 30 0:28 / /tmp/a rw - btrfs /dev/c rw\n";
  EXPECT_EQ(filesystem_type(kMounts, "/home/x"), "ext4");
  EXPECT_EQ(filesystem_type(kMounts, "/tmp/b/c"), "tmpfs");
  EXPECT_EQ(filesystem_type(kMounts, "/tmp"), "tmpfs");
  EXPECT_EQ(filesystem_type(kMounts, "/tmp/a/b"), "btrfs");
  EXPECT_EQ(filesystem_type(kMounts, "/tmp/ab"), "tmpfs");
  EXPECT_EQ(filesystem_type("", "/tmp"), "");
}

TEST(ProcessUsageTest, DifferencesAreOfTimesAndBytes) {
  const ProcessUsage before = {.cpu_ns = 100,
                               .cpu_ns_by_thread = {{"a", 60}, {"gone", 40}},
                               .rss_bytes = 5,
                               .rss_max_bytes = 9,
                               .bytes_written = 1000};
  const ProcessUsage after = {.cpu_ns = 350,
                              .cpu_ns_by_thread = {{"a", 160}, {"new", 150}},
                              .rss_bytes = 6,
                              .rss_max_bytes = 10,
                              .bytes_written = 1500};
  const ProcessUsage used = usage_between(before, after);
  EXPECT_EQ(used.cpu_ns, 250u);
  EXPECT_EQ(used.cpu_ns_by_thread,
            (std::map<std::string, std::uint64_t>{{"a", 100}, {"new", 150}}));
  EXPECT_EQ(used.rss_bytes, 6u);
  EXPECT_EQ(used.rss_max_bytes, 10u);
  EXPECT_EQ(used.bytes_written, 500u);
  const ProcessUsage both = sum_of(used, before);
  EXPECT_EQ(both.cpu_ns, 350u);
  EXPECT_EQ(both.cpu_ns_by_thread.at("a"), 160u);
  EXPECT_EQ(both.cpu_ns_by_thread.at("gone"), 40u);
  EXPECT_EQ(both.rss_max_bytes, 10u);
  EXPECT_EQ(both.bytes_written, 1500u);
}

TEST(ProcessUsageTest, ThisProcessUsesWhatItDoes) {
  const auto before = usage_of(::getpid());
  ASSERT_TRUE(before);
  EXPECT_GT(before->rss_bytes, 0u);
  EXPECT_GE(before->rss_max_bytes, before->rss_bytes);
  EXPECT_FALSE(before->cpu_ns_by_thread.empty());
  volatile std::uint64_t sum = 0;
  auto after = usage_of(::getpid());
  for (std::uint64_t i = 0; after && after->cpu_ns < before->cpu_ns + 20'000'000; ++i) {
    sum = sum + i;
    if (i % 100'000 == 0) after = usage_of(::getpid());
  }
  ASSERT_TRUE(after);
  const ProcessUsage used = usage_between(*before, *after);
  std::uint64_t of_threads = 0;
  for (const auto& [name, ns] : used.cpu_ns_by_thread) of_threads += ns;
  EXPECT_GE(used.cpu_ns, 20'000'000u);
  EXPECT_GT(of_threads, used.cpu_ns / 2);
}

TEST(ProcessUsageTest, AProcessThatIsNotThereIsNotFound) {
  constexpr pid_t kBeyondAll = (1 << 22) + 1;  // of Linux, the largest is 2^22
  const auto usage = usage_of(kBeyondAll);
  ASSERT_FALSE(usage);
  EXPECT_EQ(usage.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace headrace::bench_tools
