// SPDX-License-Identifier: Apache-2.0
// What one job has to do, found piece by piece; it does none of it.
//
// The work of one call is bounded (core/limits.h, kHistory… and kJob…).
// Threads: one; each job has its own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/dead_letters.h"
#include "engine/history.h"
#include "engine/job_definition.h"
#include "engine/registry.h"
#include "selector/program.h"
#include "store/event_store.h"

namespace headrace::engine {

struct JobSources {
  const store::EventStore& store;
  const Registry& registry;
  const History& history;
  const DeadLetters& dead_letters;
};

// What fits a job's filter, of one piece.
struct JobItems {
  struct Item {
    MessageId message;
    EndpointId endpoint;   // of a delivery
    bool is_open = false;  // a delivery that is not over
  };
  std::vector<Item> items;
  std::uint64_t scanned = 0;
  std::string next;  // the cursor of the next piece; empty: this was the last
};

// What is to be done for them.
struct JobSteps {
  struct Step {
    store::Reopening reopening;
    bool ends_item = true;  // the last one for its item
  };
  std::vector<Step> reopenings;
  std::vector<MessageId> erasures;
  std::uint64_t skipped = 0;
  std::uint64_t failed = 0;
  std::string error;  // why the last one failed
};

class JobWork {
 public:
  explicit JobWork(const JobSources& sources) : sources_(sources) {}

  // Whether such a job can be. kInvalidArgument with the member at fault; kNotFound: what it names
  // is not the workspace's.
  static Result<void> check(const JobSources& sources, const JobDefinition& job);

  // The items behind the job's cursor, at most `count_max` (and fewer where bodies are read).
  Result<JobItems> find(const JobDefinition& job, std::size_t count_max);
  // kFailed-worthy: kNotFound when the endpoint that all is to go to is gone.
  Result<JobSteps> prepare(const JobDefinition& job, const JobItems& items, core::WallMs due);

 private:
  Result<JobItems> find_dead(const JobDefinition& job, HistoryFilter filter);
  Result<JobItems> find_deliveries(const JobDefinition& job, HistoryFilter filter);
  Result<JobItems> find_messages(const JobDefinition& job, HistoryFilter filter);
  Result<void> keep_fitting(const JobDefinition& job, JobItems& items);
  Result<bool> fits_payload(MessageId message);
  void keep_one_a_message(JobItems& items);
  Result<void> add_delivery(const JobDefinition& job, const JobItems::Item& item, core::WallMs due,
                            JobSteps& steps);
  Result<void> add_unrouted(const JobDefinition& job, MessageId message, core::WallMs due,
                            JobSteps& steps);

  const JobSources sources_;
  std::optional<selector::Program> payload_;  // compiled once it is needed
  selector::Matcher matcher_;
};

}  // namespace headrace::engine
