// SPDX-License-Identifier: Apache-2.0
// Full registration: endpoints and links for several envs at once, and what providers are told.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/random.h"
#include "engine/dispatch_endpoints.h"
#include "engine/faults.h"
#include "engine/pages.h"
#include "engine/registry.h"
#include "engine/request_parts.h"
#include "engine/tags.h"

namespace headrace::engine {
namespace {

using Purpose = CallDefinition::Purpose;

// A body of a request that has none would be lost without a word.
Result<void> check_call_parts(const RequestParts& parts, const std::string& url,
                              const std::string& method, const std::string& pointer) {
  if (!sends_body(parse_method(method)) && !parts.body.empty())
    return invalid(pointer + "/body", "a " + method + " has no body");
  for (const std::string& name : placeholders(url)) {
    const bool given = std::any_of(parts.params.begin(), parts.params.end(),
                                   [&](const auto& param) { return param.first == name; });
    if (!given)
      return invalid(pointer + "/params/" + name, "is missing: the registration URL needs it");
  }
  return {};
}

// Top-level scalars of what the provider answered: the id that it gave the registration, say. Never
// one that reads as a secret, as that would be told to the provider.
void add_answer(const std::string& response, Fields& params) {
  const auto json = nlohmann::ordered_json::parse(response, nullptr, false);
  if (!json.is_object()) return;
  for (const auto& [name, value] : json.items()) {
    const bool known = std::any_of(params.begin(), params.end(),
                                   [&name = name](const auto& one) { return one.first == name; });
    if (known || value.is_structured() || value.is_null()) continue;
    std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    if (text.find("$Secret{") == std::string::npos) params.emplace_back(name, std::move(text));
  }
}

RegistrationState state_of(const EndpointDefinition* endpoint, const CallDefinition* call) {
  if (call == nullptr || (call->purpose == Purpose::kUnregister && endpoint != nullptr))
    return endpoint != nullptr ? RegistrationState::kEnabled : RegistrationState::kDisabled;
  if (call->given_up) return RegistrationState::kFailed;
  if (call->purpose == Purpose::kUnregister)
    return call->succeeded ? RegistrationState::kDisabled : RegistrationState::kUnregistering;
  return call->succeeded ? RegistrationState::kRegistered : RegistrationState::kPending;
}

// The same request as a new call.
CallDefinition repeated(const CallDefinition& before) {
  CallDefinition call = before;
  core::secure_random(&call.id.bits, sizeof(call.id.bits));
  call.message = {};
  call.given_up = false;
  call.attempts = 0;
  call.http_status = 0;
  call.error.clear();
  call.response.clear();
  call.called_at = call.next_at = 0;
  return call;
}

const CallDefinition* call_at(const Catalog& catalog, const RegistrationPlace& place) {
  return catalog.of<CallDefinition>().find(join_key(
      {place.workspace, place.webhook->app, place.webhook->tag, place.env, place.product}));
}

}  // namespace

Result<std::vector<core::EndpointNumber>> Registry::enable(std::string_view workspace,
                                                           std::string_view product,
                                                           const EnableSpec& spec) {
  if (spec.envs.empty()) return invalid("/envs", "must name at least one env");
  std::vector<WrittenUrl> urls;
  for (std::size_t i = 0; i < spec.envs.size(); ++i) {
    if (const auto& url = spec.envs[i].settings.url)
      urls.push_back({*url, "/envs/" + std::to_string(i) + "/url"});
  }
  if (auto named = resolve_and_check(options_.targets, urls); !named)
    return std::move(named).error();
  const std::lock_guard lock(mutex_);
  if (auto there = need_workspace(workspace); !there) return std::move(there).error();
  Change change;
  std::vector<core::EndpointNumber> calls;
  for (std::size_t i = 0; i < spec.envs.size(); ++i) {
    const std::string pointer = "/envs/" + std::to_string(i);
    const EnableEnvSpec& env = spec.envs[i];
    const auto same_slug = [&env](const EnableEnvSpec& one) { return one.slug == env.slug; };
    if (std::any_of(spec.envs.begin(), spec.envs.begin() + static_cast<std::ptrdiff_t>(i),
                    same_slug))
      return invalid(pointer + "/slug", "env '" + env.slug + "' is given twice");
    auto place =
        find_place(workspace, product, spec.access_tag, spec.webhook, env.slug, pointer + "/slug");
    if (!place) return std::move(place).error();
    if (auto enabled = enable_env(change, *place, env, pointer, calls); !enabled)
      return std::move(enabled).error();
  }
  if (!change.empty()) {
    if (auto done = commit(std::move(change)); !done) return std::move(done).error();
  }
  return calls;
}

Result<void> Registry::enable_env(Change& change, const Place& place, const EnableEnvSpec& env,
                                  const std::string& pointer,
                                  std::vector<core::EndpointNumber>& calls) {
  const WebhookEnvSpec& webhook_env = *place.webhook->env(place.env);
  const bool calls_provider = !webhook_env.registration_url.empty();
  EndpointSettings settings = env.settings;
  if (calls_provider) {
    settings.auth = env.delivery_auth;  // the provider's credential is not the receiver's
  } else if (env.delivery_auth) {
    return invalid(pointer + "/delivery_auth",
                   "goes with a registration URL; without one, auth is the receiver's");
  }
  auto endpoint = with_settings(place, settings, pointer);
  if (!endpoint) {
    Error error = std::move(endpoint).error();
    for (ErrorItem& item : error.items) {
      if (calls_provider && item.where.starts_with(pointer + "/auth"))
        item.where.replace(0, pointer.size() + 5, pointer + "/delivery_auth");
    }
    return error;
  }
  if (auto put = put_endpoint(change, *endpoint, place); !put) return put;
  const LinkDefinition link = put_link(change, place, {});
  if (!calls_provider) return {};
  if (!env.settings.auth && call_again(change, place, calls)) return {};
  return prepare_call(change, place, link, env.settings.auth.value_or(""), pointer + "/auth",
                      calls);
}

// Without an `auth` the provider's stays what it was, and is called again only where all attempts
// failed. False: it was never called.
bool Registry::call_again(Change& change, const Place& place,
                          std::vector<core::EndpointNumber>& calls) {
  const auto* before = call_at(catalog_, place);
  if (before == nullptr || before->purpose != Purpose::kRegister) return false;
  if (before->given_up) {
    put_call(change, repeated(*before), calls);
  } else if (!before->message) {
    calls.push_back(before->number);
  }
  return true;
}

// What tells the provider of the link. A call that was made, or is under way, is not made again.
Result<void> Registry::prepare_call(Change& change, const Place& place, const LinkDefinition& link,
                                    std::string_view auth, const std::string& pointer,
                                    std::vector<core::EndpointNumber>& calls) {
  const WebhookEnvSpec& env = *place.webhook->env(place.env);
  auto parts = parse_request_parts(auth, pointer);
  if (!parts) return std::move(parts).error();
  if (auto checked = check_structure(env.sample, auth, pointer); !checked) return checked;
  if (auto checked = check_call_parts(*parts, env.registration_url, env.method, pointer); !checked)
    return checked;
  auto put =
      put_link_into(*parts, link_url(link.token), sends_body(parse_method(env.method)), pointer);
  if (!put) return put;
  CallDefinition call = new_call(place, Purpose::kRegister);
  call.url = fill_placeholders(env.registration_url, parts->params);
  call.method = env.method;
  call.headers = std::move(parts->headers);
  call.query = std::move(parts->query);
  call.params = std::move(parts->params);
  call.body = std::move(parts->body);
  if (auto shown = check_authority(call.url, pointer + "/params"); !shown) return shown;
  auto usable = for_dispatch(call, secrets_.source());
  if (!usable) return at(pointer, std::move(usable).error());
  if (const std::string& secret = (*usable)->settings.missing_secret; !secret.empty())
    return invalid(pointer,
                   "the secret " + secret + " is not there, or cannot stand where it is named");
  if (auto leads = check_target(options_.targets, (*usable)->url); !leads)
    return at(pointer, std::move(leads).error());
  const auto* before = table<CallDefinition>().find(call.key());
  if (before != nullptr && before->same_request(call) && !before->given_up) {
    if (before->access_tag != call.access_tag) {
      call = *before;
      call.access_tag = place.access_tag;
      change.put(std::move(call));
    }
    if (!before->message && !before->succeeded) calls.push_back(before->number);
    return {};
  }
  put_call(change, std::move(call), calls);
  return {};
}

// What tells the provider that nobody listens any more, where it wants to know.
void Registry::prepare_farewell(Change& change, const Place& place,
                                std::vector<core::EndpointNumber>& calls) {
  const auto* registered = call_at(catalog_, place);
  if (registered == nullptr) return;
  if (registered->purpose == Purpose::kUnregister) {  // asked for again: once more, if it failed
    if (registered->given_up) put_call(change, repeated(*registered), calls);
    return;
  }
  const WebhookEnvSpec& env = *place.webhook->env(place.env);
  CallDefinition call = new_call(place, Purpose::kUnregister);
  call.headers = registered->headers;
  call.query = registered->query;
  call.params = registered->params;
  add_answer(registered->response, call.params);
  call.url = fill_placeholders(env.unregistration_url, call.params);
  call.method = env.unregistration_method;
  if (sends_body(parse_method(call.method))) call.body = registered->body;
  const bool callable = !env.unregistration_url.empty() && placeholders(call.url).empty() &&
                        !hides_authority(call.url) &&
                        for_dispatch(call, secrets_.source()).has_value();
  if (callable) {
    put_call(change, std::move(call), calls);
  } else {
    remove_call(change, *registered);
  }
}

CallDefinition Registry::new_call(const Place& place, Purpose purpose) {
  CallDefinition call;
  core::secure_random(&call.id.bits, sizeof(call.id.bits));
  call.purpose = purpose;
  call.workspace = place.workspace;
  call.product = place.product;
  call.access_tag = place.access_tag;
  call.app = place.webhook->app;
  call.webhook = place.webhook->tag;
  call.env = place.env;
  return call;
}

void Registry::put_call(Change& change, CallDefinition call,
                        std::vector<core::EndpointNumber>& calls) {
  if (const auto* before = table<CallDefinition>().find(call.key())) remove_call(change, *before);
  call.number = core::EndpointNumber{counter_.next_endpoint++};
  calls.push_back(call.number);
  change.put(std::move(call));
}

Result<Registry::Disabled> Registry::disable(std::string_view workspace, std::string_view product,
                                             const DisableSpec& spec) {
  const std::lock_guard lock(mutex_);
  if (auto there = need_workspace(workspace); !there) return std::move(there).error();
  if (auto checked = check_tag("product", product); !checked)
    return at("/product", std::move(checked).error());
  auto app = app_of(workspace, product, spec.access_tag);
  if (!app) return std::move(app).error();
  auto webhook = find_webhook(workspace, *app, spec.webhook);
  if (!webhook) return std::move(webhook).error();
  Disabled disabled;
  auto& [slugs, calls] = disabled;
  slugs = spec.envs;
  for (const WebhookEnvSpec& env : (*webhook)->envs) {
    const Place place{workspace, product, spec.access_tag, env.slug, *webhook};
    const bool is_used = endpoint_at(place) != nullptr || call_at(catalog_, place) != nullptr;
    if (spec.envs.empty() && is_used) slugs.push_back(env.slug);
  }
  Change change;
  for (std::size_t i = 0; i < slugs.size(); ++i) {
    auto place = find_place(workspace, product, spec.access_tag, spec.webhook, slugs[i],
                            "/envs/" + std::to_string(i));
    if (!place) return std::move(place).error();
    if (const EndpointDefinition* endpoint = endpoint_at(*place)) {
      if (const LinkDefinition* link = link_at(*place, {})) remove_link(change, *link);
      remove_endpoint(change, *endpoint);
    }
    prepare_farewell(change, *place, calls);
  }
  if (!change.empty()) {
    if (auto done = commit(std::move(change)); !done) return std::move(done).error();
  }
  return disabled;
}

// --- What is registered
// ----------------------------------------------------------------------------

RegistrationEnv Registry::describe_env(const EndpointDefinition* endpoint,
                                       const CallDefinition* call, const LinkDefinition* link,
                                       std::string_view slug) const {
  RegistrationEnv result;
  result.slug = slug;
  result.state = state_of(endpoint, call);
  if (endpoint != nullptr) {
    result.url = endpoint->url;
    result.method = endpoint->method;
    result.endpoint = endpoint->id;
  }
  if (link != nullptr) {
    result.link_id = link->id;
    result.link = link_url(link->token);
  }
  if (call == nullptr || result.state == RegistrationState::kEnabled) return result;
  result.call = call->message;
  result.attempts = call->attempts;
  result.http_status = call->http_status;
  result.error = call->error;
  result.response = call->response;
  if (call->called_at != 0) result.called_at = call->called_at;
  if (call->next_at != 0 && !call->succeeded && !call->given_up) result.next_at = call->next_at;
  return result;
}

Result<Registration> Registry::registration(std::string_view workspace, std::string_view product,
                                            std::string_view access_tag, std::string_view webhook,
                                            const std::vector<std::string>& slugs) const {
  const std::lock_guard lock(mutex_);
  auto app = app_of(workspace, product, access_tag);
  if (!app) return std::move(app).error();
  Registration result{
      std::string(product), std::string(access_tag), *app, std::string(webhook), {}};
  for (const std::string& slug : slugs) {
    const std::string key = join_key({workspace, *app, webhook, slug, product});
    result.envs.push_back(describe_env(table<EndpointDefinition>().find(key),
                                       table<CallDefinition>().find(key),
                                       table<LinkDefinition>().find(key), slug));
  }
  return result;
}

// All envs of a product's use of a webhook. `group` is its key with a slash at the end.
Registration Registry::registration_of(const std::string& group,
                                       std::string_view access_tag) const {
  std::map<std::string, const CallDefinition*> calls;
  Registration result;
  const auto name_it = [&result](const auto& definition) {
    if (!result.product.empty()) return;
    result = {definition.product, definition.access_tag, definition.app, definition.webhook, {}};
  };
  table<CallDefinition>().scan_second(group, {}, [&](const CallDefinition& call) {
    if (access_tag.empty() || call.access_tag == access_tag) calls[call.env] = &call;
    return true;
  });
  table<EndpointDefinition>().scan_second(group, {}, [&](const EndpointDefinition& endpoint) {
    if (!access_tag.empty() && endpoint.access_tag != access_tag) return true;
    name_it(endpoint);
    const auto call = calls.find(endpoint.env);
    result.envs.push_back(describe_env(&endpoint, call == calls.end() ? nullptr : call->second,
                                       table<LinkDefinition>().find(endpoint.key()), endpoint.env));
    calls.erase(endpoint.env);
    return true;
  });
  for (const auto& [env, call] : calls) {
    name_it(*call);
    result.envs.push_back(describe_env(nullptr, call, nullptr, env));
  }
  return result;
}

Result<Page<Registration>> Registry::registrations(std::string_view workspace,
                                                   std::string_view product,
                                                   std::string_view access_tag,
                                                   const PageRequest& page) const {
  if (auto checked = check_page(page); !checked) return std::move(checked).error();
  const std::lock_guard lock(mutex_);
  if (auto there = need_workspace(workspace); !there) return std::move(there).error();
  if (!product.empty() && !check_tag("product", product)) return Page<Registration>();
  const std::string prefix = join_key({workspace, product}) + '/';
  std::string after = page.cursor.empty() ? std::string() : prefix + page.cursor + '0';
  PageFiller<Registration> filler(prefix, page);
  for (;;) {
    std::string group;
    const auto take = [&](const auto& definition) {
      const std::string key =
          join_key({workspace, definition.product, definition.app, definition.webhook});
      if (group.empty() || key + '/' < group) group = key + '/';
      return false;
    };
    table<EndpointDefinition>().scan_second(prefix, after, take);
    table<CallDefinition>().scan_second(prefix, after, take);
    if (group.empty()) return filler.take();
    Registration registration = registration_of(group, access_tag);
    const std::string key = group.substr(0, group.size() - 1);
    if (!registration.envs.empty()) {
      if (!filler.has_room()) return filler.take();
      filler.add(std::move(registration), key);
    }
    after = key + '0';
  }
}

// --- Calls
// -----------------------------------------------------------------------------------------

std::vector<core::EndpointNumber> Registry::calls_to_hand_over() const {
  const std::lock_guard lock(mutex_);
  std::vector<core::EndpointNumber> numbers;
  table<CallDefinition>().each([&](const CallDefinition& call) {
    if (!call.message && !call.succeeded && !call.given_up) numbers.push_back(call.number);
  });
  return numbers;
}

std::vector<CallDefinition> Registry::calls_under_way() const {
  const std::lock_guard lock(mutex_);
  std::vector<CallDefinition> calls;
  table<CallDefinition>().each([&](const CallDefinition& call) {
    if (call.message && !call.succeeded && !call.given_up) calls.push_back(call);
  });
  return calls;
}

std::optional<CallDefinition> Registry::call(core::EndpointNumber number) const {
  const std::lock_guard lock(mutex_);
  const auto* call = table<CallDefinition>().by_number(number);
  return call == nullptr ? std::nullopt : std::optional(*call);
}

Result<void> Registry::note_call_message(core::EndpointNumber number, MessageId message) {
  const std::lock_guard lock(mutex_);
  const auto* before = table<CallDefinition>().by_number(number);
  if (before == nullptr || before->message == message) return {};
  CallDefinition call = *before;
  call.message = message;
  Change change;
  change.put(std::move(call));
  return commit(std::move(change));
}

Result<void> Registry::note_call_outcome(const CallOutcome& outcome) {
  const std::lock_guard lock(mutex_);
  const auto* before = table<CallDefinition>().by_number(outcome.number);
  if (before == nullptr) return {};  // deleted meanwhile
  CallDefinition call = *before;
  call.message = outcome.message;
  call.succeeded = outcome.verdict == store::Verdict::kDelivered;
  call.given_up = outcome.verdict == store::Verdict::kDead;
  call.attempts = outcome.attempt;
  call.http_status = outcome.http_status;
  call.error = outcome.error;
  call.response = outcome.response;
  call.called_at = outcome.started_at;
  call.next_at = outcome.next_at;
  Change change;
  if (call.succeeded && call.purpose == Purpose::kUnregister) {
    remove_call(change, *before);
  } else {
    change.put(std::move(call));
  }
  return commit(std::move(change));
}

}  // namespace headrace::engine
