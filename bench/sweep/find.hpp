#pragma once
// The search for the largest or smallest value of a key with which objectives are met. Pure: what
// it tries somebody else runs.

#include <functional>
#include <string>
#include <vector>

#include "reports/findings/sweep_report.hpp"
#include "workloads/scenario/objective.hpp"
#include "workloads/tuning/swept_key.hpp"

namespace tokenlift {

/// What is looked for.
struct FindTask {
  std::string name;  ///< as of SweepFind
  SweptKey key;      ///< a range
  bool most = true;
  std::vector<Objective> objectives;  ///< one at least; paths complete
  std::vector<std::size_t> figures;   ///< of each objective the place among a point's figures
};

/// What a point says of an objective.
enum class Met { met, missed, unknown };
/// Unknown where the figure has no value, as that of a percentile of too few requests. Of a
/// saturated point a latency has none because it grows, and goodput and attainment because they
/// fall, as long as it runs: the bound that they leave behind is missed, the other one unknown. A
/// point that failed meets nothing.
Met met_at(const SweepPoint& point, const Objective& objective, std::size_t figure);

/// Runs the points of these values, all at the same time; of a search that is to stop, fewer.
using RunValues = std::function<std::vector<SweepPoint>(const std::vector<std::string>& values)>;

/// First seven values over the whole range, then two at a time within the stretch where the
/// objectives stop being met (of several the first one from the side where they are), until it is
/// as narrow as kFindTolerance of its value, or whole numbers are neighbours. The answer is the
/// last that holds: it was tried.
///
/// Values at which it is unknown whether the objectives hold decide nothing: the outcome is
/// not_known where one lies between those that hold and those that do not.
///
/// The 95 % interval goes from where the worse ends of the figures' intervals cross to where the
/// better ends do, on straight lines between values that were tried. All values have the same
/// seeds, so that the curve is smooth.
SweepFind find_value(const FindTask& task, const RunValues& run);
inline constexpr double kFindTolerance = 0.005;

/// How a point stands to the objectives: in the middle and at either end of the intervals of its
/// figures, the least distance within a bound as a share of it; below 0 where one is missed, -inf
/// where one has no value.
struct Standing {
  double middle = 0, worse = 0, better = 0;
};
Standing standing_of(const SweepPoint& point, const FindTask& task);

}  // namespace tokenlift
