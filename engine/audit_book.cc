// SPDX-License-Identifier: Apache-2.0
#include "engine/audit_book.h"

#include <algorithm>
#include <optional>

#include "engine/audit_actor.h"
#include "engine/audit_record.h"
#include "engine/faults.h"
#include "engine/pages.h"

namespace headrace::engine {
namespace {

namespace limits = core::limits;

// How much above its bound a workspace may grow before the oldest entries go: finding them costs.
constexpr std::uint64_t kSlackDivisor = 16;

AuditEntry entry_of(AuditDraft draft, AuditId id) {
  AuditEntry entry;
  entry.id = id;
  entry.actor = current_actor();
  entry.action = std::move(draft.action);
  entry.kind = std::move(draft.kind);
  entry.name = std::move(draft.name);
  entry.object = std::move(draft.object);
  entry.changed = std::move(draft.changed);
  entry.before = std::move(draft.before);
  entry.after = std::move(draft.after);
  return entry;
}

// Whose changes are asked for.
struct WantedActor {
  std::optional<ActorKind> kind;
  KeyId key;
};

Result<WantedActor> wanted_actor(std::string_view text) {
  if (text.empty()) return WantedActor{};
  if (text == "host") return WantedActor{ActorKind::kHost, {}};
  if (text == "operator") return WantedActor{ActorKind::kOperator, {}};
  if (text == "engine") return WantedActor{ActorKind::kEngine, {}};
  if (auto key = KeyId::parse(text)) return WantedActor{ActorKind::kKey, *key};
  return invalid("/actor", "must be host, operator, engine or the id of a key");
}

// "github" names "github/repo" too.
bool is_named(const AuditEntry& entry, std::string_view name) noexcept {
  if (name.empty() || entry.object == name) return true;
  return entry.name.starts_with(name) &&
         (entry.name.size() == name.size() || entry.name[name.size()] == '/');
}

bool fits(const AuditEntry& entry, const AuditFilter& filter, const WantedActor& actor) noexcept {
  if (actor.kind && (entry.actor.kind != *actor.kind || entry.actor.key != actor.key)) return false;
  return (filter.action.empty() || entry.action == filter.action) &&
         (filter.kind.empty() || entry.kind == filter.kind) && is_named(entry, filter.name);
}

}  // namespace

Result<void> AuditBook::write(std::vector<store::DefinitionChange> changes,
                              std::vector<AuditDraft> drafts) {
  if (drafts.empty()) return store_.change_definitions(changes);
  const std::lock_guard lock(mutex_);
  const core::WallMs now = clock_.wall_ms();
  std::map<std::string, AuditId> newest;
  for (AuditDraft& draft : drafts) {
    const std::string workspace = draft.workspace;
    auto id = next_id(workspace, now, newest);
    if (!id) return std::move(id).error();
    changes.push_back({audit_key(workspace, *id), audit_json(entry_of(std::move(draft), *id))});
    newest[workspace] = *id;
  }
  if (auto written = store_.change_definitions(changes); !written) return written;
  const std::uint64_t slack = std::max<std::uint64_t>(options_.entries_max / kSlackDivisor, 1);
  for (const auto& [workspace, id] : newest) {
    const std::uint64_t before = newest_[workspace].bits.low;
    newest_[workspace] = id;
    // What cannot be dropped now is dropped by a later change.
    if (before / slack != id.bits.low / slack) (void)drop_excess(workspace, id);
  }
  return {};
}

Result<AuditId> AuditBook::next_id(const std::string& workspace, core::WallMs now,
                                   std::map<std::string, AuditId>& newest) const {
  AuditId last;
  if (const auto it = newest.find(workspace); it != newest.end()) {
    last = it->second;
  } else if (const auto known = newest_.find(workspace); known != newest_.end()) {
    last = known->second;
  } else {
    auto found = newest_of(workspace, {});
    if (!found) return found;
    last = *found;
  }
  return AuditId{{std::max(audit_id_at(now).bits.high, last.bits.high + 1), last.bits.low + 1}};
}

// The last one before `before`; zero: of all. Zero when there is none.
Result<AuditId> AuditBook::newest_of(std::string_view workspace, AuditId before) const {
  AuditId newest;
  const std::string to = before ? audit_key(workspace, before) : audit_end(workspace);
  auto scanned = store_.scan_definitions_back(audit_begin(workspace), to,
                                              [&newest](std::string_view key, std::string_view) {
                                                if (const auto parsed = parse_audit_key(key))
                                                  newest = parsed->id;
                                                return false;
                                              });
  if (!scanned) return std::move(scanned).error();
  return newest;
}

Result<AuditId> AuditBook::end_of(std::string_view workspace) const {
  auto newest = newest_of(workspace, {});
  if (newest && *newest) ++newest->bits.high;
  return newest;
}

Result<Page<AuditEntry>> AuditBook::list(std::string_view workspace, AuditId from,
                                         const AuditFilter& filter) const {
  if (auto checked = check_page(filter.page); !checked) return std::move(checked).error();
  const auto actor = wanted_actor(filter.actor);
  if (!actor) return actor.error();
  std::string end = audit_end(workspace);
  if (filter.until) end = std::min(end, audit_key(workspace, audit_id_at(*filter.until)));
  if (!filter.page.cursor.empty()) {
    const auto cursor = AuditId::parse(filter.page.cursor);
    if (!cursor) return invalid("/cursor", "the cursor is not one that was given out");
    end = std::min(end, audit_key(workspace, *cursor));
  }
  if (filter.since) from = std::max(from, audit_id_at(*filter.since));
  Page<AuditEntry> page;
  Result<void> read;
  std::size_t looked_at = 0;
  AuditId last;
  auto scanned = store_.scan_definitions_back(
      audit_key(workspace, from), end, [&](std::string_view key, std::string_view value) {
        if (page.items.size() == filter.page.count_max || looked_at == limits::kAuditLookedAtMax) {
          page.next = last.to_string();
          return false;
        }
        const auto parsed = parse_audit_key(key);
        auto entry = parse_audit(parsed ? parsed->id : AuditId{}, value);
        if (!entry) {
          read = std::move(entry).error();
          return false;
        }
        ++looked_at;
        last = entry->id;
        if (fits(*entry, filter, *actor)) page.items.push_back(std::move(*entry));
        return true;
      });
  if (!scanned) return std::move(scanned).error();
  if (!read) return std::move(read).error();
  return page;
}

// From the last workspace to the first, by leaps.
Result<void> AuditBook::drop_old() {
  const core::WallMs now = clock_.wall_ms();
  const auto kept_ms = static_cast<core::WallMs>(options_.retention.count());
  if (kept_ms >= now) return {};
  const AuditId oldest = audit_id_at(now - kept_ms);
  std::string behind(kAuditEnd);
  for (;;) {
    std::string workspace;
    auto scanned = store_.scan_definitions_back(
        kAuditBegin, behind, [&workspace](std::string_view key, std::string_view) {
          if (const auto parsed = parse_audit_key(key)) workspace = parsed->workspace;
          return false;
        });
    if (!scanned || workspace.empty()) return scanned;
    behind = audit_begin(workspace);
    auto last = newest_of(workspace, oldest);
    if (!last) return std::move(last).error();
    if (!*last) continue;
    auto dropped = store_.drop_definitions(behind, audit_key(workspace, oldest));
    if (!dropped) return dropped;
  }
}

// Numbers grow with ids, so the first entry that stays is found by halving. An entry at or before
// `high` is one that stays, none at or before `low` is.
Result<void> AuditBook::drop_excess(std::string_view workspace, AuditId newest) {
  if (newest.bits.low <= options_.entries_max) return {};
  const std::uint64_t first_kept = newest.bits.low - options_.entries_max + 1;
  std::uint64_t low = 0;
  std::uint64_t high = newest.bits.high;
  while (high - low > 1) {
    const std::uint64_t middle = low + (high - low) / 2;
    auto found = newest_of(workspace, AuditId{{middle + 1, 0}});
    if (!found) return std::move(found).error();
    if (*found && found->bits.low >= first_kept) {
      high = found->bits.high;
    } else {
      low = middle;
    }
  }
  return store_.drop_definitions(audit_begin(workspace), audit_key(workspace, AuditId{{high, 0}}));
}

}  // namespace headrace::engine
