#pragma once
// What the lift changed: after against before, and with the lift against without it.

#include <optional>
#include <string>
#include <vector>

#include "reports/interval.hpp"
#include "reports/trial.hpp"

namespace tokenlift {

/// One figure. The unit is that of `before` and `after`; a ratio has none.
struct Gain {
  std::string
      name;  ///< "throughput", "goodput", "attainment", "ttft p50", "ttft p99", "tpot p50", ...
  std::string unit;  ///< "tokens/s", "share" (0 .. 1) or "ns"
  bool higher_is_better = true;
  std::optional<double> before;  ///< pooled over the runs; absent where unsupported
  std::optional<double> after;
  bool is_difference = false;  ///< `change` is after - before, because the base is 0 somewhere
  Estimate change;             ///< else after / before

  /// The change is real (its interval leaves out "none"), for better or worse.
  bool shown() const;
  bool better() const;  ///< shown, and in the direction that users want
};

/// Throughput, goodput, attainment and percentiles of TTFT, TPOT, ITL and e2e. Empty where the run
/// has no `before` and `after`.
std::vector<Gain> gains(const Trial& trial);

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
