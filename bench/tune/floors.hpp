#pragma once
// What no tenant is to lose unasked: by default a setting may not cost a tenant more of its
// attainment than a little.

#include <vector>

#include "bench/tune/problem.hpp"
#include "reports/record/run.hpp"

namespace tokenlift {

/// A tenant's attainment may fall by so much below that of the present setting; by more only where
/// chance makes that of the runs it is known from.
inline constexpr double kToleratedLoss = 0.02;

/// A constraint for each tenant with objectives of which nothing is asked that says how well it is
/// to be served (attainment, goodput, throughput or unserved, as constraint or as what the search
/// is for). `present`: runs of the present setting, pooled. None of a lift, whose default is that
/// every tenant's TTFT keeps to its objective.
std::vector<Objective> floors_of(const TuningProblem& problem, const Run& present);

}  // namespace tokenlift
