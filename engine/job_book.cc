// SPDX-License-Identifier: Apache-2.0
#include "engine/job_book.h"

#include <algorithm>
#include <utility>

#include "core/limits.h"
#include "core/random.h"
#include "engine/faults.h"
#include "engine/pages.h"

namespace headrace::engine {
namespace {

namespace limits = core::limits;

std::string stored_key(const JobDefinition& job) {
  return std::string(JobDefinition::kKind) + '/' + job.key();
}

// Time-ordered and behind `newest`, whatever the clock says.
JobId next_id(core::WallMs now, JobId newest) {
  const std::uint64_t high = std::max(now << 16, newest.bits.high + 1);
  return JobId{{high, core::random_seed()}};
}

bool fits(const JobFilter& filter, const JobDefinition& job) {
  return (!filter.kind || job.kind == *filter.kind) &&
         (!filter.state || describe(job).state == *filter.state);
}

}  // namespace

Result<void> JobBook::load(const std::function<bool(const std::string&)>& has_workspace,
                           core::WallMs now) {
  Result<void> read;
  std::vector<JobId> orphans;
  auto scanned = store_.scan_definitions(std::string(JobDefinition::kKind) + '/',
                                         [&](std::string_view, std::string_view value) {
                                           auto job = JobDefinition::from_json(value);
                                           if (!job) {
                                             read = std::move(job).error();
                                             return;
                                           }
                                           if (!has_workspace(job->workspace))
                                             orphans.push_back(job->id);
                                           jobs_.emplace(job->id, std::move(*job));
                                         });
  if (!scanned) return scanned;
  if (!read) return read;
  if (auto forgotten = forget(orphans); !forgotten) return forgotten;
  return forget_old(now);
}

Result<JobDefinition> JobBook::add(JobDefinition job, core::WallMs now) {
  const std::lock_guard lock(mutex_);
  const auto under_way = std::count_if(jobs_.begin(), jobs_.end(), [&](const auto& entry) {
    return entry.second.workspace == job.workspace && !entry.second.is_over();
  });
  if (static_cast<std::size_t>(under_way) >= limits::kJobsUnderWayMax) {
    return Error{ErrorCode::kUnavailable,
                 "there are " + std::to_string(limits::kJobsUnderWayMax) +
                     " jobs under way already; wait for one, or cancel it",
                 0};
  }
  job.id = next_id(now, jobs_.empty() ? JobId{} : jobs_.rbegin()->first);
  job.created_at = now;
  if (auto written = write(job, audit_drafts_of(nullptr, job)); !written)
    return std::move(written).error();
  return jobs_.emplace(job.id, std::move(job)).first->second;
}

Result<JobDefinition> JobBook::find(std::string_view workspace, JobId id) const {
  auto job = find(id);
  if (job && job->workspace == workspace) return std::move(*job);
  return not_found("there is no such job");
}

std::optional<JobDefinition> JobBook::find(JobId id) const {
  const std::lock_guard lock(mutex_);
  const auto it = jobs_.find(id);
  if (it == jobs_.end()) return std::nullopt;
  return it->second;
}

Result<Page<JobDefinition>> JobBook::list(std::string_view workspace,
                                          const JobFilter& filter) const {
  if (auto checked = check_page(filter.page); !checked) return std::move(checked).error();
  JobId before;
  if (!filter.page.cursor.empty()) {
    auto parsed = JobId::parse(filter.page.cursor);
    if (!parsed) return invalid("/cursor", "the cursor is not one that was given out");
    before = *parsed;
  }
  const std::lock_guard lock(mutex_);
  Page<JobDefinition> page;
  auto it = before ? jobs_.lower_bound(before) : jobs_.end();
  while (it != jobs_.begin()) {
    --it;
    if (it->second.workspace != workspace || !fits(filter, it->second)) continue;
    if (page.items.size() == filter.page.count_max) {
      page.next = page.items.back().id.to_string();
      break;
    }
    page.items.push_back(it->second);
  }
  return page;
}

std::vector<JobId> JobBook::under_way() const {
  const std::lock_guard lock(mutex_);
  std::vector<JobId> ids;
  for (const auto& [id, job] : jobs_) {
    if (!job.is_over()) ids.push_back(id);
  }
  return ids;
}

Result<JobDefinition> JobBook::change(std::string_view workspace, JobId id, const Change& change) {
  const std::lock_guard lock(mutex_);
  const auto it = jobs_.find(id);
  if (it == jobs_.end() || it->second.workspace != workspace)
    return not_found("there is no such job");
  JobDefinition changed = it->second;
  if (auto allowed = change(changed); !allowed) return std::move(allowed).error();
  if (auto written = write(changed, audit_drafts_of(&it->second, changed)); !written)
    return std::move(written).error();
  it->second = changed;
  return changed;
}

Result<void> JobBook::note(JobId id, const std::function<void(JobDefinition&)>& progress,
                           bool is_durable) {
  const std::lock_guard lock(mutex_);
  const auto it = jobs_.find(id);
  if (it == jobs_.end() || it->second.is_over()) return {};
  progress(it->second);
  return is_durable ? write(it->second) : Result<void>();
}

Result<void> JobBook::forget_workspace(std::string_view workspace) {
  const std::lock_guard lock(mutex_);
  std::vector<JobId> ids;
  for (const auto& [id, job] : jobs_) {
    if (job.workspace == workspace) ids.push_back(id);
  }
  return forget(ids);
}

Result<void> JobBook::forget_old(core::WallMs now) {
  const std::lock_guard lock(mutex_);
  const auto kept_ms = static_cast<core::WallMs>(retention_.count());
  std::map<std::string_view, std::size_t> kept;  // by workspace, newest first
  std::vector<JobId> ids;
  for (auto it = jobs_.rbegin(); it != jobs_.rend(); ++it) {
    const JobDefinition& job = it->second;
    if (!job.is_over()) continue;
    if (++kept[job.workspace] > limits::kJobsKeptMax || job.ended_at + kept_ms < now)
      ids.push_back(job.id);
  }
  return forget(ids);
}

Result<void> JobBook::write(const JobDefinition& job, std::vector<AuditDraft> drafts) {
  return audit_.write({{stored_key(job), job.to_json()}}, std::move(drafts));
}

Result<void> JobBook::forget(const std::vector<JobId>& ids) {
  if (ids.empty()) return {};
  std::vector<store::DefinitionChange> changes;
  for (const JobId id : ids) changes.push_back({stored_key(jobs_.find(id)->second), std::nullopt});
  if (auto written = store_.change_definitions(changes); !written) return written;
  for (const JobId id : ids) jobs_.erase(id);
  return {};
}

}  // namespace headrace::engine
