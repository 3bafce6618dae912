#pragma once
// `tokenlift calibrate`: this machine's profiles for engine virtual, and how well that then agrees
// with engine threads.

#include <filesystem>
#include <optional>
#include <vector>

#include "bench/command/command.hpp"
#include "workloads/scenario/profile.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

Command calibrate_command();

/// Measures the profiles that the scenario's sites use, as far as its batches go, prints how well
/// they fit, and writes them to `file`. Nothing if that failed or was interrupted, which has been
/// said. Throws UsageError where one has nothing to measure.
std::optional<std::vector<Profile>> calibrate_for(const Surroundings& surroundings,
                                                  const Scenario& scenario,
                                                  const std::filesystem::path& file, bool quiet);

}  // namespace tokenlift
