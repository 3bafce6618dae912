#pragma once
// The fleet on commodity hardware: every replica computes its steps with the decoder, on a oneTBB
// arena with one worker per replica, or per core if there are more replicas than cores.
//
// A replica belongs to whichever worker runs it at the moment: work is posted to its inbox, the
// worker plans and computes step after step, completions are posted to one outbox and the loop's
// clock is rung. With more replicas than workers, a replica goes to the back of the arena's queue
// after every step, so that all advance alike. Where a site has a prefix cache, each of its
// replicas keeps keys and values of finished requests (`computed_replica.hpp` says how much that
// takes). Workers run at nice +10, so that a busy fleet does not delay the loop that measures it.
//
// A replica that joins gets its memory when it serves, from the worker that runs it first, and
// shares the weights; one that is gone gives its memory back. One that fails is cut in the step
// under way, which emits nothing. One that is slowed sleeps after each step, for as long as the
// factor says. Distance to a site is time that requests and news are held back by the loop.

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "bench/fleet/fleet.hpp"
#include "bench/fleet/replica.hpp"
#include "bench/fleet/step_costs.hpp"
#include "bench/fleet/step_times.hpp"
#include "bench/machine/clock.hpp"
#include "workloads/decoder/decoder.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// Decoder weights by profile, made once and shared by all replicas of all runs of a command.
class WeightStore {
 public:
  WeightStore();
  ~WeightStore();
  std::shared_ptr<const DecoderWeights> get(const std::string& profile);

 private:
  std::vector<std::pair<std::string, std::shared_ptr<const DecoderWeights>>> weights_;
};

class ThreadFleet final : public Fleet {
 public:
  ThreadFleet(const Scenario& scenario, const RecordingGrid& grid, BellClock& clock,
              WeightStore& weights);
  ~ThreadFleet() override;

  void submit(const Work& work, std::uint32_t replica, std::int64_t now_ns) override;
  std::span<const News> advance(std::int64_t until_ns) override;
  void cancel(RequestId id, std::uint32_t replica, std::int64_t now_ns) override;
  void apply(const ReplicaChange& change, std::int64_t now_ns) override;
  const Progress& progress(RequestId id) const override;
  /// A step under way is still recorded as the borders were.
  void borders_moved() override;
  std::int64_t queued_tokens(std::int64_t now_ns) override;
  CacheUse cache_use() const override;
  /// Up to the end of each replica's last step.
  void add_so_far(std::int64_t now_ns, TokenRecord& record) const override;
  std::int64_t next_event_ns() const override;
  void stop(std::int64_t end_ns, TokenRecord& record) override;

  /// Shows what a replica decides to `observer`, on whichever thread that happens. To be called
  /// before it gets work; it must serve from the start; `observer` must outlive the fleet, and is
  /// at rest once it has stopped.
  void watch(std::uint32_t replica, ReplicaObserver& observer);

  /// Of each replica, up to the end of its last step. From any thread.
  std::vector<StepTimes> step_times() const;

  /// Of all replicas, by the phase in which a step ended: all since they were last forgotten. From
  /// any thread.
  std::vector<StepCosts> step_costs() const;
  void forget_step_costs();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tokenlift
