// SPDX-License-Identifier: Apache-2.0
#include "tools/apply_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "tools/output.h"
#include "tools/same_setting.h"

namespace headrace::tools {
namespace {

constexpr std::size_t kShownBytesMax = 60;  // of a value in a difference

// A path with members of the definition filled in: "/v1/apps/{app}/webhooks".
std::string path_for(std::string_view path, const Json& definition) {
  std::string target;
  for (const Placeholder& placeholder : placeholders(path)) {
    target += path.substr(0, path.find('{'));
    target += percent_encoded(definition.text_at(placeholder.name));
    path.remove_prefix(path.find('}') + 1);
  }
  return target.append(path);
}

struct Routes {
  Method create;
  std::string_view all;  // where one is created
  Method change;
  std::string_view one;  // where one is changed and deleted
};

const Routes& routes_of(ResourceKind kind) {
  static constexpr std::string_view kConnection = "/v1/products/{product}/apps/{access_tag}";
  static constexpr std::string_view kEnable = "/v1/products/{product}/webhooks/enable";
  static constexpr Routes kRoutes[] = {
      {Method::kPost, "/v1/apps/{app}/webhooks", Method::kPatch, "/v1/apps/{app}/webhooks/{tag}"},
      {Method::kPost, "/v1/apps/{app}/events", Method::kPatch, "/v1/apps/{app}/events/{tag}"},
      {Method::kPut, kConnection, Method::kPut, kConnection},
      {Method::kPost, "/v1/products/{product}/endpoints", Method::kPatch, "/v1/endpoints/{id}"},
      {Method::kPost, kEnable, Method::kPost, kEnable},
  };
  return kRoutes[static_cast<std::size_t>(kind)];
}

bool is_identity(ResourceKind kind, std::string_view member) {
  const auto identity = identity_of(kind);
  return std::find(identity.begin(), identity.end(), member) != identity.end();
}

// Without what the path says.
Json settings_of(const Resource& resource) {
  Json body = resource.definition;
  for (const std::string_view member : identity_of(resource.kind)) body.remove(member);
  return body;
}

// What enable takes: this one environment of the webhook.
Json enable_body(const Resource& resource) {
  Json env = settings_of(resource);
  env.set("slug", *resource.definition.find("env"));
  Json body = Json::object();
  body.set("access_tag", *resource.definition.find("access_tag"));
  body.set("webhook_tag", *resource.definition.find("webhook"));
  body.set("envs", Json::array({std::move(env)}));
  return body;
}

Json create_body(const Resource& resource) {
  Json body = resource.definition;
  switch (resource.kind) {
    case ResourceKind::kWebhook:
    case ResourceKind::kEvent:
      body.remove("app");
      return body;
    case ResourceKind::kConnection:
      return settings_of(resource);
    case ResourceKind::kEndpoint:
      body.remove("product");
      body.set("webhook_tag", *resource.definition.find("webhook"));
      body.remove("webhook");
      return body;
    case ResourceKind::kRegistration:
      return enable_body(resource);
  }
  return body;
}

Step creation(const Resource& resource) {
  const Routes& routes = routes_of(resource.kind);
  Step step{Action::kCreate, name_of(resource), {}, {}, create_body(resource)};
  step.body.line = resource.definition.line;
  step.body.column = resource.definition.column;
  step.request.method = routes.create;
  step.request.target = path_for(routes.all, resource.definition);
  return step;
}

std::string shown(std::string_view member, const Json* value) {
  if (member.ends_with("auth") || member.ends_with("verification") || member == "tls")
    return "(not shown)";
  if (value == nullptr) return "nothing";
  std::string text = to_text(*value);
  if (text.size() <= kShownBytesMax) return text;
  std::size_t end = kShownBytesMax;
  while ((static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;  // not within a character
  return text.substr(0, end) + "…";
}

const Json* env_of(const Json* envs, std::string_view slug) {
  if (envs == nullptr) return nullptr;
  const auto it = std::find_if(envs->items.begin(), envs->items.end(),
                               [slug](const Json& env) { return env.text_at("slug") == slug; });
  return it == envs->items.end() ? nullptr : &*it;
}

// Compares one resource with what is there; collects what differs.
class Comparison {
 public:
  Comparison(const Resource& wanted, const Resource& live) : wanted_(wanted), live_(live) {}

  std::optional<Step> step() {
    for (const JsonMember& member : wanted_.definition.members) compare(member);
    if (step_.differences.empty()) return std::nullopt;
    const Routes& routes = routes_of(wanted_.kind);
    step_.action = Action::kChange;
    step_.name = name_of(wanted_);
    step_.request.method = routes.change;
    step_.request.target = path_for(routes.one, live_.definition);
    if (const Json* revision = live_.definition.find("revision");
        revision != nullptr && routes.change == Method::kPatch)
      step_.request.if_match = etag_of(revision->text);
    if (wanted_.kind == ResourceKind::kRegistration) step_.body = enable_body(wanted_);
    step_.body.line = wanted_.definition.line;
    step_.body.column = wanted_.definition.column;
    return std::move(step_);
  }

 private:
  void compare(const JsonMember& member) {
    if (is_identity(wanted_.kind, member.name)) return;
    if (wanted_.kind == ResourceKind::kWebhook && member.name == "envs")
      return compare_envs(member.value);
    const bool is_registration = wanted_.kind == ResourceKind::kRegistration;
    // It may be the provider's, which nobody shows.
    if (is_registration && member.name == "auth") return;
    const Json* there =
        live_.definition.find(member.name == "delivery_auth" ? "auth" : member.name);
    if (same_setting(member.name, wanted_.definition.text_at("webhook"), member.value, there))
      return;
    add(member.name, there, member.value);
    step_.body.set(member.name, member.value);
  }

  // Environments are merged by slug, so only those that differ are sent.
  void compare_envs(const Json& envs) {
    Json different = Json::array();
    different.line = envs.line;
    different.column = envs.column;
    for (const Json& env : envs.items) {
      const std::size_t before = step_.differences.size();
      compare_env(env, env_of(live_.definition.find("envs"), env.text_at("slug")));
      if (step_.differences.size() > before) different.items.push_back(env);
    }
    if (!different.items.empty()) step_.body.set("envs", std::move(different));
  }

  void compare_env(const Json& env, const Json* there) {
    const std::string path = "envs." + std::string(env.text_at("slug"));
    if (there == nullptr) {
      Json harmless = env;
      if (env.find("verification") != nullptr)
        harmless.set("verification", Json::string("(not shown)"));
      return add(path, nullptr, harmless);
    }
    // Without a registration URL the members of a registration mean nothing, and are not shown.
    const bool registers =
        !env.text_at("registration_url").empty() || !there->text_at("registration_url").empty();
    for (const JsonMember& member : env.members) {
      const bool is_always = member.name == "registration_url" || member.name == "verification";
      if (member.name == "slug" || (!registers && !is_always)) continue;
      const Json* value = there->find(member.name);
      if (!same_setting(member.name, "", member.value, value))
        add(path + '.' + member.name, value, member.value);
    }
  }

  void add(std::string member, const Json* before, const Json& after) {
    std::string before_text = shown(member, before);
    std::string after_text = shown(member, &after);
    step_.differences.push_back({std::move(member), std::move(before_text), std::move(after_text)});
  }

  const Resource& wanted_;
  const Resource& live_;
  Step step_{Action::kChange, {}, {}, {}, Json::object()};
};

// Disabling also removes the product's link, and tells the provider.
Step disabling(const Resource& live) {
  Step step{Action::kDelete, name_of(live), {}, {}, Json::object()};
  step.request.method = Method::kPost;
  step.request.target = path_for("/v1/products/{product}/webhooks/disable", live.definition);
  step.body.set("access_tag", *live.definition.find("access_tag"));
  step.body.set("webhook_tag", *live.definition.find("webhook"));
  step.body.set("envs", Json::array({*live.definition.find("env")}));
  return step;
}

Step deletion(const Resource& live) {
  if (live.kind == ResourceKind::kEndpoint) return disabling(live);
  Step step{Action::kDelete, name_of(live), {}, {}, {}};
  step.request.method = Method::kDelete;
  step.request.target = path_for(routes_of(live.kind).one, live.definition);
  return step;
}

// A webhook's environments that the file does not list any more.
void add_env_deletions(const Resource& wanted, const Resource& live, std::vector<Step>& steps) {
  const Json* envs = wanted.definition.find("envs");
  const Json* live_envs = live.definition.find("envs");
  if (wanted.kind != ResourceKind::kWebhook || envs == nullptr || live_envs == nullptr) return;
  for (const Json& env : live_envs->items) {
    const std::string_view slug = env.text_at("slug");
    if (env_of(envs, slug) != nullptr) continue;
    Step step = deletion(live);
    step.name += " env " + std::string(slug);
    step.request.target += "/envs/" + percent_encoded(slug);
    steps.push_back(std::move(step));
  }
}

std::string_view part_before_colon(std::string_view tag) { return tag.substr(0, tag.find(':')); }

// Whether a new event can only be made once the old one is gone: both would match the same.
bool stands_in_the_way(const Resource& old, const Resource& wanted) {
  if (wanted.kind != ResourceKind::kEvent || old.kind != ResourceKind::kEvent) return false;
  const Json& left = old.definition;
  const Json& right = wanted.definition;
  const Json* selector = right.find("selector");
  const Json* value = right.find("selector_value");
  return left.text_at("app") == right.text_at("app") &&
         part_before_colon(left.text_at("tag")) == part_before_colon(right.text_at("tag")) &&
         selector != nullptr && same_setting("selector", "", *selector, left.find("selector")) &&
         (value == nullptr ||
          same_setting("selector_value", "", *value, left.find("selector_value")));
}

class Planner {
 public:
  Planner(const Manifest& manifest, const std::vector<Resource>& live) : manifest_(manifest) {
    for (const Resource& resource : live) live_.emplace(name_of(resource), &resource);
  }

  std::vector<Step> plan(bool prune) {
    for (const Resource& wanted : manifest_.resources) plan_one(wanted, prune);
    if (prune) plan_deletions();
    std::vector<Step> all;
    for (std::vector<Step>* part :
         {&first_, &changes_[0], &changes_[1], &changes_[2], &changes_[3], &changes_[4], &last_})
      std::move(part->begin(), part->end(), std::back_inserter(all));
    return all;
  }

 private:
  void plan_one(const Resource& wanted, bool prune) {
    std::vector<Step>& steps = changes_[static_cast<std::size_t>(wanted.kind)];
    const auto there = live_.find(name_of(wanted));
    kept_.insert(name_of(wanted));
    if (there == live_.end()) return steps.push_back(creation(wanted));
    if (auto change = Comparison(wanted, *there->second).step())
      steps.push_back(std::move(*change));
    if (prune) add_env_deletions(wanted, *there->second, last_);
  }

  // Who uses something goes before it.
  void plan_deletions() {
    for (const ResourceKind kind : {ResourceKind::kEndpoint, ResourceKind::kConnection})
      add_deletions(kind);
    std::vector<Step> environments = std::move(last_);
    last_.clear();
    add_deletions(ResourceKind::kEvent);
    std::move(environments.begin(), environments.end(), std::back_inserter(last_));
    add_deletions(ResourceKind::kWebhook);
  }

  void add_deletions(ResourceKind kind) {
    for (const auto& [name, live] : live_) {
      if (live->kind != kind || kept_.contains(name)) continue;
      const bool is_user = kind == ResourceKind::kEndpoint || kind == ResourceKind::kConnection;
      (is_user || is_in_the_way(*live) ? first_ : last_).push_back(deletion(*live));
    }
  }

  bool is_in_the_way(const Resource& live) const {
    return std::any_of(manifest_.resources.begin(), manifest_.resources.end(),
                       [&live](const Resource& wanted) { return stands_in_the_way(live, wanted); });
  }

  const Manifest& manifest_;
  std::map<std::string, const Resource*> live_;  // by name
  std::set<std::string> kept_;                   // names of the file
  std::vector<Step> first_;
  std::vector<Step> changes_[5];  // by kind, in whose order each finds what it needs
  std::vector<Step> last_;
};

}  // namespace

std::vector<Step> make_plan(const Manifest& manifest, const std::vector<Resource>& live,
                            bool prune) {
  return Planner(manifest, live).plan(prune);
}

std::string to_text(const Step& step, bool with_colour) {
  constexpr std::string_view kSigns = "+~-";
  constexpr Paint kPaints[] = {Paint::kGreen, Paint::kYellow, Paint::kRed};
  const auto action = static_cast<std::size_t>(step.action);
  std::string text = painted(fmt::format("{} {}", kSigns[action], harmless(step.name)),
                             kPaints[action], with_colour);
  for (const Difference& difference : step.differences) {
    text += fmt::format("\n    {}: {} -> {}", harmless(difference.member),
                        harmless(difference.before), harmless(difference.after));
  }
  return text;
}

}  // namespace headrace::tools
