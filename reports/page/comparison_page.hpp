#pragma once
// The page of a comparison.

#include "reports/findings/comparison.hpp"
#include "reports/page/page.hpp"

namespace tokenlift {

/// The verdict and how it was tested; the cases as a table; then the figures of each: all of a
/// single case, of several those that are better or worse, or all with `all`.
Page comparison_page(const Comparison& comparison, bool all);

}  // namespace tokenlift
