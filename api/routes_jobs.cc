// SPDX-License-Identifier: Apache-2.0
// Replays, dead letters, erasure.
#include "api/call.h"
#include "api/history_parameters.h"
#include "api/job_json.h"

namespace headrace::api {
namespace {

using core::Method;

constexpr std::string_view kTag = "Replay";
constexpr std::string_view kGoesOn =
    "It is done in the background, newest messages first, survives restarts, and leaves out what "
    "is accepted after it was made. After a crash, what was done in the last second may be done "
    "once more.";

Reply create_replay(Call& call) {
  Faults faults;
  const ReplaySpec spec = replay_spec(call.body, faults);
  if (!faults.empty()) return refused(std::move(faults));
  return answer(call.workspace->replay(spec), 202);
}

Reply retry_dead(Call& call) {
  Faults faults;
  const ReplaySpec spec = dead_retry_spec(call.body, faults);
  if (!faults.empty()) return refused(std::move(faults));
  return answer(call.workspace->replay(spec), 202);
}

Reply create_erasure(Call& call) {
  Faults faults;
  const ErasureSpec spec = erasure_spec(call.body, faults);
  if (!faults.empty()) return refused(std::move(faults));
  return answer(call.workspace->erase(spec), 202);
}

Reply list_jobs(Call& call) {
  JobFilter filter;
  filter.kind = job_kind(call.text("kind"));
  filter.state = job_state(call.text("status"));
  filter.page = call.page();
  return listed(call.workspace->jobs(filter));
}

Reply get_job(Call& call) { return answer(call.workspace->job(call.id<JobId>("job"))); }

// An erasure goes on, or ends, by the word of those who may begin one.
Result<Job> steered(const Call& call, Result<Job> (Workspace::*steer)(JobId)) {
  Workspace workspace = *call.workspace;
  auto job = workspace.job(call.id<JobId>("job"));
  if (!job) return job;
  if (job->kind == JobKind::kErasure) {
    if (auto allowed = Authorizer::check(call.grant, Access::kAdmin); !allowed)
      return std::move(allowed).error();
  }
  return (workspace.*steer)(job->id);
}

Reply pause_job(Call& call) { return answer(steered(call, &Workspace::pause_job)); }
Reply resume_job(Call& call) { return answer(steered(call, &Workspace::resume_job)); }
Reply cancel_job(Call& call) { return answer(steered(call, &Workspace::cancel_job)); }

Reply list_dead_letters(Call& call) {
  return listed(call.workspace->dead_letters(history_filter(call)));
}

Reply retry_delivery(Call& call) {
  return answer(
      call.workspace->retry(call.id<MessageId>("message"), call.id<EndpointId>("endpoint")), 202);
}

Reply erase_message(Call& call) {
  return deleted(call.workspace->erase(call.id<MessageId>("message")));
}

std::vector<Parameter> dead_parameters() {
  std::vector<Parameter> all = history_parameters();
  all.insert(all.end(), {{"error", ParameterKind::kText,
                          "Only with this class of error; any: with one, none: without."},
                         {"http_status", ParameterKind::kHttpStatus,
                          "Only with this last answer of the receiver; 0: without one."}});
  return all;
}

Route steering(std::string_view path, std::string_view id, std::string_view summary,
               Handler handler) {
  return {.method = Method::kPost,
          .path = path,
          .access = Access::kReplay,
          .id = id,
          .tag = kTag,
          .summary = summary,
          .description = "Of an erasure it takes the scope admin.",
          .answers = {{200, "Job", "As it is now."}},
          .failures = {{404, "not_found"}, {409, "conflict"}},
          .handler = handler};
}

void add_jobs(std::vector<Route>& to) {
  to.push_back(
      {.method = Method::kGet,
       .path = "/v1/jobs",
       .access = Access::kRead,
       .id = "listJobs",
       .tag = kTag,
       .summary = "List jobs",
       .description = "Newest first. Those that are over are kept for the retention, the "
                      "newest 200 of a workspace.",
       .query = {{"kind", ParameterKind::kChoice, "Only of this kind.", {"replay", "erasure"}},
                 {"status",
                  ParameterKind::kChoice,
                  "Only in this state.",
                  {"counting", "running", "paused", "done", "cancelled", "failed"}}},
       .answers = {{200, "Job", "A page of them."}},
       .is_list = true,
       .handler = list_jobs});
  to.push_back({.method = Method::kGet,
                .path = "/v1/jobs/{job}",
                .access = Access::kRead,
                .id = "getJob",
                .tag = kTag,
                .summary = "Show a job",
                .answers = {{200, "Job", "The job."}},
                .failures = {{404, "not_found"}},
                .handler = get_job});
  to.push_back(steering("/v1/jobs/{job}/pause", "pauseJob", "Pause a job", pause_job));
  to.push_back(steering("/v1/jobs/{job}/resume", "resumeJob", "Let a job go on", resume_job));
  to.push_back(steering("/v1/jobs/{job}/cancel", "cancelJob", "End a job", cancel_job));
}

void add_dead_letters(std::vector<Route>& to) {
  to.push_back({.method = Method::kGet,
                .path = "/v1/dead-letters",
                .access = Access::kRead,
                .id = "listDeadLetters",
                .tag = kTag,
                .summary = "List deliveries that were given up",
                .description = "Newest messages first; app, webhook, env and product are the "
                               "endpoint's. The work of one request is bounded, so a page may be "
                               "short, even empty, and have a next one all the same.",
                .query = dead_parameters(),
                .answers = {{200, "DeadLetter", "A page of them."}},
                .is_list = true,
                .handler = list_dead_letters});
  to.push_back({.method = Method::kPost,
                .path = "/v1/dead-letters/retry",
                .access = Access::kReplay,
                .id = "retryDeadLetters",
                .tag = kTag,
                .summary = "Deliver dead letters again",
                .description = kGoesOn,
                .body = "DeadRetrySpec",
                .body_is_optional = true,
                .answers = {{202, "Job", "The job that does it."}},
                .failures = {{404, "not_found"}},
                .handler = retry_dead});
  to.push_back({.method = Method::kPost,
                .path = "/v1/messages/{message}/deliveries/{endpoint}/retry",
                .access = Access::kReplay,
                .id = "retryDelivery",
                .tag = kTag,
                .summary = "Make one delivery again",
                .description = "One that is over, dead or delivered.",
                .answers = {{202, "Delivery", "It waits."}},
                .failures = {{404, "not_found"}, {409, "conflict"}},
                .handler = retry_delivery});
}

}  // namespace

void add_job_routes(std::vector<Route>& to) {
  to.push_back({.method = Method::kPost,
                .path = "/v1/replays",
                .access = Access::kReplay,
                .id = "createReplay",
                .tag = kTag,
                .summary = "Deliver again",
                .description = kGoesOn,
                .body = "ReplaySpec",
                .answers = {{202, "Job", "The job that does it."}},
                .failures = {{404, "not_found"}},
                .handler = create_replay});
  add_dead_letters(to);
  add_jobs(to);
  to.push_back({.method = Method::kDelete,
                .path = "/v1/messages/{message}",
                .access = Access::kAdmin,
                .id = "eraseMessage",
                .tag = kTag,
                .summary = "Erase a message",
                .description = "Its deliveries are given up and its bytes overwritten.",
                .answers = {{204, "", "It is gone."}},
                .failures = {{404, "not_found"}},
                .handler = erase_message});
  to.push_back({.method = Method::kPost,
                .path = "/v1/erasures",
                .access = Access::kAdmin,
                .id = "createErasure",
                .tag = kTag,
                .summary = "Erase messages",
                .description = kGoesOn,
                .body = "ErasureSpec",
                .answers = {{202, "Job", "The job that does it."}},
                .failures = {{404, "not_found"}},
                .handler = create_erasure});
}

}  // namespace headrace::api
