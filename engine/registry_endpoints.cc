// SPDX-License-Identifier: Apache-2.0
// Endpoints: who receives, and what.
#include <algorithm>

#include "core/limits.h"
#include "core/random.h"
#include "engine/delivery_rules.h"
#include "engine/dispatch_endpoints.h"
#include "engine/endpoint_tls.h"
#include "engine/faults.h"
#include "engine/pages.h"
#include "engine/registry.h"
#include "engine/registry_lists.h"
#include "engine/request_parts.h"
#include "engine/secrets.h"
#include "engine/tags.h"
#include "selector/filter.h"

namespace headrace::engine {

namespace limits = core::limits;

namespace {

// Secrets that are not there are named when they are written down, not when the first message
// waits.
Result<void> check_secrets(const EndpointDefinition& endpoint, const RequestParts& parts,
                           const SecretSource& source, const std::string& pointer) {
  auto names = secret_names(endpoint.url);
  if (!names) return invalid(pointer + "/url", names.error().what);
  const std::string filled = fill_placeholders(endpoint.url, parts.params);
  if (auto shown = check_authority(filled, pointer + "/url"); !shown) return shown;
  auto in_url = with_secrets(endpoint.url, endpoint.workspace, source, Escape::kNone);
  if (!in_url) return invalid(pointer + "/url", in_url.error().what);
  wipe(*in_url);
  for (const Fields* fields : {&parts.headers, &parts.query, &parts.params}) {
    for (const auto& [name, value] : *fields) {
      auto resolved = with_secrets(value, endpoint.workspace, source, Escape::kNone);
      if (!resolved) return invalid(pointer + "/auth", resolved.error().what);
      wipe(*resolved);
    }
  }
  return {};
}

Result<void> check_auth(const EndpointDefinition& endpoint, const SecretSource& source,
                        const std::string& pointer) {
  auto parts = parse_request_parts(endpoint.auth, pointer + "/auth");
  if (!parts) return std::move(parts).error();
  if (!parts->body.empty())
    return invalid(pointer + "/auth/body", "a delivery's body is the message's: leave this empty");
  return check_secrets(endpoint, *parts, source, pointer);
}

Result<void> check_filter(const EndpointDefinition& endpoint, const std::string& pointer) {
  if (endpoint.filter.empty()) return {};
  selector::FilterFault fault;
  auto filter = selector::Filter::parse(endpoint.filter, &fault);
  if (filter) return {};
  Error error = std::move(filter).error();
  error.items.push_back({pointer + "/filter" + fault.pointer, fault.what});
  return error;
}

// Names of events as full tags of the webhook. The event part alone will do.
Result<std::vector<std::string>> full_tags(const Catalog& catalog, const WebhookDefinition& webhook,
                                           const std::vector<std::string>& names,
                                           const std::string& pointer) {
  std::vector<std::string> tags;
  for (std::size_t i = 0; i < names.size(); ++i) {
    std::string tag = names[i];
    if (tag.find(':') == std::string::npos) tag.insert(0, webhook.tag + ":");
    const auto* event =
        catalog.of<EventDefinition>().find(join_key({webhook.workspace, webhook.app, tag}));
    if (event == nullptr || event->webhook() != webhook.tag)
      return invalid(pointer + "/" + std::to_string(i),
                     "the webhook has no event '" + names[i] + "'");
    if (std::count(tags.begin(), tags.end(), tag) == 0) tags.push_back(std::move(tag));
  }
  return tags;
}

}  // namespace

// The endpoint at a place as these settings make it. Nothing is changed yet.
Result<EndpointDefinition> Registry::with_settings(const Place& place,
                                                   const EndpointSettings& settings,
                                                   const std::string& pointer) {
  const EndpointDefinition* before = endpoint_at(place);
  EndpointDefinition endpoint;
  if (before != nullptr) {
    endpoint = *before;
  } else {
    core::secure_random(&endpoint.id.bits, sizeof(endpoint.id.bits));
    endpoint.workspace = place.workspace;
    endpoint.product = place.product;
    endpoint.app = place.webhook->app;
    endpoint.webhook = place.webhook->tag;
    endpoint.env = place.env;
    endpoint.method = "POST";
    endpoint.state_since = clock_.wall_ms();
    if (!settings.url) return invalid(pointer + "/url", "is missing");
  }
  endpoint.access_tag = place.access_tag;
  if (settings.url) endpoint.url = *settings.url;
  if (settings.method) endpoint.method = *settings.method;
  if (settings.auth) endpoint.auth = *settings.auth;
  if (settings.filter) endpoint.filter = *settings.filter;
  if (settings.tls) endpoint.tls = *settings.tls;
  apply(settings.delivery, endpoint.delivery);
  if (settings.state && *settings.state != endpoint.state)
    set_state(endpoint, *settings.state, StateReason::kManual);
  if (auto signs =
          secrets_.apply(settings.signing, clock_.wall_ms(), pointer + "/signing", endpoint);
      !signs)
    return std::move(signs).error();
  if (settings.events) {
    auto events = full_tags(catalog_, *place.webhook, *settings.events, pointer + "/events");
    if (!events) return std::move(events).error();
    endpoint.events = std::move(*events);
  }
  // What does not lead elsewhere than before may also be changed where the rules have become
  // stricter: how else would it be paused.
  const bool led_elsewhere = before == nullptr || settings.url || settings.auth;
  auto checked = check_endpoint(endpoint, pointer, led_elsewhere);
  if (!checked) return std::move(checked).error();
  return endpoint;
}

Result<void> Registry::check_endpoint(const EndpointDefinition& endpoint,
                                      const std::string& pointer, bool led_elsewhere) const {
  if (parse_method(endpoint.method) == core::Method::kOther)
    return invalid(pointer + "/method", "must be GET, POST, PUT, PATCH or DELETE");
  if (auto checked = check_auth(endpoint, secrets_.source(), pointer); !checked) return checked;
  if (auto checked = check_filter(endpoint, pointer); !checked) return checked;
  auto secure = check_tls(endpoint.tls, endpoint.workspace, secrets_.source(), pointer + "/tls");
  if (!secure) return secure;
  if (auto checked = check_delivery(endpoint.delivery, pointer); !checked) return checked;
  auto usable = for_dispatch(endpoint, secrets_);
  if (usable && (*usable)->settings.missing_secret.empty()) {
    if (!endpoint.tls.empty() && !(*usable)->url.tls)
      return invalid(pointer + "/tls", "goes with an https:// URL");
    auto leads = led_elsewhere ? check_target(options_.targets, (*usable)->url) : Result<void>();
    return leads ? leads : at(pointer + "/url", std::move(leads).error());
  }
  if (usable)
    return invalid(pointer + "/auth", "the secret " + (*usable)->settings.missing_secret +
                                          " is not there, or cannot stand where it is named");
  const std::string& what = usable.error().what;
  const bool of_signature = what.find("no place for a signature") != std::string::npos;
  const bool of_header = what.find("header") != std::string::npos;
  const char* const member = of_signature ? "/signing/header"
                             : of_header  ? "/auth/headers"
                                          : "/url";
  return at(pointer + member, std::move(usable).error());
}

Result<void> Registry::check_names(const EndpointSettings& settings,
                                   const std::string& pointer) const {
  if (!settings.url) return {};
  return resolve_and_check(options_.targets,
                           std::vector<WrittenUrl>{{*settings.url, pointer + "/url"}});
}

// Puts the endpoint and its link, if anything about it is new. Numbers are given out only now.
Result<void> Registry::put_endpoint(Change& change, EndpointDefinition& endpoint,
                                    const Place& place) {
  const EndpointDefinition* before = endpoint_at(place);
  if (before != nullptr && before->to_json() == endpoint.to_json()) return {};
  if (before == nullptr) {
    std::size_t receivers = 0;
    const std::string prefix = place.webhook->key() + '/' + std::string(place.env) + '/';
    table<EndpointDefinition>().scan(prefix, {}, [&](const EndpointDefinition&) {
      return ++receivers < limits::kTargetsPerMessageMax;
    });
    if (receivers == limits::kTargetsPerMessageMax)
      return Error{ErrorCode::kTooLarge,
                   "the webhook's env has as many endpoints as a message may go to", 0};
    endpoint.number = core::EndpointNumber{counter_.next_endpoint++};
  }
  endpoint.revision = next_revision();
  change.put(endpoint);
  return {};
}

Result<Endpoint> Registry::create_endpoint(std::string_view workspace, std::string_view product,
                                           const EndpointSpec& spec) {
  if (auto named = check_names(spec.settings, ""); !named) return std::move(named).error();
  const std::lock_guard lock(mutex_);
  if (auto there = need_workspace(workspace); !there) return std::move(there).error();
  auto place = find_place(workspace, product, spec.access_tag, spec.webhook, spec.env, "/env");
  if (!place) return std::move(place).error();
  if (endpoint_at(*place) != nullptr)
    return conflict("the product has an endpoint for that webhook and env already");
  auto endpoint = with_settings(*place, spec.settings, "");
  if (!endpoint) return std::move(endpoint).error();
  Change change;
  if (auto put = put_endpoint(change, *endpoint, *place); !put) return std::move(put).error();
  put_link(change, *place, {});
  if (auto done = commit(std::move(change)); !done) return std::move(done).error();
  return describe(*endpoint);
}

Result<Page<Endpoint>> Registry::endpoints(std::string_view workspace, const LinkFilter& filter,
                                           const PageRequest& page) const {
  if (auto checked = check_page(page); !checked) return std::move(checked).error();
  const std::lock_guard lock(mutex_);
  if (auto there = need_workspace(workspace); !there) return std::move(there).error();
  return list_filtered<Endpoint>(table<EndpointDefinition>(), workspace, filter, page);
}

Result<Endpoint> Registry::endpoint(std::string_view workspace, EndpointId id) const {
  const std::lock_guard lock(mutex_);
  auto found = find_endpoint(workspace, id);
  if (!found) return std::move(found).error();
  return describe(**found);
}

Result<Endpoint> Registry::update_endpoint(std::string_view workspace, EndpointId id,
                                           const EndpointSettings& settings,
                                           const ChangeOptions& options) {
  if (auto named = check_names(settings, ""); !named) return std::move(named).error();
  const std::lock_guard lock(mutex_);
  auto found = find_endpoint(workspace, id);
  if (!found) return std::move(found).error();
  const EndpointDefinition before = **found;
  if (auto same = check_revision(before.revision, options); !same) return std::move(same).error();
  auto webhook = find_webhook(workspace, before.app, before.webhook);
  if (!webhook) return std::move(webhook).error();
  const Place place{workspace, before.product, before.access_tag, before.env, *webhook};
  auto endpoint = with_settings(place, settings, "");
  if (!endpoint) return std::move(endpoint).error();
  Change change;
  if (auto put = put_endpoint(change, *endpoint, place); !put) return std::move(put).error();
  if (!change.empty()) {
    if (auto done = commit(std::move(change)); !done) return std::move(done).error();
  }
  return describe(*endpoint);
}

Result<void> Registry::delete_endpoint(std::string_view workspace, EndpointId id,
                                       const ChangeOptions& options) {
  const std::lock_guard lock(mutex_);
  auto found = find_endpoint(workspace, id);
  if (!found) return std::move(found).error();
  const EndpointDefinition& endpoint = **found;
  if (auto same = check_revision(endpoint.revision, options); !same) return same;
  Error orphans = conflict("links lead to the endpoint");
  std::vector<const LinkDefinition*> links;
  if (const auto* link = table<LinkDefinition>().find(endpoint.key())) links.push_back(link);
  table<LinkDefinition>().scan(endpoint.key() + '/', {}, [&](const LinkDefinition& link) {
    links.push_back(&link);
    return true;
  });
  for (const auto* link : links)
    orphans.items.push_back({"link " + link->id.to_string(), link->event});
  if (!links.empty() && !options.cascade) return orphans;
  Change change;
  for (const auto* link : links) remove_link(change, *link);
  if (const auto* call = table<CallDefinition>().find(endpoint.key())) remove_call(change, *call);
  remove_endpoint(change, endpoint);
  return commit(std::move(change));
}

}  // namespace headrace::engine
