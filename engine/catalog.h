// SPDX-License-Identifier: Apache-2.0
// All definitions in memory, with the orders and look-ups that the rules need; and a set of edits
// that is applied, and taken back, as one.
//
// Threads: one at a time; the registry's mutex guards it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/definitions.h"
#include "store/event_store.h"

namespace headrace::engine {

struct BitsHash {
  std::size_t operator()(const Bits128& bits) const noexcept { return bits.low ^ bits.high; }
};

// The definitions of one kind. Pointers stay valid until the definition is exchanged.
template <class D>
class Table {
 public:
  const D* find(std::string_view key) const {
    const auto it = by_key_.find(key);
    return it == by_key_.end() ? nullptr : &it->second;
  }
  template <class Number>
  const D* by_number(Number number) const {
    return found(by_number_, static_cast<std::uint32_t>(number));
  }
  template <class SomeId>
  const D* by_id(const SomeId& id) const {
    return found(by_id_, id.bits);
  }
  const D* by_id(const Bits128& id) const { return found(by_id_, id); }
  const D* by_hash(const std::string& hash) const { return found(by_hash_, hash); }
  std::size_t size() const noexcept { return by_key_.size(); }

  // Calls `visit(const D&)` for those whose key begins with `prefix` (names, with a slash behind
  // the last) and is greater than `after`, in order, until it answers false.
  template <class Visit>
  void scan(std::string_view prefix, std::string_view after, const Visit& visit) const {
    auto it = after > prefix ? by_key_.upper_bound(after) : by_key_.lower_bound(prefix);
    for (; it != by_key_.end() && it->first.starts_with(prefix); ++it) {
      if (!visit(it->second)) return;
    }
  }
  // The same in the order of the second key; for the kinds that have one.
  template <class Visit>
  void scan_second(std::string_view prefix, std::string_view after, const Visit& visit) const {
    auto it = after > prefix ? by_second_.upper_bound(after) : by_second_.lower_bound(prefix);
    for (; it != by_second_.end() && it->first.starts_with(prefix); ++it) {
      if (!visit(*it->second)) return;
    }
  }
  template <class Visit>
  void each(const Visit& visit) const {
    for (const auto& [key, definition] : by_key_) visit(definition);
  }

  // Puts `next` under its key, or removes what is there when there is no next; answers what was
  // there.
  std::optional<D> exchange(const std::string& key, std::optional<D> next) {
    std::optional<D> before;
    if (const auto it = by_key_.find(key); it != by_key_.end()) {
      unlink(it->second);
      before = std::move(it->second);
      if (next) {
        it->second = std::move(*next);
        link(it->second);
        return before;
      }
      by_key_.erase(it);
    } else if (next) {
      link(by_key_.emplace(key, std::move(*next)).first->second);
    }
    return before;
  }

 private:
  template <class Map, class Name>
  static const D* found(const Map& map, const Name& name) {
    const auto it = map.find(name);
    return it == map.end() ? nullptr : it->second;
  }

  void link(const D& definition) {
    if constexpr (
        requires { definition.number; } && !requires { definition.what; })
      by_number_[static_cast<std::uint32_t>(definition.number)] = &definition;
    if constexpr (requires { definition.id.bits; }) by_id_[definition.id.bits] = &definition;
    if constexpr (requires { definition.id.high; }) {
      if (definition.id != Bits128{}) by_id_[definition.id] = &definition;
    }
    if constexpr (requires { definition.secret_hash; })
      by_hash_[definition.secret_hash] = &definition;
    if constexpr (requires { definition.second_key(); }) {
      if (std::string key = definition.second_key(); !key.empty())
        by_second_.emplace(std::move(key), &definition);
    }
  }
  void unlink(const D& definition) {
    if constexpr (
        requires { definition.number; } && !requires { definition.what; })
      by_number_.erase(static_cast<std::uint32_t>(definition.number));
    if constexpr (requires { definition.id.bits; }) by_id_.erase(definition.id.bits);
    if constexpr (requires { definition.id.high; }) by_id_.erase(definition.id);
    if constexpr (requires { definition.secret_hash; }) by_hash_.erase(definition.secret_hash);
    if constexpr (requires { definition.second_key(); }) by_second_.erase(definition.second_key());
  }

  std::map<std::string, D, std::less<>> by_key_;
  std::unordered_map<std::uint32_t, const D*> by_number_;
  std::unordered_map<Bits128, const D*, BitsHash> by_id_;
  std::unordered_map<std::string, const D*> by_hash_;
  std::map<std::string, const D*, std::less<>> by_second_;
};

template <class D>
struct Edit {
  std::string key;
  std::optional<D> value;  // none: remove. Once applied: what was there before
};

// Edits that belong together. Of several edits of one key the last counts.
class Change {
 public:
  template <class D>
  void put(D definition) {
    std::string key = definition.key();
    edits<D>().push_back({std::move(key), std::move(definition)});
  }
  template <class D>
  void remove(const D& definition) {
    edits<D>().push_back({definition.key(), std::nullopt});
  }
  template <class D>
  std::vector<Edit<D>>& edits() {
    return std::get<std::vector<Edit<D>>>(all_);
  }
  template <class D>
  const std::vector<Edit<D>>& edits() const {
    return std::get<std::vector<Edit<D>>>(all_);
  }
  bool empty() const;
  std::vector<store::DefinitionChange> for_store() const;
  // Calls `visit(const std::vector<Edit<D>>&)` for each kind.
  template <class Visit>
  void each_kind(const Visit& visit) const {
    std::apply([&visit](const auto&... edits) { (visit(edits), ...); }, all_);
  }

 private:
  friend class Catalog;
  std::tuple<std::vector<Edit<WorkspaceDefinition>>, std::vector<Edit<KeyDefinition>>,
             std::vector<Edit<WebhookDefinition>>, std::vector<Edit<EventDefinition>>,
             std::vector<Edit<ConnectionDefinition>>, std::vector<Edit<EndpointDefinition>>,
             std::vector<Edit<LinkDefinition>>, std::vector<Edit<CallDefinition>>,
             std::vector<Edit<RetiredDefinition>>, std::vector<Edit<CounterDefinition>>,
             std::vector<Edit<SecretDefinition>>>
      all_;
};

class Catalog {
 public:
  template <class D>
  const Table<D>& of() const noexcept {
    return std::get<Table<D>>(tables_);
  }
  template <class D>
  void load(D definition) {
    std::string key = definition.key();
    std::get<Table<D>>(tables_).exchange(key, std::move(definition));
  }

  // Makes all edits; the change then holds what was there before, so that revert() takes it back.
  void apply(Change& change);
  void revert(Change& change);

 private:
  std::tuple<Table<WorkspaceDefinition>, Table<KeyDefinition>, Table<WebhookDefinition>,
             Table<EventDefinition>, Table<ConnectionDefinition>, Table<EndpointDefinition>,
             Table<LinkDefinition>, Table<CallDefinition>, Table<RetiredDefinition>,
             Table<CounterDefinition>, Table<SecretDefinition>>
      tables_;
};

}  // namespace headrace::engine
