#pragma once
// A fleet that answers at once: what is measured is the harness, its floor and its ceiling.

#include <array>
#include <cstddef>
#include <vector>

#include "bench/fleet/fleet.hpp"

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
    done_[filling_].push_back({work.id, replica, now_ns, now_ns, now_ns});
    if (work.announce) starts_[filling_].push_back({work.id, replica, now_ns, 0});
  }

  std::span<const Completion> advance(std::int64_t) override {
    const std::vector<Completion>& taken = done_[filling_];
    filling_ ^= 1;
    done_[filling_].clear();
    starts_[filling_].clear();
    return taken;
  }

  std::span<const Start> starts() const override { return starts_[filling_ ^ 1]; }

  std::int64_t next_event_ns() const override { return done_[filling_].empty() ? kNever : 0; }

  void stop(std::int64_t, TokenRecord& record) override { record.merge(record_); }

 private:
  TokenRecord record_;
  std::array<std::vector<Completion>, 2> done_;  // one is filled while the loop reads the other
  std::array<std::vector<Start>, 2> starts_;     // likewise
  std::size_t filling_ = 0;
};

}  // namespace tokenlift
