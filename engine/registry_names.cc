// SPDX-License-Identifier: Apache-2.0
// Names for what is on record: the numbers that the store keeps, and whose they are.
//
// What was deleted is found by its number at once; by its id only after a look at all that was
// deleted, which is seldom asked for.
#include <algorithm>
#include <string>
#include <utility>

#include "core/limits.h"
#include "engine/faults.h"
#include "engine/registry.h"

namespace headrace::engine {
namespace {

using What = RetiredDefinition::What;

template <class Number>
const RetiredDefinition* find_retired(const Catalog& catalog, What what, Number number) {
  return catalog.of<RetiredDefinition>().find(
      RetiredDefinition::key_of(what, static_cast<std::uint32_t>(number)));
}

// Calls `visit` for all of a workspace's of that kind, until it answers false.
template <class Visit>
void each_retired(const Catalog& catalog, What what, std::string_view workspace,
                  const Visit& visit) {
  std::string prefix = join_key({workspace, RetiredDefinition::key_of(what, 0)});
  prefix.pop_back();  // the number
  catalog.of<RetiredDefinition>().scan_second(prefix, {}, visit);
}

const RetiredDefinition* find_retired(const Catalog& catalog, What what, std::string_view workspace,
                                      Bits128 id) {
  const auto* found = catalog.of<RetiredDefinition>().by_id(id);
  const bool fits = found != nullptr && found->what == what && found->workspace == workspace;
  return fits ? found : nullptr;
}

// What a link must be of; an empty name: of any.
struct LinkWish {
  std::string workspace, app, webhook, env, product;
  bool or_of_app = false;  // the link of the app itself will do for `product`

  template <class SomeLink>
  bool fits(const SomeLink& link) const {
    const auto is = [](const std::string& wanted, const std::string& name) {
      return wanted.empty() || wanted == name;
    };
    return link.workspace == workspace && is(app, link.app) && is(webhook, link.webhook) &&
           is(env, link.env) && (is(product, link.product) || (or_of_app && link.product.empty()));
  }
};

LinkWish wish_of(const Catalog& catalog, std::string_view workspace, const HistoryFilter& filter) {
  LinkWish wish{std::string(workspace), filter.app, filter.webhook, filter.env, filter.product};
  if (wish.app.empty() || wish.product.empty()) return wish;
  const auto* connection =
      catalog.of<ConnectionDefinition>().find(join_key({wish.workspace, wish.product, wish.app}));
  if (connection != nullptr) wish.app = connection->app;
  return wish;
}

// The links that messages to an endpoint come over.
template <class SomeEndpoint>
LinkWish wish_of(const SomeEndpoint& endpoint) {
  return {endpoint.workspace, endpoint.app, endpoint.webhook, endpoint.env, endpoint.product, true};
}

// Links that fit all wishes, up to one more than may be asked for.
class LinkCollector {
 public:
  LinkCollector(const Catalog& catalog, std::vector<LinkWish> wishes)
      : catalog_(catalog), wishes_(std::move(wishes)) {}

  std::vector<core::LinkNumber> take() {
    // The last wish is the narrowest. The link of an app and env has the shorter key, so the way
    // through the table cannot begin with an env.
    const LinkWish& narrow = wishes_.back();
    const auto visit = [this](const LinkDefinition& link) { return add(link); };
    const auto& links = catalog_.of<LinkDefinition>();
    if (!narrow.product.empty() && !narrow.or_of_app) {
      links.scan_second(
          join_key({narrow.workspace, narrow.product, narrow.app, narrow.webhook}) + '/', {},
          visit);
    } else {
      links.scan(join_key({narrow.workspace, narrow.app, narrow.webhook}) + '/', {}, visit);
    }
    each_retired(catalog_, What::kLink, narrow.workspace,
                 [this](const RetiredDefinition& link) { return add(link); });
    return std::move(numbers_);
  }

 private:
  template <class SomeLink>
  bool add(const SomeLink& link) {
    const bool fits = std::all_of(wishes_.begin(), wishes_.end(),
                                  [&link](const LinkWish& wish) { return wish.fits(link); });
    if (fits) numbers_.push_back(core::LinkNumber{static_cast<std::uint32_t>(link.number)});
    return numbers_.size() <= core::limits::kLinksPerQueryMax;
  }

  const Catalog& catalog_;
  const std::vector<LinkWish> wishes_;
  std::vector<core::LinkNumber> numbers_;
};

// The link with that id, if it is the workspace's: its number, and whether all wishes fit.
template <class SomeLink>
std::optional<std::vector<core::LinkNumber>> only(const SomeLink* link, std::string_view workspace,
                                                  const std::vector<LinkWish>& wishes) {
  if (link == nullptr || link->workspace != workspace) return std::nullopt;
  const bool fits = std::all_of(wishes.begin(), wishes.end(),
                                [link](const LinkWish& wish) { return wish.fits(*link); });
  std::vector<core::LinkNumber> numbers;
  if (fits) numbers.push_back(core::LinkNumber{static_cast<std::uint32_t>(link->number)});
  return numbers;
}

}  // namespace

std::string Registry::workspace_of(core::LinkNumber number) const {
  const std::lock_guard lock(mutex_);
  if (const auto* link = table<LinkDefinition>().by_number(number)) return link->workspace;
  const auto* retired = find_retired(catalog_, What::kLink, number);
  return retired == nullptr ? std::string() : retired->workspace;
}

std::string Registry::workspace_of(core::EndpointNumber number) const {
  const std::lock_guard lock(mutex_);
  if (const auto* endpoint = table<EndpointDefinition>().by_number(number))
    return endpoint->workspace;
  if (const auto* call = table<CallDefinition>().by_number(number)) return call->workspace;
  const auto* retired = find_retired(catalog_, What::kEndpoint, number);
  return retired == nullptr ? std::string() : retired->workspace;
}

LinkId Registry::link_id(core::LinkNumber number) const {
  const std::lock_guard lock(mutex_);
  if (const auto* link = table<LinkDefinition>().by_number(number)) return link->id;
  const auto* retired = find_retired(catalog_, What::kLink, number);
  return retired == nullptr ? LinkId{} : LinkId{retired->id};
}

EndpointId Registry::endpoint_id(core::EndpointNumber number) const {
  const std::lock_guard lock(mutex_);
  if (const auto* endpoint = table<EndpointDefinition>().by_number(number)) return endpoint->id;
  if (const auto* call = table<CallDefinition>().by_number(number)) return call->id;
  const auto* retired = find_retired(catalog_, What::kEndpoint, number);
  return retired == nullptr ? EndpointId{} : EndpointId{retired->id};
}

std::string Registry::event_tag(core::EventNumber number) const {
  const std::lock_guard lock(mutex_);
  if (const auto* event = table<EventDefinition>().by_number(number)) return event->tag;
  const auto* retired = find_retired(catalog_, What::kEvent, number);
  return retired == nullptr ? std::string() : retired->event;
}

Result<core::EndpointNumber> Registry::endpoint_number(std::string_view workspace,
                                                       EndpointId id) const {
  const std::lock_guard lock(mutex_);
  const auto* endpoint = table<EndpointDefinition>().by_id(id);
  if (endpoint != nullptr && endpoint->workspace == workspace) return endpoint->number;
  const auto* call = table<CallDefinition>().by_id(id);
  if (call != nullptr && call->workspace == workspace) return call->number;
  const auto* retired = find_retired(catalog_, What::kEndpoint, workspace, id.bits);
  if (retired != nullptr) return core::EndpointNumber{retired->number};
  return not_found("there is no endpoint " + id.to_string());
}

Result<core::EventNumber> Registry::event_number(std::string_view workspace, std::string_view app,
                                                 std::string_view tag) const {
  const std::lock_guard lock(mutex_);
  auto event = find_event(workspace, app, tag);
  if (event) return (*event)->number;
  if (event.error().code != ErrorCode::kNotFound) return std::move(event).error();
  const bool is_full = tag.find(':') != std::string_view::npos;
  std::uint32_t newest = 0;
  each_retired(catalog_, What::kEvent, workspace, [&](const RetiredDefinition& retired) {
    const std::string_view full = retired.event;
    const std::string_view name = is_full ? full : full.substr(full.find(':') + 1);
    if (retired.workspace == workspace && retired.app == app && name == tag)
      newest = std::max(newest, retired.number);
    return true;
  });
  if (newest == 0) return std::move(event).error();
  return core::EventNumber{newest};
}

Result<std::vector<core::LinkNumber>> Registry::links_of(std::string_view workspace,
                                                         const HistoryFilter& filter) const {
  const std::lock_guard lock(mutex_);
  if (auto there = need_workspace(workspace); !there) return std::move(there).error();
  std::vector<LinkWish> wishes = {wish_of(catalog_, workspace, filter)};
  bool has_links = true;
  if (filter.endpoint) {
    const auto* endpoint = table<EndpointDefinition>().by_id(filter.endpoint);
    const auto* call = table<CallDefinition>().by_id(filter.endpoint);
    const auto* retired =
        endpoint != nullptr || call != nullptr
            ? nullptr
            : find_retired(catalog_, What::kEndpoint, workspace, filter.endpoint.bits);
    if (endpoint != nullptr && endpoint->workspace == workspace) {
      wishes.push_back(wish_of(*endpoint));
    } else if (retired != nullptr) {
      if (!retired->app.empty()) wishes.push_back(wish_of(*retired));
    } else if (call != nullptr && call->workspace == workspace) {
      has_links = false;  // what it is sent is on the system link
    } else {
      return not_found("there is no endpoint " + filter.endpoint.to_string());
    }
  }
  if (filter.link) {
    auto numbers = only(table<LinkDefinition>().by_id(filter.link), workspace, wishes);
    if (!numbers) {
      numbers =
          only(find_retired(catalog_, What::kLink, workspace, filter.link.bits), workspace, wishes);
    }
    if (!numbers) return not_found("there is no link " + filter.link.to_string());
    if (!has_links) numbers->clear();
    return std::move(*numbers);
  }
  if (!has_links) return std::vector<core::LinkNumber>();
  auto numbers = LinkCollector(catalog_, std::move(wishes)).take();
  if (numbers.size() <= core::limits::kLinksPerQueryMax) return numbers;
  return Error{ErrorCode::kInvalidArgument,
               "these are the messages of more than " +
                   std::to_string(core::limits::kLinksPerQueryMax) +
                   " links; narrow them by link, app or product",
               0};
}

}  // namespace headrace::engine
