#pragma once
// Can this machine, as it is now, give a valid run of a scenario? What is known before a run is
// said before it, not after minutes of runs.

#include <cstddef>
#include <optional>
#include <stdexcept>

#include "bench/run/capacity.hpp"
#include "reports/record/run.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// No run would be a measurement: nothing was run. Says why, and what to do.
class NotMeasurable : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Throws NotMeasurable where the measurement of the capacity came to nothing, or others took more
/// than kMostInterference of the machine meanwhile: then it is not the capacity, and a run would
/// hardly be valid either.
void require_measured(const std::optional<Capacity>& capacity);

/// Throws NotMeasurable where too few requests fall into a phase at the capacity that was measured,
/// and says with which lengths, or with which lighter decoder, there are enough.
void require_enough_requests(const Scenario& resolved);

/// Whether the CPU quota of this process is enough for the replicas that compute and for the loop:
/// it must not stand still in the middle of a run. `quota` and `cores`: of this process, as of
/// bench/machine/host.hpp. Nothing where there is no quota or nothing is computed.
std::optional<Check> check_cpu_quota(const Scenario& scenario, std::optional<double> quota,
                                     std::size_t cores);

}  // namespace tokenlift
