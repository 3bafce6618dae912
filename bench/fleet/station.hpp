#pragma once
// A place for a replica of the thread fleet: the replica, while it serves, with everything that its
// worker needs; and what the loop's thread and the worker tell each other.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "bench/fleet/computed_replica.hpp"
#include "bench/fleet/step_costs.hpp"
#include "bench/fleet/step_times.hpp"
#include "bench/machine/mailbox.hpp"
#include "bench/record/gap_limits.hpp"
#include "bench/record/token_record.hpp"
#include "workloads/plan/fleet_plan.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// A request on its way to a replica.
struct SubmittedWork {
  Work work;
  std::optional<Progress> progress;
  std::vector<std::int32_t> tokens;  // with progress: its prompt and what it got so far
};
struct CancelledWork {
  RequestId id = 0;
};
/// Phases have other borders from now on.
struct MovedBorders {
  std::vector<Phase> phases;
};
using Message = std::variant<SubmittedWork, CancelledWork, MovedBorders, ReplicaChange>;

/// What becomes of a request whose replica is gone, beside the news of it.
struct Returned {
  RequestId id = 0;
  Progress progress;
  std::vector<std::int32_t> tokens;
};

/// The requests there do not finish.
inline bool withdraws(const ReplicaChange& change) {
  const bool goes =
      change.kind == ReplicaChange::Kind::leave || change.kind == ReplicaChange::Kind::fail;
  return goes && change.in_flight != InFlight::finish;
}

/// A place for a replica, with everything that its worker needs. Only the inbox, the atomic numbers
/// and, under their mutexes, `times` and `costs`, and `record` and `since_ns`, are touched by other
/// threads.
struct Station {
  Station(const Site& its_site, std::uint32_t site_number, std::uint32_t replica_number,
          const RecordingGrid& recording_grid, std::shared_ptr<const DecoderWeights> its_weights)
      : number(replica_number),
        site(its_site),
        site_index(site_number),
        out_ns(distance_of(its_site).out_ns),
        back_ns(distance_of(its_site).back_ns),
        weights(std::move(its_weights)),
        grid(recording_grid),
        costs(recording_grid.phases.size()),
        record(grid) {}

  /// It serves from now on. Nothing happens where it does.
  void open(std::int64_t now_ns);
  /// It is gone, and its memory with it.
  void close(std::int64_t now_ns);
  bool empty() const {
    return replica->replica().running() == 0 && replica->replica().waiting() == 0;
  }

  std::uint32_t number;
  Site site;
  std::uint32_t site_index;
  std::int64_t out_ns;
  std::int64_t back_ns;
  std::shared_ptr<const DecoderWeights> weights;
  Mailbox<Message> inbox;
  std::atomic<bool> active{false};
  std::atomic<std::int64_t> cut_ns{kNever};    // the replica failed, and its worker may not know it
  std::atomic<std::int64_t> queued_tokens{0};  // these two as of the step under way
  std::atomic<std::int64_t> resident_tokens{0};
  RecordingGrid grid;  // its own: the loop's may move while a step is recorded
  mutable std::mutex times_mutex;
  StepTimes times;
  std::vector<StepCosts> costs;     // by phase
  std::int64_t busy_since_ns = -1;  // the end of the last step; negative: it was idle after that
  StepBefore last = StepBefore::none;

  std::optional<ComputedReplica> replica;  // where it serves
  mutable std::mutex record_mutex;
  std::int64_t since_ns = kNever;  // it serves from then on
  bool leaving = false;            // it goes when it is empty
  std::int64_t decode_ppm = 1'000'000;
  std::int64_t prefill_ppm = 1'000'000;
  TokenRecord record;
  LateGaps late_gaps;
  std::unordered_map<RequestId, std::uint16_t> first_site;  // of those that came with tokens
  ReplicaObserver* observer = nullptr;
  std::vector<Message> arrivals;
};

/// Of a request that leaves with its replica.
Progress progress_of(Station& station, const Sequence& sequence);

/// When a step began, when it had decoded (where it computes prompts, too) and when it ended; and
/// how many eighths of the workers were busy then.
struct StepSpan {
  std::int64_t begin_ns = 0;
  std::int64_t decoded_ns = 0;
  std::int64_t end_ns = 0;
  std::int32_t busy_eighths = 0;
};

/// What a step took goes to its parts. In `times` prompts that are computed once more after a
/// preemption count as decoding: they are what it takes to get the tokens out. In `costs` there is
/// nothing of the time between steps, in which other replicas may have had their turn.
void add_step(Station& station, const StepSpan& span, const StepPlan& plan);

}  // namespace tokenlift
