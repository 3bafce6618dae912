#pragma once
// What has to be known of the load itself, before and after a change.

#include <string>
#include <vector>

#include "reports/findings/report.hpp"

namespace tokenlift {

/// That more, or less, was asked for after the change than before it, by a tenth and more than
/// chance explains: then the change is not all that differs. Nothing with a control, which had the
/// same load.
std::vector<std::string> load_remarks(const TrialReport& report);

}  // namespace tokenlift
