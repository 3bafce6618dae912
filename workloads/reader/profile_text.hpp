#pragma once
// Profiles as text: TOML files of [profile.NAME] tables, as `tokenlift calibrate` writes them.

#include <string>
#include <string_view>
#include <vector>

#include "workloads/scenario/profile.hpp"
#include "workloads/text/mistake.hpp"

namespace tokenlift {

/// Reads a profile file; each profile has a cost model, and one with the name of a built-in profile
/// takes over its decoder. `source_name` is what mistakes call the file. Throws ScenarioError with
/// everything that is wrong, in order of place; a cost model that beats its physical floor is.
std::vector<Profile> parse_profiles(std::string_view text, const std::string& source_name);

}  // namespace tokenlift
