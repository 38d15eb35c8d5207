// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/processes.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <numeric>

namespace headrace::bench_tools {
namespace {

constexpr int kPatienceMs = 60'000;

ChildOptions shell(std::string script) {
  return {
      .name = "shell", .program = "/bin/sh", .arguments = {"-c", std::move(script)}, .cpus = {}};
}

int end_of(Processes& processes, const Child& child) {
  while (!child.exit_code()) processes.wait(kPatienceMs);
  return *child.exit_code();
}

// Whether it is gone, or goes within the patience.
bool ends(pid_t pid) {
  const int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0) return errno == ESRCH;
  pollfd polled = {.fd = fd, .events = POLLIN, .revents = 0};
  const bool ended = ::poll(&polled, 1, kPatienceMs) == 1;
  ::close(fd);
  return ended;
}

TEST(ProcessesTest, LinesComeAsTheyWereWritten) {
  Processes processes;
  auto child = processes.start(shell("echo one; echo wrong >&2; echo; printf last"));
  ASSERT_TRUE(child);
  EXPECT_EQ(end_of(processes, **child), 0);
  EXPECT_EQ((*child)->take_output(), "one");
  EXPECT_EQ((*child)->take_output(), "");
  EXPECT_EQ((*child)->take_output(), "last");
  EXPECT_FALSE((*child)->take_output());
  EXPECT_EQ((*child)->take_error(), "wrong");
  EXPECT_EQ((*child)->last_errors(), "wrong\n");
}

TEST(ProcessesTest, MoreThanAPipeHoldsIsReadMeanwhile) {
  Processes processes;
  auto child = processes.start(shell(
      "i=0; while [ $i -lt 2000 ]; do echo 0123456789012345678901234567890123456789012345678; "
      "i=$((i+1)); done"));
  ASSERT_TRUE(child);
  EXPECT_EQ(end_of(processes, **child), 0);
  int lines = 0;
  while (auto line = (*child)->take_output()) lines += line->size() == 49 ? 1 : 0;
  EXPECT_EQ(lines, 2000);
}

TEST(ProcessesTest, AChildHearsWhatItIsTold) {
  Processes processes;
  auto child = processes.start(shell("read line; echo \"heard $line\""));
  ASSERT_TRUE(child);
  (*child)->tell("go");
  EXPECT_EQ(end_of(processes, **child), 0);
  EXPECT_EQ((*child)->take_output(), "heard go");
  (*child)->tell("nobody reads this");
}

TEST(ProcessesTest, TheEndIsTold) {
  Processes processes;
  auto failed = processes.start(shell("exit 3"));
  auto killed = processes.start(shell("kill -9 $$"));
  auto missing =
      processes.start({.name = "x", .program = "/nonexistent/x", .arguments = {}, .cpus = {}});
  ASSERT_TRUE(failed);
  ASSERT_TRUE(killed);
  ASSERT_TRUE(missing);
  EXPECT_EQ(end_of(processes, **failed), 3);
  EXPECT_EQ(end_of(processes, **killed), 128 + SIGKILL);
  EXPECT_EQ(end_of(processes, **missing), 127);
}

TEST(ProcessesTest, SettingsOfADaemonAreNotHandedOn) {
  ::setenv("HEADRACE_DURABILITY", "os", 1);
  ::setenv("BENCH_TEST_VALUE", "kept", 1);
  Processes processes;
  auto child = processes.start(shell("echo \"${HEADRACE_DURABILITY-none} $BENCH_TEST_VALUE\""));
  ASSERT_TRUE(child);
  EXPECT_EQ(end_of(processes, **child), 0);
  EXPECT_EQ((*child)->take_output(), "none kept");
  ::unsetenv("HEADRACE_DURABILITY");
  ::unsetenv("BENCH_TEST_VALUE");
}

TEST(ProcessesTest, NoneOutlivesThem) {
  pid_t first = 0;
  pid_t second = 0;
  {
    Processes processes;
    auto forgotten = processes.start(shell("trap '' TERM; read line"));
    auto left = processes.start(shell("read line"));
    ASSERT_TRUE(forgotten);
    ASSERT_TRUE(left);
    first = (*forgotten)->pid();
    second = (*left)->pid();
    processes.kill(**forgotten);
    EXPECT_TRUE(ends(first));
    EXPECT_EQ(::kill(second, 0), 0);
  }
  EXPECT_TRUE(ends(second));
}

TEST(ProcessesTest, NoneOutlivesWhoIsKilledInTheMiddle) {
  int said[2];
  ASSERT_EQ(::pipe(said), 0);
  const pid_t starter = ::fork();
  if (starter == 0) {
    Processes processes;
    auto child = processes.start(shell("echo ready; read line"));
    while (child && !(*child)->take_output()) processes.wait(kPatienceMs);
    const pid_t pid = child ? (*child)->pid() : 0;
    [[maybe_unused]] const ssize_t written = ::write(said[1], &pid, sizeof(pid));
    ::kill(::getpid(), SIGKILL);
  }
  pid_t child = 0;
  ASSERT_EQ(::read(said[0], &child, sizeof(child)), static_cast<ssize_t>(sizeof(child)));
  ::waitpid(starter, nullptr, 0);
  ASSERT_GT(child, 0);
  EXPECT_TRUE(ends(child));
  ::close(said[0]);
  ::close(said[1]);
}

TEST(ProcessesTest, AnInterruptIsNoticedAndReachesNoChild) {
  Processes processes;
  auto child = processes.start(shell("echo ready; read line; echo \"heard $line\""));
  ASSERT_TRUE(child);
  while (!(*child)->take_output()) processes.wait(kPatienceMs);
  EXPECT_NE(::getpgid((*child)->pid()), ::getpgrp());
  EXPECT_FALSE(processes.is_interrupted());
  ::kill(::getpid(), SIGINT);
  while (!processes.is_interrupted()) processes.wait(kPatienceMs);
  (*child)->tell("go");
  EXPECT_EQ(end_of(processes, **child), 0);
}

TEST(PlacementTest, FewProcessorsAreSharedByAll) {
  for (unsigned count = 0; count < kPinnedCpusMin; ++count) {
    std::vector<unsigned> cpus(count);
    std::iota(cpus.begin(), cpus.end(), 0u);
    EXPECT_FALSE(place(cpus).is_pinned());
  }
}

TEST(PlacementTest, WithEnoughProcessorsNobodyIsInTheDaemonsWay) {
  const std::array<unsigned, 5> cpus = {1, 3, 5, 7, 9};
  const Placement placement = place(cpus);
  EXPECT_TRUE(placement.is_pinned());
  EXPECT_EQ(placement.load, std::vector<unsigned>{1});
  EXPECT_EQ(placement.sink, std::vector<unsigned>{3});
  EXPECT_EQ(placement.daemon, (std::vector<unsigned>{5, 7, 9}));
}

TEST(PlacementTest, AChildRunsWhereItIsPut) {
  const unsigned cpu = available_cpus().back();
  Processes processes;
  ChildOptions options = shell("grep Cpus_allowed_list /proc/self/status");
  options.cpus = {cpu};
  auto child = processes.start(std::move(options));
  ASSERT_TRUE(child);
  EXPECT_EQ(end_of(processes, **child), 0);
  EXPECT_EQ((*child)->take_output(), "Cpus_allowed_list:\t" + std::to_string(cpu));
}

TEST(FreePortTest, IsNotOneThatConnectionsGet) {
  EXPECT_TRUE(is_ephemeral(32768, "32768\t60999\n"));
  EXPECT_TRUE(is_ephemeral(60999, "32768\t60999\n"));
  EXPECT_FALSE(is_ephemeral(32767, "32768\t60999\n"));
  EXPECT_FALSE(is_ephemeral(61000, "32768\t60999\n"));
  EXPECT_TRUE(is_ephemeral(20000, "15000 25000"));
  EXPECT_FALSE(is_ephemeral(40000, "15000 25000"));
  EXPECT_TRUE(is_ephemeral(40000, ""));  // as usual
  const auto port = free_port();
  ASSERT_TRUE(port);
  EXPECT_GE(*port, 10'000);
}

}  // namespace
}  // namespace headrace::bench_tools
