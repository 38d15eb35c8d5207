// SPDX-License-Identifier: Apache-2.0
// One job on its way, a bounded piece at a time: counts what there is to do, then does it.
//
// A page of what is to be done is found, prepared and handed to the store in batches, no faster
// than the job's rate; when all of it is answered the job's cursor moves behind it. The cursor is
// written down at least once a second and whenever the state changes, so that a crash repeats what
// came since then: a batch may be done twice, and none is left out. What the store refuses is tried
// again.
// Threads: the jobs' loop.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "core/log.h"
#include "core/loop.h"
#include "dispatch/token_bucket.h"
#include "engine/job_book.h"
#include "engine/job_work.h"
#include "engine/redelivery.h"

namespace headrace::engine {

class JobRun {
 public:
  struct Links {
    core::Loop& loop;
    JobBook& book;
    Redelivery& store;
    core::LogSink& log;
    // Calls back on the loop with the run of that id, if it is still there: answers of the store
    // may come when it is not.
    std::function<void(JobId, std::function<void(JobRun&)>)> reach;
  };

  JobRun(JobId id, const JobSources& sources, Links links);
  ~JobRun();
  JobRun(const JobRun&) = delete;

  // Something about the job changed, or it is to begin. False: it is over, and the run can go once
  // nothing is on its way to the store.
  bool wake();
  bool is_idle() const noexcept { return in_flight_ == 0 && !is_posted_; }
  // Nothing is to be done any more; its timer goes.
  void rest();
  // The same, and writes down how far it is.
  void stop();

 private:
  void again();
  void again_in(core::SteadyMs delay);
  void step();
  void count(const JobDefinition& job);
  bool find_page(const JobDefinition& job);
  std::size_t page_size(const JobDefinition& job) const noexcept;
  void send(const JobDefinition& job);
  void send_reopenings(const JobDefinition& job);
  void on_reopened(const Result<store::ReopenResult>& result);
  void send_erasures();
  void on_erased(MessageId message, const Result<void>& result);
  void finish_page();
  bool may_take() noexcept;
  void on_fault(const Error& error);
  void note(const std::function<void(JobDefinition&)>& progress, bool is_durable);
  void measure(std::uint64_t count);
  static void on_timer(core::Timer& timer) noexcept;

  const JobId id_;
  const Links links_;
  JobWork work_;
  core::Timer timer_;
  dispatch::TokenBucket bucket_;
  bool has_bucket_ = false;
  bool is_posted_ = false;
  bool is_stopped_ = false;
  // The page that is being done.
  bool has_page_ = false;
  std::string next_;
  std::deque<JobSteps::Step> reopenings_;
  std::deque<MessageId> erasures_;
  std::vector<JobSteps::Step> batch_;  // with the store
  std::size_t in_flight_ = 0;
  core::SteadyMs written_at_ = 0;
  core::SteadyMs measured_at_ = 0;
  std::uint64_t measured_ = 0;
};

}  // namespace headrace::engine
