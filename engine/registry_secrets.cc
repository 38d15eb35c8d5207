// SPDX-License-Identifier: Apache-2.0
// Secrets that definitions name, what endpoints sign with, and the key that all of it is sealed
// under.
#include <algorithm>

#include "engine/audit_draft.h"
#include "engine/faults.h"
#include "engine/pages.h"
#include "engine/registry.h"

namespace headrace::engine {
namespace {

// Sealed anew in one write: few enough for a batch, many enough to be done soon.
constexpr std::size_t kResealedAtOnce = 1000;
constexpr std::size_t kSecretsMax = 1000;  // of a workspace
constexpr std::chrono::hours kGraceMax{24 * 30};

SecretInfo shown(const SecretDefinition& secret) {
  return {secret.name, secret.created_at, secret.updated_at, secret.revision};
}

Result<void> check_name(std::string_view name) {
  const auto names = secret_names("$Secret{" + std::string(name) + "}");
  if (names && names->size() == 1 && names->front() == name) return {};
  return invalid("/name", "must be 1 to 64 of A-Z a-z 0-9 _");
}

Result<void> check_value(std::string_view value) {
  if (value.empty()) return invalid("/value", "is empty");
  if (value.size() > SecretStore::kValueBytesMax) return invalid("/value", "is larger than 64 KiB");
  return {};
}

AuditDraft master_key_rotation() {
  return audit_draft_of_deed(kDefaultWorkspace, "rotate", "master_key", "master_key");
}

Error no_secret(std::string_view name) {
  return not_found("there is no secret '" + std::string(name) + "'");
}

void list_uses(const Catalog& catalog, std::string_view workspace, std::string_view name,
               std::vector<ErrorItem>& items) {
  const std::string prefix = std::string(workspace) + '/';
  catalog.of<EndpointDefinition>().scan(prefix, {}, [&](const EndpointDefinition& endpoint) {
    if (uses_secret(endpoint, name))
      items.push_back({"endpoint " + endpoint.id.to_string(), endpoint.product});
    return true;
  });
  catalog.of<CallDefinition>().scan(prefix, {}, [&](const CallDefinition& call) {
    if (uses_secret(call, name))
      items.push_back({"registration " + call.product + "/" + call.access_tag, call.env});
    return true;
  });
  catalog.of<WebhookDefinition>().scan(prefix, {}, [&](const WebhookDefinition& webhook) {
    if (uses_secret(webhook, name)) items.push_back({"webhook " + webhook.tag, webhook.app});
    return true;
  });
  catalog.of<LinkDefinition>().scan(prefix, {}, [&](const LinkDefinition& link) {
    if (uses_secret(link, name)) items.push_back({"link " + link.id.to_string(), link.product});
    return true;
  });
}

// Whatever happens in between: both keys are there until nothing needs the one before. What is
// sealed stays what it is, so the loops have nothing to learn.
Result<void> seal_anew(SecretStore& secrets, store::EventStore& store, Catalog& catalog) {
  if (!secrets.master_key().is_rotating()) return {};
  for (;;) {
    auto change = secrets.resealed(kResealedAtOnce);
    if (!change) return std::move(change).error();
    if (change->empty()) break;
    if (auto written = store.change_definitions(change->for_store()); !written) return written;
    catalog.apply(*change);
  }
  return secrets.master_key().finish_rotation();
}

}  // namespace

Result<SecretInfo> Registry::put_secret(std::string_view workspace, std::string_view name,
                                        std::string_view value, const ChangeOptions& options) {
  if (auto checked = check_name(name); !checked) return std::move(checked).error();
  if (auto checked = check_value(value); !checked) return std::move(checked).error();
  const std::lock_guard lock(mutex_);
  if (auto there = need_workspace(workspace); !there) return std::move(there).error();
  const auto* before = table<SecretDefinition>().find(join_key({workspace, name}));
  if (before == nullptr && (options.if_exists || options.if_revision))
    return Error{ErrorCode::kPrecondition, no_secret(name).what, 0};
  SecretDefinition secret;
  if (before != nullptr) {
    if (auto same = check_revision(before->revision, options); !same)
      return std::move(same).error();
    secret = *before;
  } else {
    std::size_t count = 0;
    table<SecretDefinition>().scan(std::string(workspace) + '/', {},
                                   [&](const auto&) { return ++count < kSecretsMax; });
    if (count == kSecretsMax)
      return Error{ErrorCode::kTooLarge, "a workspace has at most 1000 secrets", 0};
    secret.workspace = workspace;
    secret.name = name;
    secret.created_at = clock_.wall_ms();
  }
  secret = secrets_.sealed(std::move(secret), value);
  secret.updated_at = clock_.wall_ms();
  secret.revision = next_revision();
  Change change;
  change.put(secret);
  if (auto done = commit(std::move(change)); !done) return std::move(done).error();
  return shown(secret);
}

Result<Page<SecretInfo>> Registry::secrets(std::string_view workspace,
                                           const PageRequest& page) const {
  if (auto checked = check_page(page); !checked) return std::move(checked).error();
  const std::lock_guard lock(mutex_);
  if (auto there = need_workspace(workspace); !there) return std::move(there).error();
  const std::string prefix = std::string(workspace) + '/';
  PageFiller<SecretInfo> filler(prefix, page);
  table<SecretDefinition>().scan(prefix, after_key(prefix, page),
                                 [&](const SecretDefinition& secret) {
                                   if (!filler.has_room()) return false;
                                   filler.add(shown(secret), secret.key());
                                   return true;
                                 });
  return filler.take();
}

Result<SecretInfo> Registry::secret(std::string_view workspace, std::string_view name) const {
  const std::lock_guard lock(mutex_);
  if (auto there = need_workspace(workspace); !there) return std::move(there).error();
  if (!check_name(name)) return no_secret(name);
  const auto* found = table<SecretDefinition>().find(join_key({workspace, name}));
  if (found == nullptr) return no_secret(name);
  return shown(*found);
}

Result<void> Registry::delete_secret(std::string_view workspace, std::string_view name,
                                     const ChangeOptions& options) {
  const std::lock_guard lock(mutex_);
  if (auto there = need_workspace(workspace); !there) return there;
  if (!check_name(name)) return no_secret(name);
  const auto* found = table<SecretDefinition>().find(join_key({workspace, name}));
  if (found == nullptr) return no_secret(name);
  if (auto same = check_revision(found->revision, options); !same) return same;
  Error users = conflict("the secret is in use, and these would fail without it");
  list_uses(catalog_, workspace, name, users.items);
  if (!users.items.empty() && !options.cascade) return users;
  Change change;
  change.remove(*found);
  return commit(std::move(change));
}

Result<SigningSecret> Registry::signing_secret(std::string_view workspace, EndpointId id) const {
  const std::lock_guard lock(mutex_);
  auto found = find_endpoint(workspace, id);
  if (!found) return std::move(found).error();
  return secrets_.shown_secret(**found, clock_.wall_ms());
}

Result<SigningSecret> Registry::rotate_signing_secret(std::string_view workspace, EndpointId id,
                                                      const SigningRotation& rotation,
                                                      const ChangeOptions& options) {
  if (rotation.grace.count() < 0 || rotation.grace > kGraceMax)
    return invalid("/grace", "must be between 0 and 30 days");
  const std::lock_guard lock(mutex_);
  auto found = find_endpoint(workspace, id);
  if (!found) return std::move(found).error();
  if (auto same = check_revision((*found)->revision, options); !same)
    return std::move(same).error();
  EndpointDefinition endpoint = **found;
  if (auto rotated = secrets_.rotate(rotation, clock_.wall_ms(), endpoint); !rotated)
    return std::move(rotated).error();
  endpoint.revision = next_revision();
  Change change;
  change.put(endpoint);
  if (auto done = commit(std::move(change)); !done) return std::move(done).error();
  return secrets_.shown_secret(endpoint, clock_.wall_ms());
}

// Endpoints of a time before there were signatures. Receivers that do not look for one notice
// nothing.
Result<void> Registry::make_signing_secrets() {
  std::vector<EndpointDefinition> bare;
  table<EndpointDefinition>().each([&](const EndpointDefinition& endpoint) {
    const bool signs = endpoint.signing_scheme != SigningScheme::kNone;
    if (signs && endpoint.signing_secret.empty()) bare.push_back(endpoint);
  });
  for (std::size_t from = 0; from < bare.size(); from += kResealedAtOnce) {
    Change change;
    for (std::size_t i = from; i < std::min(bare.size(), from + kResealedAtOnce); ++i) {
      if (auto made = secrets_.rotate({}, clock_.wall_ms(), bare[i]); !made) return made;
      change.put(std::move(bare[i]));
    }
    if (auto done = commit(std::move(change)); !done) return done;
  }
  return {};
}

Result<void> Registry::rotate_master_key() {
  const std::lock_guard lock(mutex_);
  const auto rotate = [this] {
    auto begun = secrets_.master_key().begin_rotation();
    return begun ? seal_anew(secrets_, store_, catalog_) : begun;
  };
  return recorded<Result<void>>(*audit_, master_key_rotation(), rotate);
}

// A key that is given from outside is exchanged by giving both at one start, which is a rotation
// like any other, and is recorded before anything is sealed anew. So is one that a crash left
// unfinished, but not that both are given once more when nothing is left to do.
Result<void> Registry::finish_master_key_rotation() {
  if (!secrets_.master_key().is_rotating()) return {};
  auto first = secrets_.resealed(1);
  if (!first) return std::move(first).error();
  if (first->empty()) return secrets_.master_key().finish_rotation();
  return recorded<Result<void>>(*audit_, master_key_rotation(),
                                [this] { return seal_anew(secrets_, store_, catalog_); });
}

}  // namespace headrace::engine
