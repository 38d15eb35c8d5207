// SPDX-License-Identifier: Apache-2.0
// Products, and the names under which they know apps.
#include "engine/faults.h"
#include "engine/pages.h"
#include "engine/registry.h"
#include "engine/tags.h"

namespace headrace::engine {
namespace {

std::string described_place(const EndpointDefinition& endpoint) {
  return endpoint.access_tag + ", " + endpoint.webhook + ", " + endpoint.env;
}

// What the product registered under that name, for any app but `except`.
void list_users(const Catalog& catalog, std::string_view workspace, std::string_view product,
                std::string_view access_tag, std::string_view except,
                std::vector<ErrorItem>& items) {
  const std::string prefix = join_key({workspace, product}) + '/';
  catalog.of<EndpointDefinition>().scan_second(prefix, {}, [&](const EndpointDefinition& endpoint) {
    if (endpoint.access_tag == access_tag && endpoint.app != except)
      items.push_back({"endpoint " + endpoint.id.to_string(), described_place(endpoint)});
    return true;
  });
  catalog.of<LinkDefinition>().scan_second(prefix, {}, [&](const LinkDefinition& link) {
    if (link.access_tag == access_tag && link.app != except)
      items.push_back({"link " + link.id.to_string(), link.webhook + ", " + link.env});
    return true;
  });
}

Connection shown(const ConnectionDefinition& connection) {
  return {connection.product, connection.access_tag, connection.app, connection.revision};
}

Product count_product(const Catalog& catalog, std::string_view workspace, const std::string& tag) {
  Product product{tag, 0, 0, 0};
  const std::string prefix = join_key({workspace, tag}) + '/';
  const auto counter = [](std::size_t& count) {
    return [&count](const auto&) {
      ++count;
      return true;
    };
  };
  catalog.of<ConnectionDefinition>().scan(prefix, {}, counter(product.connections));
  catalog.of<EndpointDefinition>().scan_second(prefix, {}, counter(product.endpoints));
  catalog.of<LinkDefinition>().scan_second(prefix, {}, counter(product.links));
  return product;
}

}  // namespace

// Products are found in four kinds of definitions, each in order of product.
Result<Page<Product>> Registry::products(std::string_view workspace,
                                         const PageRequest& page) const {
  if (auto checked = check_page(page); !checked) return std::move(checked).error();
  const std::lock_guard lock(mutex_);
  if (auto there = need_workspace(workspace); !there) return std::move(there).error();
  const std::string prefix = std::string(workspace) + '/';
  std::string after = page.cursor.empty() ? std::string() : prefix + page.cursor + '0';
  PageFiller<Product> filler(prefix, page);
  for (;;) {
    // The next product is the least of the kinds' next ones.
    std::string next;
    const auto take = [&](const auto& definition) {
      const std::string key = prefix + definition.product + '/';
      if (next.empty() || key < next) next = key;
      return false;
    };
    table<ConnectionDefinition>().scan(prefix, after, take);
    table<EndpointDefinition>().scan_second(prefix, after, take);
    table<LinkDefinition>().scan_second(prefix, after, take);
    table<CallDefinition>().scan_second(prefix, after, take);
    if (next.empty() || !filler.has_room()) return filler.take();
    const std::string tag = next.substr(prefix.size(), next.size() - prefix.size() - 1);
    filler.add(count_product(catalog_, workspace, tag), prefix + tag);
    after = prefix + tag + '0';
  }
}

Result<Product> Registry::product(std::string_view workspace, std::string_view tag) const {
  const std::lock_guard lock(mutex_);
  if (check_tag("product", tag)) {
    const Product product = count_product(catalog_, workspace, std::string(tag));
    bool is_there = product.connections + product.endpoints + product.links != 0;
    const auto note = [&is_there](const CallDefinition&) { return !(is_there = true); };
    table<CallDefinition>().scan_second(join_key({workspace, tag}) + '/', {}, note);
    if (is_there) return product;
  }
  return not_found("there is no product '" + std::string(tag) + "'");
}

Result<void> Registry::delete_product(std::string_view workspace, std::string_view tag,
                                      const ChangeOptions& options) {
  const std::lock_guard lock(mutex_);
  const Error missing = not_found("there is no product '" + std::string(tag) + "'");
  if (!check_tag("product", tag)) return missing;
  Change change;
  Error orphans = conflict("the product has endpoints or links");
  bool found = false;
  const std::string prefix = join_key({workspace, tag}) + '/';
  table<ConnectionDefinition>().scan(prefix, {}, [&](const ConnectionDefinition& connection) {
    found = true;
    change.remove(connection);
    return true;
  });
  table<EndpointDefinition>().scan_second(prefix, {}, [&](const EndpointDefinition& endpoint) {
    orphans.items.push_back({"endpoint " + endpoint.id.to_string(), described_place(endpoint)});
    remove_endpoint(change, endpoint);
    return true;
  });
  table<LinkDefinition>().scan_second(prefix, {}, [&](const LinkDefinition& link) {
    orphans.items.push_back({"link " + link.id.to_string(), link.webhook + ", " + link.env});
    remove_link(change, link);
    return true;
  });
  table<CallDefinition>().scan_second(prefix, {}, [&](const CallDefinition& call) {
    found = true;
    if (call.purpose == CallDefinition::Purpose::kUnregister && !call.given_up)
      orphans.items.push_back(
          {"call " + call.id.to_string(), "a provider is being told of the end"});
    remove_call(change, call);
    return true;
  });
  if (!found && orphans.items.empty()) return missing;
  if (!orphans.items.empty() && !options.cascade) return orphans;
  return commit(std::move(change));
}

// --- Connections
// -----------------------------------------------------------------------------------

Result<Connection> Registry::connect(std::string_view workspace, std::string_view product,
                                     std::string_view access_tag, std::string_view app,
                                     const ChangeOptions& options) {
  if (auto checked = check_tag("product", product); !checked)
    return at("/product", std::move(checked).error());
  if (auto checked = check_tag("access_tag", access_tag); !checked)
    return at("/access_tag", std::move(checked).error());
  const std::lock_guard lock(mutex_);
  if (auto there = need_workspace(workspace); !there) return std::move(there).error();
  if (!check_tag("app", app) || !has_app(workspace, app))
    return invalid("/app", "there is no app '" + std::string(app) + "'");
  ConnectionDefinition connection{std::string(workspace), std::string(product),
                                  std::string(access_tag), std::string(app), 0};
  const auto* before = table<ConnectionDefinition>().find(connection.key());
  if (before == nullptr && options.if_exists)
    return Error{ErrorCode::kPrecondition, "there is no such connection", 0};
  if (auto same = check_revision(before == nullptr ? 0 : before->revision, options); !same)
    return std::move(same).error();
  if (before != nullptr && before->app == app) return shown(*before);
  Error in_use = conflict("endpoints or links are registered under the name for another app");
  list_users(catalog_, workspace, product, access_tag, app, in_use.items);
  if (!in_use.items.empty()) return in_use;
  connection.revision = next_revision();
  Change change;
  change.put(connection);
  if (auto done = commit(std::move(change)); !done) return std::move(done).error();
  return shown(connection);
}

Result<Page<Connection>> Registry::connections(std::string_view workspace, std::string_view product,
                                               const PageRequest& page) const {
  if (auto checked = check_page(page); !checked) return std::move(checked).error();
  if (auto checked = check_tag("product", product); !checked)
    return at("/product", std::move(checked).error());
  const std::lock_guard lock(mutex_);
  if (auto there = need_workspace(workspace); !there) return std::move(there).error();
  const std::string prefix = join_key({workspace, product}) + '/';
  PageFiller<Connection> filler(prefix, page);
  table<ConnectionDefinition>().scan(prefix, after_key(prefix, page),
                                     [&](const ConnectionDefinition& connection) {
                                       if (!filler.has_room()) return false;
                                       filler.add(shown(connection), connection.key());
                                       return true;
                                     });
  return filler.take();
}

Result<Connection> Registry::connection(std::string_view workspace, std::string_view product,
                                        std::string_view access_tag) const {
  const std::lock_guard lock(mutex_);
  const auto* found =
      table<ConnectionDefinition>().find(join_key({workspace, product, access_tag}));
  if (found != nullptr && check_tag("product", product)) return shown(*found);
  return not_found("the product has connected no app as '" + std::string(access_tag) + "'");
}

Result<void> Registry::disconnect(std::string_view workspace, std::string_view product,
                                  std::string_view access_tag, const ChangeOptions& options) {
  const std::lock_guard lock(mutex_);
  const auto* found =
      table<ConnectionDefinition>().find(join_key({workspace, product, access_tag}));
  if (found == nullptr || !check_tag("product", product))
    return not_found("the product has connected no app as '" + std::string(access_tag) + "'");
  if (auto same = check_revision(found->revision, options); !same) return same;
  Error orphans = conflict("endpoints or links are registered under the name");
  list_users(catalog_, workspace, product, access_tag, {}, orphans.items);
  Change change;
  if (!orphans.items.empty() && !options.cascade) return orphans;
  const std::string prefix = join_key({workspace, product}) + '/';
  table<EndpointDefinition>().scan_second(prefix, {}, [&](const EndpointDefinition& endpoint) {
    if (endpoint.access_tag == access_tag) remove_endpoint(change, endpoint);
    return true;
  });
  table<LinkDefinition>().scan_second(prefix, {}, [&](const LinkDefinition& link) {
    if (link.access_tag == access_tag) remove_link(change, link);
    return true;
  });
  table<CallDefinition>().scan_second(prefix, {}, [&](const CallDefinition& call) {
    if (call.access_tag == access_tag) remove_call(change, call);
    return true;
  });
  change.remove(*found);
  return commit(std::move(change));
}

}  // namespace headrace::engine
