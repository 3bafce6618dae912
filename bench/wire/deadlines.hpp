#pragma once
// One timer for all streams: a heap of when to look at whom.
//
// Who moves a deadline back leaves its entry where it is: when that comes up its owner looks, and
// adds the later one. So a stream that reads again and again costs nothing here.

#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <vector>

#include "bench/record/request.hpp"

namespace tokenlift {

class Deadlines {
 public:
  struct Entry {
    std::int64_t at_ns = 0;
    std::uint32_t who = 0;
    bool operator>(const Entry& other) const { return at_ns > other.at_ns; }
  };

  void add(std::int64_t at_ns, std::uint32_t who) { entries_.push({at_ns, who}); }
  std::int64_t next_ns() const { return entries_.empty() ? kNever : entries_.top().at_ns; }
  /// The earliest, if it has come; it is taken out.
  std::optional<Entry> take(std::int64_t now_ns) {
    if (next_ns() > now_ns) return std::nullopt;
    const Entry entry = entries_.top();
    entries_.pop();
    return entry;
  }

 private:
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> entries_;
};

}  // namespace tokenlift
