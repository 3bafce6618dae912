#pragma once
// What became of a fleet: which replicas came and went at the measured events, and besides them.
// Pure functions of the compositions that a run recorded.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "reports/record/run.hpp"

namespace tokenlift {

/// The event changes the fleet, not a throttle.
bool changes_fleet(const LiftRecord& event);
/// It happened elsewhere: by a call, a command or a signal. What it changed only who made it knows.
bool happened_elsewhere(const LiftRecord& event);
/// What an event changes, by name: its throttle or its site. Of one that happened elsewhere its
/// kind.
const std::string& target_of(const LiftRecord& event);
/// The measured events of a run that were reached, in order of time.
std::vector<LiftRecord> measured_events(const Run& run);

/// The replicas of a site became more, or fewer, by one or several steps that follow each other.
struct FleetStep {
  std::string site;
  std::int64_t begin_ns = 0;                      ///< of the first step
  std::int64_t end_ns = 0;                        ///< of the last one
  std::int64_t from = 0, to = 0;                  ///< replicas of the site that serve
  std::int64_t serving_from = 0, serving_to = 0;  ///< of all sites
  /// Of what serves, tokens/s. Absent: not known of both.
  std::optional<double> capacity_from, capacity_to;
  std::optional<std::int64_t> back_ns;  ///< of a failure: as many of the site served again

  std::int64_t replicas() const { return to > from ? to - from : from - to; }
};

/// What a measured event did to the fleet.
struct FleetChange {
  LiftRecord event;
  /// Absent: replicas only became slow, none came or went while the event lasted, or the
  /// compositions are not known.
  std::optional<FleetStep> step;
};

/// Of a large fleet some replicas come and go all the time: fewer than this share are no event.
inline constexpr double kLeastStepShare = 0.02;

/// One for each measured event of a site, in order of time. Until the event has ended (a failure:
/// is repaired) the step goes as far as the site comes in the direction of the event.
std::vector<FleetChange> fleet_changes(const Run& run);

/// The events beside the measured ones that changed something within the measured phases, other
/// than which replicas serve: that is what further_steps() tells.
std::vector<LiftRecord> events_meanwhile(const Run& run);

/// All other steps within the measured phases, in order of time: those of unmeasured events, of
/// repairs, of sites that come and go by themselves. Steps of a site in one direction are one step
/// where less than a thirtieth of the measured time lies between them.
std::vector<FleetStep> further_steps(const Run& run);

}  // namespace tokenlift
