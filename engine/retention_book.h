// SPDX-License-Identifier: Apache-2.0
// Tells the store how long messages are kept where their webhook says so.
//
// Threads: as the registry that owns it. Cost: a change of such a webhook, or of one of its links,
// is linear in the links of all webhooks that set a retention; any other change costs nothing.
#pragma once

#include <set>
#include <string>

#include "engine/catalog.h"
#include "store/event_store.h"

namespace headrace::engine {

class RetentionBook {
 public:
  RetentionBook(const Catalog& catalog, store::EventStore& store)
      : catalog_(catalog), store_(store) {}

  // Once all definitions are there. Requires: the store drops nothing before.
  void load();
  // After a change that is in force; it holds what was there before.
  void follow(const Change& change);

 private:
  void publish();

  const Catalog& catalog_;
  store::EventStore& store_;
  std::set<std::string> webhooks_;  // keys of those that set a retention of their own
};

}  // namespace headrace::engine
