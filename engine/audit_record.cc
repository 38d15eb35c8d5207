// SPDX-License-Identifier: Apache-2.0
#include "engine/audit_record.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace headrace::engine {
namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// The members, in the order in which they are written. Frozen names; an empty text is left out.
template <class Entry, class Visit>
void texts(Entry& entry, const Visit& visit) {
  visit("address", entry.actor.address);
  visit("request", entry.actor.request_id);
  visit("action", entry.action);
  visit("kind", entry.kind);
  visit("name", entry.name);
  visit("object", entry.object);
}

template <class Entry, class Visit>
void sides(Entry& entry, const Visit& visit) {
  visit("before", entry.before);
  visit("after", entry.after);
}

}  // namespace

std::string audit_begin(std::string_view workspace) {
  return std::string(kAuditBegin).append(workspace).append("/");
}

std::string audit_end(std::string_view workspace) {
  return std::string(kAuditBegin).append(workspace).append("0");
}

std::string audit_key(std::string_view workspace, AuditId id) {
  std::string key = audit_begin(workspace);
  const std::size_t size = key.size();
  key.resize(size + kIdDigits);
  format_base62(id.bits, key.data() + size);
  return key;
}

std::optional<AuditKey> parse_audit_key(std::string_view key) {
  if (!key.starts_with(kAuditBegin)) return std::nullopt;
  key.remove_prefix(kAuditBegin.size());
  const std::size_t slash = key.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  auto bits = parse_base62(key.substr(slash + 1));
  if (!bits) return std::nullopt;
  return AuditKey{key.substr(0, slash), AuditId{*bits}};
}

std::string audit_json(const AuditEntry& entry) {
  Json json = {{"actor", static_cast<unsigned>(entry.actor.kind)}};
  if (entry.actor.key) json["key"] = entry.actor.key.to_string();
  texts(entry, [&json](const char* name, const std::string& text) {
    if (!text.empty()) json[name] = text;
  });
  if (!entry.changed.empty()) json["changed"] = entry.changed;
  sides(entry, [&json](const char* name, const std::string& side) {
    if (!side.empty()) json[name] = Json::parse(side, nullptr, false);
  });
  return text_of(json);
}

Result<AuditEntry> parse_audit(AuditId id, std::string_view text) {
  const Error corrupted{ErrorCode::kCorrupted, "an entry of the audit log cannot be read", 0};
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return corrupted;
  AuditEntry entry;
  entry.id = id;
  entry.at = id.bits.high >> 16;
  entry.number = id.bits.low;
  bool sound = json.contains("actor") && json["actor"].is_number_unsigned();
  if (sound) entry.actor.kind = static_cast<ActorKind>(json["actor"].get<std::uint8_t>());
  texts(entry, [&](const char* name, std::string& to) {
    const auto it = json.find(name);
    if (it == json.end()) return;
    sound &= it->is_string();
    if (it->is_string()) to = it->get<std::string>();
  });
  sides(entry, [&](const char* name, std::string& to) {
    if (const auto it = json.find(name); it != json.end()) to = text_of(*it);
  });
  if (const auto it = json.find("key"); it != json.end() && it->is_string()) {
    auto key = KeyId::parse(it->get_ref<const std::string&>());
    sound &= key.has_value();
    if (key) entry.actor.key = *key;
  }
  if (const auto it = json.find("changed"); it != json.end() && it->is_array()) {
    for (const Json& name : *it) {
      sound &= name.is_string();
      if (name.is_string()) entry.changed.push_back(name.get<std::string>());
    }
  }
  if (!sound) return corrupted;
  return entry;
}

}  // namespace headrace::engine
