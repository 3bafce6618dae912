#pragma once
// Two sweeps over the same keys, point by point, for `compare`.

#include <string>
#include <vector>

#include "reports/findings/comparison.hpp"

namespace tokenlift {

/// Two sweeps, point by point.
struct ComparedSweep {
  std::string keys;                  ///< "tenant.users.arrivals.load"
  std::vector<ComparedCase> points;  ///< both have them; "CASE/KEY=VALUE", or "KEY=VALUE"
  /// Of each point: that one side alone is saturated there. Without a name where that is not so.
  std::vector<ComparedFigure> turned;
  std::vector<std::string> remarks;  ///< what both have found
  std::vector<std::string> base_only, contender_only;
};

/// The sweeps in these folders (or files); `name` is that of the case of a suite, empty of sweeps
/// by themselves. Throws UsageError where they are over other keys, have no point in common or,
/// unless `force`, are of other scenarios or engines; RunFileError.
ComparedSweep read_compared_sweep(const std::string& name, const std::string& base,
                                  const std::string& contender, bool force);

/// Adds what is known of a sweep beside the figures of its points, which were compared.
void add_sweep(Comparison& comparison, const ComparedSweep& sweep);

}  // namespace tokenlift
