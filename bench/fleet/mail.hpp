#pragma once
// News of requests that are lost with their replica, and news that is under way: from sites at a
// distance it reaches router and clients some time later.

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "bench/record/request.hpp"
#include "workloads/plan/fleet_plan.hpp"

namespace tokenlift {

inline void sort_news(std::vector<News>& news) {
  if (news.size() > 1) std::stable_sort(news.begin(), news.end(), earlier);
}

/// News of a request whose replica is gone with this change.
inline News lost_request(const ReplicaChange& change, std::int64_t now_ns, RequestId id,
                         const Progress& progress, std::int64_t computed_tokens) {
  News news{id, change.replica, progress.scheduled_ns, progress.first_token_ns, now_ns};
  const bool moves = change.in_flight == InFlight::move;
  news.kind = moves ? NewsKind::returned : NewsKind::failed;
  news.count = moves ? static_cast<std::int32_t>(computed_tokens) : progress.emitted_tokens;
  return news;
}

class Mail {
 public:
  /// Takes in what the replicas said, and leaves what has arrived by `until_ns`, in order.
  void deliver(std::int64_t until_ns, std::vector<News>& news) {
    sort_news(news);
    const auto middle = static_cast<std::ptrdiff_t>(under_way_.size());
    under_way_.insert(under_way_.end(), news.begin(), news.end());
    std::inplace_merge(under_way_.begin(), under_way_.begin() + middle, under_way_.end(), earlier);
    hurry(until_ns);
    const auto end = std::ranges::upper_bound(under_way_, until_ns, {}, &News::at_ns);
    news.assign(under_way_.begin(), end);
    under_way_.erase(under_way_.begin(), end);
  }

  std::int64_t next_ns() const { return under_way_.empty() ? kNever : under_way_.front().at_ns; }

 private:
  /// That a replica is gone is known at once. Nobody is to hear after that that a request which was
  /// lost with it has started.
  void hurry(std::int64_t until_ns) {
    std::unordered_map<RequestId, std::int64_t> lost_at;
    for (const News& news : under_way_) {
      if (news.at_ns > until_ns) break;
      const bool lost = news.kind == NewsKind::failed || news.kind == NewsKind::returned;
      if (lost) lost_at[news.id] = news.at_ns;
    }
    if (lost_at.empty()) return;
    for (News& news : under_way_) {
      if (news.kind != NewsKind::started) continue;
      const auto found = lost_at.find(news.id);
      if (found != lost_at.end()) news.at_ns = std::min(news.at_ns, found->second);
    }
    std::ranges::stable_sort(under_way_, [](const News& a, const News& b) {
      if (earlier(a, b) || earlier(b, a)) return earlier(a, b);
      return a.kind == NewsKind::started && b.kind != NewsKind::started;
    });
  }

  std::vector<News> under_way_;  // in order
};

}  // namespace tokenlift
