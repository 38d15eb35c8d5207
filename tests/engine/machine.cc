// SPDX-License-Identifier: Apache-2.0
#include "tests/engine/machine.h"

#include <gtest/gtest.h>

#include <utility>

#include "store/rocks_store.h"
#include "tests/support/master_key.h"

namespace headrace::test {

namespace {

constexpr std::uint64_t kSegmentBytes = 256 * 1024;  // so that segments come and go
constexpr std::uint64_t kReplayBytesMax = 512 * 1024;
constexpr std::uint64_t kSeed = 11;

}  // namespace

Machine::Machine() { disk.keep_order(std::string(kDirectory) + "/db/"); }

Result<std::unique_ptr<Engine>> Machine::try_start(EngineConfig config) {
  engine::EngineSeams seams;
  seams.clock = &clock;
  seams.open_store = [this](store::StoreOptions options, const core::Clock& with,
                            core::LogSink& log) {
    options.segment_bytes = kSegmentBytes;
    options.replay_bytes_max = kReplayBytesMax;
    options.log_files = &disk;
    options.rocks_env_for_test = rocks_files_.env();
    return store::RocksStore::open(options, with, kSeed, log);
  };
  return engine::EngineOpener::open(std::move(config), {.master_key = kMasterKeyText},
                                    std::move(seams));
}

std::unique_ptr<Engine> Machine::start(EngineConfig config) {
  auto engine = try_start(std::move(config));
  EXPECT_TRUE(engine) << engine.error().what;
  return engine ? std::move(*engine) : nullptr;
}

void Machine::cut_power(std::unique_ptr<Engine> engine, std::uint64_t seed) {
  disk.power_off(seed);
  engine.reset();
  disk.power_on();
}

}  // namespace headrace::test
