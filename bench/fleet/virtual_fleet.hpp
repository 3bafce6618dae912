#pragma once
// The fleet in virtual time: every replica priced by its cost model, in simulated instants.
//
// With a load-report interval the loop learns of completions at its multiples (and at the end of
// the run), and in between the replicas run side by side: each worker has a share of them, with
// records of its own that are merged when the run ends. Without one it learns of each completion at
// its instant. Results are the same on any number of workers.

#include <cstdint>
#include <memory>
#include <vector>

#include "bench/fleet/fleet.hpp"
#include "bench/machine/workers.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// How replicas pass time: both give the same bytes.
enum class Stepping {
  jump,  ///< over runs of steps with an unchanged batch, in closed form
  each   ///< step by step, the reference; requests can be streamed (Work::stream) and cancelled, in
         ///< a fleet without a load-report interval
};

/// `scenario` must be resolved and be meant for engine virtual: its profiles have cost models. All
/// references must outlive the fleet.
std::unique_ptr<Fleet> make_virtual_fleet(const Scenario& scenario, const RecordingGrid& grid,
                                          Workers& workers, Stepping stepping = Stepping::jump);

}  // namespace tokenlift
