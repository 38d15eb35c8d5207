// SPDX-License-Identifier: Apache-2.0
// What it costs to make events durable, to index them and to record how they ended.
//
// One event is a 7 KB body with 600 bytes of headers. Layouts, each with 64 and 256 events a group:
//   RocksOnly     everything in RocksDB, its log synced: what the message log is measured against
//   Log           the store as built: append (synced) and apply, deliveries over at once
//   LogOutcome    the same, and the outcome of every event of the group before
//   LogAlone      the message log without RocksDB; fails when it allocates in the steady state
//   LogDedupe     as LogOutcome, each event with a key that must not have been seen
//   BareCopy      the bytes of the events copied once, and nothing else
// Counters: events_per_second; cpu_us_per_event (user and system, all threads, RocksDB's among
// them); written (bytes that went to the disk for each byte of body); allocs_per_op and
// instructions_per_op, an operation being an event. The directory is that of TMPDIR.
#include <benchmark/benchmark.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/write_batch.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "bench/cost.h"
#include "bench/scratch_directory.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/random.h"
#include "store/message_ids.h"
#include "store/message_log.h"
#include "store/rocks_store.h"

namespace {

using namespace headrace;
using namespace headrace::store;

constexpr std::size_t kBodyBytes = 7 * 1024;
constexpr std::size_t kHeaderBytes = 600;
constexpr std::uint32_t kEndpoints = 8;

double cpu_us() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto us = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec);
  };
  return us(usage.ru_utime) + us(usage.ru_stime);
}

double bytes_written() {
  std::ifstream io("/proc/self/io");
  for (std::string name; io >> name;) {
    double value = 0;
    io >> value;
    if (name == "write_bytes:") return value;
  }
  return 0;
}

// Measures from its making to report().
class Meter {
 public:
  Meter() : cpu_us_(cpu_us()), bytes_(bytes_written()) {}
  std::uint64_t allocated() const noexcept { return cost_.allocated(); }
  void report(benchmark::State& state, std::size_t group) const {
    const double events = static_cast<double>(state.iterations()) * static_cast<double>(group);
    cost_.report(state, static_cast<std::uint64_t>(events), kHeaderBytes + kBodyBytes);
    state.SetItemsProcessed(static_cast<std::int64_t>(events));
    state.counters["events_per_second"] = benchmark::Counter(events, benchmark::Counter::kIsRate);
    state.counters["cpu_us_per_event"] = (cpu_us() - cpu_us_) / events;
    state.counters["written"] =
        (bytes_written() - bytes_) / (events * static_cast<double>(kBodyBytes));
  }

 private:
  double cpu_us_;
  double bytes_;
  bench::Cost cost_;
};

// A group of messages that all differ in what the store looks at, over the same few bodies.
class Load {
 public:
  Load(std::size_t group, bool with_keys) : pool_(1 << 28), with_keys_(with_keys) {
    for (std::size_t i = 0; i < group; ++i) {
      Intake intake;
      intake.payload.buffer = pool_.acquire(kHeaderBytes + kBodyBytes);
      char* bytes = intake.payload.buffer.data();
      for (std::size_t b = 0; b < kHeaderBytes + kBodyBytes; ++b) {
        bytes[b] = static_cast<char>(random_.next());
      }
      intake.payload.headers = {0, kHeaderBytes};
      intake.payload.body = {kHeaderBytes, kBodyBytes};
      const EndpointNumber endpoint{static_cast<std::uint32_t>(i % kEndpoints) + 1};
      intake.targets = Targets::of({&endpoint, 1}, {});
      intake.link = LinkNumber{static_cast<std::uint32_t>(i % kEndpoints) + 1};
      intake.event = EventNumber{7};
      intake.status = MessageStatus::kRouted;
      group_.intakes.push_back(std::move(intake));
    }
  }

  Group& next(core::WallMs now) {
    for (Intake& intake : group_.intakes) {
      intake.received_at = now;
      if (with_keys_) intake.dedupe_key = {random_.next(), random_.next()};
    }
    return group_;
  }

  // The outcomes of what was just stored, for the group that follows.
  void close_all(core::WallMs now) {
    group_.outcomes.clear();
    for (std::size_t i = 0; i < group_.intakes.size(); ++i) {
      Outcome outcome;
      outcome.ticket.position = group_.placed[i].position;
      outcome.message = group_.placed[i].id;
      outcome.endpoint = group_.intakes[i].targets.list()[0];
      outcome.verdict = Verdict::kDelivered;
      outcome.attempt = 1;
      outcome.http_status = 200;
      outcome.started_at = now;
      outcome.duration_us = 1234;
      outcome.response = group_.intakes[i].payload.buffer;
      outcome.response_head = {0, 120};
      outcome.response_body = {120, 2};
      group_.outcomes.push_back(std::move(outcome));
    }
  }

 private:
  core::BufferPool pool_;
  core::Random random_{1};
  const bool with_keys_;
  Group group_;
};

void run_store(benchmark::State& state, bool outcomes, bool keys) {
  const auto group_size = static_cast<std::size_t>(state.range(0));
  const bench::ScratchDirectory directory;
  const core::SystemClock clock;
  core::NullLogSink sink;
  StoreOptions options;
  options.directory = directory.path();
  auto store = RocksStore::open(options, clock, 1, sink);
  if (!store) return state.SkipWithError(store.error().what.c_str());
  Load load(group_size, keys);
  const Meter meter;
  for (auto _ : state) {
    Group& group = load.next(clock.wall_ms());
    auto done = (*store)->append(group);
    group.low_water = (*store)->end();
    if (done) done = (*store)->apply(group);
    if (!done) return state.SkipWithError(done.error().what.c_str());
    if (outcomes) load.close_all(clock.wall_ms());
  }
  if (!(*store)->checkpoint()) return state.SkipWithError("checkpoint");
  meter.report(state, group_size);
}

void BM_Log(benchmark::State& state) { run_store(state, false, false); }
void BM_LogOutcome(benchmark::State& state) { run_store(state, true, false); }
void BM_LogDedupe(benchmark::State& state) { run_store(state, true, true); }

class IgnoringVisitor final : public LogVisitor {
 public:
  Result<void> on_intake(LogPosition, const IntakeRecord&, std::string_view) override { return {}; }
  Result<void> on_outcome(LogPosition, const OutcomeRecord&) override { return {}; }
  Result<void> on_reopening(LogPosition, const ReopeningRecord&) override { return {}; }
};

void BM_LogAlone(benchmark::State& state) {
  const auto group_size = static_cast<std::size_t>(state.range(0));
  const bench::ScratchDirectory directory;
  IgnoringVisitor visitor;
  LogOptions options;
  options.files = &posix_file_system();
  options.directory = directory.path();
  auto log = MessageLog::open(options, LogPosition{}, visitor);
  if (!log) return state.SkipWithError(log.error().what.c_str());
  Load load(group_size, false);
  MessageIds ids(1);
  const auto append = [&] {
    Group& group = load.next(1);
    group.placed.resize(group_size);
    for (Placed& placed : group.placed) {
      placed = {Acceptance::kStored, ids.next(1, LinkNumber{1}), {}};
    }
    return (*log)->append(group.intakes, group.placed, group.outcomes).has_value();
  };
  (void)append();  // grows what then stays
  const auto segments = (*log)->segments().size();
  const Meter meter;
  std::uint64_t allocated = 0;
  for (auto _ : state) {
    if (!append()) return state.SkipWithError("append");
    // Beginning a segment may allocate: once in 256 MiB.
    if ((*log)->segments().size() == segments) allocated = meter.allocated();
  }
  meter.report(state, group_size);
  if (allocated != 0) state.SkipWithError("the message log allocates");
}

void BM_RocksOnly(benchmark::State& state) {
  const auto group_size = static_cast<std::size_t>(state.range(0));
  const bench::ScratchDirectory directory;
  rocksdb::Options options;
  options.create_if_missing = true;
  options.compression = rocksdb::kNoCompression;
  rocksdb::DB* opened = nullptr;
  if (!rocksdb::DB::Open(options, directory.path() + "/db", &opened).ok()) {
    return state.SkipWithError("RocksDB does not open");
  }
  const std::unique_ptr<rocksdb::DB> db(opened);
  Load load(group_size, false);
  rocksdb::WriteOptions synced;
  synced.sync = true;
  rocksdb::WriteBatch batch;
  std::uint64_t number = 0;
  const auto key_of = [](char family, std::uint64_t n) {
    std::string key(1, family);
    for (int shift = 56; shift >= 0; shift -= 8) key.push_back(static_cast<char>(n >> shift));
    return key;
  };
  const Meter meter;
  for (auto _ : state) {
    batch.Clear();
    for (const Intake& intake : load.next(0).intakes) {
      const std::string_view body = intake.payload.body.in(intake.payload.buffer);
      batch.Put(key_of('m', number), {body.data(), body.size()});
      batch.Put(key_of('p', number), "waiting");
      if (number >= group_size) {
        batch.Delete(key_of('p', number - group_size));
        batch.Put(key_of('a', number - group_size),
                  "an attempt of about sixty bytes, as it is kept");
      }
      ++number;
    }
    if (!db->Write(synced, &batch).ok()) return state.SkipWithError("RocksDB does not write");
  }
  meter.report(state, group_size);
}

void BM_BareCopy(benchmark::State& state) {
  const auto group_size = static_cast<std::size_t>(state.range(0));
  Load load(group_size, false);
  std::vector<char> copy(group_size * (kHeaderBytes + kBodyBytes));
  const Meter meter;
  for (auto _ : state) {
    char* to = copy.data();
    for (const Intake& intake : load.next(0).intakes) {
      std::memcpy(to, intake.payload.buffer.data(), kHeaderBytes + kBodyBytes);
      to += kHeaderBytes + kBodyBytes;
    }
    benchmark::ClobberMemory();
  }
  meter.report(state, group_size);
}

BENCHMARK(BM_BareCopy)->Arg(64)->Arg(256)->UseRealTime();
BENCHMARK(BM_RocksOnly)->Arg(64)->Arg(256)->UseRealTime();
BENCHMARK(BM_LogAlone)->Arg(64)->Arg(256)->UseRealTime();
BENCHMARK(BM_Log)->Arg(64)->Arg(256)->UseRealTime();
BENCHMARK(BM_LogOutcome)->Arg(64)->Arg(256)->UseRealTime();
BENCHMARK(BM_LogDedupe)->Arg(64)->Arg(256)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
