// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/process_usage.h"

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

namespace headrace::bench_tools {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr std::uint64_t kKilobyte = 1024;

// Empty: it is not there, or not for us.
std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::optional<std::uint64_t> leading_number(std::string_view text) noexcept {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return std::nullopt;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data() + begin, text.data() + text.size(), number);
  return error == std::errc() ? std::optional(number) : std::nullopt;
}

// The word of that place, counted from 0.
std::string_view word_at(std::string_view text, std::size_t place) noexcept {
  for (; place > 0; --place) {
    const std::size_t space = text.find(' ');
    if (space == std::string_view::npos) return {};
    text.remove_prefix(space + 1);
  }
  return text.substr(0, text.find_first_of(" \n"));
}

// Jiffies are 10 ms: only where the kernel keeps no schedstat.
std::uint64_t cpu_of_task(const std::string& task) {
  if (const auto ns = parse_schedstat(text_of(task + "/schedstat"))) return *ns;
  const auto ticks = parse_stat_ticks(text_of(task + "/stat")).value_or(0);
  return ticks * (kSecondNs / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK)));
}

void add_threads(pid_t pid, ProcessUsage& usage) {
  std::error_code error;
  const std::string tasks = fmt::format("/proc/{}/task", pid);
  for (std::filesystem::directory_iterator it(tasks, error), end; !error && it != end;
       it.increment(error)) {
    const std::string task = it->path().string();
    std::string name = text_of(task + "/comm");
    while (name.ends_with('\n')) name.pop_back();
    if (!name.empty()) usage.cpu_ns_by_thread[name] += cpu_of_task(task);
  }
}

}  // namespace

std::optional<std::uint64_t> parse_schedstat(std::string_view text) noexcept {
  return leading_number(text);
}

std::optional<std::uint64_t> parse_stat_ticks(std::string_view text) noexcept {
  const std::size_t name_end = text.rfind(") ");
  if (name_end == std::string_view::npos) return std::nullopt;
  text.remove_prefix(name_end + 2);  // to the third field, see proc(5); utime is the 14th
  const auto user = leading_number(word_at(text, 11));
  const auto system = leading_number(word_at(text, 12));
  return user && system ? std::optional(*user + *system) : std::nullopt;
}

std::optional<std::uint64_t> parse_proc_field(std::string_view text,
                                              std::string_view name) noexcept {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == ':')
      return leading_number(line.substr(name.size() + 1));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return std::nullopt;
}

// 36 35 98:0 /root /mount/point rw,noatime master:1 - ext4 /dev/sda rw
std::string filesystem_type(std::string_view mountinfo, std::string_view path) {
  std::string_view type;
  std::size_t longest = 0;
  while (!mountinfo.empty()) {
    const std::string_view line = mountinfo.substr(0, mountinfo.find('\n'));
    mountinfo.remove_prefix(std::min(line.size() + 1, mountinfo.size()));
    std::string_view mount = word_at(line, 4);
    const std::size_t rest = line.find(" - ");
    if (mount.empty() || rest == std::string_view::npos) continue;
    if (mount == "/") mount = {};
    const bool is_above =
        path.starts_with(mount) && (path.size() == mount.size() || path[mount.size()] == '/');
    // The last of those at one place hides the others.
    if (!is_above || mount.size() < longest) continue;
    longest = mount.size();
    type = word_at(line.substr(rest + 3), 0);
  }
  return std::string(type);
}

Result<ProcessUsage> usage_of(pid_t pid) {
  ProcessUsage usage;
  clockid_t clock = 0;
  timespec cpu{};
  int error = ::clock_getcpuclockid(pid, &clock);
  if (error == 0 && ::clock_gettime(clock, &cpu) != 0) error = errno;
  if (error != 0) {
    return Error{ErrorCode::kNotFound, fmt::format("there is no process {}", pid), error};
  }
  usage.cpu_ns =
      static_cast<std::uint64_t>(cpu.tv_sec) * kSecondNs + static_cast<std::uint64_t>(cpu.tv_nsec);
  add_threads(pid, usage);
  const std::string status = text_of(fmt::format("/proc/{}/status", pid));
  usage.rss_bytes = parse_proc_field(status, "VmRSS").value_or(0) * kKilobyte;
  usage.rss_max_bytes = parse_proc_field(status, "VmHWM").value_or(0) * kKilobyte;
  const std::string io = text_of(fmt::format("/proc/{}/io", pid));
  usage.bytes_written = parse_proc_field(io, "write_bytes").value_or(0);
  return usage;
}

ProcessUsage usage_between(const ProcessUsage& before, const ProcessUsage& after) {
  const auto less = [](std::uint64_t from, std::uint64_t amount) {
    return from > amount ? from - amount : 0;
  };
  ProcessUsage used = after;
  used.cpu_ns = less(after.cpu_ns, before.cpu_ns);
  used.bytes_written = less(after.bytes_written, before.bytes_written);
  for (auto& [name, ns] : used.cpu_ns_by_thread) {
    const auto earlier = before.cpu_ns_by_thread.find(name);
    if (earlier != before.cpu_ns_by_thread.end()) ns = less(ns, earlier->second);
  }
  return used;
}

ProcessUsage sum_of(const ProcessUsage& left, const ProcessUsage& right) {
  ProcessUsage sum = left;
  sum.cpu_ns += right.cpu_ns;
  sum.bytes_written += right.bytes_written;
  sum.rss_bytes = std::max(left.rss_bytes, right.rss_bytes);
  sum.rss_max_bytes = std::max(left.rss_max_bytes, right.rss_max_bytes);
  for (const auto& [name, ns] : right.cpu_ns_by_thread) sum.cpu_ns_by_thread[name] += ns;
  return sum;
}

}  // namespace headrace::bench_tools
