#pragma once
// Every number of a report by a dotted path, as objectives name it: "ttft.p99_ms.after",
// "goodput.gain", "lift.drain_time_s", "tenants.users.attainment.after".
//
// The words are the keys of run.json and report.json. What a phase has ends with the phase's name;
// "rates" and "phases" are left out, and "latency_ms" is the ending of its percentiles. Members of
// lists go by their name, or by their place from 1 on. A gain stands for its change, with "low" and
// "high" of its interval, "before" and "after" under it; so does an effect, which has a phase too.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reports/findings/report.hpp"

namespace tokenlift {

struct TrialFigure {
  std::string path;
  std::optional<double> value;  ///< in the unit that the path's last words name; a share is 0 .. 1
  std::string reason;           ///< of a value that is absent: why, without a full stop
};

/// All of them, in the order of report.json; each path once.
std::vector<TrialFigure> figures_of(const TrialReport& report);

/// The one of that path. Where there is none its value is absent, and the reason says what the run
/// lacks: a phase, a lift, a tenant.
TrialFigure figure_at(const std::vector<TrialFigure>& figures, const std::string& path);

/// The paths that some run has; "*" stands for the name of a tenant, a throttle or a check, or for
/// a place in a list.
const std::vector<std::string>& figure_paths();

/// The candidate that `word` was meant to be, if one is near.
using NearestWord = std::optional<std::string> (*)(std::string_view word,
                                                   const std::vector<std::string>& candidates);

/// Empty if some run can have a figure of that path. Else a sentence that says which word of it is
/// wrong, and what was meant or is possible there.
std::string path_mistake(const std::string& path, NearestWord nearest);

/// Empty if a figure of that (right) path can be on both sides of the bound. Else a sentence: a
/// share is between 0 and 1.
std::string bound_mistake(const std::string& path, double bound);

}  // namespace tokenlift
