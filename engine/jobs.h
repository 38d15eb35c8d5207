// SPDX-License-Identifier: Apache-2.0
// Replays and erasures: makes them, runs them on a loop of their own, and does the same to single
// messages for callers that wait.
//
// Threads: the calls of the API from any; the rest on the loop. Lifecycle: load(); start() once the
// store thread works; stop() while it still does: no step is taken any more, nobody waits any more.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <string_view>

#include "core/log.h"
#include "core/loop.h"
#include "engine/job_book.h"
#include "engine/job_run.h"
#include "engine/job_work.h"
#include "engine/redelivery.h"

namespace headrace::engine {

class Jobs {
 public:
  Jobs(core::Loop& loop, store::EventStore& store, const JobSources& sources,
       Redelivery& redelivery, core::LogSink& log, std::chrono::milliseconds retention);
  ~Jobs();

  // kCorrupted.
  Result<void> load();
  // Takes up what an earlier run left. On the loop.
  void start();
  void stop();

  // kUnavailable: too many are under way. As JobWork::check().
  Result<Job> replay(std::string_view workspace, const ReplaySpec& spec);
  Result<Job> erase(std::string_view workspace, const ErasureSpec& spec);
  Result<Page<Job>> list(std::string_view workspace, const JobFilter& filter) const;
  Result<Job> find(std::string_view workspace, JobId id) const;
  // kConflict: it is over. To a state that it has already: nothing happens.
  Result<Job> pause(std::string_view workspace, JobId id);
  Result<Job> resume(std::string_view workspace, JobId id);
  Result<Job> cancel(std::string_view workspace, JobId id);
  Result<void> forget_workspace(std::string_view workspace);

  // Delivers one message to one endpoint again, that it went to before. Durable when it returns.
  // kNotFound: it did not; kConflict: it is not over yet, or the endpoint was deleted.
  Result<void> retry(std::string_view workspace, MessageId message, EndpointId endpoint);
  // Erases one message. kNotFound: it is not there, or is a call to a provider.
  Result<void> erase_one(std::string_view workspace, MessageId message);

 private:
  Result<Job> begin(JobDefinition job);
  Result<void> reopen(const store::Reopening& reopening);
  Result<Job> change(std::string_view workspace, JobId id, const JobBook::Change& change);
  void wake(JobId id);
  void reach(JobId id, std::function<void(JobRun&)> with);
  void run(JobId id);
  void on_idle(JobId id);
  void forget_old();
  static void on_timer(core::Timer& timer) noexcept;
  template <class T>
  Result<T> wait_for(std::future<Result<T>> answer) const;

  core::Loop& loop_;
  const JobSources sources_;
  Redelivery& redelivery_;
  core::LogSink& log_;
  JobBook book_;
  core::Timer timer_;  // forgets what is old
  std::atomic<bool> stopping_{false};
  std::map<JobId, std::unique_ptr<JobRun>> runs_;
};

}  // namespace headrace::engine
