// SPDX-License-Identifier: Apache-2.0
// What a change means for the audit log: an entry for each definition that differs, without
// secrets.
//
// What is shown of a kind is decided here, by the names of its members; of a kind that is not known
// here only the name is recorded, so a new one gives nothing away. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/catalog.h"
#include "engine/job_definition.h"

namespace headrace::engine {

// An entry before it is known who writes it, and when. Members as those of AuditEntry.
struct AuditDraft {
  std::string workspace;
  std::string action;
  std::string kind;
  std::string name;
  std::string object{};
  std::vector<std::string> changed{};
  std::string before{};
  std::string after{};
};

// Requires: `change` was applied to `catalog`, and holds what was there before.
std::vector<AuditDraft> audit_drafts(const Catalog& catalog, const Change& change);

// A definition's JSON before and after; empty: it is not there. None where nothing differs but what
// the engine keeps to itself (revisions, when a key was last used).
std::vector<AuditDraft> audit_drafts_of(std::string_view kind, std::string_view before,
                                        std::string_view after, AuditDraft about);

// Of a job that was made (`before` is null), or that somebody steered.
std::vector<AuditDraft> audit_drafts_of(const JobDefinition* before, const JobDefinition& after);

// Of what is done to something that is no definition, or to all that hangs on one.
AuditDraft audit_draft_of_deed(std::string_view workspace, std::string_view action,
                               std::string_view kind, std::string object);

}  // namespace headrace::engine
