// SPDX-License-Identifier: Apache-2.0
// Who changed what, when and from where: the audit log.
//
// An entry is written in the same atomic write as the change that it tells of, so neither is there
// without the other. What is no definition (erasing or retrying one message, discarding what waits)
// is recorded before it is done, and once more, as failed, if it was not. Credentials, tokens of
// links and secrets are in no entry. Threads: plain values; ActingAs belongs to one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "headrace/id.h"
#include "headrace/registry.h"

namespace headrace {

enum class ActorKind : std::uint8_t {  // Frozen on disk.
  kHost = 1,      // the process that embeds the engine, which said nothing else
  kOperator = 2,  // the operator's key
  kKey = 3,       // a key of a workspace
  kEngine = 4,    // the engine itself
};

struct Actor {
  ActorKind kind = ActorKind::kHost;
  KeyId key;               // of kKey
  std::string address;     // of the client, as an IP address; empty: none, or not known
  std::string request_id;  // of the request that asked for it; empty: none
};

// What the thread that makes one of these changes, while it lives, is recorded as done by `actor`.
// They nest; the innermost counts. Requires: it is destroyed by the same thread, in reverse order.
class ActingAs {
 public:
  explicit ActingAs(const Actor& actor) noexcept;  // `actor` must outlive it.
  ~ActingAs();
  ActingAs(const ActingAs&) = delete;
  ActingAs& operator=(const ActingAs&) = delete;

 private:
  const Actor* const outer_;
};

struct AuditTag {
  static constexpr std::string_view kPrefix = "aud_";
};
// Time-ordered: the top 48 bits are the milliseconds since 1970. The lower 64 are the number of the
// entry. Unique within a workspace, where ids only grow, also when the clock is set back.
using AuditId = Id<AuditTag>;

struct AuditEntry {
  AuditId id;
  UnixMs at = 0;             // never earlier than that of the entry before
  std::uint64_t number = 0;  // of the workspace, one more than the entry before: none is missing
  Actor actor;
  std::string action;  // create, update, delete, rotate, set_state, pause, resume, cancel, erase, …
  std::string kind;    // of what was changed: webhook, endpoint, key, job, …
  std::string name;    // "github/repo"
  std::string object;                // its id, where it has one
  std::vector<std::string> changed;  // of an update: the members
  // JSON objects; empty: there was, or is, none. Of an update: the members that changed. What must
  // not be shown reads [hidden], what is long {"bytes":…,"sha256":…}.
  std::string before;
  std::string after;
};

struct AuditFilter {
  std::optional<UnixMs> since;  // at or after
  std::optional<UnixMs> until;  // before
  std::string actor;            // host, operator, engine or a key's id; empty: anybody
  std::string action;           // empty: any; likewise the rest
  std::string kind;
  std::string name;  // a name, the first parts of one ("github"), or the id of what was changed
  PageRequest page;
};

}  // namespace headrace
