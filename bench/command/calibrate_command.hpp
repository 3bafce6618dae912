#pragma once
// `tokenlift calibrate`: this machine's profiles for engine virtual, and how well that then agrees
// with engine threads.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "bench/command/input.hpp"

namespace tokenlift {

/// Time to measure each profile in.
inline constexpr std::int64_t kCalibrationNs = 15'000'000'000;

struct CalibrateOptions {
  std::vector<std::string> profiles;  ///< empty: cpu-small, or those of the scenario to verify
  std::int64_t budget_ns = kCalibrationNs;  ///< per profile
  std::optional<std::int64_t> max_batch;  ///< default: 16, or the largest of the scenario to verify
  bool verify = false;  ///< Options::scenario, Options::repetitions times on either engine
};

/// Measures and writes `options.out`, or takes the profiles of `options.profile_files`; then
/// verifies them if asked to. Returns the exit code.
int calibrate(const Surroundings& surroundings, const Options& options,
              const CalibrateOptions& calibration);

/// Measures the profiles that the scenario's sites use, as far as its batches go, prints how well
/// they fit, and writes them to `file`. Nothing if that failed or was interrupted, which has been
/// said. Throws UsageError where one has nothing to measure.
std::optional<std::vector<Profile>> calibrate_for(const Surroundings& surroundings,
                                                  const Scenario& scenario,
                                                  const std::filesystem::path& file, bool quiet);

}  // namespace tokenlift
