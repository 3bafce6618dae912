#pragma once
// A fleet and a clock for tests: the replicas of the real engine, time moved by hand. A step costs
// what the test says; nothing is computed and nobody waits.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "bench/fleet/fleet.hpp"
#include "bench/fleet/replica.hpp"
#include "bench/machine/clock.hpp"

namespace tokenlift {

/// Jumps to the instant that the loop waits for, or past it by up to `lateness_ns`: each time by
/// another part of that.
class JumpingClock final : public Clock {
 public:
  explicit JumpingClock(std::int64_t lateness_ns = 0) : lateness_ns_(lateness_ns) {}

  std::int64_t wait(std::int64_t until_ns) override {
    part_ = part_ * 7 % 11;  // 7, 5, 2, 3, 10, ... : all of 1 to 10
    now_ns_ = std::max(now_ns_, until_ns + lateness_ns_ * part_ / 10);
    return now_ns_;
  }
  std::int64_t now_ns() const override { return now_ns_; }

 private:
  std::int64_t lateness_ns_;
  std::int64_t part_ = 1;
  std::int64_t now_ns_ = 0;
};

/// What a step costs: a fixed part, and a part for every prefilled token and every sequence.
struct StepCost {
  std::int64_t step_ns = 0;
  std::int64_t sequence_ns = 0;
  std::int64_t prefill_token_ns = 0;
};

class SteppedFleet final : public Fleet {
 public:
  SteppedFleet(std::size_t replicas, const ReplicaLimits& limits, const StepCost& cost,
               const RecordingGrid& grid)
      : cost_(cost), record_(grid) {
    for (std::size_t i = 0; i < replicas; ++i) stations_.push_back({Replica(limits), 0, kNever});
  }

  void submit(const Work& work, std::uint32_t replica, std::int64_t now_ns) override {
    stations_[replica].replica.submit(work);
    // An idle replica starts at once; a busy one looks at its line at the next step boundary.
    if (stations_[replica].step_end_ns == kNever) begin_step(replica, now_ns, starting_);
  }

  std::span<const News> advance(std::int64_t until_ns) override {
    news_.clear();
    news_.swap(starting_);
    for (std::uint32_t i = 0; i < stations_.size(); ++i) {
      Station& station = stations_[i];
      while (station.step_end_ns <= until_ns) {
        const std::int64_t end_ns = station.step_end_ns;
        const StepOutcome& outcome = station.replica.finish_step(end_ns);
        record_step(station, end_ns);
        for (const Emission& token : outcome.emissions) {
          record_.token(token.work.cell, end_ns, token.gap_ns * 1000);
        }
        for (News completion : outcome.completions) {
          completion.replica = i;
          news_.push_back(completion);
        }
        begin_step(i, end_ns, news_);
      }
    }
    std::stable_sort(news_.begin(), news_.end(), earlier);
    return news_;
  }

  std::int64_t next_event_ns() const override {
    std::int64_t next_ns = starting_.empty() ? kNever : starting_.front().scheduled_ns;
    for (const Station& station : stations_) next_ns = std::min(next_ns, station.step_end_ns);
    return next_ns;
  }

  void stop(std::int64_t end_ns, TokenRecord& record) override {
    for (const Station& station : stations_) {
      if (station.step_end_ns == kNever) continue;
      record_step(station, std::min(station.step_end_ns, end_ns));
    }
    record_.served({0, end_ns, std::ssize(stations_), 0});
    record.merge(record_);
  }

 private:
  struct Station {
    Replica replica;
    std::int64_t step_begin_ns;
    std::int64_t step_end_ns;
    std::int64_t sequences = 0;
  };

  void record_step(const Station& station, std::int64_t end_ns) {
    const std::int64_t step_ps = (end_ns - station.step_begin_ns) * kPsPerNs;
    record_.steps({station.step_begin_ns, 0, 1, step_ps, 0}, {station.sequences, 1, 0});
  }

  void begin_step(std::uint32_t replica, std::int64_t now_ns, std::vector<News>& news) {
    Station& station = stations_[replica];
    const StepPlan& plan = station.replica.plan_step(now_ns);
    for (const std::uint32_t slot : plan.started) {
      const Sequence& sequence = station.replica.sequence(slot);
      if (!sequence.work.announce) continue;
      news.push_back({sequence.work.id, replica, now_ns, 0, now_ns,
                      static_cast<std::int32_t>(sequence.cached_tokens), NewsKind::started});
    }
    station.step_end_ns = kNever;
    if (plan.empty()) return;
    station.sequences = static_cast<std::int64_t>(plan.decode.size() + plan.prefill.size());
    std::int64_t cost_ns = cost_.step_ns + cost_.sequence_ns * station.sequences;
    for (const PrefillChunk& chunk : plan.prefill) {
      cost_ns += cost_.prefill_token_ns * (chunk.end - chunk.begin);
    }
    station.step_begin_ns = now_ns;
    station.step_end_ns = now_ns + cost_ns;
  }

  StepCost cost_;
  TokenRecord record_;
  std::vector<Station> stations_;
  std::vector<News> news_;
  std::vector<News> starting_;  // since the last advance()
};

}  // namespace tokenlift
