// SPDX-License-Identifier: Apache-2.0
#include "engine/audit_draft.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "core/encoding.h"
#include "core/hmac.h"
#include "engine/delivery_rules.h"
#include "engine/secrets.h"

namespace headrace::engine {
namespace {

using Json = nlohmann::ordered_json;
using Names = std::initializer_list<std::string_view>;

// A member that is longer is told by its digest: an entry stays small, and two can be compared.
constexpr std::size_t kMemberBytesMax = 2048;

bool is_one_of(std::string_view name, const Names& names) noexcept {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// What the engine keeps to itself: no change that anybody made, or known from elsewhere.
bool is_bookkeeping(std::string_view kind, std::string_view name) noexcept {
  if (is_one_of(name, {"id", "workspace", "number", "revision", "created_at", "state_since"}))
    return true;
  if (kind == "key") return is_one_of(name, {"secret_hash", "last_used_at"});
  if (kind == "workspace") return name == "audit_from";
  if (kind == "call")
    return is_one_of(name, {"message", "succeeded", "given_up", "attempts", "http_status", "error",
                            "response", "called_at", "next_at"});
  return false;
}

bool is_shown_kind(std::string_view kind) noexcept {
  return is_one_of(kind, {"workspace", "key", "webhook", "event", "connection", "endpoint", "link",
                          "call", "job"});
}

// Nothing of it may be seen: whoever knows a token can post, a call's parts hold the link and
// credentials, and what an erasure looks for is what is to be forgotten.
bool is_hidden(std::string_view kind, std::string_view name) noexcept {
  if (is_one_of(name, {"token", "previous_token"})) return true;
  if (kind == "call") return is_one_of(name, {"url", "headers", "query", "params", "body"});
  return kind == "job" && name == "payload";
}

bool is_signing_setting(std::string_view name) noexcept {
  return is_one_of(name, {"signing_scheme", "signing_header", "signing_previous_until"});
}

// By parts of names, so that what is added to a definition later is hidden without being listed.
bool is_credential(std::string_view name) noexcept {
  constexpr std::array<std::string_view, 9> kParts = {"auth",         "secret",     "signing",
                                                      "verification", "tls",        "password",
                                                      "credential",   "client_key", "private"};
  return std::any_of(kParts.begin(), kParts.end(), [name](std::string_view part) {
    return name.find(part) != std::string_view::npos;
  });
}

// Members of a verification that say how it is done, not by what. Elsewhere (`auth`, `sample`) names
// are the user's, and a credential may have any of these.
bool is_harmless(std::string_view name) noexcept {
  return is_one_of(name, {"provider", "tolerance", "hash", "encoding", "header", "timestamp_header",
                          "algorithm", "format"});
}

void hide_leaves(std::string_view member, Json& value) {
  if (value.is_object()) {
    for (auto it = value.begin(); it != value.end(); ++it) {
      const bool shows = member == "verification" && is_harmless(it.key());
      if (!shows || it.value().is_structured()) hide_leaves(member, it.value());
    }
  } else if (value.is_array()) {
    for (Json& item : value) hide_leaves(member, item);
  } else if (!value.is_null() && !value.is_boolean()) {
    value = hide_credentials(value.is_string() ? value.get<std::string>() : value.dump());
  }
}

std::string dumped(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// JSON text within JSON stays text: it is kept to the letter where it is registered.
void hide_credential(std::string_view member, Json& value) {
  if (value.is_string()) {
    Json inner = Json::parse(value.get_ref<const std::string&>(), nullptr, false);
    if (inner.is_structured()) {
      hide_leaves(member, inner);
      value = dumped(inner);
      return;
    }
  }
  hide_leaves(member, value);
}

// scheme://[hidden]@host/path?[hidden]: what stands in front of the host and behind the path may be
// a credential.
std::string shown_url(std::string url) {
  if (const std::size_t query = url.find('?'); query != std::string::npos) {
    const std::string shown = hide_credentials(url.substr(query + 1));
    url = url.substr(0, query + 1) + shown;
  }
  const std::size_t scheme = url.find("://");
  if (scheme == std::string::npos) return url;
  const std::size_t host = scheme + 3;
  const std::size_t path = std::min(url.find_first_of("/?#", host), url.size());
  const std::size_t at = url.rfind('@', path);
  if (at == std::string::npos || at < host || at > path) return url;
  return url.substr(0, host) + hide_credentials(url.substr(host, at - host)) + url.substr(at);
}

void shorten(Json& value) {
  const std::string text = dumped(value);
  if (text.size() <= kMemberBytesMax) return;
  value = {{"bytes", text.size()},
           {"sha256", core::to_hex(core::digest_of(core::Hash::kSha256, text).view())}};
}

void show_member(std::string_view kind, std::string_view name, Json& value);

// Of a webhook's envs each is an object of its own; its `sample` has the credentials of a provider.
void show_items(std::string_view kind, Json& items) {
  for (Json& item : items) {
    if (!item.is_object()) continue;
    for (auto it = item.begin(); it != item.end(); ++it) {
      if (kind == "webhook" && it.key() == "sample") {
        hide_credential(it.key(), it.value());
      } else {
        show_member(kind, it.key(), it.value());
      }
    }
  }
}

void show_words(std::string_view kind, std::string_view name, Json& value) {
  if (!value.is_number_unsigned()) return;
  const auto number = value.get<std::uint64_t>();
  if (kind == "endpoint" && name == "state") value = to_string(static_cast<EndpointState>(number));
  if (kind == "endpoint" && name == "state_reason")
    value = to_string(static_cast<StateReason>(number));
  if (kind == "endpoint" && name == "signing_scheme") {
    constexpr std::array<const char*, 5> kSchemes = {"v1", "v1a", "github", "stripe", "none"};
    value = kSchemes[std::min<std::uint64_t>(number, kSchemes.size() - 1)];
  }
  if (kind == "call" && name == "purpose") value = number == 1 ? "register" : "unregister";
  if (kind == "job" && name == "kind")
    value = number == static_cast<std::uint64_t>(JobKind::kErasure) ? "erasure" : "replay";
  if (kind == "key" && name == "scopes") {
    value = Json::array();
    for (const auto& [bit, word] :
         {std::pair{1, "read"}, {2, "write"}, {4, "replay"}, {8, "admin"}}) {
      if ((number & static_cast<std::uint64_t>(bit)) != 0) value.push_back(word);
    }
  }
}

void show_member(std::string_view kind, std::string_view name, Json& value) {
  if (is_hidden(kind, name)) {
    value = kHidden;
  } else if (is_credential(name) && !is_signing_setting(name)) {
    hide_credential(name, value);
  } else if (value.is_string() && name.ends_with("url")) {
    value = shown_url(value.get<std::string>());
  } else if (value.is_array()) {
    show_items(kind, value);
  }
  show_words(kind, name, value);
  shorten(value);
}

Json parsed(std::string_view text) {
  Json json = text.empty() ? Json() : Json::parse(text, nullptr, false);
  return json.is_object() ? json : Json::object();
}

// A state that is the default one is not on the disk, and is to be seen all the same.
void complete(std::string_view kind, Json& json) {
  if (kind == "endpoint" && !json.empty() && !json.contains("state"))
    json["state"] = static_cast<unsigned>(EndpointState::kActive);
}

// The members of `json` that are among `names`, as they may be shown; all: no names. Empty where
// there is nothing.
std::string side_of(std::string_view kind, const Json& json, const std::set<std::string>* names) {
  if (!is_shown_kind(kind)) return {};
  Json shown = Json::object();
  for (auto it = json.begin(); it != json.end(); ++it) {
    if (is_bookkeeping(kind, it.key()) || (names != nullptr && !names->contains(it.key())))
      continue;
    Json value = it.value();
    show_member(kind, it.key(), value);
    shown[it.key()] = std::move(value);
  }
  return dumped(shown);
}

std::set<std::string> differences(std::string_view kind, const Json& before, const Json& after) {
  std::set<std::string> names;
  const auto add = [&](const Json& one, const Json& other) {
    for (auto it = one.begin(); it != one.end(); ++it) {
      if (is_bookkeeping(kind, it.key())) continue;
      const auto found = other.find(it.key());
      if (found == other.end() || *found != it.value()) names.insert(it.key());
    }
  };
  add(before, after);
  add(after, before);
  return names;
}

// What people call it.
std::string_view action_of_update(std::string_view kind, const std::set<std::string>& changed) {
  if (kind == "link" && changed.contains("token")) return "rotate";
  if (kind == "endpoint" && changed.contains("signing_secret") &&
      std::all_of(changed.begin(), changed.end(),
                  [](const std::string& name) { return name.starts_with("signing_"); }))
    return "rotate";
  const auto is_of_state = [](const std::string& name) { return name.starts_with("state"); };
  if (kind == "endpoint" && std::all_of(changed.begin(), changed.end(), is_of_state))
    return "set_state";
  return "update";
}

template <class D>
std::string workspace_of(const D& definition) {
  if constexpr (requires { definition.workspace; }) {
    return definition.workspace;
  } else {
    return definition.tag;
  }
}

template <class D>
AuditDraft about(const D& definition) {
  AuditDraft draft;
  draft.workspace = workspace_of(definition);
  draft.name = definition.key();
  if (draft.name.starts_with(draft.workspace + '/'))
    draft.name.erase(0, draft.workspace.size() + 1);
  if constexpr (requires { definition.id.to_string(); }) {
    draft.object = definition.id.to_string();
  }
  return draft;
}

// Names of what was deleted and counters are the engine's own.
template <class D>
constexpr bool kIsRecorded = D::kKind != "retired" && D::kKind != "counter";

// Of several edits of one key the first holds what was there before.
template <class D>
void add_drafts(const Catalog& catalog, const std::vector<Edit<D>>& edits,
                std::vector<AuditDraft>& to) {
  if constexpr (kIsRecorded<D>) {
    std::set<std::string_view> seen;
    for (const Edit<D>& edit : edits) {
      if (!seen.insert(edit.key).second) continue;
      const D* before = edit.value ? &*edit.value : nullptr;
      const D* after = catalog.of<D>().find(edit.key);
      if (before == nullptr && after == nullptr) continue;
      if (workspace_of(after == nullptr ? *before : *after) == kOwnWorkspace) continue;
      auto drafts = audit_drafts_of(D::kKind, before == nullptr ? "" : before->to_json(),
                                    after == nullptr ? "" : after->to_json(),
                                    about(after == nullptr ? *before : *after));
      std::move(drafts.begin(), drafts.end(), std::back_inserter(to));
    }
  }
}

}  // namespace

std::vector<AuditDraft> audit_drafts(const Catalog& catalog, const Change& change) {
  std::vector<AuditDraft> drafts;
  change.each_kind([&](const auto& edits) { add_drafts(catalog, edits, drafts); });
  return drafts;
}

std::vector<AuditDraft> audit_drafts_of(std::string_view kind, std::string_view before,
                                        std::string_view after, AuditDraft draft) {
  Json was = parsed(before);
  Json is = parsed(after);
  complete(kind, was);
  complete(kind, is);
  draft.kind = kind;
  if (before.empty() || after.empty()) {
    draft.action = before.empty() ? "create" : "delete";
    if (!before.empty()) draft.before = side_of(kind, was, nullptr);
    if (!after.empty()) draft.after = side_of(kind, is, nullptr);
    return {std::move(draft)};
  }
  const std::set<std::string> changed = differences(kind, was, is);
  if (changed.empty()) return {};
  draft.action = action_of_update(kind, changed);
  if (is_shown_kind(kind)) draft.changed.assign(changed.begin(), changed.end());
  draft.before = side_of(kind, was, &changed);
  draft.after = side_of(kind, is, &changed);
  return {std::move(draft)};
}

std::vector<AuditDraft> audit_drafts_of(const JobDefinition* before, const JobDefinition& after) {
  AuditDraft draft =
      audit_draft_of_deed(after.workspace, "create", JobDefinition::kKind, after.id.to_string());
  if (before == nullptr) {
    JobDefinition asked = after;
    asked.stage = JobDefinition::Stage{};
    const Json json = parsed(asked.to_json());
    draft.after = side_of(JobDefinition::kKind, json, nullptr);
    return {std::move(draft)};
  }
  if (before->stage != after.stage) {
    draft.action = "cancel";
  } else if (before->is_paused != after.is_paused) {
    draft.action = after.is_paused ? "pause" : "resume";
  } else {
    return {};
  }
  return {std::move(draft)};
}

AuditDraft audit_draft_of_deed(std::string_view workspace, std::string_view action,
                               std::string_view kind, std::string object) {
  AuditDraft draft;
  draft.workspace = workspace;
  draft.action = action;
  draft.kind = kind;
  draft.name = object;
  draft.object = std::move(object);
  return draft;
}

}  // namespace headrace::engine
