// SPDX-License-Identifier: Apache-2.0
// The audit log: writes what changes together with the entries that tell of it, finds entries, and
// drops those that had their time.
//
// Entries lie in the registry family and are read when somebody asks for them: what an engine opens
// and keeps in memory does not depend on how many there are, only (a number each) on how many
// workspaces had a change since.
// Threads: any. One mutex, held while the disk writes, so that the order of numbers is the order in
// which changes became durable, and a write that fails uses none up; a change syncs anyway.
// Limits: kAuditEntriesMax of a workspace, the oldest go; a page looks at kAuditLookedAtMax.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/limits.h"
#include "engine/audit_draft.h"
#include "headrace/audit.h"
#include "store/event_store.h"

namespace headrace::engine {

struct AuditOptions {
  std::chrono::milliseconds retention = std::chrono::hours(24 * 400);
  std::uint64_t entries_max = core::limits::kAuditEntriesMax;  // of a workspace; at least 1
};

class AuditBook {
 public:
  AuditBook(store::EventStore& store, const core::Clock& clock, AuditOptions options)
      : store_(store), clock_(clock), options_(options) {}

  // Writes all of it or nothing, durable when it returns: the changes, and an entry by the actor of
  // this thread for each draft.
  Result<void> write(std::vector<store::DefinitionChange> changes, std::vector<AuditDraft> drafts);

  // Newest first, none before `from`. kInvalidArgument: the cursor, the limit, or an actor that is
  // none. A page may be short, even empty, and have a next one all the same.
  Result<Page<AuditEntry>> list(std::string_view workspace, AuditId from,
                                const AuditFilter& filter) const;
  // The id that lies behind all that a workspace of that name has had; zero: there is none.
  Result<AuditId> end_of(std::string_view workspace) const;

  // Of all workspaces, those that are older than the retention. Costs a look-up a workspace, and a
  // write where there is something to drop, however much.
  Result<void> drop_old();

 private:
  Result<AuditId> newest_of(std::string_view workspace, AuditId before) const;
  Result<AuditId> next_id(const std::string& workspace, core::WallMs now,
                          std::map<std::string, AuditId>& newest) const;
  Result<void> drop_excess(std::string_view workspace, AuditId newest);

  store::EventStore& store_;
  const core::Clock& clock_;
  const AuditOptions options_;
  std::mutex mutex_;
  std::map<std::string, AuditId> newest_;  // of workspaces that were written about
};

// Records a deed, does it, and where it fails records that, too: it is nothing that one write could
// hold together with its entry, and it is never done without one. The deed's errors; those of the
// store, and then nothing was done.
template <class Done>
Done recorded(AuditBook& book, const AuditDraft& deed, const std::function<Done()>& act) {
  if (auto written = book.write({}, {deed}); !written) return std::move(written).error();
  Done done = act();
  if (done) return done;
  AuditDraft failed = deed;
  failed.action += "_failed";
  (void)book.write({}, {std::move(failed)});  // what the caller is to hear of is the deed's error
  return done;
}

}  // namespace headrace::engine
