// SPDX-License-Identifier: Apache-2.0
#include "engine/job_run.h"

#include <algorithm>
#include <utility>

#include "core/check.h"
#include "core/limits.h"
#include "engine/faults.h"

namespace headrace::engine {
namespace {

namespace limits = core::limits;
using Stage = JobDefinition::Stage;

constexpr core::SteadyMs kWriteEvery = 1000;
constexpr core::SteadyMs kRetryAfter = 2000;  // what the store refused
constexpr core::SteadyMs kMeasureEvery = 2000;
constexpr std::uint64_t kNsPerMs = 1'000'000;
// What is let go at once, and what a crash may repeat, is about a tenth of a second's worth.
constexpr std::uint32_t kBatchesPerSecond = 10;

// Whether another try may help.
bool is_passing(ErrorCode code) noexcept {
  return is_retryable(code) || code == ErrorCode::kStorageFailed;
}

}  // namespace

JobRun::JobRun(JobId id, const JobSources& sources, Links links)
    : id_(id), links_(std::move(links)), work_(sources) {
  timer_.fire = &JobRun::on_timer;
  timer_.owner = this;
}

JobRun::~JobRun() { HEADRACE_CHECK(!timer_.armed()); }

bool JobRun::wake() {
  const auto job = links_.book.find(id_);
  if (job && !job->is_over()) {
    again();
    return true;
  }
  links_.loop.disarm(timer_);
  return false;
}

void JobRun::rest() {
  is_stopped_ = true;
  links_.loop.disarm(timer_);
}

void JobRun::stop() {
  rest();
  note([](JobDefinition&) {}, true);
}

void JobRun::again() {
  if (is_posted_ || is_stopped_) return;
  is_posted_ = true;
  links_.loop.post([reach = links_.reach, id = id_] {
    reach(id, [](JobRun& run) {
      run.is_posted_ = false;
      run.step();
    });
  });
}

void JobRun::again_in(core::SteadyMs delay) {
  if (!is_stopped_) links_.loop.arm(timer_, links_.loop.now() + delay);
}

void JobRun::on_timer(core::Timer& timer) noexcept { static_cast<JobRun*>(timer.owner)->again(); }

void JobRun::step() {
  if (is_stopped_ || in_flight_ != 0) return;
  const auto job = links_.book.find(id_);
  if (!job || job->is_over() || job->is_paused) return;
  if (job->stage == Stage::kCounting) return count(*job);
  if (has_page_ || find_page(*job)) send(*job);
}

// --- Counting ------------------------------------------------------------------------------------

void JobRun::count(const JobDefinition& job) {
  auto found = work_.find(job, limits::kJobCountPageMax);
  if (!found) return on_fault(found.error());
  const bool is_last = found->next.empty();
  const auto counted = found->items.size();
  const core::WallMs now = links_.loop.wall();
  note(
      [&](JobDefinition& now_known) {
        now_known.total += counted;
        now_known.scanned += found->scanned;
        now_known.cursor = found->next;
        if (!is_last) return;
        now_known.is_counted = true;
        now_known.stage = now_known.is_dry_run ? Stage::kDone : Stage::kRunning;
        if (now_known.is_dry_run) {
          now_known.ended_at = now;
        } else {
          now_known.scanned = 0;
        }
      },
      is_last);
  again();
}

// --- Doing ---------------------------------------------------------------------------------------

std::size_t JobRun::page_size(const JobDefinition& job) const noexcept {
  if (job.kind == JobKind::kErasure || job.is_of_unrouted()) return limits::kJobBodiesPageMax;
  if (job.per_second == 0) return limits::kJobPageMax;
  return std::clamp<std::size_t>(job.per_second / kBatchesPerSecond, 1, limits::kJobPageMax);
}

bool JobRun::find_page(const JobDefinition& job) {
  auto found = work_.find(job, page_size(job));
  if (!found) {
    on_fault(found.error());
    return false;
  }
  auto steps = work_.prepare(job, *found, std::max<core::WallMs>(links_.loop.wall(), 1));
  if (!steps) {
    on_fault(steps.error());
    return false;
  }
  next_ = std::move(found->next);
  reopenings_.assign(steps->reopenings.begin(), steps->reopenings.end());
  erasures_.assign(steps->erasures.begin(), steps->erasures.end());
  has_page_ = true;
  note(
      [&](JobDefinition& known) {
        known.scanned += found->scanned;
        known.skipped += steps->skipped;
        known.failed += steps->failed;
        if (!steps->error.empty()) known.error = steps->error;
      },
      false);
  return true;
}

void JobRun::send(const JobDefinition& job) {
  if (!reopenings_.empty()) return send_reopenings(job);
  if (!erasures_.empty()) return send_erasures();
  finish_page();
}

// Requires: a rate.
bool JobRun::may_take() noexcept { return bucket_.try_take(links_.loop.clock().steady_ns()); }

void JobRun::send_reopenings(const JobDefinition& job) {
  if (job.per_second != 0 && !has_bucket_) {
    const auto burst = std::max<std::uint32_t>(job.per_second / kBatchesPerSecond, 1);
    bucket_.set_limit({static_cast<double>(job.per_second), burst},
                      links_.loop.clock().steady_ns());
    has_bucket_ = true;
  }
  batch_.clear();
  while (!reopenings_.empty() && batch_.size() < limits::kJobPageMax &&
         (job.per_second == 0 || may_take())) {
    batch_.push_back(reopenings_.front());
    reopenings_.pop_front();
  }
  if (batch_.empty()) {
    const std::uint64_t now = links_.loop.clock().steady_ns();
    const std::uint64_t wait_ns = std::max(bucket_.ready_at(), now) - now;
    return again_in((wait_ns + kNsPerMs - 1) / kNsPerMs);
  }
  std::vector<store::Reopening> reopenings;
  for (const JobSteps::Step& step : batch_) reopenings.push_back(step.reopening);
  in_flight_ = 1;
  links_.store.reopen(
      std::move(reopenings), [reach = links_.reach, id = id_](Result<store::ReopenResult> result) {
        reach(id, [result = std::move(result)](JobRun& run) { run.on_reopened(result); });
      });
}

void JobRun::on_reopened(const Result<store::ReopenResult>& result) {
  in_flight_ = 0;
  if (!result) {
    reopenings_.insert(reopenings_.begin(), batch_.begin(), batch_.end());
    return on_fault(result.error());
  }
  const auto ends = static_cast<std::uint64_t>(
      std::count_if(batch_.begin(), batch_.end(), [](const auto& step) { return step.ends_item; }));
  // Of an item that goes to several endpoints it is over, not each, that counts.
  const bool is_one_each = ends == batch_.size();
  const std::uint64_t done = is_one_each ? std::min<std::uint64_t>(result->reopened, ends) : ends;
  batch_.clear();
  measure(ends);
  note(
      [&](JobDefinition& known) {
        known.done += done;
        known.skipped += ends - done;  // open already, or gone
      },
      false);
  again();
}

void JobRun::send_erasures() {
  const std::vector<MessageId> messages(erasures_.begin(), erasures_.end());
  erasures_.clear();
  in_flight_ = messages.size();
  for (const MessageId message : messages) {
    links_.store.erase(message, [reach = links_.reach, id = id_, message](Result<void> result) {
      reach(id,
            [message, result = std::move(result)](JobRun& run) { run.on_erased(message, result); });
    });
  }
}

void JobRun::on_erased(MessageId message, const Result<void>& result) {
  --in_flight_;
  const bool is_gone = !result && result.error().code == ErrorCode::kNotFound;
  const bool is_kept = !result && !is_gone;
  if (is_kept) erasures_.push_back(message);
  measure(result ? 1 : 0);
  note(
      [&](JobDefinition& known) {
        known.done += result ? 1 : 0;
        known.skipped += is_gone ? 1 : 0;
        if (is_kept) known.error = result.error().what;
      },
      false);
  if (in_flight_ != 0) return;
  erasures_.empty() ? again() : again_in(kRetryAfter);
}

void JobRun::finish_page() {
  has_page_ = false;
  const bool is_last = next_.empty();
  const core::WallMs now = links_.loop.wall();
  note(
      [&](JobDefinition& known) {
        known.cursor = next_;
        if (!is_last) return;
        known.stage = Stage::kDone;
        known.ended_at = now;
      },
      is_last);
  again();
}

// --- What is common ------------------------------------------------------------------------------

void JobRun::on_fault(const Error& error) {
  const bool is_over = !is_passing(error.code);
  const core::WallMs now = links_.loop.wall();
  note(
      [&](JobDefinition& known) {
        known.error = error.what;
        if (!is_over) return;
        known.stage = Stage::kFailed;
        known.ended_at = now;
      },
      is_over);
  is_over ? again() : again_in(kRetryAfter);
}

// Progress that cannot be written down is repeated after a crash, and is not in the way now.
void JobRun::note(const std::function<void(JobDefinition&)>& progress, bool is_durable) {
  const core::SteadyMs now = links_.loop.now();
  const bool is_due = is_durable || now - written_at_ >= kWriteEvery;
  if (is_due) written_at_ = now;
  if (auto noted = links_.book.note(id_, progress, is_due); !noted) {
    links_.log.write(core::LogLevel::kWarning, "job_not_written", noted.error().what, {});
  }
}

void JobRun::measure(std::uint64_t count) {
  const core::SteadyMs now = links_.loop.now();
  if (measured_at_ == 0) {  // what comes first took no time
    measured_at_ = now;
    return;
  }
  measured_ += count;
  if (now - measured_at_ < kMeasureEvery) return;
  const double lately =
      static_cast<double>(measured_) * 1000.0 / static_cast<double>(now - measured_at_);
  note([lately](JobDefinition& known) { known.lately = lately; }, false);
  measured_ = 0;
  measured_at_ = now;
}

}  // namespace headrace::engine
