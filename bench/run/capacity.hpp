#pragma once
// The capacity of the fleet: output tokens/s at saturation under the scenario's own mix of lengths.
// Measured in real time, computed in virtual time, both by keeping every replica's line full.
//
// Measured is what steps cost: the time that an output token takes to decode in a full batch, and
// the time that a prompt token takes to prefill, both from step end to step end. A request of the
// mix, of P prompt and O output tokens on average, then takes P x prefill + (O - 1) x decode of its
// replica's time and brings O tokens. Which requests happened to be served while it was measured
// makes so little difference: their lengths are divided out.

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "bench/fleet/step_costs.hpp"
#include "bench/fleet/step_times.hpp"
#include "bench/fleet/thread_fleet.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// Output tokens/s, and how sure that is.
struct Capacity {
  double tokens_per_s = 0;
  /// Of what was measured: the standard error, relative to the value. Computed: 0.
  double standard_error = 0;
  /// Share of the machine that others took meanwhile; nothing where that cannot be read.
  std::optional<double> interference;
  StepCosts costs = {};  ///< what the steps took by which it was measured
  double fall = 0;       ///< of endpoints: see fall_between_halves()
};

/// The standard error that a measurement goes on for; and the largest with which it may be used.
inline constexpr double kWantedCapacityError = 0.02;
inline constexpr double kMostCapacityError = 0.05;

/// From blocks of time, each with what the steps took in it: of every site, summed over its
/// replicas. The standard error is that of a jackknife over the blocks. Nothing where a site has
/// not computed both prompts and, if the mix has more than one output token, decoded.
/// `replicas`: of each site.
std::optional<Capacity> estimate_capacity(std::span<const std::vector<StepTimes>> blocks,
                                          std::span<const std::int64_t> replicas, const Mix& mix);

/// Of so many replicas of each site, serving or not at the start: keeps them saturated with
/// requests of the scenario's mix until the mix has gone through the batch several times, then
/// measures, for 4 s at least, until the standard error is kWantedCapacityError, or for 20 s.
/// Nothing if `stop` came first, or where nothing was decoded in that time.
std::optional<Capacity> measure_capacity(const Scenario& scenario,
                                         const std::vector<std::int64_t>& replicas,
                                         WeightStore& weights, const std::atomic<bool>& stop);

/// The same in virtual time, of one replica of each site: it is simulated until the mix has gone
/// through its batch many times, unless the site states it. What prefix caches save of
/// conversations is part of it (see `returning_users`); of traces, and where it is measured, it is
/// not. A function of the scenario alone, whatever its seed. Nothing if `stop` came first.
std::optional<std::vector<double>> compute_site_capacities(const Scenario& scenario,
                                                           const std::atomic<bool>& stop);
/// The sum over all replicas that serve at the start.
std::optional<double> compute_capacity(const Scenario& scenario, const std::atomic<bool>& stop);

/// What may be spent on finding the capacity of endpoints.
struct SaturationBudget {
  std::int64_t time_ns = 0;
  std::optional<std::int64_t> output_tokens;  ///< absent: no such bound
};

/// How much less the second half of these blocks brought than the first, as a share of that; 0
/// where it brought no less, or there are fewer than two.
double fall_between_halves(const std::vector<double>& rates);
/// More than that, and what was measured may have been a burst that a limit allows.
inline constexpr double kMostFall = 0.2;

/// Of the scenario's endpoints, whatever limits them: requests of its mix are kept in flight, twice
/// as many at each step, until that brings less than 5 % more output tokens/s or the budget is
/// spent. The most that a step brought. Nothing if `stop` came first, or where nothing was
/// answered.
std::optional<Capacity> saturate_endpoints(const Scenario& scenario, const SaturationBudget& budget,
                                           const std::atomic<bool>& stop);

}  // namespace tokenlift
