#pragma once
// The fleet over time, as the scenario plans it: which replicas serve when, and at what pace. Events,
// random failures with their repairs, and sites that come and go by themselves; all of it is known
// before the run.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// What happens to one replica at `at_ns`. Replicas are numbered over all sites in their order, each
/// with `replicas` and then `spares` of them.
struct ReplicaChange {
  enum class Kind : std::uint8_t {
    serve,  ///< it takes requests from now on (its boot, if any, has ended)
    leave,  ///< it takes no more; what becomes of those in flight says `in_flight`
    fail,   ///< likewise, and the step under way is cut
    pace    ///< from the end of the step under way on its steps take other times
  };
  std::int64_t at_ns = 0;
  std::uint32_t replica = 0;
  Kind kind = Kind::serve;
  InFlight in_flight = InFlight::finish;  ///< leave, fail
  std::int64_t decode_ppm = 1'000'000;    ///< pace: of what is usual
  std::int64_t prefill_ppm = 1'000'000;
  std::optional<std::size_t> event;  ///< whose doing it is, among Scenario::events; absent: chance,
                                     ///< a repair, or the site itself
};

/// All places for replicas: those of `replicas` and `spares`.
std::int64_t replica_places(const Site& site);
std::int64_t replica_places(const Scenario& scenario);
/// The site of a replica's number.
std::size_t site_of(const Scenario& scenario, std::uint32_t replica);
/// By replica: does it serve at 0?
std::vector<bool> serving_at_start(const Scenario& scenario);

/// In order of time, and at one instant in order of the events, then of the replicas. `leave` takes
/// the highest numbers that serve, `join` the lowest that do not, `fail` and `slow` draw theirs by
/// seed and event. Empty where the fleet does not change.
std::vector<ReplicaChange> plan_fleet(const Scenario& scenario);

/// How many replicas of each site serve from `at_ns` on, at their usual pace or not.
struct ServingSpan {
  std::int64_t at_ns = 0;
  std::vector<std::int64_t> replicas;  ///< by site
};
/// From 0 on, in order of time; at least one. Whatever happens at one instant is one span.
std::vector<ServingSpan> serving_over_time(const Scenario& scenario);

}  // namespace tokenlift
