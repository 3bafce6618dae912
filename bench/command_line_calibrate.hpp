#pragma once
// `tokenlift calibrate`: this machine's profiles for engine virtual, and how well that then agrees
// with engine threads.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench/command_line_input.hpp"

namespace tokenlift {

struct CalibrateOptions {
  std::vector<std::string> profiles;  ///< empty: cpu-small, or those of the scenario to verify
  std::int64_t budget_ns = 15'000'000'000;  ///< per profile
  std::optional<std::int64_t> max_batch;  ///< default: 16, or the largest of the scenario to verify
  bool verify = false;  ///< Options::scenario, Options::repetitions times on either engine
};

/// Measures and writes `options.out`, or takes the profiles of `options.profile_files`; then
/// verifies them if asked to. Returns the exit code.
int calibrate(const Surroundings& surroundings, const Options& options,
              const CalibrateOptions& calibration);

}  // namespace tokenlift
