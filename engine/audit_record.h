// SPDX-License-Identifier: Apache-2.0
// Entries of the audit log as the registry family keeps them: keys, and values in JSON (frozen
// names, see docs/storage.md).
//
// A key is "audit/", the workspace, a slash and the id without its prefix, so that the entries of a
// workspace lie together and in order of time. The first names in the family's keys are kinds, and
// none of what is read when the engine opens begins with this one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "headrace/audit.h"

namespace headrace::engine {

inline constexpr std::string_view kAuditBegin = "audit/";
inline constexpr std::string_view kAuditEnd = "audit0";  // behind every key: '0' follows '/'

// Of the first entry that a workspace could have, and of what is behind its last.
std::string audit_begin(std::string_view workspace);
std::string audit_end(std::string_view workspace);
std::string audit_key(std::string_view workspace, AuditId id);
// The least id of that time.
constexpr AuditId audit_id_at(UnixMs at) noexcept { return AuditId{{at << 16, 0}}; }

struct AuditKey {
  std::string_view workspace;  // into the text
  AuditId id;
};
// Nullopt: it is none.
std::optional<AuditKey> parse_audit_key(std::string_view key);

// Without what the key says.
std::string audit_json(const AuditEntry& entry);
// kCorrupted.
Result<AuditEntry> parse_audit(AuditId id, std::string_view json);

}  // namespace headrace::engine
