// SPDX-License-Identifier: Apache-2.0
// What a process has used so far, as Linux tells it: processor time of each of its threads in
// nanoseconds, memory, and what it wrote to disks.
//
// Threads: none. The parsers are pure.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "headrace/result.h"

namespace headrace::bench_tools {

struct ProcessUsage {
  std::uint64_t cpu_ns = 0;  // user and system, of all threads, those that have ended included
  std::map<std::string, std::uint64_t> cpu_ns_by_thread;  // of those there are; sums of one name
  std::uint64_t rss_bytes = 0;
  std::uint64_t rss_max_bytes = 0;  // since its start
  std::uint64_t bytes_written = 0;  // caused to be sent to a disk; not what went to memory only
};

// kNotFound: there is no such process; `detail` is errno.
Result<ProcessUsage> usage_of(pid_t pid);

// What was used from `before` on; memory is as it is `after`. A thread that is not there any more
// counts in the sum only.
ProcessUsage usage_between(const ProcessUsage& before, const ProcessUsage& after);
// Of two processes one after the other: times and bytes add up, memory is the larger.
ProcessUsage sum_of(const ProcessUsage& left, const ProcessUsage& right);

// "123 45 6": nanoseconds on a processor, of /proc/PID/task/TID/schedstat.
std::optional<std::uint64_t> parse_schedstat(std::string_view text) noexcept;
// User and system time in ticks, of /proc/PID/task/TID/stat, where a name may hold anything.
std::optional<std::uint64_t> parse_stat_ticks(std::string_view text) noexcept;
// The number behind "NAME:" on a line of its own, of /proc/PID/status (kB) or /proc/PID/io.
std::optional<std::uint64_t> parse_proc_field(std::string_view text,
                                              std::string_view name) noexcept;
// The type of the file system that holds `path`, of /proc/self/mountinfo. Empty: it does not say.
std::string filesystem_type(std::string_view mountinfo, std::string_view path);

}  // namespace headrace::bench_tools
