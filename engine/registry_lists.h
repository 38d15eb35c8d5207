// SPDX-License-Identifier: Apache-2.0
// Lists of endpoints and links by what they are for. Part of the registry's sources.
#pragma once

#include <string>

#include "engine/pages.h"
#include "engine/registry.h"

namespace headrace::engine {

// In order of product when one is given, else of app. Requires: the mutex is held.
template <class Shown, class D>
Result<Page<Shown>> Registry::list_filtered(const Table<D>& definitions, std::string_view workspace,
                                            const LinkFilter& filter,
                                            const PageRequest& page) const {
  std::string app = filter.app;
  if (!filter.product.empty() && !app.empty()) {
    auto known = app_of(workspace, filter.product, app);
    if (!known) return std::move(known).error();
    app = std::move(*known);
  }
  // An env is not in the prefix: an app's link ends with it.
  const std::string prefix =
      (filter.product.empty()
           ? join_key({workspace, app, app.empty() ? std::string_view() : filter.webhook})
           : join_key({workspace, filter.product, app,
                       app.empty() ? std::string_view() : filter.webhook})) +
      '/';
  PageFiller<Shown> filler(prefix, page);
  const auto take = [&](const D& definition, std::string key) {
    // What is built in is shown to whoever asks for it.
    const bool built_in = definition.app == kSystemApp && definition.product.empty();
    const bool wanted = (app.empty() ? !built_in : definition.app == app) &&
                        (filter.product.empty() || definition.product == filter.product) &&
                        (filter.webhook.empty() || definition.webhook == filter.webhook) &&
                        (filter.env.empty() || definition.env == filter.env);
    if (!wanted) return true;
    if (!filler.has_room()) return false;
    filler.add(describe(definition), std::move(key));
    return true;
  };
  const std::string after = after_key(prefix, page);
  if (filter.product.empty()) {
    definitions.scan(prefix, after,
                     [&](const D& definition) { return take(definition, definition.key()); });
  } else {
    definitions.scan_second(prefix, after, [&](const D& definition) {
      return take(definition, definition.second_key());
    });
  }
  return filler.take();
}

}  // namespace headrace::engine
