#pragma once
// The scenario language: TOML in, every mistake out; and a scenario back into its text.

#include <string>
#include <string_view>
#include <vector>

#include "workloads/mistake.hpp"
#include "workloads/scenario.hpp"

namespace tokenlift {

/// Reads a scenario. `source_name` is what mistakes call it; `folder` is where a relative trace
/// file is looked for; `overrides` are `KEY=VALUE` words as given to --set, applied before reading.
/// Throws ScenarioError with everything that is wrong, in order of place.
///
/// KEY is a dotted path; an element of an array of tables is named by its `name` or by its index
/// from 0 (`tenant.users.arrivals.rate`, `event.0.at`). VALUE is TOML if it reads as a TOML value,
/// else a string. Of keys that exclude each other (rate and load, lift and set) the override
/// replaces the other one.
///
/// `profiles` are those of the command line: they take the place of the scenario's own with the
/// same names, and these of the built-in ones; of two with one name the later counts.
Scenario parse_scenario(std::string_view text, const std::string& source_name,
                        const std::string& folder, const std::vector<std::string>& overrides,
                        const std::vector<Profile>& profiles = {});

/// The scenario as TOML that parse_scenario() reads back to an equal value. Doubles are written
/// with the fewest digits that read back exactly.
std::string to_toml(const Scenario& scenario);

/// The same content as one JSON object, keys in alphabetical order.
std::string to_json(const Scenario& scenario);

}  // namespace tokenlift
