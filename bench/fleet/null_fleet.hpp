#pragma once
// A fleet that answers at once: what is measured is the harness, its floor and its ceiling.

#include <array>
#include <cstddef>
#include <vector>

#include "bench/fleet/fleet.hpp"

namespace tokenlift {

class NullFleet final : public Fleet {
 public:
  NullFleet(std::int64_t replicas, const RecordingGrid& grid)
      : replicas_(replicas), record_(grid) {}

  void submit(const Work& work, std::uint32_t replica, std::int64_t now_ns) override {
    record_.token(work.cell, now_ns, -1);
    if (work.output_tokens > 1) {
      const CellCount batch{work.cell, 1};
      record_.decode({now_ns, 0, work.output_tokens - 1, 0, 0}, {&batch, 1});
    }
    if (work.announce) {
      news_[filling_].push_back({work.id, replica, now_ns, 0, now_ns, 0, NewsKind::started});
    }
    news_[filling_].push_back({work.id, replica, now_ns, now_ns, now_ns});
  }

  std::span<const News> advance(std::int64_t) override {
    const std::vector<News>& taken = news_[filling_];
    filling_ ^= 1;
    news_[filling_].clear();
    return taken;
  }

  std::int64_t next_event_ns() const override { return news_[filling_].empty() ? kNever : 0; }

  void stop(std::int64_t end_ns, TokenRecord& record) override {
    record_.served({0, end_ns, replicas_, 0});
    record.merge(record_);
  }

 private:
  std::int64_t replicas_;
  TokenRecord record_;
  std::array<std::vector<News>, 2> news_;  // one is filled while the loop reads the other
  std::size_t filling_ = 0;
};

}  // namespace tokenlift
