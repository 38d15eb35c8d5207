// SPDX-License-Identifier: Apache-2.0
// Counts the instructions that this thread executes outside the kernel, where the kernel and the
// processor let it (perf_event_open; virtual machines often do not). Else there is no count.
#pragma once

#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <optional>

namespace headrace::bench {

class InstructionsCounter {
 public:
  InstructionsCounter() noexcept {
    perf_event_attr what{};
    what.size = sizeof(what);
    what.type = PERF_TYPE_HARDWARE;
    what.config = PERF_COUNT_HW_INSTRUCTIONS;
    what.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
    what.exclude_kernel = 1;
    what.exclude_hv = 1;
    fd_ = static_cast<int>(::syscall(SYS_perf_event_open, &what, 0, -1, -1, PERF_FLAG_FD_CLOEXEC));
  }
  ~InstructionsCounter() {
    if (fd_ >= 0) ::close(fd_);
  }
  InstructionsCounter(const InstructionsCounter&) = delete;
  InstructionsCounter& operator=(const InstructionsCounter&) = delete;

  // Since it was made. When others count too, the processor's counters go round, and this is scaled
  // to the whole time.
  std::optional<double> count() const noexcept {
    struct {
      std::uint64_t value, enabled, running;
    } seen;
    if (fd_ < 0 || ::read(fd_, &seen, sizeof(seen)) != sizeof(seen) || seen.running == 0)
      return std::nullopt;
    return static_cast<double>(seen.value) * static_cast<double>(seen.enabled) /
           static_cast<double>(seen.running);
  }

 private:
  int fd_ = -1;
};

}  // namespace headrace::bench
