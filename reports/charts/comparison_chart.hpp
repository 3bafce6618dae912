#pragma once
// How much each figure of a comparison changed, as SVG.

#include <string>

#include "reports/findings/comparison.hpp"

namespace tokenlift {

/// A row per figure whose change is a ratio, with its interval: of those that are better or worse
/// (or, with `all`, of all). Of what is not valid nothing looks better. Empty where there is none.
std::string comparison_svg(const CaseComparison& one, bool all, bool valid);

}  // namespace tokenlift
