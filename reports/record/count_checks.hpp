#pragma once
// Checks of validity that are about counts: of a run that several processes played they are about
// all shares together.

#include <optional>
#include <string>

#include "reports/record/run.hpp"

namespace tokenlift {

/// The fewest decided requests in a phase that conclusions rest on (all but the transition).
struct FewestRequests {
  double requests = 0;
  const PhaseSpan* phase = nullptr;  ///< null: there is no last phase
  double due = 0;                    ///< in that phase, also those that were never decided
};
FewestRequests fewest_requests(const Run& run);
/// What to do where that phase has fewer than `least`, and nothing cut the run short: a longer
/// phase or more load where too few were due, and where enough were, and waited to the end, less of
/// it. `ample`: of how many on average nearly no seed has fewer than `least`.
std::string advice_on_few(const FewestRequests& fewest, double least, double ample);

/// Requests sent / requests due, in the phase where that is least.
Check delivered_load(const Run& run, double least);
/// `advice`: what to do where there are too few.
Check enough_samples(double found, double least, const std::string& advice);
/// Of a remote fleet: of the output tokens that were asked for, those that came.
Check output_delivered(const WireRecord& wire, double least);
/// Of a remote fleet: of the requests due, those that failed for good.
Check failed_share(const Run& run, double most);

/// Of a share: says of all of these that they are still to be judged.
void await_other_shares(Run& run);
/// All shares have been joined: judges these checks, by the limits that they have, and how far the
/// clocks of the ranks were apart.
void judge_all_shares(Run& run);

/// When a rank began, since 1970 UTC: by the clock of rank 0, where the two were compared.
WideSum began_ns(const RankRecord& rank);

/// The largest difference that there may be between the instants at which two ranks began. Absent
/// where a clock is not known to be right.
std::optional<std::int64_t> clocks_apart_ns(const SharesRecord& shares);

}  // namespace tokenlift
