// SPDX-License-Identifier: Apache-2.0
#include "engine/jobs.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <utility>

#include "core/check.h"
#include "engine/faults.h"
#include "store/message_ids.h"

namespace headrace::engine {
namespace {

using Stage = JobDefinition::Stage;

constexpr core::SteadyMs kForgetEvery = 3'600'000;
constexpr std::chrono::milliseconds kLookAgain{100};
constexpr std::chrono::seconds kCloseGrace{2};

Error closing() { return {ErrorCode::kUnavailable, "the engine is closing", 0}; }

Result<void> check_under_way(const JobDefinition& job) {
  return job.is_over() ? Result<void>(conflict("the job is over")) : Result<void>();
}

}  // namespace

Jobs::Jobs(core::Loop& loop, store::EventStore& store, const JobSources& sources,
           Redelivery& redelivery, core::LogSink& log, std::chrono::milliseconds retention)
    : loop_(loop), sources_(sources), redelivery_(redelivery), log_(log),
      book_(store, sources.registry.audit_book(), retention) {
  timer_.fire = &Jobs::on_timer;
  timer_.owner = this;
}

Jobs::~Jobs() { HEADRACE_CHECK(!timer_.armed()); }

Result<void> Jobs::load() {
  return book_.load(
      [this](const std::string& tag) { return sources_.registry.workspace(tag).has_value(); },
      loop_.clock().wall_ms());
}

void Jobs::start() {
  for (const JobId id : book_.under_way()) run(id);
  loop_.arm(timer_, loop_.now() + kForgetEvery);
}

void Jobs::stop() {
  stopping_ = true;
  loop_.disarm(timer_);
  for (auto& [id, run] : runs_) run->stop();
}

void Jobs::on_timer(core::Timer& timer) noexcept { static_cast<Jobs*>(timer.owner)->forget_old(); }

void Jobs::forget_old() {
  if (auto forgotten = book_.forget_old(loop_.wall()); !forgotten)
    log_.write(core::LogLevel::kWarning, "jobs_not_forgotten", forgotten.error().what, {});
  if (auto dropped = sources_.registry.audit_book().drop_old(); !dropped)
    log_.write(core::LogLevel::kWarning, "audit_not_dropped", dropped.error().what, {});
  if (!stopping_) loop_.arm(timer_, loop_.now() + kForgetEvery);
}

// --- The runs, on the loop -----------------------------------------------------------------------

void Jobs::run(JobId id) {
  if (stopping_) return;
  auto& run = runs_[id];
  if (run == nullptr) {
    run = std::make_unique<JobRun>(
        id, sources_,
        JobRun::Links{
            loop_, book_, redelivery_, log_,
            [this](JobId of, std::function<void(JobRun&)> with) { reach(of, std::move(with)); }});
  }
  if (!run->wake() && run->is_idle()) runs_.erase(id);
}

// From any thread.
void Jobs::reach(JobId id, std::function<void(JobRun&)> with) {
  if (!loop_.on_thread()) {
    loop_.post([this, id, with = std::move(with)] { reach(id, with); });
    return;
  }
  const auto it = runs_.find(id);
  if (it == runs_.end()) return;
  with(*it->second);
  on_idle(id);
}

// A run whose job is over goes; the newest of those that are over stay in the book.
void Jobs::on_idle(JobId id) {
  const auto it = runs_.find(id);
  const auto job = book_.find(id);
  if (it == runs_.end() || !it->second->is_idle() || (job && !job->is_over())) return;
  it->second->rest();
  runs_.erase(it);
  if (auto forgotten = book_.forget_old(loop_.wall()); !forgotten)
    log_.write(core::LogLevel::kWarning, "jobs_not_forgotten", forgotten.error().what, {});
}

void Jobs::wake(JobId id) {
  loop_.post([this, id] { run(id); });
}

// --- The API's calls -----------------------------------------------------------------------------

Result<Job> Jobs::replay(std::string_view workspace, const ReplaySpec& spec) {
  JobDefinition job;
  job.workspace = std::string(workspace);
  job.kind = JobKind::kReplay;
  job.filter = spec.filter;
  job.filter.page = {};
  job.to = spec.to;
  job.per_second = spec.per_second;
  job.is_dry_run = spec.is_dry_run;
  return begin(std::move(job));
}

Result<Job> Jobs::erase(std::string_view workspace, const ErasureSpec& spec) {
  JobDefinition job;
  job.workspace = std::string(workspace);
  job.kind = JobKind::kErasure;
  job.filter = spec.filter;
  job.filter.page = {};
  job.payload = spec.payload;
  job.is_dry_run = spec.is_dry_run;
  return begin(std::move(job));
}

Result<Job> Jobs::begin(JobDefinition job) {
  if (auto checked = JobWork::check(sources_, job); !checked) return std::move(checked).error();
  auto added = book_.add(std::move(job), loop_.clock().wall_ms());
  if (!added) return std::move(added).error();
  wake(added->id);
  return describe(*added);
}

Result<Page<Job>> Jobs::list(std::string_view workspace, const JobFilter& filter) const {
  auto found = book_.list(workspace, filter);
  if (!found) return std::move(found).error();
  Page<Job> page;
  page.next = std::move(found->next);
  for (const JobDefinition& job : found->items) page.items.push_back(describe(job));
  return page;
}

Result<Job> Jobs::find(std::string_view workspace, JobId id) const {
  auto job = book_.find(workspace, id);
  if (!job) return std::move(job).error();
  return describe(*job);
}

Result<Job> Jobs::change(std::string_view workspace, JobId id, const JobBook::Change& change) {
  auto changed = book_.change(workspace, id, change);
  if (!changed) return std::move(changed).error();
  wake(id);
  return describe(*changed);
}

Result<Job> Jobs::pause(std::string_view workspace, JobId id) {
  return change(workspace, id, [](JobDefinition& job) {
    job.is_paused = true;
    return check_under_way(job);
  });
}

Result<Job> Jobs::resume(std::string_view workspace, JobId id) {
  return change(workspace, id, [](JobDefinition& job) {
    job.is_paused = false;
    return check_under_way(job);
  });
}

Result<Job> Jobs::cancel(std::string_view workspace, JobId id) {
  return change(workspace, id, [this](JobDefinition& job) {
    if (job.stage == Stage::kCancelled) return Result<void>();
    if (auto checked = check_under_way(job); !checked) return checked;
    job.stage = Stage::kCancelled;
    job.ended_at = loop_.clock().wall_ms();
    return Result<void>();
  });
}

Result<void> Jobs::forget_workspace(std::string_view workspace) {
  return book_.forget_workspace(workspace);
}

// --- Single messages -----------------------------------------------------------------------------

template <class T>
Result<T> Jobs::wait_for(std::future<Result<T>> answer) const {
  // An engine that closes just now may never come to it.
  while (answer.wait_for(kLookAgain) != std::future_status::ready) {
    if (stopping_ && answer.wait_for(kCloseGrace) != std::future_status::ready) return closing();
  }
  return answer.get();
}

Result<void> Jobs::retry(std::string_view workspace, MessageId message, EndpointId endpoint) {
  if (auto owned = sources_.history.check_owner(workspace, message); !owned) return owned;
  auto number = sources_.registry.endpoint_number(workspace, endpoint);
  if (!number) return std::move(number).error();
  auto found = sources_.store.read_targets(message);
  if (!found) return std::move(found).error();
  const auto& targets = found->targets;
  if (std::find(targets.begin(), targets.end(), *number) == targets.end())
    return not_found("the message did not go to that endpoint");
  if (!sources_.registry.has_endpoint(workspace, *number))
    return conflict("the endpoint was deleted");
  store::Reopening reopening;
  reopening.message = message;
  reopening.position = found->record.position;
  reopening.endpoint = *number;
  reopening.due = std::max<core::WallMs>(loop_.clock().wall_ms(), 1);
  if (stopping_) return closing();
  AuditDraft deed = audit_draft_of_deed(workspace, "retry", "message", message.to_string());
  deed.name += '/' + endpoint.to_string();
  return recorded<Result<void>>(sources_.registry.audit_book(), deed,
                                [&] { return reopen(reopening); });
}

Result<void> Jobs::reopen(const store::Reopening& reopening) {
  auto told = std::make_shared<std::promise<Result<store::ReopenResult>>>();
  auto answer = told->get_future();
  redelivery_.reopen({reopening}, [told](Result<store::ReopenResult> result) {
    told->set_value(std::move(result));
  });
  auto reopened = wait_for(std::move(answer));
  if (!reopened) return std::move(reopened).error();
  if (reopened->open != 0) return conflict("the delivery is not over yet");
  if (reopened->reopened == 0)
    return not_found("the message is gone, or was tried too often to be tried again");
  return {};
}

Result<void> Jobs::erase_one(std::string_view workspace, MessageId message) {
  if (auto owned = sources_.history.check_owner(workspace, message); !owned) return owned;
  if (store::link_of(message) == core::kSystemLink)
    return not_found("only what came in by a link can be erased");
  if (auto there = sources_.store.find_message(message); !there) return std::move(there).error();
  if (stopping_) return closing();
  const auto erase = [&] {
    auto told = std::make_shared<std::promise<Result<void>>>();
    auto answer = told->get_future();
    redelivery_.erase(message, [told](Result<void> result) { told->set_value(std::move(result)); });
    return wait_for(std::move(answer));
  };
  return recorded<Result<void>>(
      sources_.registry.audit_book(),
      audit_draft_of_deed(workspace, "erase", "message", message.to_string()), erase);
}

}  // namespace headrace::engine
