#pragma once
// What the words of the command line say of several processes that play one run: which one this is,
// when all begin, and whether that can be.

#include <cstdint>
#include <optional>
#include <string>

#include "bench/command/command.hpp"
#include "bench/run/part.hpp"
#include "workloads/requests/share.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// "3/8": rank 3 of 8; "env": as the surroundings say, of a Slurm job (SLURM_PROCID, SLURM_NTASKS)
/// or an Indexed Job of Kubernetes (JOB_COMPLETION_INDEX, and JOB_COMPLETIONS, which its manifest
/// sets).
Value rank_of_several(std::optional<Share>& target);

/// A date and time in UTC, or with an offset, in ns since 1970: "2026-12-01T12:00:00Z".
Value instant(std::optional<std::int64_t>& target_unix_ns);

/// "2026-12-01T12:00:00.000Z"
std::string instant_text(std::int64_t unix_ns);

/// The part of a scenario that this process plays. Throws UsageError where it cannot be played in
/// shares, or all were to begin already.
Part part_of(const Scenario& scenario, Share share, std::int64_t start_unix_ns);

}  // namespace tokenlift
