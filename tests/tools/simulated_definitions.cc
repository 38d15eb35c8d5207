// SPDX-License-Identifier: Apache-2.0
#include "tests/tools/simulated_definitions.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

namespace headrace::tools {
namespace {

std::vector<std::string> segments_of(std::string_view target) {
  std::vector<std::string> segments;
  while (!target.empty()) {
    target.remove_prefix(1);
    std::string segment(target.substr(0, target.find('/')));
    target.remove_prefix(segment.size());
    for (std::size_t at = segment.find("%3A"); at != std::string::npos; at = segment.find("%3A"))
      segment.replace(at, 3, ":");
    segments.push_back(std::move(segment));
  }
  return segments;
}

void merge_envs(Json& webhook, const Json& changes) {
  Json* envs = webhook.find("envs");
  for (const Json& change : changes.items) {
    const auto there = std::find_if(envs->items.begin(), envs->items.end(), [&](const Json& env) {
      return env.text_at("slug") == change.text_at("slug");
    });
    if (there == envs->items.end()) {
      envs->items.push_back(change);
      continue;
    }
    for (const JsonMember& member : change.members) there->set(member.name, member.value);
  }
}

}  // namespace

Resource* SimulatedDefinitions::find(const std::string& name) {
  const auto it =
      std::find_if(resources_.begin(), resources_.end(),
                   [&name](const Resource& resource) { return name_of(resource) == name; });
  return it == resources_.end() ? nullptr : &*it;
}

void SimulatedDefinitions::carry_out(const Step& step) {
  const auto path = segments_of(step.request.target);  // v1, apps, …
  if (path[1] == "apps") return in_app(step, path);
  if (path[1] == "products") return in_product(step, path);
  const auto endpoint = std::find_if(
      resources_.begin(), resources_.end(),
      [&path](const Resource& each) { return each.definition.text_at("id") == path[2]; });
  ASSERT_NE(endpoint, resources_.end()) << step.request.target;
  change(*endpoint, step.body);
}

void SimulatedDefinitions::in_app(const Step& step, const Segments& path) {
  const bool is_webhook = path[3] == "webhooks";
  if (step.request.method == Method::kPost) {
    Json definition = step.body;
    definition.set("app", Json::string(path[2]));
    if (!is_webhook) {
      const std::string tag(definition.text_at("tag"));
      ASSERT_NE(find("webhook " + path[2] + "/" + tag.substr(0, tag.find(':'))), nullptr) << tag;
    }
    return create(is_webhook ? ResourceKind::kWebhook : ResourceKind::kEvent, definition);
  }
  const std::string name = (is_webhook ? "webhook " : "event ") + path[2] + "/" + path[4];
  if (path.size() > 5) return remove_env(name, path[6]);
  if (step.request.method == Method::kDelete) return remove(name);
  Resource* there = find(name);
  ASSERT_NE(there, nullptr) << name;
  EXPECT_EQ(step.request.if_match, etag_of(there->definition.find("revision")->text));
  change(*there, step.body);
}

void SimulatedDefinitions::in_product(const Step& step, const Segments& path) {
  const std::string& product = path[2];
  if (path[3] == "webhooks" && path[4] == "enable") return enable(product, step.body);
  if (path[3] == "webhooks") return disable(product, step.body);
  if (path[3] == "endpoints") {
    Json settings = step.body;
    settings.set("webhook", *settings.find("webhook_tag"));
    settings.remove("webhook_tag");
    return put_endpoint(product, settings);
  }
  const std::string name = "connection " + product + "/" + path[4];
  if (step.request.method == Method::kDelete) return remove(name);
  Json definition = step.body;
  definition.set("product", Json::string(product));
  definition.set("access_tag", Json::string(path[4]));
  if (Resource* there = find(name)) {
    there->definition = definition;
  } else {
    create(ResourceKind::kConnection, definition);
  }
}

void SimulatedDefinitions::create(ResourceKind kind, Json definition) {
  const std::string name = name_of({kind, definition});
  ASSERT_EQ(find(name), nullptr) << name << " is there already";
  definition.set("revision", Json::number("1"));
  resources_.push_back({kind, std::move(definition)});
}

void SimulatedDefinitions::change(Resource& resource, const Json& body) {
  for (const JsonMember& member : body.members) {
    if (member.name == "envs") {
      merge_envs(resource.definition, member.value);
    } else {
      resource.definition.set(member.name, member.value);
    }
  }
  const int revision = std::stoi(resource.definition.find("revision")->text);
  resource.definition.set("revision", Json::number(std::to_string(revision + 1)));
}

void SimulatedDefinitions::enable(const std::string& product, const Json& body) {
  for (const Json& env : body.find("envs")->items) {
    Json settings = env;
    settings.set("access_tag", *body.find("access_tag"));
    settings.set("webhook", *body.find("webhook_tag"));
    settings.set("env", *env.find("slug"));
    settings.remove("slug");
    if (const Json* auth = settings.find("delivery_auth")) settings.set("auth", Json(*auth));
    settings.remove("delivery_auth");
    put_endpoint(product, settings);
  }
}

void SimulatedDefinitions::put_endpoint(const std::string& product, Json settings) {
  settings.set("product", Json::string(product));
  const std::string name = name_of({ResourceKind::kEndpoint, settings});
  if (Resource* there = find(name)) return change(*there, settings);
  settings.set("id", Json::string("ep_" + std::to_string(next_id_++)));
  create(ResourceKind::kEndpoint, settings);
}

void SimulatedDefinitions::disable(const std::string& product, const Json& body) {
  for (const Json& env : body.find("envs")->items) {
    remove("endpoint " + product + "/" + std::string(body.text_at("access_tag")) + "/" +
           std::string(body.text_at("webhook_tag")) + "/" + env.text);
  }
}

void SimulatedDefinitions::remove(const std::string& name) {
  ASSERT_NE(find(name), nullptr) << name << " is not there";
  if (name.starts_with("webhook ")) {
    const std::string events = "event " + name.substr(8) + ":";
    for (const Resource& each : resources_)
      EXPECT_FALSE(name_of(each).starts_with(events)) << name << " has events";
  }
  std::erase_if(resources_, [&name](const Resource& each) { return name_of(each) == name; });
}

void SimulatedDefinitions::remove_env(const std::string& name, const std::string& slug) {
  Resource* there = find(name);
  ASSERT_NE(there, nullptr) << name;
  std::erase_if(there->definition.find("envs")->items,
                [&slug](const Json& env) { return env.text_at("slug") == slug; });
}

}  // namespace headrace::tools
