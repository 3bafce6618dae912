#pragma once
// How long what had piled up before a lift took to go.

#include "reports/analysis/step_response.hpp"
#include "reports/record/run.hpp"

namespace tokenlift {

/// From the lift, which the run must have reached, to the end of the first bin with no more
/// requests in the system (at the throttle, in back-off, in the fleet) than the median in `after`.
Delay drain_time(const Run& run);

}  // namespace tokenlift
