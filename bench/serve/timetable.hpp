#pragma once
// What is planned of a run that is served: the scenario, and the events that have come so far.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "bench/run/door.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// What can be served of a scenario: its fleet, its tenants and its throttles. Its events do not
/// happen by themselves, and what its clients do is for those to say who call; but with
/// `plays_load` its tenants ask as well, as the scenario says. For prepare().
Scenario served_scenario(const Scenario& scenario, std::optional<std::int64_t> duration_ns,
                         bool plays_load = false);

/// How long a server serves that was not told.
inline constexpr std::int64_t kUsualServingNs = 3'600'000'000'000;

/// The same, resolved, as the loop plays it: with a door. Nothing is measured before the first
/// request.
Scenario scenario_at_door(const Scenario& resolved, bool plays_load = false);

class Timetable {
 public:
  /// `resolved`: of served_scenario(). `profiles`: those of the command line.
  Timetable(const Scenario& resolved, std::vector<Profile> profiles);

  /// Why an event is not taken.
  struct Refusal {
    std::string text;  ///< all that is wrong with it, or why it would change nothing
    /// Nothing is wrong with it: as things stand it would change nothing, or not fit.
    bool conflicts = false;
  };

  /// One more event, an inline table of TOML without `at`: it begins at `now_ns`, or 1 ns after the
  /// one before. The first one that comes while requests are `measuring` divides the run. Where it
  /// is refused nothing has changed. That it is to be measured (`measure`) is wrong where it does
  /// not divide the run.
  std::variant<Replan, Refusal> add(const std::string& table, std::int64_t now_ns, bool measuring);

  /// With the events that came.
  const Scenario& played() const { return played_; }

 private:
  std::string unmeasured(const Scenario& played) const;

  std::string text_;
  std::vector<Profile> profiles_;
  std::optional<double> capacity_tokens_per_s_;
  std::string events_;  // inline tables
  Scenario played_;
  std::optional<std::size_t> divides_;  // of the events
  std::int64_t last_ns_ = 0;
};

}  // namespace tokenlift
