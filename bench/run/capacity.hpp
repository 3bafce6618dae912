#pragma once
// The capacity of the fleet: output tokens/s at saturation under the scenario's own mix of lengths.
// Measured in real time, computed in virtual time, both by keeping every replica's line full.

#include <atomic>
#include <optional>

#include "bench/fleet/thread_fleet.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// Keeps every replica saturated with requests of the scenario's mix until the mix has gone through
/// the batch several times, then measures: the median output rate of several windows, which a burst
/// of foreign load on the machine does not move. Takes some seconds. Nothing if `stop` came first.
std::optional<double> measure_capacity(const Scenario& scenario, WeightStore& weights,
                                       const std::atomic<bool>& stop);

/// The same in virtual time: each site's replica is simulated until the mix has gone through its
/// batch many times. A function of the scenario alone, whatever its seed. Nothing
/// if `stop` came first.
std::optional<double> compute_capacity(const Scenario& scenario, const std::atomic<bool>& stop);

}  // namespace tokenlift
