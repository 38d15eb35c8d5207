// SPDX-License-Identifier: Apache-2.0
#include "tools/manifest.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "tools/apply_file.h"

namespace headrace::tools {
namespace {

using Names = std::span<const std::string_view>;

constexpr std::array<std::string_view, 2> kAppIdentity = {"app", "tag"};
constexpr std::array<std::string_view, 2> kConnectionIdentity = {"product", "access_tag"};
constexpr std::array<std::string_view, 4> kEndpointIdentity = {"product", "access_tag", "webhook",
                                                               "env"};
constexpr std::array<std::string_view, 3> kRegistrationIdentity = {"product", "access_tag",
                                                                   "webhook"};

constexpr std::array<std::string_view, 7> kWebhookMembers = {
    "name", "description", "envs", "payload", "body_bytes_max", "dedupe", "retention"};
constexpr std::array<std::string_view, 5> kEventMembers = {"name", "description", "selector",
                                                           "selector_value", "sample"};
constexpr std::array<std::string_view, 1> kConnectionMembers = {"app"};
constexpr std::array<std::string_view, 23> kEndpointMembers = {"url",
                                                               "method",
                                                               "auth",
                                                               "events",
                                                               "filter",
                                                               "tls",
                                                               "retry",
                                                               "retry_on",
                                                               "final_on",
                                                               "retry_after_max",
                                                               "breaker",
                                                               "adaptive",
                                                               "in_flight_max",
                                                               "rate_limit",
                                                               "order",
                                                               "order_by",
                                                               "head_of_line",
                                                               "retry_share_percent",
                                                               "state",
                                                               "connect_timeout",
                                                               "attempt_timeout",
                                                               "disable_after",
                                                               "signing"};
constexpr std::array<std::string_view, 1> kRegistrationMembers = {"envs"};
constexpr std::array<std::string_view, 24> kRegistrationEnvMembers = {"slug",
                                                                      "url",
                                                                      "method",
                                                                      "auth",
                                                                      "delivery_auth",
                                                                      "events",
                                                                      "filter",
                                                                      "tls",
                                                                      "retry",
                                                                      "retry_on",
                                                                      "final_on",
                                                                      "breaker",
                                                                      "retry_after_max",
                                                                      "adaptive",
                                                                      "in_flight_max",
                                                                      "rate_limit",
                                                                      "order",
                                                                      "order_by",
                                                                      "head_of_line",
                                                                      "retry_share_percent",
                                                                      "connect_timeout",
                                                                      "attempt_timeout",
                                                                      "disable_after",
                                                                      "signing"};

struct List {
  std::string_view name;  // of the list in the file
  ResourceKind kind;
  Names identity;
  Names members;
};

constexpr List kLists[] = {
    {"webhooks", ResourceKind::kWebhook, kAppIdentity, kWebhookMembers},
    {"events", ResourceKind::kEvent, kAppIdentity, kEventMembers},
    {"connections", ResourceKind::kConnection, kConnectionIdentity, kConnectionMembers},
    {"endpoints", ResourceKind::kEndpoint, kEndpointIdentity, kEndpointMembers},
    {"registrations", ResourceKind::kRegistration, kRegistrationIdentity, kRegistrationMembers},
};

// Words for null, which TOML does not have.
constexpr std::pair<std::string_view, std::string_view> kWordsForNull[] = {
    {"retry", "default"},
    {"breaker", "none"},
    {"rate_limit", "none"},
    {"disable_after", "never"},
    {"retention", "default"}};

// Other spellings that the API takes.
constexpr std::pair<std::string_view, std::string_view> kAliases[] = {
    {"webhook_tag", "webhook"}, {"selectorValue", "selector_value"}};

bool has(Names names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

class Reader {
 public:
  explicit Reader(const std::string& name) : name_(name) {}

  Result<Manifest> read(const Json& file) {
    if (!file.is_object()) complain(file, "must be an object");
    for (const JsonMember& member : file.members) read_member(member);
    if (faults_.empty()) return std::move(manifest_);
    Error error{ErrorCode::kInvalidArgument, name_ + " cannot be applied", 0, {}};
    error.items = std::move(faults_);
    return error;
  }

 private:
  void complain(const Json& where, std::string what) {
    faults_.push_back({place_of(where, name_), std::move(what)});
  }

  void read_member(const JsonMember& member) {
    const auto list = std::find_if(std::begin(kLists), std::end(kLists),
                                   [&](const List& each) { return each.name == member.name; });
    if (!member.value.is_array()) {
      complain(member.value, "'" + member.name + "' must be a list");
    } else if (list != std::end(kLists)) {
      for (const Json& item : member.value.items) read_item(*list, item);
    } else if (member.name == "apps" || member.name == "products") {
      read_tags(member.value, member.name == "apps" ? manifest_.apps : manifest_.products);
    } else {
      complain(member.value, "there is no '" + member.name +
                                 "'; known are webhooks, events, connections, endpoints, "
                                 "registrations, apps and products");
    }
  }

  void read_tags(const Json& list, std::set<std::string, std::less<>>& tags) {
    for (const Json& item : list.items) {
      if (!item.is_string() || item.text.empty()) complain(item, "must be a tag");
      tags.insert(item.text);
    }
  }

  void read_item(const List& list, Json item) {
    if (!item.is_object()) return complain(item, "must be an object");
    for (JsonMember& member : item.members) {
      for (const auto& [alias, name] : kAliases) {
        if (member.name == alias) member.name = name;
      }
    }
    take_words(item);
    if (!check_members(item, list.identity, list.members) || !check_identity(list, item)) return;
    if (list.kind == ResourceKind::kRegistration) return read_registration(item);
    add(Resource{list.kind, std::move(item)});
  }

  static void take_words(Json& item) {
    for (const auto& [name, word] : kWordsForNull) {
      const Json* member = item.find(name);
      if (member != nullptr && member->is_string() && member->text == word) item.set(name, Json{});
    }
  }

  bool check_members(const Json& item, Names identity, Names others) {
    const std::size_t before = faults_.size();
    for (const JsonMember& member : item.members) {
      if (has(identity, member.name) || has(others, member.name)) continue;
      complain(member.value, "there is no member '" + member.name + "' here");
    }
    return faults_.size() == before;
  }

  bool check_identity(const List& list, const Json& item) {
    const std::size_t before = faults_.size();
    for (const std::string_view member : list.identity) {
      if (item.text_at(member).empty())
        complain(item, "'" + std::string(member) + "' is missing, or no text");
    }
    if (list.kind == ResourceKind::kEvent && item.text_at("tag").find(':') == std::string::npos)
      complain(item, "the tag of an event is webhook:event");
    return faults_.size() == before;
  }

  void read_registration(const Json& item) {
    const Json* envs = item.find("envs");
    if (envs == nullptr || !envs->is_array() || envs->items.empty())
      return complain(item, "'envs' must list environments");
    for (const Json& env : envs->items) {
      if (!env.is_object() || env.text_at("slug").empty()) {
        complain(env, "an environment needs a 'slug'");
        continue;
      }
      if (!check_members(env, {}, kRegistrationEnvMembers)) continue;
      Json one = env;
      take_words(one);
      for (const std::string_view member : kRegistrationIdentity)
        one.set(member, *item.find(member));
      one.set("env", *env.find("slug"));
      one.remove("slug");
      add(Resource{ResourceKind::kRegistration, std::move(one)});
    }
  }

  void add(Resource resource) {
    if (const auto app = resource.definition.text_at("app"); !app.empty())
      if (resource.kind != ResourceKind::kConnection) manifest_.apps.emplace(app);
    if (const auto product = resource.definition.text_at("product"); !product.empty())
      manifest_.products.emplace(product);
    const std::string name = name_of(resource);
    const auto [first, is_new] = seen_.emplace(name, place_of(resource.definition, name_));
    if (!is_new)
      return complain(resource.definition, name + " was there before, at " + first->second);
    manifest_.resources.push_back(std::move(resource));
  }

  const std::string& name_;
  Manifest manifest_;
  std::map<std::string, std::string> seen_;  // name to place
  std::vector<ErrorItem> faults_;
};

}  // namespace

std::string name_of(const Resource& resource) {
  constexpr std::string_view kNames[] = {"webhook", "event", "connection", "endpoint", "endpoint"};
  std::string name(kNames[static_cast<std::size_t>(resource.kind)]);
  char joint = ' ';
  for (const std::string_view member : identity_of(resource.kind)) {
    name += joint;
    name += resource.definition.text_at(member);
    joint = '/';
  }
  return name;
}

std::span<const std::string_view> identity_of(ResourceKind kind) noexcept {
  switch (kind) {
    case ResourceKind::kWebhook:
    case ResourceKind::kEvent:
      return kAppIdentity;
    case ResourceKind::kConnection:
      return kConnectionIdentity;
    case ResourceKind::kEndpoint:
    case ResourceKind::kRegistration:
      return kEndpointIdentity;
  }
  return {};
}

Result<Manifest> read_manifest(const Json& file, const std::string& name) {
  return Reader(name).read(file);
}

}  // namespace headrace::tools
