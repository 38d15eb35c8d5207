// SPDX-License-Identifier: Apache-2.0
#include "engine/catalog.h"

#include <algorithm>

namespace headrace::engine {

bool Change::empty() const {
  return std::apply([](const auto&... edits) { return (edits.empty() && ...); }, all_);
}

std::vector<store::DefinitionChange> Change::for_store() const {
  std::vector<store::DefinitionChange> changes;
  const auto add = [&changes]<class D>(const std::vector<Edit<D>>& edits) {
    for (const Edit<D>& edit : edits) {
      std::optional<std::string> value;
      if (edit.value) value = edit.value->to_json();
      changes.push_back({std::string(D::kKind) + "/" + edit.key, std::move(value)});
    }
  };
  std::apply([&add](const auto&... edits) { (add(edits), ...); }, all_);
  return changes;
}

void Catalog::apply(Change& change) {
  const auto apply_all = [this]<class D>(std::vector<Edit<D>>& edits) {
    Table<D>& table = std::get<Table<D>>(tables_);
    for (Edit<D>& edit : edits) edit.value = table.exchange(edit.key, std::move(edit.value));
  };
  std::apply([&apply_all](auto&... edits) { (apply_all(edits), ...); }, change.all_);
}

// What a change holds after apply() are the inverse edits; the last is taken back first.
void Catalog::revert(Change& change) {
  std::apply([](auto&... edits) { (std::reverse(edits.begin(), edits.end()), ...); }, change.all_);
  apply(change);
}

}  // namespace headrace::engine
