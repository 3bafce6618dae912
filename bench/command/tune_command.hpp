#pragma once
// `tokenlift tune`: which settings of a throttle, or which way to lift it, serve users best.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench/command/input.hpp"

namespace tokenlift {

struct TuneOptions {
  Options scenario;  ///< of these: scenario, seed, overrides, profile_files, threads, out, quiet
  bool lift = false;
  std::optional<std::int64_t> budget_requests;
  std::optional<std::int64_t> time_ns;
  std::uint64_t verify = 0;  ///< runs of each setting on engine threads; 0: none
  std::string resume;        ///< the folder of a search to go on with; empty: a new one
};

/// Searches, verifies if asked to, writes and prints what was found. Returns the exit code: goal
/// missed where nothing can be recommended.
int tune(const Surroundings& surroundings, const TuneOptions& options);

}  // namespace tokenlift
