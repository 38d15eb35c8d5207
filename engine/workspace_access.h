// SPDX-License-Identifier: Apache-2.0
// What a Workspace handle reaches of its engine.
#pragma once

#include <functional>

#include "engine/dead_letters.h"
#include "engine/history.h"
#include "engine/jobs.h"
#include "engine/registrar.h"
#include "engine/registry.h"
#include "headrace/workspace.h"
#include "ingest/submitter.h"
#include "store/committer.h"

namespace headrace::engine {

class WorkspaceAccess {
 public:
  virtual Registry& registry() noexcept = 0;
  virtual const History& history() const noexcept = 0;
  virtual Registrar& registrar() noexcept = 0;
  virtual Jobs& jobs() noexcept = 0;
  virtual const DeadLetters& dead_letters() const noexcept = 0;
  virtual ingest::Submitter* submitter() noexcept = 0;  // null: the engine is closing
  // Runs `task` on the store thread. Requires: submitter() was not null just now; what is asked of
  // an engine that closes meanwhile may never run.
  virtual void post_to_store(std::function<void(store::Committer&)> task) = 0;

 protected:
  ~WorkspaceAccess() = default;
};

}  // namespace headrace::engine
