#pragma once
// The processes that played a run together, one by one.

#include <string>

#include "reports/record/run.hpp"
#include "reports/text/table.hpp"

namespace tokenlift {

/// What each sent, when it began after the first, how late it was with its requests, and how its
/// clock was. No rows where one process played the run.
Table ranks_table(const Run& run);

/// Of a run that lacks shares, what it is then, in a sentence; empty where none is missing.
std::string remark_on_shares(const Run& run);

}  // namespace tokenlift
