// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/processes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

#include "core/random.h"

extern char** environ;

namespace headrace::bench_tools {
namespace {

constexpr int kNoProgram = 127;  // as shells say it
constexpr int kBySignal = 128;

Error unavailable(std::string what) { return {ErrorCode::kUnavailable, std::move(what), errno}; }

sigset_t taken_signals() noexcept {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, number);
  return set;
}

void close_fd(int& fd) noexcept {
  if (fd >= 0) ::close(fd);
  fd = -1;
}

struct Pipe {
  int read = -1;
  int write = -1;

  Pipe() {
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC) != 0) return;
    read = fds[0];
    write = fds[1];
  }
  ~Pipe() {
    close_fd(read);
    close_fd(write);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
};

// What a daemon that somebody runs here is set to is nothing that a measurement may depend on.
std::vector<char*> environment_without_settings() {
  std::vector<char*> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (std::strncmp(*variable, "HEADRACE_", 9) != 0) variables.push_back(*variable);
  }
  variables.push_back(nullptr);
  return variables;
}

// All that is needed between fork and exec, where nothing may be allocated.
struct Plan {
  std::vector<char*> arguments;
  std::vector<char*> environment = environment_without_settings();
  cpu_set_t cpus;
  bool is_pinned = false;
  pid_t parent = ::getpid();

  explicit Plan(ChildOptions& options) {
    arguments.push_back(options.program.data());
    for (std::string& argument : options.arguments) arguments.push_back(argument.data());
    arguments.push_back(nullptr);
    CPU_ZERO(&cpus);
    for (const unsigned cpu : options.cpus) CPU_SET(cpu, &cpus);
    is_pinned = !options.cpus.empty();
  }
};

[[noreturn]] void become(const Plan& plan, int input, int output, int errors) noexcept {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != plan.parent) ::_exit(kNoProgram);  // it died before it could be asked for
  if (plan.is_pinned) ::sched_setaffinity(0, sizeof(plan.cpus), &plan.cpus);
  ::dup2(input, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(errors, STDERR_FILENO);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  ::execve(plan.arguments[0], plan.arguments.data(), plan.environment.data());
  ::_exit(kNoProgram);
}

}  // namespace

// --- Child ---

void Child::Lines::read_some() {
  std::array<char, 16 * 1024> piece;
  for (;;) {
    const ssize_t size = ::read(fd, piece.data(), piece.size());
    if (size < 0 && errno == EINTR) continue;
    if (size == 0) close();
    if (size <= 0) return;
    rest.append(piece.data(), static_cast<std::size_t>(size));
    for (std::size_t end = rest.find('\n'); end != std::string::npos; end = rest.find('\n')) {
      lines.push_back(rest.substr(0, end));
      rest.erase(0, end + 1);
    }
  }
}

void Child::Lines::close() {
  close_fd(fd);
  if (!rest.empty()) lines.push_back(std::exchange(rest, {}));
}

std::optional<std::string> Child::Lines::take() {
  if (lines.empty()) return std::nullopt;
  std::string line = std::move(lines.front());
  lines.pop_front();
  return line;
}

Child::~Child() {
  if (!exit_code_ && pid_ > 0) {
    signal(SIGKILL);
    reap(true);
  }
  for (int* fd : {&process_fd_, &input_, &output_.fd, &errors_.fd}) close_fd(*fd);
}

Result<void> Child::start() {
  Pipe input;
  Pipe output;
  Pipe errors;
  if (input.write < 0 || output.write < 0 || errors.write < 0)
    return unavailable("no pipe can be made");
  const Plan plan(options_);
  pid_ = ::fork();
  if (pid_ < 0) return unavailable("no process can be started");
  if (pid_ == 0) become(plan, input.read, output.write, errors.write);
  process_fd_ = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));  // glibc has it not for C++
  input_ = std::exchange(input.write, -1);
  output_.fd = std::exchange(output.read, -1);
  errors_.fd = std::exchange(errors.read, -1);
  for (const int fd : {input_, output_.fd, errors_.fd}) ::fcntl(fd, F_SETFL, O_NONBLOCK);
  if (process_fd_ < 0) return unavailable("a process cannot be watched");
  return {};
}

void Child::reap(bool wait) noexcept {
  int status = 0;
  pid_t ended = 0;
  do {
    ended = ::waitpid(pid_, &status, wait ? 0 : WNOHANG);
  } while (ended < 0 && errno == EINTR);
  if (ended != pid_) return;
  exit_code_ = WIFSIGNALED(status) ? kBySignal + WTERMSIG(status) : WEXITSTATUS(status);
}

void Child::keep_errors(std::size_t from) {
  for (; from < errors_.lines.size(); ++from) last_errors_.push_back(errors_.lines[from]);
  while (last_errors_.size() > kErrorLinesMax) last_errors_.pop_front();
}

std::optional<std::string> Child::take_output() { return output_.take(); }
std::optional<std::string> Child::take_error() { return errors_.take(); }

std::string Child::last_errors() const {
  std::string text;
  for (const std::string& line : last_errors_) text += line + '\n';
  return text;
}

void Child::signal(int number) const noexcept {
  if (!exit_code_) ::kill(pid_, number);
}

void Child::tell(std::string_view line) noexcept {
  const std::string text = std::string(line) + '\n';
  [[maybe_unused]] const ssize_t written = ::write(input_, text.data(), text.size());
}

// --- Processes ---

Processes::Processes() {
  ::signal(SIGPIPE, SIG_IGN);  // a child that has gone must not end us
  const sigset_t set = taken_signals();
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  signals_ = ::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

Processes::~Processes() {
  children_.clear();
  close_fd(signals_);
  const sigset_t set = taken_signals();
  ::sigprocmask(SIG_UNBLOCK, &set, nullptr);
}

Result<Child*> Processes::start(ChildOptions options) {
  std::unique_ptr<Child> child(new Child(std::move(options)));
  if (auto started = child->start(); !started) return started.error();
  children_.push_back(std::move(child));
  return children_.back().get();
}

void Processes::kill(Child& child) noexcept {
  std::erase_if(children_, [&child](const auto& each) { return each.get() == &child; });
}

void Processes::wait(int milliseconds) {
  std::vector<pollfd> polled = {{.fd = signals_, .events = POLLIN, .revents = 0}};
  for (const auto& child : children_) {  // poll passes over what is -1
    polled.push_back({.fd = child->output_.fd, .events = POLLIN, .revents = 0});
    polled.push_back({.fd = child->errors_.fd, .events = POLLIN, .revents = 0});
    const int end = child->exit_code_ ? -1 : child->process_fd_;
    polled.push_back({.fd = end, .events = POLLIN, .revents = 0});
  }
  if (::poll(polled.data(), polled.size(), milliseconds) <= 0) return;
  signalfd_siginfo signal;
  if (polled[0].revents != 0 && ::read(signals_, &signal, sizeof(signal)) > 0)
    is_interrupted_ = true;
  for (std::size_t i = 0; i < children_.size(); ++i) {
    Child& child = *children_[i];
    const std::size_t errors_before = child.errors_.lines.size();
    // Its end first: what it printed before that is in the pipes then.
    if (polled[3 * i + 3].revents != 0) child.reap(false);
    if (child.output_.fd >= 0) child.output_.read_some();
    if (child.errors_.fd >= 0) child.errors_.read_some();
    child.keep_errors(errors_before);
  }
}

// --- where ---

Placement place(std::span<const unsigned> cpus) {
  Placement placement;
  if (cpus.size() < kPinnedCpusMin) return placement;
  placement.load = {cpus[0]};
  placement.sink = {cpus[1]};
  placement.daemon.assign(cpus.begin() + 2, cpus.end());
  return placement;
}

std::vector<unsigned> available_cpus() {
  std::vector<unsigned> cpus;
  cpu_set_t set;
  CPU_ZERO(&set);
  ::sched_getaffinity(0, sizeof(set), &set);
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

bool is_ephemeral(std::uint16_t port, std::string_view port_range) noexcept {
  unsigned least = 32768;  // what Linux has unless told otherwise
  unsigned most = 60999;
  const char* const end = port_range.data() + port_range.size();
  unsigned first = 0;
  const auto [behind, error] = std::from_chars(port_range.data(), end, first);
  const char* next = behind;
  while (next != end && (*next == ' ' || *next == '\t')) ++next;
  unsigned second = 0;
  if (error == std::errc() && std::from_chars(next, end, second).ec == std::errc()) {
    least = first;
    most = second;
  }
  return port >= least && port <= most;
}

Result<std::uint16_t> free_port() {
  constexpr std::uint64_t kLowest = 10'000;
  constexpr std::uint64_t kHighest = 65'000;
  constexpr int kTriesMax = 10'000;
  std::ifstream file("/proc/sys/net/ipv4/ip_local_port_range");
  const std::string range(std::istreambuf_iterator<char>(file), {});
  core::Random random(core::random_seed());
  for (int i = 0; i < kTriesMax; ++i) {
    const auto port = static_cast<std::uint16_t>(kLowest + random.below(kHighest - kLowest));
    if (is_ephemeral(port, range)) continue;
    int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    const bool is_free =
        ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
    close_fd(fd);
    if (is_free) return port;
  }
  return Error{ErrorCode::kUnavailable, "no port is free"};
}

}  // namespace headrace::bench_tools
