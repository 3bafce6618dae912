#pragma once
// What has to be known of the load itself, before and after a change.

#include <string>
#include <string_view>
#include <vector>

#include "reports/findings/report.hpp"

namespace tokenlift {

/// What was due in `before` and in `after`. Nothing differs with a control, which had the same
/// load.
struct OtherLoad {
  double before_per_s = 0;
  double after_per_s = 0;
  bool differs = false;    ///< by a tenth and more than chance explains
  bool by_itself = false;  ///< also of the tenants whose requests do not wait for answers: it is
                           ///< not the change's doing
};
OtherLoad other_load(const TrialReport& report);

/// What was due in the thirds of a phase differs as much: nothing settles while the load moves.
bool load_changes_within(const TrialReport& report, std::string_view phase);

/// That more, or less, was asked for after the change than before it where that may be the change's
/// doing; meanwhile() tells where it is not.
std::vector<std::string> load_remarks(const TrialReport& report);

}  // namespace tokenlift
