// SPDX-License-Identifier: Apache-2.0
// The processes that a run starts: what they print, and that none outlives it.
//
// A child is killed when who started it dies, however that happens, and has a process group of its
// own, so that an interrupt at the terminal reaches only us and we end them in order.
// Threads: one, which starts them all; signals are taken while it waits in here.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "headrace/result.h"

namespace headrace::bench_tools {

struct ChildOptions {
  std::string name;     // what it is called in errors
  std::string program;  // a path
  std::vector<std::string> arguments;
  std::vector<unsigned> cpus;  // that it may run on; empty: any
};

class Child {
 public:
  static constexpr std::size_t kErrorLinesMax = 64;

  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  const std::string& name() const noexcept { return options_.name; }
  pid_t pid() const noexcept { return pid_; }
  // nullopt: it runs. 128 + the signal where one ended it.
  std::optional<int> exit_code() const noexcept { return exit_code_; }
  // The next line that it wrote, without its end.
  std::optional<std::string> take_output();
  std::optional<std::string> take_error();
  // The last lines of its standard error, those that were taken included.
  std::string last_errors() const;

  void signal(int number) const noexcept;
  // Writes a line to its standard input. What it does not read is no error.
  void tell(std::string_view line) noexcept;

 private:
  friend class Processes;
  struct Lines {
    int fd = -1;
    std::string rest;
    std::deque<std::string> lines;

    void read_some();
    void close();
    std::optional<std::string> take();
  };

  explicit Child(ChildOptions options) : options_(std::move(options)) {}
  Result<void> start();
  void reap(bool wait) noexcept;
  void keep_errors(std::size_t from);

  ChildOptions options_;
  pid_t pid_ = -1;
  int process_fd_ = -1;
  int input_ = -1;
  Lines output_;
  Lines errors_;
  std::deque<std::string> last_errors_;
  std::optional<int> exit_code_;
};

class Processes {
 public:
  // Takes SIGINT, SIGTERM and SIGHUP from here on.
  Processes();
  ~Processes();  // kills what still runs
  Processes(const Processes&) = delete;
  Processes& operator=(const Processes&) = delete;

  // kUnavailable, `detail` is errno. A program that is not there ends with exit code 127.
  Result<Child*> start(ChildOptions options);
  // Kills it and forgets it.
  void kill(Child& child) noexcept;
  // Waits until a child says something or ends or a signal comes, for `milliseconds` at most.
  void wait(int milliseconds);
  // One of the signals came.
  bool is_interrupted() const noexcept { return is_interrupted_; }

 private:
  std::vector<std::unique_ptr<Child>> children_;
  int signals_ = -1;
  bool is_interrupted_ = false;
};

// Who runs where. Empty lists: anywhere.
struct Placement {
  std::vector<unsigned> daemon, load, sink;

  bool is_pinned() const noexcept { return !daemon.empty(); }
};
// With at least kPinnedCpusMin of them load and sink get one each, and the daemon the others.
inline constexpr std::size_t kPinnedCpusMin = 4;
Placement place(std::span<const unsigned> cpus);
// That this process may run on.
std::vector<unsigned> available_cpus();

// A port of loopback that nobody listens on, and that the kernel gives to no connection: on one of
// those, a client that tries to reach a server that is down may meet itself and keep it from coming
// back. kUnavailable.
Result<std::uint16_t> free_port();
// Whether `port` is one that the kernel gives away, by /proc/sys/net/ipv4/ip_local_port_range.
bool is_ephemeral(std::uint16_t port, std::string_view port_range) noexcept;

}  // namespace headrace::bench_tools
