#pragma once
// What would help where no setting meets all constraints: a larger fleet, wider limits, or both.
// Each is simulated apart from the others, and nothing is said of what was not.

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "bench/tune/problem.hpp"
#include "reports/findings/tuning_report.hpp"

namespace tokenlift {

/// The most that is tried of anything.
inline constexpr double kMostEnlarged = 64;

struct RemedySearch {
  const Scenario* scenario = nullptr;       ///< in use
  std::vector<std::vector<double>> points;  ///< settings to be tried, the one that counts first
  std::vector<std::size_t> candidates;      ///< their indices
  std::size_t constraint = 0;               ///< the one that the first misses most
  /// With an effort that the budget has room for. Nothing in the place of what it has none for.
  std::function<std::vector<std::optional<TuningFigures>>(const std::vector<Attempt>&)> simulate;
};

/// Tries the fleet alone, the limits of each enforced throttle alone, those of all together, and
/// fleet and limits together, each doubled until one of them does it or the budget is spent; then
/// less of what did it, to within 5 %. Those that do it come first, and of these the ones that
/// change only one thing.
std::vector<Remedy> find_remedies(const RemedySearch& search);

}  // namespace tokenlift
