// SPDX-License-Identifier: Apache-2.0
// Apps and their webhooks.
#include <algorithm>
#include <cstdint>

#include "core/limits.h"
#include "core/random.h"
#include "dispatch/url.h"
#include "engine/dispatch_endpoints.h"
#include "engine/faults.h"
#include "engine/pages.h"
#include "engine/registry.h"
#include "engine/request_parts.h"
#include "engine/secrets.h"
#include "engine/tags.h"
#include "engine/verification_rules.h"
#include "selector/selector.h"

namespace headrace::engine {

namespace limits = core::limits;

namespace {

constexpr std::uint64_t kRetentionMinMs = 60'000;
constexpr std::uint64_t kRetentionMaxMs = std::uint64_t{3'650} * 24 * 3'600'000;

// Nothing that is negative or zero comes out as "the engine's".
std::uint64_t kept_ms(std::optional<std::chrono::milliseconds> retention) {
  return retention ? static_cast<std::uint64_t>(std::max<std::int64_t>(1, retention->count())) : 0;
}

// A URL to call, whose placeholders are filled later.
Result<void> check_call_url(const std::string& url, const std::string& pointer) {
  if (url.empty()) return {};
  if (auto names = secret_names(url); !names) return invalid(pointer, names.error().what);
  if (auto shown = check_authority(url, pointer); !shown) return shown;
  Fields any;
  for (std::string& name : placeholders(url)) any.emplace_back(std::move(name), "x");
  auto parsed = dispatch::Url::parse(fill_placeholders(url, any));
  if (parsed) return {};
  return invalid(pointer, parsed.error().what);
}

Result<void> check_call_method(const std::string& method, const std::string& pointer) {
  if (parse_method(method) != core::Method::kOther) return {};
  return invalid(pointer, "must be GET, POST, PUT, PATCH or DELETE");
}

Result<void> check_env(const WebhookEnvSpec& env, const std::string& pointer,
                       std::chrono::milliseconds dedupe_window) {
  if (auto checked = check_slug(env.slug); !checked)
    return at(pointer + "/slug", std::move(checked).error());
  if (auto checked = check_call_url(env.registration_url, pointer + "/registration_url"); !checked)
    return checked;
  if (auto checked = check_call_url(env.unregistration_url, pointer + "/unregistration_url");
      !checked)
    return checked;
  if (auto checked = check_call_method(env.method, pointer + "/method"); !checked) return checked;
  if (auto checked =
          check_call_method(env.unregistration_method, pointer + "/unregistration_method");
      !checked)
    return checked;
  if (!env.unregistration_url.empty() && env.registration_url.empty())
    return invalid(pointer + "/unregistration_url", "goes with a registration_url only");
  if (auto parts = parse_request_parts(env.sample, pointer + "/sample"); !parts)
    return std::move(parts).error();
  return check_verification(env.verification, pointer + "/verification", dedupe_window);
}

Result<void> check_webhook(const WebhookDefinition& webhook) {
  if (auto checked = check_text("name", webhook.name); !checked)
    return at("/name", std::move(checked).error());
  if (auto checked = check_text("description", webhook.description); !checked)
    return at("/description", std::move(checked).error());
  if (webhook.envs.empty()) return invalid("/envs", "a webhook needs at least one env");
  if (webhook.envs.size() > limits::kEnvsPerWebhookMax)
    return invalid("/envs", "a webhook has at most 64 envs");
  if (webhook.body_bytes_max == 0 || webhook.body_bytes_max > limits::kBodyBytesMax)
    return invalid("/body_bytes_max", "must be between 1 and 67108864");
  if (webhook.retention_ms != 0 &&
      (webhook.retention_ms < kRetentionMinMs || webhook.retention_ms > kRetentionMaxMs))
    return invalid("/retention", "must be between 1 minute and 10 years");
  if (webhook.dedupe.empty()) return {};
  auto parsed = selector::Selector::parse(webhook.dedupe);
  return parsed ? Result<void>() : at("/dedupe", std::move(parsed).error());
}

// Where the calls of these envs (WebhookEnvSpec or WebhookEnvPatch) would go.
template <class Env>
Result<void> check_call_targets(const TargetRules& rules, const std::vector<Env>& envs) {
  std::vector<WrittenUrl> urls;
  const auto add = [&urls](const std::optional<std::string>& url, std::string pointer) {
    if (url) urls.push_back({*url, std::move(pointer)});
  };
  for (std::size_t i = 0; i < envs.size(); ++i) {
    const std::string pointer = "/envs/" + std::to_string(i);
    add(envs[i].registration_url, pointer + "/registration_url");
    add(envs[i].unregistration_url, pointer + "/unregistration_url");
  }
  return resolve_and_check(rules, urls);
}

void patch_env(const WebhookEnvPatch& patch, WebhookEnvSpec& env) {
  if (patch.registration_url) env.registration_url = *patch.registration_url;
  if (patch.method) env.method = *patch.method;
  if (patch.sample) env.sample = *patch.sample;
  if (patch.unregistration_url) env.unregistration_url = *patch.unregistration_url;
  if (patch.unregistration_method) env.unregistration_method = *patch.unregistration_method;
  if (patch.verification) env.verification = *patch.verification;
}

// Providers that are being told of the end: deleting would end that, too.
void list_farewells(const Catalog& catalog, const std::string& prefix,
                    std::vector<ErrorItem>& items) {
  catalog.of<CallDefinition>().scan(prefix, {}, [&](const CallDefinition& call) {
    if (call.purpose == CallDefinition::Purpose::kUnregister && !call.given_up)
      items.push_back({"call " + call.id.to_string(),
                       call.product + ", " + call.env + ": the provider is being told of the end"});
    return true;
  });
}

// What a webhook's env has besides its own link.
void list_env(const Catalog& catalog, const WebhookDefinition& webhook, std::string_view env,
              std::vector<ErrorItem>& items) {
  const std::string prefix = webhook.key() + '/' + std::string(env) + '/';
  catalog.of<EndpointDefinition>().scan(prefix, {}, [&](const EndpointDefinition& endpoint) {
    items.push_back({"endpoint " + endpoint.id.to_string(),
                     endpoint.product + ", " + endpoint.env + ", " + endpoint.url});
    return true;
  });
  catalog.of<LinkDefinition>().scan(prefix, {}, [&](const LinkDefinition& link) {
    items.push_back(
        {"link " + link.id.to_string(),
         link.product + ", " + link.env + (link.event.empty() ? "" : ", ") + link.event});
    return true;
  });
  list_farewells(catalog, prefix, items);
}

}  // namespace

LinkDefinition Registry::new_link(const Place& place, std::string_view event) {
  LinkDefinition link;
  core::secure_random(&link.id.bits, sizeof(link.id.bits));
  core::secure_random(&link.token, sizeof(link.token));
  link.number = core::LinkNumber{counter_.next_link++};
  link.workspace = place.workspace;
  link.app = place.webhook->app;
  link.webhook = place.webhook->tag;
  link.env = place.env;
  link.product = place.product;
  link.access_tag = place.access_tag;
  link.event = event;
  link.revision = next_revision();
  return link;
}

Result<Webhook> Registry::create_webhook(std::string_view workspace, std::string_view app,
                                         const WebhookSpec& spec) {
  if (auto checked = check_tag("app", app); !checked) return at("/app", std::move(checked).error());
  if (auto checked = check_not_system(app); !checked) return std::move(checked).error();
  if (auto checked = check_tag("tag", spec.tag); !checked)
    return at("/tag", std::move(checked).error());
  WebhookDefinition webhook;
  webhook.workspace = workspace;
  webhook.app = app;
  webhook.tag = spec.tag;
  webhook.name = spec.name;
  webhook.description = spec.description;
  webhook.raw_payload = spec.raw_payload;
  webhook.body_bytes_max = spec.body_bytes_max.value_or(limits::kBodyBytesMaxDefault);
  webhook.dedupe = spec.dedupe;
  webhook.retention_ms = kept_ms(spec.retention);
  for (std::size_t i = 0; i < spec.envs.size(); ++i) {
    const std::string pointer = "/envs/" + std::to_string(i);
    if (auto checked = check_env(spec.envs[i], pointer, options_.dedupe_window); !checked)
      return std::move(checked).error();
    if (webhook.env(spec.envs[i].slug) != nullptr)
      return invalid(pointer + "/slug", "env '" + spec.envs[i].slug + "' is given twice");
    webhook.envs.push_back(spec.envs[i]);
  }
  if (auto checked = check_webhook(webhook); !checked) return std::move(checked).error();
  if (auto checked = check_call_targets(options_.targets, spec.envs); !checked)
    return std::move(checked).error();

  const std::lock_guard lock(mutex_);
  if (auto there = need_workspace(workspace); !there) return std::move(there).error();
  if (table<WebhookDefinition>().find(webhook.key()) != nullptr)
    return conflict("the app has a webhook '" + spec.tag + "' already");
  webhook.number = core::WebhookNumber{counter_.next_webhook++};
  webhook.revision = next_revision();
  Change change;
  for (const WebhookEnvSpec& env : webhook.envs)
    change.put(new_link({workspace, {}, {}, env.slug, &webhook}, {}));
  change.put(webhook);
  if (auto done = commit(std::move(change)); !done) return std::move(done).error();
  return describe(webhook);
}

Result<Page<Webhook>> Registry::webhooks(std::string_view workspace, std::string_view app,
                                         const PageRequest& page) const {
  if (auto checked = check_page(page); !checked) return std::move(checked).error();
  if (auto checked = check_tag("app", app); !checked) return at("/app", std::move(checked).error());
  const std::lock_guard lock(mutex_);
  if (auto there = need_workspace(workspace); !there) return std::move(there).error();
  const std::string prefix = join_key({workspace, app}) + '/';
  PageFiller<Webhook> filler(prefix, page);
  table<WebhookDefinition>().scan(prefix, after_key(prefix, page),
                                  [&](const WebhookDefinition& webhook) {
                                    if (!filler.has_room()) return false;
                                    filler.add(describe(webhook), webhook.key());
                                    return true;
                                  });
  return filler.take();
}

Result<Webhook> Registry::webhook(std::string_view workspace, std::string_view app,
                                  std::string_view tag) const {
  const std::lock_guard lock(mutex_);
  auto found = find_webhook(workspace, app, tag);
  if (!found) return std::move(found).error();
  return describe(**found);
}

Result<Webhook> Registry::update_webhook(std::string_view workspace, std::string_view app,
                                         std::string_view tag, const WebhookPatch& patch,
                                         const ChangeOptions& options) {
  if (auto checked = check_not_system(app); !checked) return std::move(checked).error();
  if (auto checked = check_call_targets(options_.targets, patch.envs); !checked)
    return std::move(checked).error();
  const std::lock_guard lock(mutex_);
  auto found = find_webhook(workspace, app, tag);
  if (!found) return std::move(found).error();
  if (auto same = check_revision((*found)->revision, options); !same)
    return std::move(same).error();
  WebhookDefinition webhook = **found;
  if (patch.name) webhook.name = *patch.name;
  if (patch.description) webhook.description = *patch.description;
  if (patch.dedupe) webhook.dedupe = *patch.dedupe;
  if (patch.raw_payload) webhook.raw_payload = *patch.raw_payload;
  if (patch.body_bytes_max) webhook.body_bytes_max = *patch.body_bytes_max;
  if (patch.retention) webhook.retention_ms = kept_ms(*patch.retention);
  std::vector<std::string> added;
  for (std::size_t i = 0; i < patch.envs.size(); ++i) {
    const WebhookEnvPatch& given = patch.envs[i];
    auto env = std::find_if(webhook.envs.begin(), webhook.envs.end(),
                            [&](const WebhookEnvSpec& one) { return one.slug == given.slug; });
    if (env == webhook.envs.end()) {
      env = webhook.envs.insert(env, WebhookEnvSpec{.slug = given.slug});
      added.push_back(given.slug);
    }
    patch_env(given, *env);
    if (auto checked = check_env(*env, "/envs/" + std::to_string(i), options_.dedupe_window);
        !checked)
      return std::move(checked).error();
  }
  if (auto checked = check_webhook(webhook); !checked) return std::move(checked).error();
  webhook.revision = next_revision();
  Change change;
  for (const std::string& slug : added)
    change.put(new_link({workspace, {}, {}, slug, &webhook}, {}));
  change.put(webhook);
  if (auto done = commit(std::move(change)); !done) return std::move(done).error();
  return describe(webhook);
}

// --- Deleting
// --------------------------------------------------------------------------------------

void Registry::remove_env(Change& change, const WebhookDefinition& webhook, std::string_view env) {
  const std::string key = webhook.key() + '/' + std::string(env);
  if (const auto* link = table<LinkDefinition>().find(key)) remove_link(change, *link);
  const auto each = [&]<class D>(const Table<D>& definitions, const auto& remove) {
    definitions.scan(key + '/', {}, [&](const D& definition) {
      remove(definition);
      return true;
    });
  };
  each(table<LinkDefinition>(), [&](const LinkDefinition& one) { remove_link(change, one); });
  each(table<EndpointDefinition>(),
       [&](const EndpointDefinition& one) { remove_endpoint(change, one); });
  each(table<CallDefinition>(), [&](const CallDefinition& one) { remove_call(change, one); });
}

// Events first: they edit endpoints, which then go.
void Registry::remove_webhook(Change& change, const WebhookDefinition& webhook) {
  table<EventDefinition>().scan(webhook.key() + ':', {}, [&](const EventDefinition& event) {
    remove_event(change, event);
    return true;
  });
  for (const WebhookEnvSpec& env : webhook.envs) remove_env(change, webhook, env.slug);
  change.remove(webhook);
}

Result<void> Registry::delete_webhook(std::string_view workspace, std::string_view app,
                                      std::string_view tag, const ChangeOptions& options) {
  if (auto checked = check_not_system(app); !checked) return checked;
  const std::lock_guard lock(mutex_);
  auto found = find_webhook(workspace, app, tag);
  if (!found) return std::move(found).error();
  const WebhookDefinition& webhook = **found;
  if (auto same = check_revision(webhook.revision, options); !same) return same;
  Error orphans = conflict("the webhook has events, endpoints or links");
  table<EventDefinition>().scan(webhook.key() + ':', {}, [&](const EventDefinition& event) {
    orphans.items.push_back({"event " + event.tag, event.name});
    return true;
  });
  for (const WebhookEnvSpec& env : webhook.envs)
    list_env(catalog_, webhook, env.slug, orphans.items);
  if (!orphans.items.empty() && !options.cascade) return orphans;
  Change change;
  remove_webhook(change, webhook);
  return commit(std::move(change));
}

Result<void> Registry::delete_webhook_env(std::string_view workspace, std::string_view app,
                                          std::string_view tag, std::string_view env,
                                          const ChangeOptions& options) {
  if (auto checked = check_not_system(app); !checked) return checked;
  const std::lock_guard lock(mutex_);
  auto found = find_webhook(workspace, app, tag);
  if (!found) return std::move(found).error();
  WebhookDefinition webhook = **found;
  if (auto same = check_revision(webhook.revision, options); !same) return same;
  if (webhook.env(env) == nullptr)
    return not_found("the webhook has no env '" + std::string(env) + "'");
  if (webhook.envs.size() == 1)
    return conflict("a webhook needs at least one env: delete the webhook");
  Error orphans = conflict("the env has endpoints or links");
  list_env(catalog_, webhook, env, orphans.items);
  if (!orphans.items.empty() && !options.cascade) return orphans;
  Change change;
  remove_env(change, webhook, env);
  std::erase_if(webhook.envs, [env](const WebhookEnvSpec& one) { return one.slug == env; });
  webhook.revision = next_revision();
  change.put(std::move(webhook));
  return commit(std::move(change));
}

// --- Apps
// ------------------------------------------------------------------------------------------

Result<Page<App>> Registry::apps(std::string_view workspace, const PageRequest& page) const {
  if (auto checked = check_page(page); !checked) return std::move(checked).error();
  const std::lock_guard lock(mutex_);
  if (auto there = need_workspace(workspace); !there) return std::move(there).error();
  const std::string prefix = std::string(workspace) + '/';
  PageFiller<App> filler(prefix, page);
  App current;
  // A cursor names an app; '0' is the character behind the slash that ends its keys.
  const std::string after = page.cursor.empty() ? std::string() : prefix + page.cursor + '0';
  bool full = false;
  const auto finish = [&] {
    if (current.tag.empty()) return;
    full = !filler.has_room();
    if (!full) filler.add(current, prefix + current.tag);
  };
  table<WebhookDefinition>().scan(prefix, after, [&](const WebhookDefinition& webhook) {
    if (webhook.app == kSystemApp) return true;  // it is there for whoever asks for it
    if (webhook.app != current.tag) {
      finish();
      current = {webhook.app, 0};
    }
    ++current.webhooks;
    return !full;
  });
  if (!full) finish();
  return filler.take();
}

Result<App> Registry::app(std::string_view workspace, std::string_view tag) const {
  const std::lock_guard lock(mutex_);
  App app{std::string(tag), 0};
  if (check_tag("app", tag)) {
    table<WebhookDefinition>().scan(join_key({workspace, tag}) + '/', {},
                                    [&](const WebhookDefinition&) {
                                      ++app.webhooks;
                                      return true;
                                    });
  }
  if (app.webhooks == 0) return not_found("there is no app '" + std::string(tag) + "'");
  return app;
}

Result<void> Registry::delete_app(std::string_view workspace, std::string_view tag,
                                  const ChangeOptions& options) {
  if (auto checked = check_not_system(tag); !checked) return checked;
  const std::lock_guard lock(mutex_);
  if (!check_tag("app", tag) || !has_app(workspace, tag))
    return not_found("there is no app '" + std::string(tag) + "'");
  Change change;
  Error orphans = conflict("the app has webhooks");
  table<WebhookDefinition>().scan(
      join_key({workspace, tag}) + '/', {}, [&](const WebhookDefinition& webhook) {
        orphans.items.push_back({"webhook " + webhook.tag, webhook.name});
        remove_webhook(change, webhook);
        return true;
      });
  if (!options.cascade) return orphans;
  return commit(std::move(change));
}

Webhook Registry::describe(const WebhookDefinition& webhook) const {
  Webhook result{.app = webhook.app,
                 .tag = webhook.tag,
                 .name = webhook.name,
                 .description = webhook.description,
                 .envs = {},
                 .raw_payload = webhook.raw_payload,
                 .body_bytes_max = webhook.body_bytes_max,
                 .dedupe = webhook.dedupe,
                 .retention = {},
                 .warnings = {},
                 .revision = webhook.revision};
  if (webhook.retention_ms != 0) result.retention = std::chrono::milliseconds(webhook.retention_ms);
  for (const WebhookEnvSpec& env : webhook.envs) {
    WebhookEnv shown{.slug = env.slug,
                     .link_id = {},
                     .link = {},
                     .registration_url = env.registration_url,
                     .method = env.method,
                     .sample = env.sample,
                     .unregistration_url = env.unregistration_url,
                     .unregistration_method = env.unregistration_method,
                     .verification = hidden_verification(env.verification)};
    const std::string name = "env '" + env.slug + "': ";
    if (env.verification.empty())
      result.warnings.push_back(
          name + "requests are not verified: anybody who knows a link can post to it");
    if (const auto* link = table<LinkDefinition>().find(webhook.key() + '/' + env.slug)) {
      shown.link_id = link->id;
      shown.link = link_url(link->token);
      if (const std::string warning = snapshots_.verification_warning(*link); !warning.empty())
        result.warnings.push_back(name + warning);
    }
    result.envs.push_back(std::move(shown));
  }
  return result;
}

}  // namespace headrace::engine
