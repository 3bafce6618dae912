#pragma once
// Values by 64-bit key, in the order in which they were last used. Every operation takes O(1).

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <unordered_map>
#include <utility>

namespace tokenlift {

template <typename Value>
class Lru {
 public:
  explicit Lru(std::pmr::memory_resource* memory = std::pmr::get_default_resource())
      : entries_(memory) {}
  Lru(const Lru&) = delete;
  Lru& operator=(const Lru&) = delete;

  std::size_t size() const { return entries_.size(); }
  const Value* find(std::uint64_t key) const {
    const auto found = entries_.find(key);
    return found == entries_.end() ? nullptr : &found->second.value;
  }

  /// As find(), and the key becomes the one used last.
  const Value* use(std::uint64_t key) {
    const auto found = entries_.find(key);
    if (found == entries_.end()) return nullptr;
    unlink(*found);
    link(*found);
    return &found->second.value;
  }

  /// The value of a key, from now on the one used last; Value{} if it is new.
  Value& put(std::uint64_t key) {
    const auto [entry, is_new] = entries_.try_emplace(key);
    if (!is_new) unlink(*entry);
    link(*entry);
    return entry->second.value;
  }

  /// Takes the key out, if it is there.
  void erase(std::uint64_t key) {
    const auto found = entries_.find(key);
    if (found == entries_.end()) return;
    unlink(*found);
    entries_.erase(found);
  }

  /// Takes out the key whose last use is longest ago. There must be one.
  std::pair<std::uint64_t, Value> drop_oldest() {
    assert(oldest_ != nullptr);
    std::pair<std::uint64_t, Value> dropped{oldest_->first, oldest_->second.value};
    unlink(*oldest_);
    entries_.erase(dropped.first);
    return dropped;
  }

 private:
  struct Node;
  using Entry = std::pair<const std::uint64_t, Node>;  // stays where it is while it exists
  struct Node {
    Value value{};
    Entry* newer = nullptr;
    Entry* older = nullptr;
  };

  void unlink(Entry& entry) {
    const Node& node = entry.second;
    (node.newer != nullptr ? node.newer->second.older : newest_) = node.older;
    (node.older != nullptr ? node.older->second.newer : oldest_) = node.newer;
  }
  void link(Entry& entry) {
    entry.second.newer = nullptr;
    entry.second.older = newest_;
    (newest_ != nullptr ? newest_->second.newer : oldest_) = &entry;
    newest_ = &entry;
  }

  std::pmr::unordered_map<std::uint64_t, Node> entries_;
  Entry* newest_ = nullptr;
  Entry* oldest_ = nullptr;
};

}  // namespace tokenlift
