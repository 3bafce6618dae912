#pragma once
// One figure of one case on its way through a comparison: how it compares, and what is tested of
// it. What the tests of all lines say together is of `comparison`.

#include <cstddef>
#include <vector>

#include "reports/analysis/significance.hpp"
#include "reports/findings/comparison.hpp"

namespace tokenlift {

/// Indices into the runs of either side.
struct Pairing {
  bool paired = false;
  bool exact = false;  ///< both sides are one run without chance: how they differ is certain
  std::vector<std::size_t> base;
  std::vector<std::size_t> contender;
};

/// By seed, where the seeds of one side are all among those of the other; what is left over there
/// is left out. A seed that several runs share pairs them in their order.
Pairing pair_up(const ComparedCase& one);

struct ComparedLine {
  ComparedFigure figure;
  /// contender - base, of ratios on logarithms, of differences as a share of `unit`: so like
  /// figures of several cases are on one scale.
  Shift shift;
  double unit = 1;
  double grain = 0;     ///< how well a run tells it, on that scale
  bool tested = false;  ///< there are enough runs for a p value

  /// So large a change (0.1: a tenth), on the scale of `shift`; and the opposite.
  double size_of(double change) const;
  double change_of(double size) const;
  /// contender / base, or their difference in the figure's unit, with an interval that is not
  /// corrected.
  Estimate estimate() const;
  /// The shift, towards what users do not want.
  Shift worsening() const;
};

/// The lines of a case, in the order of its figures. All but those that are tested are read.
std::vector<ComparedLine> lines_of(const ComparedCase& one, const Pairing& pairing,
                                   const ComparisonRules& rules);

}  // namespace tokenlift
