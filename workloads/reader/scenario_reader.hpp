#pragma once
// The scenario language: TOML in, every mistake out.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "workloads/scenario/scenario.hpp"
#include "workloads/text/mistake.hpp"

namespace tokenlift {

/// The text of a scenario, a file's or a built-in one's.
struct ScenarioSource {
  std::string name;    ///< what mistakes call it
  std::string folder;  ///< where its traces are
  std::string text;
};

/// Reads a scenario. `source_name` is what mistakes call it; `folder` is where a relative trace
/// file is looked for; `overrides` are `KEY=VALUE` words as given to --set, applied before reading.
/// Throws ScenarioError with everything that is wrong, in order of place.
///
/// KEY is a dotted path; an element of an array of tables is named by its `name` or by its index
/// from 0 (`tenant.users.arrivals.rate`, `event.0.at`). VALUE is TOML if it reads as a TOML value,
/// else a string. Of keys that exclude each other (rate and load, lift and set) the override
/// replaces the other one. A table replaces a whole element, and adds one where the index is the
/// number of those that are there: `event.1={ at = "20s", lift = "limit" }`.
///
/// `profiles` are those of the command line: they take the place of the scenario's own with the
/// same names, and these of the built-in ones; of two with one name the later counts.
///
/// `figure_mistake` says what is wrong with the figures of [tune] and [sweep]. A path that needs a
/// phase gets that of judged_phase() or swept_phase(). Without it all paths stay as they are
/// written, and values of [sweep] are not tried.
///
/// `finds_capacity`: the run looks for the capacity of its endpoints first (--find-capacity), so
/// that a load on engine http needs none that is stated.
Scenario parse_scenario(std::string_view text, const std::string& source_name,
                        const std::string& folder, const std::vector<std::string>& overrides,
                        const std::vector<Profile>& profiles = {},
                        const FigureMistake& figure_mistake = {}, bool finds_capacity = false);

}  // namespace tokenlift
