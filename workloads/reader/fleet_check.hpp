#pragma once
// Holds sites, throttles and events against one another: what comes and goes must be there.

#include <optional>
#include <vector>

#include "workloads/reader/fleet_reader.hpp"
#include "workloads/scenario/scenario.hpp"
#include "workloads/text/document.hpp"

namespace tokenlift {

/// Where things stand.
struct FleetPlaces {
  std::vector<PlacedSite> sites;                // all of them
  std::vector<Place> events;                    // as they stand in the text
  std::vector<std::optional<Place>> followers;  // of each throttle its `follows`
  std::optional<Place> load;                    // the first one
};

/// No replica of these sites boots for longer than the run takes.
void check_boots(const RunSettings& run, const std::vector<PlacedSite>& sites, Document& document);

/// `scenario` has its run, fleet, throttles and events (in order of time), all right by themselves.
void check_fleet(const Scenario& scenario, const FleetPlaces& places, Document& document);

}  // namespace tokenlift
