#pragma once
// Where the time to first token went, as a table.

#include <vector>

#include "reports/analysis/time_split.hpp"
#include "reports/text/table.hpp"

namespace tokenlift {

/// Two rows per phase: the mean TTFT and its parts, and their shares of it. Phases in which nothing
/// completed are left out.
Table split_table(const std::vector<TimeSplit>& split);

}  // namespace tokenlift
