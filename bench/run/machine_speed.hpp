#pragma once
// Whether the machine computed as fast while a phase of the run lasted as while its capacity was
// measured, and after the change as before it. Engine threads only.
//
// A load is a share of the capacity: on a machine that has become slower it is more than it is
// called, and a lift that is compared on a machine that changed its speed is not what made the
// difference. What steps take cannot say it by itself: they take longer in larger batches. So only
// parts of steps of the same kind are compared, as far as both stretches of time computed such:
// the same number of sequences with about as much context, after a step of the same sort, or as
// many prompt tokens, while as many other workers were busy. Prompts are of the same mix
// everywhere, so that there is always something to compare, and nothing is computed for it that the
// run would not compute anyway.

#include <optional>
#include <string>
#include <vector>

#include "bench/fleet/step_costs.hpp"
#include "reports/record/run.hpp"

namespace tokenlift {

/// How fast the machine was, where 1 is as fast as at the time that it is compared with.
struct RelativeSpeed {
  double value = 1;
  double standard_error = 0;
};

/// Of `now`, compared with `then`: sum of w * mean time then / sum of w * mean time now over the
/// kinds that both have twice at least, w = n_then * n_now / (n_then + n_now): the weights of
/// Mantel and Haenszel (1959), with which a kind that one of them hardly has hardly matters.
/// Nothing where there is none.
std::optional<RelativeSpeed> relative_speed(const StepCosts& now, const StepCosts& then);

/// What the steps of a phase took.
struct PhaseCosts {
  std::string name;
  StepCosts costs;
};

/// The limit of the check. 10 % slower makes 78 % of a load of 70 %, which still drains a backlog;
/// 20 % make 88 %, and 100 % of one of 80 %.
inline constexpr double kMostSpeedChange = 0.10;
/// A speed with a larger standard error is not judged: the limit is four of them away at least.
inline constexpr double kMostSpeedError = 0.025;

/// The check of a run: the largest change of speed of a measured phase against `capacity`, what
/// steps took while the capacity was measured (no kinds: it was not), and of 'after' against
/// 'before'. Nothing where there are no two times to compare.
std::optional<Check> check_machine_speed(const std::vector<PhaseCosts>& phases,
                                         const StepCosts& capacity);

}  // namespace tokenlift
