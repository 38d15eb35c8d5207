// SPDX-License-Identifier: Apache-2.0
// All jobs, in memory and in the registry family.
//
// Limits: kJobsUnderWayMax a workspace; of those that are over, the newest kJobsKeptMax are kept,
// and none longer than the retention. Threads: any. The mutex is held while the disk writes, so
// that what is there and what is written never differ in order; nobody is in a hurry here.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "engine/audit_book.h"
#include "engine/job_definition.h"
#include "headrace/registry.h"
#include "store/event_store.h"

namespace headrace::engine {

class JobBook {
 public:
  // What is made and steered is written together with what `audit` records of it.
  JobBook(store::EventStore& store, AuditBook& audit, std::chrono::milliseconds retention)
      : store_(store), audit_(audit), retention_(retention) {}

  // Reads all; those of workspaces that are not there any more are forgotten. kCorrupted.
  Result<void> load(const std::function<bool(const std::string&)>& has_workspace, core::WallMs now);

  // Gives it an id and writes it down. kUnavailable: too many are under way.
  Result<JobDefinition> add(JobDefinition job, core::WallMs now);
  // kNotFound unless it is the workspace's.
  Result<JobDefinition> find(std::string_view workspace, JobId id) const;
  std::optional<JobDefinition> find(JobId id) const;
  // Newest first.
  Result<Page<JobDefinition>> list(std::string_view workspace, const JobFilter& filter) const;
  std::vector<JobId> under_way() const;

  // Durable when it returns; nothing has changed when it fails. kNotFound; the change's errors.
  using Change = std::function<Result<void>(JobDefinition&)>;
  Result<JobDefinition> change(std::string_view workspace, JobId id, const Change& change);
  // How far a job is, unless it is over or gone by now: in memory in any case, and written down
  // when `is_durable`; fails when that does.
  Result<void> note(JobId id, const std::function<void(JobDefinition&)>& progress, bool is_durable);

  Result<void> forget_workspace(std::string_view workspace);
  // Those that are over and too old or too many.
  Result<void> forget_old(core::WallMs now);

 private:
  using Jobs = std::map<JobId, JobDefinition>;  // in order of age

  Result<void> write(const JobDefinition& job, std::vector<AuditDraft> drafts = {});
  Result<void> forget(const std::vector<JobId>& ids);

  store::EventStore& store_;
  AuditBook& audit_;
  const std::chrono::milliseconds retention_;
  mutable std::mutex mutex_;
  Jobs jobs_;
};

}  // namespace headrace::engine
