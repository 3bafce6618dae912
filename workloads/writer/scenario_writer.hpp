#pragma once
// Scenarios and profiles as text: TOML as people write it, and the same as JSON.

#include <optional>
#include <string>
#include <vector>

#include "workloads/scenario/profile.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// The scenario as TOML that parse_scenario() reads back to an equal value. Doubles are written
/// with the fewest digits that read back exactly.
std::string to_toml(const Scenario& scenario);

/// The same content as one JSON object, keys in alphabetical order; but without [tune], which is no
/// part of what is run.
std::string to_json(const Scenario& scenario);

/// The [[throttle]] tables of to_toml() alone, and its [[event]] tables, to be pasted.
std::string throttles_toml(const Scenario& scenario);
std::string events_toml(const Scenario& scenario);

/// One event as an inline table: "{ at = "15s", lift = "limit" }".
std::string inline_toml(const Event& event);

/// What to_toml() has at a dotted key, as --set takes it; nothing where it has nothing.
std::optional<std::string> written_value(const Scenario& scenario, const std::string& key);

/// The profiles as TOML that parse_profiles() reads back to equal values. What they compute with (a
/// decoder) is built in and not written.
std::string to_toml(const std::vector<Profile>& profiles);

}  // namespace tokenlift
