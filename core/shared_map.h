// SPDX-License-Identifier: Apache-2.0
// A map that is copied at no cost: copies share everything, and a change copies only the way to it.
//
// A trie over the bits of a hash (Bagwell, Ideal Hash Trees, 2001): branches of 32, and leaves of a
// few entries. With n entries a change copies about log32(n) branches and one leaf, and a copy that
// is dropped frees as little; nodes that no other copy shares are changed in place, so loading in
// bulk copies nothing.
//
// Threads: like a std::map each copy is one thread's, or is not changed any more; copies that share
// nodes may be read, changed and dropped on different threads.
// Limits: none of its own. Entries of equal hash are searched one by one, so hashes of what others
// choose are keyed.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

#include "core/check.h"

namespace headrace::core {

template <class V>
class SharedMap {
 public:
  using Value = std::shared_ptr<const V>;

  SharedMap() = default;
  SharedMap(const SharedMap&) = default;
  SharedMap(SharedMap&& other) noexcept
      : root_(std::move(other.root_)), size_(std::exchange(other.size_, 0)) {}
  SharedMap& operator=(SharedMap other) noexcept {
    root_.swap(other.root_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~SharedMap() = default;

  std::size_t size() const noexcept { return size_; }

  // The value under `hash` for which `is_it(const V&)` holds; null when there is none. Valid until
  // this copy changes.
  template <class Is>
  const Value* find(std::uint64_t hash, const Is& is_it) const noexcept {
    const Node* node = root_.get();
    for (unsigned shift = 0; node != nullptr && !node->is_leaf; shift += kBits)
      node = as_branch(*node).children[digit(hash, shift)].get();
    if (node == nullptr) return nullptr;
    const Leaf& leaf = as_leaf(*node);
    const std::size_t at = position(leaf, hash, is_it);
    return at == leaf.count ? nullptr : &leaf.entries()[at].value;
  }

  // Replaces the value for which `is_it` holds, or adds one; true: added. Requires: `value` is not
  // null, and `is_it` holds for it.
  template <class Is>
  bool put(std::uint64_t hash, const Is& is_it, Value value) {
    HEADRACE_DCHECK(value != nullptr && is_it(*value));
    const bool added = put_at(root_, 0, Entry{hash, std::move(value)}, is_it);
    if (added) ++size_;
    return added;
  }

  // Removes the value for which `is_it` holds. False: there is none.
  template <class Is>
  bool erase(std::uint64_t hash, const Is& is_it) {
    if (find(hash, is_it) == nullptr) return false;  // or the way there would be copied for nothing
    erase_at(root_, 0, hash, is_it);
    --size_;
    return true;
  }

  // Calls `visit(const Value&)` for each value, in no order that means anything.
  template <class Visit>
  void for_each(const Visit& visit) const {
    if (root_) visit_all(*root_, visit);
  }

 private:
  static constexpr unsigned kBits = 5;
  static constexpr std::size_t kFanOut = std::size_t{1} << kBits;
  static constexpr unsigned kShiftMax = 60;    // a leaf there takes whatever comes
  static constexpr std::size_t kLeafMax = 16;  // elsewhere; then it becomes a branch

  struct Entry {
    std::uint64_t hash = 0;
    Value value;
  };

  struct Node {
    explicit Node(bool leaf) noexcept : is_leaf(leaf) {}
    mutable std::atomic<std::uint32_t> owners{1};
    const bool is_leaf;
  };

  // A counted reference. Unlike shared_ptr it takes one word, and says reliably that it is alone.
  class Ref {
   public:
    Ref() = default;
    explicit Ref(Node* node) noexcept : node_(node) {}
    Ref(const Ref& other) noexcept : node_(other.node_) {
      if (node_ != nullptr) node_->owners.fetch_add(1, std::memory_order_relaxed);
    }
    Ref(Ref&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
    Ref& operator=(Ref other) noexcept {
      swap(other);
      return *this;
    }
    ~Ref() {
      if (node_ != nullptr && node_->owners.fetch_sub(1, std::memory_order_acq_rel) == 1)
        destroy(node_);
    }
    void swap(Ref& other) noexcept { std::swap(node_, other.node_); }
    // Acquires, so that what another thread read of the node before it let go came before what is
    // now written to it.
    bool is_only() const noexcept { return node_->owners.load(std::memory_order_acquire) == 1; }
    Node* get() const noexcept { return node_; }
    Node& operator*() const noexcept { return *node_; }
    explicit operator bool() const noexcept { return node_ != nullptr; }

   private:
    Node* node_ = nullptr;
  };

  struct Branch : Node {
    Branch() noexcept : Node(false) {}
    explicit Branch(const std::array<Ref, kFanOut>& shared) noexcept
        : Node(false), children(shared) {}
    std::array<Ref, kFanOut> children;
  };

  // Its entries lie right behind it; their number never changes.
  struct alignas(Entry) Leaf : Node {
    explicit Leaf(std::size_t entry_count) noexcept : Node(true), count(entry_count) {}
    const std::size_t count;
    Entry* entries() noexcept { return reinterpret_cast<Entry*>(this + 1); }
    const Entry* entries() const noexcept { return reinterpret_cast<const Entry*>(this + 1); }
  };

  static Branch& as_branch(Node& node) noexcept { return static_cast<Branch&>(node); }
  static const Branch& as_branch(const Node& node) noexcept {
    return static_cast<const Branch&>(node);
  }
  static Leaf& as_leaf(Node& node) noexcept { return static_cast<Leaf&>(node); }
  static const Leaf& as_leaf(const Node& node) noexcept { return static_cast<const Leaf&>(node); }

  static std::size_t digit(std::uint64_t hash, unsigned shift) noexcept {
    return (hash >> shift) & (kFanOut - 1);
  }

  static Leaf* make_leaf(std::size_t count) {
    void* const memory = ::operator new(sizeof(Leaf) + count * sizeof(Entry));
    Leaf* const leaf = new (memory) Leaf(count);
    std::uninitialized_default_construct_n(leaf->entries(), count);
    return leaf;
  }

  static void destroy(Node* node) noexcept {
    if (!node->is_leaf) {
      delete &as_branch(*node);
      return;
    }
    Leaf& leaf = as_leaf(*node);
    std::destroy_n(leaf.entries(), leaf.count);
    leaf.~Leaf();
    ::operator delete(static_cast<void*>(&leaf));
  }

  // Where in the leaf it is; its count when it is not there.
  template <class Is>
  static std::size_t position(const Leaf& leaf, std::uint64_t hash, const Is& is_it) noexcept {
    const Entry* const entries = leaf.entries();
    std::size_t at = 0;
    while (at < leaf.count && !(entries[at].hash == hash && is_it(*entries[at].value))) ++at;
    return at;
  }

  // Entries [from, to) of the leaf in `source` go to `out`: moved when nobody else has the leaf.
  static void transfer(const Ref& source, std::size_t from, std::size_t to, Entry* out) {
    Entry* const entries = as_leaf(*source).entries();
    const bool mine = source.is_only();
    for (std::size_t i = from; i < to; ++i) *out++ = mine ? std::move(entries[i]) : entries[i];
  }

  // The branch in `slot`, made this copy's own. Its children are then shared with the other copies.
  static Branch& own_branch(Ref& slot) {
    if (!slot.is_only()) slot = Ref(new Branch(as_branch(*slot).children));
    return as_branch(*slot);
  }

  // In these `slot` is this copy's own: everything above it was made so on the way down.
  template <class Is>
  static bool put_at(Ref& slot, unsigned shift, Entry&& entry, const Is& is_it) {
    if (!slot) {
      slot = Ref(make_leaf(1));
      as_leaf(*slot).entries()[0] = std::move(entry);
      return true;
    }
    if (slot.get()->is_leaf) return put_in_leaf(slot, shift, std::move(entry), is_it);
    Ref& child = own_branch(slot).children[digit(entry.hash, shift)];
    return put_at(child, shift + kBits, std::move(entry), is_it);
  }

  template <class Is>
  static bool put_in_leaf(Ref& slot, unsigned shift, Entry&& entry, const Is& is_it) {
    const std::size_t count = as_leaf(*slot).count;
    const std::size_t at = position(as_leaf(*slot), entry.hash, is_it);
    if (at < count && slot.is_only()) {
      as_leaf(*slot).entries()[at] = std::move(entry);
      return false;
    }
    if (at == count && count >= kLeafMax && shift < kShiftMax) {
      split(slot, shift);
      return put_at(slot, shift, std::move(entry), is_it);
    }
    Ref changed(make_leaf(at == count ? count + 1 : count));
    transfer(slot, 0, count, as_leaf(*changed).entries());
    as_leaf(*changed).entries()[at] = std::move(entry);
    slot = std::move(changed);
    return at == count;
  }

  // The leaf in `slot` becomes a branch with its entries one level down.
  static void split(Ref& slot, unsigned shift) {
    Ref branch(new Branch);
    const std::size_t count = as_leaf(*slot).count;
    for (std::size_t i = 0; i < count; ++i) {
      Entry entry;
      transfer(slot, i, i + 1, &entry);
      Ref& child = as_branch(*branch).children[digit(entry.hash, shift)];
      put_at(child, shift + kBits, std::move(entry), [](const V&) { return false; });
    }
    slot = std::move(branch);
  }

  template <class Is>
  static void erase_at(Ref& slot, unsigned shift, std::uint64_t hash, const Is& is_it) {
    if (!slot.get()->is_leaf) {
      Branch& branch = own_branch(slot);
      Ref& child = branch.children[digit(hash, shift)];
      erase_at(child, shift + kBits, hash, is_it);
      if (!child || child.get()->is_leaf) shrink(slot);
      return;
    }
    const std::size_t count = as_leaf(*slot).count;
    const std::size_t at = position(as_leaf(*slot), hash, is_it);
    if (count == 1) {
      slot = Ref();
      return;
    }
    Ref changed(make_leaf(count - 1));
    transfer(slot, 0, at, as_leaf(*changed).entries());
    transfer(slot, at + 1, count, as_leaf(*changed).entries() + at);
    slot = std::move(changed);
  }

  // A branch without children goes; one whose only child is a leaf becomes that leaf.
  static void shrink(Ref& slot) noexcept {
    Ref* only = nullptr;
    for (Ref& child : as_branch(*slot).children) {
      if (!child) continue;
      if (only != nullptr) return;
      only = &child;
    }
    if (only != nullptr && !only->get()->is_leaf) return;
    Ref left = only == nullptr ? Ref() : std::move(*only);
    slot = std::move(left);
  }

  template <class Visit>
  static void visit_all(const Node& node, const Visit& visit) {
    if (node.is_leaf) {
      const Leaf& leaf = as_leaf(node);
      for (std::size_t i = 0; i < leaf.count; ++i) visit(leaf.entries()[i].value);
      return;
    }
    for (const Ref& child : as_branch(node).children)
      if (child) visit_all(*child, visit);
  }

  Ref root_;
  std::size_t size_ = 0;
};

}  // namespace headrace::core
