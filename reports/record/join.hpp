#pragma once
// The shares of one run, which several processes played together, become that run.

#include <cstdint>
#include <string>
#include <vector>

#include "reports/record/run.hpp"

namespace tokenlift {

/// Joins what other ranks played. Associative and commutative: whatever the order, and whatever is
/// joined first, the run that comes of it is the same to the byte.
///
/// Counts, histograms, series (a shorter one is padded with zeros) and what throttles did add up.
/// Of what is the same for all ranks and was seen by each at an instant of its own (the borders of
/// phases, a measured event, a limit that changes) the latest instant counts: then it held
/// everywhere. Of how long something took the longest stays, but for the first admission that a
/// lift brought; of each check the worst (failed, then the one nearest to failing), and of what
/// servers said in a bin the largest. The environment is that of the lowest rank. Phases that a
/// rank did not come to are those of the others.
///
/// Once all shares are there, checks on counts are judged (count_checks.hpp).
///
/// Throws RunMismatch where they are no shares of one run: other scenarios, seeds, versions or
/// numbers of ranks, or a rank that both have; then `into` is unchanged.
void join(Run& into, const Run& other);

/// All of them (at least one), in whatever order.
Run joined(const std::vector<Run>& shares);

/// The ranks whose shares are not there: "2", "0, 5 and 7 to 11"; empty where none is missing.
std::string missing_ranks(const SharesRecord& shares);

}  // namespace tokenlift
