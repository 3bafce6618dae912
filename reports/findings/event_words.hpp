#pragma once
// What happened at an event, in words: to a throttle's limit, or to the replicas of a site.

#include <span>
#include <string>
#include <vector>

#include "reports/analysis/lift.hpp"
#include "reports/analysis/summary.hpp"

namespace tokenlift {

/// "'user limit' was lifted at 15.0 s", "the call was answered at 60.2 s"
std::string event_words(const LiftRecord& event);

/// "4 replicas joined 'own' between 22.0 and 25.0 s (8 -> 12 serving, capacity 23,826 -> 35,739
/// tokens/s)"
std::string change_words(const FleetChange& change);

/// "'own' went from 8 to 5 replicas at 35.0 s"
std::string step_words(const FleetStep& step);

/// All measured events of a run that were reached, in order: clauses of one sentence, which begins
/// with a capital letter unless it begins with a name.
std::string all_events_words(const Run& run);

/// An event beside the measured ones that changed what a site may draw, as its scenario has it.
struct PowerEvent {
  std::string at;  ///< "75s"
  std::string site;
  std::string limit;    ///< "1.16MW"; empty: the event changed the battery
  std::string battery;  ///< its energy, "892kWh"; "0Wh": it had none from then on
};

/// "Beside what was measured, 'h100' had no battery from 75s on."; empty without any.
std::string power_events_words(const std::vector<PowerEvent>& events);

/// What a verdict is about, and how it goes on: "Lifting 'user limit' at 15.0 s" and "" before
/// " paid off", or the words of all events and ", and it".
struct Subject {
  std::string what;
  std::string link;
};
Subject subject_of(const LiftReport& lift, const Run& run);

/// "nobody asked in 'after'": nothing can be compared; empty where requests were due on both sides.
std::string nobody_asked(std::span<const PhaseSummary> phases);

}  // namespace tokenlift
