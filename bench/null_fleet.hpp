#pragma once
// A fleet that answers at once: what is measured is the harness, its floor and its ceiling.

#include <vector>

#include "bench/fleet.hpp"

namespace tokenlift {

class NullFleet final : public Fleet {
 public:
  explicit NullFleet(const RecordingGrid& grid) : record_(grid) {}

  void submit(const Work& work, std::uint32_t replica, std::int64_t now_ns) override {
    record_.token(work.cell, now_ns, -1);
    if (work.output_tokens > 1) {
      const CellCount batch{work.cell, 1};
      record_.decode({now_ns, 0, work.output_tokens - 1, 0, 0}, {&batch, 1});
    }
    done_.push_back({work.id, replica, now_ns, now_ns, now_ns});
  }

  std::span<const Completion> advance(std::int64_t) override {
    taken_.swap(done_);
    done_.clear();
    return taken_;
  }

  std::int64_t next_event_ns() const override { return done_.empty() ? kNever : 0; }

  void stop(std::int64_t, TokenRecord& record) override { record.merge(record_); }

 private:
  TokenRecord record_;
  std::vector<Completion> done_;
  std::vector<Completion> taken_;
};

}  // namespace tokenlift
