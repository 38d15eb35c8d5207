// SPDX-License-Identifier: Apache-2.0
// Links: the addresses that providers post to.
#include "core/random.h"
#include "engine/faults.h"
#include "engine/pages.h"
#include "engine/registry.h"
#include "engine/registry_lists.h"
#include "engine/tags.h"
#include "engine/verification_rules.h"

namespace headrace::engine {
namespace {

constexpr std::chrono::hours kGraceMax{24 * 30};

// What shows the link is another one by it.
void touch_owner(const Catalog& catalog, const LinkDefinition& link, std::uint64_t revision,
                 Change& change) {
  if (link.link_kind() == LinkKind::kApp) {
    const auto* webhook =
        catalog.of<WebhookDefinition>().find(join_key({link.workspace, link.app, link.webhook}));
    if (webhook == nullptr) return;
    WebhookDefinition touched = *webhook;
    touched.revision = revision;
    change.put(std::move(touched));
  } else if (const auto* endpoint = catalog.of<EndpointDefinition>().find(link.key())) {
    EndpointDefinition touched = *endpoint;
    touched.revision = revision;
    change.put(std::move(touched));
  }
}

}  // namespace

// The link of a place (and event), made when it is not there: the same place, the same link.
LinkDefinition Registry::put_link(Change& change, const Place& place, std::string_view event,
                                  bool* created) {
  const LinkDefinition* before = link_at(place, event);
  if (created != nullptr) *created = before == nullptr;
  if (before != nullptr && before->access_tag == place.access_tag) return *before;
  LinkDefinition link = before != nullptr ? *before : new_link(place, event);
  if (before != nullptr) {  // the product calls the app by another name now
    link.access_tag = place.access_tag;
    link.revision = next_revision();
  }
  change.put(link);
  return link;
}

Result<LinkResult> Registry::create_link(std::string_view workspace, std::string_view product,
                                         const LinkSpec& spec) {
  if (spec.verification) {
    auto checked = check_verification(*spec.verification, "/verification", options_.dedupe_window);
    if (!checked) return std::move(checked).error();
  }
  if (auto named = check_names(spec.settings, ""); !named) return std::move(named).error();
  const std::lock_guard lock(mutex_);
  if (auto there = need_workspace(workspace); !there) return std::move(there).error();
  std::string webhook = spec.webhook;
  std::string event;
  if (!spec.event.empty()) {
    auto app = app_of(workspace, product, spec.access_tag);
    if (!app) return std::move(app).error();
    const bool part = spec.event.find(':') == std::string::npos && !webhook.empty();
    auto found = find_event(workspace, *app, part ? webhook + ":" + spec.event : spec.event);
    if (!found) return std::move(found).error();
    if (!webhook.empty() && webhook != (*found)->webhook())
      return invalid("/event", "is not one of the webhook's");
    event = (*found)->tag;
    webhook = (*found)->webhook();
  } else if (webhook.empty()) {
    return invalid("/webhook_tag", "is missing; an event would do as well");
  }
  auto place = find_place(workspace, product, spec.access_tag, webhook, spec.env, "/env");
  if (!place) return std::move(place).error();
  const EndpointDefinition* endpoint = endpoint_at(*place);
  if (event.empty() && !spec.settings.url && endpoint == nullptr)
    return invalid("/url", "is missing: the product has no endpoint there yet");

  Change change;
  LinkResult result;
  result.endpoint = endpoint == nullptr ? EndpointId{} : endpoint->id;
  LinkDefinition link = put_link(change, *place, event, &result.created);
  if (spec.verification && *spec.verification != link.verification) {
    link.verification = *spec.verification;
    link.revision = next_revision();
    change.put(link);
  }
  if (spec.settings.url || endpoint != nullptr) {
    auto next = with_settings(*place, spec.settings, "");
    if (!next) return std::move(next).error();
    if (auto put = put_endpoint(change, *next, *place); !put) return std::move(put).error();
    result.endpoint = next->id;
    if (!event.empty()) put_link(change, *place, {});
  }
  if (!change.empty()) {
    if (auto done = commit(std::move(change)); !done) return std::move(done).error();
  }
  result.link = describe(link);
  return result;
}

Result<Page<Link>> Registry::links(std::string_view workspace, const LinkFilter& filter,
                                   const PageRequest& page) const {
  if (auto checked = check_page(page); !checked) return std::move(checked).error();
  const std::lock_guard lock(mutex_);
  if (auto there = need_workspace(workspace); !there) return std::move(there).error();
  return list_filtered<Link>(table<LinkDefinition>(), workspace, filter, page);
}

Result<Link> Registry::link(std::string_view workspace, LinkId id) const {
  const std::lock_guard lock(mutex_);
  auto found = find_link(workspace, id);
  if (!found) return std::move(found).error();
  return describe(**found);
}

Result<Link> Registry::rotate_link(std::string_view workspace, LinkId id,
                                   std::chrono::milliseconds grace, const ChangeOptions& options) {
  if (grace.count() < 0 || grace > kGraceMax)
    return invalid("/grace", "must be between 0 and 30 days");
  const std::lock_guard lock(mutex_);
  auto found = find_link(workspace, id);
  if (!found) return std::move(found).error();
  LinkDefinition link = **found;
  if (auto same = check_revision(link.revision, options); !same) return std::move(same).error();
  const bool at_once = grace.count() == 0;
  link.previous_token = at_once ? Bits128{} : link.token;
  link.previous_until = at_once ? 0 : clock_.wall_ms() + static_cast<core::WallMs>(grace.count());
  core::secure_random(&link.token, sizeof(link.token));
  link.revision = next_revision();
  Change change;
  change.put(link);
  touch_owner(catalog_, link, next_revision(), change);
  if (auto done = commit(std::move(change)); !done) return std::move(done).error();
  return describe(link);
}

Result<void> Registry::delete_link(std::string_view workspace, LinkId id,
                                   const ChangeOptions& options) {
  const std::lock_guard lock(mutex_);
  auto found = find_link(workspace, id);
  if (!found) return std::move(found).error();
  const LinkDefinition& link = **found;
  if (auto same = check_revision(link.revision, options); !same) return same;
  if (link.link_kind() == LinkKind::kApp)
    return conflict("the link belongs to the webhook's env: delete that, or rotate the link");
  if (link.link_kind() == LinkKind::kProduct) {
    if (const auto* endpoint = table<EndpointDefinition>().find(link.key())) {
      Error in_use = conflict("the link belongs to an endpoint: delete that, or rotate the link");
      in_use.items.push_back({"endpoint " + endpoint->id.to_string(), endpoint->url});
      return in_use;
    }
  }
  Change change;
  remove_link(change, link);
  return commit(std::move(change));
}

}  // namespace headrace::engine
