// SPDX-License-Identifier: Apache-2.0
// A machine in memory that an engine runs on: its disk can lose power, fill up, fail and be
// read-only, its clock can be set.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "core/clock.h"
#include "engine/engine_opener.h"
#include "tests/engine/engine_rig.h"
#include "tests/store/lossy_rocks_files.h"
#include "tests/support/faulty_file_system.h"

namespace headrace::test {

// Real, but its wall clock may be set.
class SettableClock final : public core::Clock {
 public:
  std::uint64_t steady_ns() const noexcept override { return system_.steady_ns(); }
  core::WallMs wall_ms() const noexcept override {
    return system_.wall_ms() + static_cast<std::uint64_t>(offset_.load());
  }
  void set_by(std::int64_t ms) noexcept { offset_ += ms; }

 private:
  const core::SystemClock system_{};
  std::atomic<std::int64_t> offset_{0};
};

class Machine {
 public:
  static constexpr const char* kDirectory = "/engine";

  Machine();

  // The engine on its disk; fails the test when it does not open.
  std::unique_ptr<Engine> start(EngineConfig config = small_engine(kDirectory));
  Result<std::unique_ptr<Engine>> try_start(EngineConfig config = small_engine(kDirectory));
  // Ends the engine as a power cut does; the power is back then.
  void cut_power(std::unique_ptr<Engine> engine, std::uint64_t seed);

  testing::FaultyFileSystem disk;
  SettableClock clock;

 private:
  testing::LossyRocksFiles rocks_files_{disk};
};

}  // namespace headrace::test
