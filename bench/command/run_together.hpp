#pragma once
// One run in real time that all ranks play together, each its share of the requests.

#include "bench/command/surroundings.hpp"
#include "bench/machine/output_folder.hpp"
#include "bench/run/experiment.hpp"
#include "bench/run/repetitions.hpp"

namespace tokenlift {

/// Whether there are several ranks, and they play the plan's one run of the scenario together: on
/// engines http and null. Throws UsageError where something in it goes by what all of them do.
bool is_played_together(const Surroundings& surroundings, const Scenario& scenario,
                        const RepetitionPlan& plan);

/// Compares the clocks of all ranks, has all of them begin at one instant, and joins what they
/// played into one run.json. Throws NotMeasurable where a rank was not ready by then;
/// RunNotWritten.
Repeated play_together(const Surroundings& surroundings, bool quiet, Experiment& experiment,
                       const Prepared& prepared, const OutputFolder& folder, const RunWatch& watch);

}  // namespace tokenlift
