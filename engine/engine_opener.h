// SPDX-License-Identifier: Apache-2.0
// Opens an engine on another store or clock than the system's: for tests in which disks lose power
// and clocks jump.
#pragma once

#include <functional>
#include <memory>

#include "core/clock.h"
#include "core/log.h"
#include "headrace/engine.h"
#include "store/event_store.h"
#include "store/store_options.h"

namespace headrace::engine {

struct EngineSeams {
  // Makes the store that the options ask for; empty: as Engine::open() does.
  std::function<Result<std::unique_ptr<store::EventStore>>(const store::StoreOptions&,
                                                           const core::Clock&, core::LogSink&)>
      open_store;
  const core::Clock* clock = nullptr;  // must outlive the engine; null: the system's
};

class EngineOpener {
 public:
  static Result<std::unique_ptr<Engine>> open(EngineConfig config, Dependencies dependencies,
                                              EngineSeams seams);
};

}  // namespace headrace::engine
