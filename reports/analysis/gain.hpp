#pragma once
// What the lift changed: after against before, and with the lift against without it.
//
// From 3 runs on a rate's change is the geometric mean of the runs' ratios (interval.hpp), from 5
// on a percentile has an interval (pooled_percentile.hpp). One run, or two pooled, is cut into
// blocks of the time bins that lie wholly within a phase (blocks.hpp): that gives rates and shares
// an interval, but no percentile. How often these intervals hold the truth is measured by
// tests/bench/run/coverage_test.cpp.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reports/analysis/interval.hpp"
#include "reports/analysis/trial.hpp"

namespace tokenlift {

/// One figure. The unit is that of `before` and `after`; a ratio has none.
struct Gain {
  std::string
      name;  ///< "throughput", "goodput", "attainment", "ttft p50", "ttft p99", "tpot p50", ...
  std::string unit;  ///< "tokens/s", "share" (0 .. 1) or "ns"
  bool higher_is_better = true;
  std::optional<double> before;  ///< pooled over the runs; absent where unsupported
  std::optional<double> after;
  bool is_difference = false;  ///< `change` is after - before: a figure is 0 in some run
  /// Else after / before. Of percentiles it is interpolated within buckets, where `before` and
  /// `after` are midpoints, as everywhere in the report: up to 1/64 apart from their quotient.
  Estimate change;

  /// The change is real (its interval leaves out "none"), for better or worse.
  bool shown() const;
  bool better() const;  ///< shown, and in the direction that users want
};

/// Throughput, goodput, attainment and percentiles of TTFT, TPOT, ITL and e2e. Empty where the run
/// has no `before` and `after`.
std::vector<Gain> gains(const Trial& trial);

/// The one of that name; nullptr where there is none.
const Gain* find_gain(const std::vector<Gain>& gains, std::string_view name);

/// With the lift minus without it, in one phase: pairs of runs of the same seed at the same time of
/// day, so it stays right when the load itself changes.
struct Effect {
  std::string name;  ///< as of Gain
  std::string unit;
  bool higher_is_better = true;
  std::string phase;  ///< "transition" or "after"
  std::optional<double> with;
  std::optional<double> without;
  Estimate difference;  ///< with - without, in `unit`

  bool shown() const;
  bool better() const;
};

/// Effects in `transition` and `after`; empty without a control.
std::vector<Effect> effects(const Trial& trial);

}  // namespace tokenlift
