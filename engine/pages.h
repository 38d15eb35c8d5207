// SPDX-License-Identifier: Apache-2.0
// Pages of what is kept in order of a key. The cursor is the last key that was shown, so that
// inserting and deleting shift nothing.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "core/limits.h"
#include "engine/faults.h"
#include "headrace/registry.h"

namespace headrace::engine {

inline Result<void> check_page(const PageRequest& page) {
  if (page.count_max >= 1 && page.count_max <= core::limits::kPageItemsMax) return {};
  return invalid("/limit", "must be between 1 and 1000");
}

// A cursor is shown without the names that everything in the list shares.
inline std::string after_key(const std::string& prefix, const PageRequest& page) {
  return page.cursor.empty() ? std::string() : prefix + page.cursor;
}

// Takes items until the page is full.
template <class Item>
class PageFiller {
 public:
  PageFiller(const std::string& prefix, const PageRequest& page) : prefix_(prefix), page_(page) {}

  // False: full, and there is more.
  bool has_room() {
    if (result_.items.size() < page_.count_max) return true;
    result_.next = last_.substr(prefix_.size());
    return false;
  }
  void add(Item item, std::string key) {
    result_.items.push_back(std::move(item));
    last_ = std::move(key);
  }
  Page<Item> take() { return std::move(result_); }

 private:
  const std::string& prefix_;
  const PageRequest& page_;
  Page<Item> result_;
  std::string last_;
};

}  // namespace headrace::engine
