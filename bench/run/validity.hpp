#pragma once
// Is this run a measurement? Every check, with its value, its limit and what to do about it.

#include <optional>
#include <vector>

#include "bench/run/loop.hpp"
#include "reports/record/run.hpp"

namespace tokenlift {

/// What the checks need besides the recorded Run.
struct RunFacts {
  LoopOutcome outcome;
  double littles_law_error = 0;
  std::optional<double> interference;  ///< absent: could not be read
  std::int64_t max_in_flight = 0;
  std::optional<Check> cpu_quota = {};      ///< see check_cpu_quota()
  std::optional<Check> machine_speed = {};  ///< see check_machine_speed()
};

std::vector<Check> check_validity(const Run& run, const RunFacts& facts);

}  // namespace tokenlift
