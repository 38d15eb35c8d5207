// SPDX-License-Identifier: Apache-2.0
// Workspaces and the keys that open them.
#include <array>

#include "core/random.h"
#include "engine/faults.h"
#include "engine/pages.h"
#include "engine/registry.h"
#include "engine/tags.h"

namespace headrace::engine {
namespace {

constexpr std::string_view kSecretPrefix = "hrk_";  // a leaked key is recognised for what it is
constexpr std::string_view kKeyPepper = "key_pepper";
constexpr std::size_t kPepperBytes = 32;
constexpr Scopes kAllScopes = 15;
// How old the recorded last use may become before it is written again: a write is a sync.
constexpr core::WallMs kLastUseWrittenAfter = 3'600'000;

std::string new_secret() {
  std::array<Bits128, 2> bits{};
  core::secure_random(bits.data(), sizeof(bits));
  std::string secret(kSecretPrefix.size() + 2 * kIdDigits, '\0');
  kSecretPrefix.copy(secret.data(), kSecretPrefix.size());
  format_base62(bits[0], secret.data() + kSecretPrefix.size());
  format_base62(bits[1], secret.data() + kSecretPrefix.size() + kIdDigits);
  return secret;
}

Key shown(const KeyDefinition& key) {
  Key result{key.id, key.name, key.scopes, key.created_at, std::nullopt, std::nullopt};
  if (key.expires_at != 0) result.expires_at = key.expires_at;
  if (key.last_used_at != 0) result.last_used_at = key.last_used_at;
  return result;
}

WorkspaceInfo shown(const WorkspaceDefinition& workspace) {
  return {workspace.tag, workspace.name, workspace.created_at};
}

}  // namespace

Result<WorkspaceInfo> Registry::create_workspace(std::string_view tag, std::string_view name) {
  if (auto checked = check_tag("tag", tag); !checked) return at("/tag", std::move(checked).error());
  if (auto checked = check_text("name", name); !checked)
    return at("/name", std::move(checked).error());
  const std::lock_guard lock(mutex_);
  if (table<WorkspaceDefinition>().find(tag) != nullptr)
    return conflict("there is a workspace '" + std::string(tag) + "' already");
  auto audit_from = audit_->end_of(tag);
  if (!audit_from) return std::move(audit_from).error();
  const WorkspaceDefinition workspace{std::string(tag), std::string(name), clock_.wall_ms(),
                                      audit_from->bits.high};
  Change change;
  change.put(workspace);
  add_system_webhook(change, tag);
  if (auto done = commit(std::move(change)); !done) return std::move(done).error();
  return shown(workspace);
}

Result<Page<WorkspaceInfo>> Registry::workspaces(const PageRequest& page) const {
  if (auto checked = check_page(page); !checked) return std::move(checked).error();
  const std::lock_guard lock(mutex_);
  const std::string prefix;
  PageFiller<WorkspaceInfo> filler(prefix, page);
  table<WorkspaceDefinition>().scan(prefix, page.cursor, [&](const WorkspaceDefinition& workspace) {
    if (!filler.has_room()) return false;
    filler.add(shown(workspace), workspace.key());
    return true;
  });
  return filler.take();
}

Result<WorkspaceInfo> Registry::workspace(std::string_view tag) const {
  const std::lock_guard lock(mutex_);
  if (auto there = need_workspace(tag); !there) return std::move(there).error();
  return shown(*table<WorkspaceDefinition>().find(tag));
}

Result<void> Registry::delete_workspace(std::string_view tag, const ChangeOptions& options) {
  const std::lock_guard lock(mutex_);
  if (auto there = need_workspace(tag); !there) return there;
  if (tag == kDefaultWorkspace) return invalid("/workspace", "the default workspace stays");
  const std::string prefix = std::string(tag) + '/';
  Change change;
  Error orphans = conflict("the workspace is not empty");
  const auto take = [&]<class D>(const Table<D>& definitions) {
    definitions.scan(prefix, {}, [&](const D& definition) {
      change.remove(definition);
      if constexpr (std::is_same_v<D, WebhookDefinition>) {
        // The one that is built in comes and goes with the workspace.
        if (definition.app != kSystemApp)
          orphans.items.push_back({"webhook " + definition.app + "/" + definition.tag, ""});
      }
      if constexpr (std::is_same_v<D, EndpointDefinition>) {
        if (definition.app == kSystemApp)
          orphans.items.push_back({"endpoint " + definition.id.to_string(), definition.product});
      }
      if constexpr (std::is_same_v<D, ConnectionDefinition>)
        orphans.items.push_back(
            {"connection " + definition.product + "/" + definition.access_tag, ""});
      if constexpr (std::is_same_v<D, SecretDefinition>)
        orphans.items.push_back({"secret " + definition.name, ""});
      return true;
    });
  };
  take(table<KeyDefinition>());
  take(table<WebhookDefinition>());
  take(table<EventDefinition>());
  take(table<ConnectionDefinition>());
  take(table<EndpointDefinition>());
  take(table<LinkDefinition>());
  take(table<CallDefinition>());
  take(table<SecretDefinition>());
  // A later workspace of the same name must not see what was there before.
  table<RetiredDefinition>().each([&](const RetiredDefinition& retired) {
    if (retired.workspace == tag) change.remove(retired);
  });
  if (!orphans.items.empty() && !options.cascade) return orphans;
  change.remove(*table<WorkspaceDefinition>().find(tag));
  return commit(std::move(change));
}

Result<NewKey> Registry::create_key(std::string_view workspace, const KeySpec& spec) {
  if (auto checked = check_text("name", spec.name); !checked)
    return at("/name", std::move(checked).error());
  if (spec.scopes == 0 || spec.scopes > kAllScopes)
    return invalid("/scopes", "must name at least one of read, write, replay and admin");
  const std::lock_guard lock(mutex_);
  if (auto there = need_workspace(workspace); !there) return std::move(there).error();
  if (spec.expires_at && *spec.expires_at <= clock_.wall_ms())
    return invalid("/expires_at", "must lie in the future");
  std::size_t count = 0;
  table<KeyDefinition>().scan(std::string(workspace) + '/', {}, [&](const KeyDefinition&) {
    return ++count < core::limits::kKeysPerWorkspaceMax;
  });
  if (count == core::limits::kKeysPerWorkspaceMax)
    return Error{ErrorCode::kTooLarge, "a workspace has at most 1000 keys", 0};
  if (auto there = need_key_pepper(); !there) return std::move(there).error();
  KeyDefinition key;
  core::secure_random(&key.id.bits, sizeof(key.id.bits));
  key.workspace = workspace;
  key.name = spec.name;
  key.scopes = spec.scopes;
  std::string secret = new_secret();
  key.secret_hash = hasher_->hash_of(secret);
  key.created_at = clock_.wall_ms();
  key.expires_at = spec.expires_at.value_or(0);
  Change change;
  change.put(key);
  if (auto done = commit(std::move(change)); !done) return std::move(done).error();
  return NewKey{shown(key), std::move(secret)};
}

Result<Page<Key>> Registry::keys(std::string_view workspace, const PageRequest& page) const {
  if (auto checked = check_page(page); !checked) return std::move(checked).error();
  const std::lock_guard lock(mutex_);
  if (auto there = need_workspace(workspace); !there) return std::move(there).error();
  const std::string prefix = std::string(workspace) + '/';
  PageFiller<Key> filler(prefix, page);
  table<KeyDefinition>().scan(prefix, after_key(prefix, page), [&](const KeyDefinition& key) {
    if (!filler.has_room()) return false;
    filler.add(shown(key), key.key());
    return true;
  });
  return filler.take();
}

Result<Key> Registry::key(std::string_view workspace, KeyId id) const {
  const std::lock_guard lock(mutex_);
  const auto* key = table<KeyDefinition>().by_id(id);
  if (key == nullptr || key->workspace != workspace) return not_found("there is no such key");
  return shown(*key);
}

Result<void> Registry::revoke_key(std::string_view workspace, KeyId id) {
  const std::lock_guard lock(mutex_);
  const auto* key = table<KeyDefinition>().by_id(id);
  if (key == nullptr || key->workspace != workspace) return not_found("there is no such key");
  Change change;
  change.remove(*key);
  return commit(std::move(change));
}

// Looked up by a hash that nobody can work out who does not have the pepper, so how long the
// look-up takes says nothing about a key that is there.
Result<Caller> Registry::authenticate(std::string_view secret) {
  const Error refused{ErrorCode::kUnauthorized, "the key is unknown, expired or revoked", 0};
  if (!secret.starts_with(kSecretPrefix)) return refused;
  const std::lock_guard lock(mutex_);
  const auto* key = hasher_ ? table<KeyDefinition>().by_hash(hasher_->hash_of(secret)) : nullptr;
  const core::WallMs now = clock_.wall_ms();
  if (key == nullptr || (key->expires_at != 0 && key->expires_at <= now)) return refused;
  const Caller caller{key->workspace, key->scopes, key->id};
  // A full disk must not lock people out.
  if (now >= key->last_used_at + kLastUseWrittenAfter) {
    KeyDefinition used = *key;
    used.last_used_at = now;
    Change change;
    change.put(std::move(used));
    (void)commit(std::move(change));
  }
  return caller;
}

// The pepper is sealed like any secret, so a copy of the store without the master key has hashes
// that nobody can work out, and a rotation of the master key seals it anew. It is made with the
// first key that is hashed under it.
Result<void> Registry::load_key_pepper() {
  const auto* pepper = table<SecretDefinition>().find(join_key({kOwnWorkspace, kKeyPepper}));
  if (pepper == nullptr) return {};
  auto value = secrets_.opened(*pepper);
  if (!value) return std::move(value).error();
  hasher_.emplace(*value);
  return {};
}

Result<void> Registry::need_key_pepper() {
  if (hasher_) return {};
  core::SecretBytes pepper = core::SecretBytes::of_size(kPepperBytes);
  core::secure_random(pepper.data(), pepper.size());
  SecretDefinition secret;
  secret.workspace = kOwnWorkspace;
  secret.name = kKeyPepper;
  secret.created_at = secret.updated_at = clock_.wall_ms();
  Change change;
  change.put(secrets_.sealed(std::move(secret), pepper.view()));
  if (auto done = commit(std::move(change)); !done) return done;
  hasher_.emplace(pepper);
  return {};
}

}  // namespace headrace::engine
