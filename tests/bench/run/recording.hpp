#pragma once
// Records what a loop is told and what it decides, around any clock and fleet; and plays that back
// to another loop, which then has to decide the same.
//
// The inputs of a loop besides its scenario are the instants that wait() returns, the news that
// advance() brings and the instants that next_event_ns() returns. Its decisions are what it waits
// for, which request it submits to which replica when, and which changes it applies.

#include <atomic>
#include <cstdint>
#include <map>
#include <ostream>
#include <span>
#include <vector>

#include "bench/fleet/fleet.hpp"
#include "bench/machine/clock.hpp"
#include "bench/run/loop.hpp"
#include "workloads/plan/plan.hpp"

namespace tokenlift {

struct Submission {
  Work work;
  std::uint32_t replica = 0;
  std::int64_t now_ns = 0;

  friend bool operator==(const Submission& a, const Submission& b) {
    return a.work.id == b.work.id && a.work.prompt_tokens == b.work.prompt_tokens &&
           a.work.output_tokens == b.work.output_tokens && a.work.number == b.work.number &&
           a.work.tenant == b.work.tenant && a.work.cell == b.work.cell && a.replica == b.replica &&
           a.now_ns == b.now_ns;
  }
  friend std::ostream& operator<<(std::ostream& out, const Submission& s) {
    return out << "request " << s.work.number << " of tenant " << s.work.tenant << " to replica "
               << s.replica << " at " << s.now_ns;
  }
};

struct LoopLog {
  // Told.
  std::vector<std::int64_t> instants;
  std::vector<std::vector<News>> news;                  ///< by call of advance()
  std::vector<std::map<RequestId, Progress>> progress;  ///< of those returned in it
  std::vector<std::int64_t> next_events;
  // Decided.
  std::vector<std::int64_t> awaited;
  std::vector<Submission> submissions;
  std::vector<ReplicaChange> changes;
};

class RecordingClock final : public Clock {
 public:
  RecordingClock(Clock& clock, LoopLog& log) : clock_(clock), log_(log) {}

  std::int64_t wait(std::int64_t until_ns) override {
    log_.awaited.push_back(until_ns);
    log_.instants.push_back(clock_.wait(until_ns));
    return log_.instants.back();
  }
  std::int64_t now_ns() const override { return clock_.now_ns(); }

 private:
  Clock& clock_;
  LoopLog& log_;
};

class RecordingFleet final : public Fleet {
 public:
  RecordingFleet(Fleet& fleet, LoopLog& log) : fleet_(fleet), log_(log) {}

  void submit(const Work& work, std::uint32_t replica, std::int64_t now_ns) override {
    log_.submissions.push_back({work, replica, now_ns});
    fleet_.submit(work, replica, now_ns);
  }
  std::span<const News> advance(std::int64_t until_ns) override {
    const std::span<const News> news = fleet_.advance(until_ns);
    log_.news.emplace_back(news.begin(), news.end());
    log_.progress.emplace_back();
    for (const News& item : news) {
      if (item.kind != NewsKind::returned) continue;
      log_.progress.back()[item.id] = fleet_.progress(item.id);
    }
    return news;
  }
  void apply(const ReplicaChange& change, std::int64_t now_ns) override {
    log_.changes.push_back(change);
    fleet_.apply(change, now_ns);
  }
  const Progress& progress(RequestId id) const override { return fleet_.progress(id); }
  std::int64_t next_event_ns() const override {
    log_.next_events.push_back(fleet_.next_event_ns());
    return log_.next_events.back();
  }
  void stop(std::int64_t end_ns, TokenRecord& record) override { fleet_.stop(end_ns, record); }

 private:
  Fleet& fleet_;
  LoopLog& log_;
};

/// Clock and fleet of a loop that is told what `told` says, and whose decisions go into `log`. What
/// it asks for beyond the end of the record is an instant that never comes.
class ReplayClock final : public Clock {
 public:
  ReplayClock(const LoopLog& told, LoopLog& log) : told_(told), log_(log) {}

  std::int64_t wait(std::int64_t until_ns) override {
    log_.awaited.push_back(until_ns);
    return next_ < told_.instants.size() ? told_.instants[next_++] : kNever;
  }
  std::int64_t now_ns() const override { return next_ == 0 ? 0 : told_.instants[next_ - 1]; }

 private:
  const LoopLog& told_;
  LoopLog& log_;
  std::size_t next_ = 0;
};

class ReplayFleet final : public Fleet {
 public:
  ReplayFleet(const LoopLog& told, LoopLog& log) : told_(told), log_(log) {}

  void submit(const Work& work, std::uint32_t replica, std::int64_t now_ns) override {
    log_.submissions.push_back({work, replica, now_ns});
  }
  std::span<const News> advance(std::int64_t) override {
    if (next_ == told_.news.size()) return {};
    return told_.news[next_++];
  }
  void apply(const ReplicaChange& change, std::int64_t) override { log_.changes.push_back(change); }
  const Progress& progress(RequestId id) const override { return told_.progress[next_ - 1].at(id); }
  std::int64_t next_event_ns() const override {
    return next_event_ < told_.next_events.size() ? told_.next_events[next_event_++] : kNever;
  }
  void stop(std::int64_t, TokenRecord&) override {}

 private:
  const LoopLog& told_;
  LoopLog& log_;
  std::size_t next_ = 0;
  mutable std::size_t next_event_ = 0;
};

/// What came of a loop over this clock and fleet.
struct LoopResult {
  Run run;
  LoopOutcome outcome;
  double littles_law_error = 0;
};

inline LoopResult run_loop(const Scenario& scenario, Clock& clock, Fleet& fleet) {
  const RecordingGrid grid = make_grid(scenario);
  Recorder recorder(scenario, grid);
  ProgressBoard board;
  const std::atomic<bool> stop{false};
  Loop loop(scenario, grid, clock, fleet, recorder, board, stop);
  LoopResult result;
  result.outcome = loop.run();
  TokenRecord tokens(grid);
  fleet.stop(result.outcome.end_ns, tokens);
  result.run = recorder.finish(result.outcome.end_ns, tokens);
  result.littles_law_error = recorder.littles_law_error();
  return result;
}

}  // namespace tokenlift
