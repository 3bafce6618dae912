#pragma once
// Whether two sets of runs may be compared: the same scenario, on the same engine; and what else
// differs.

#include "reports/findings/comparison.hpp"
#include "reports/json/comparable.hpp"
#include "reports/record/run.hpp"

namespace tokenlift {

Differences what_differs(const Run& base, const Run& contender);

}  // namespace tokenlift
