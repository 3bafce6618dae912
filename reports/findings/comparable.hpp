#pragma once
// Whether two sets of runs may be compared: the same scenario, on the same engine; and what else
// differs.

#include <string>
#include <vector>

#include "reports/record/run.hpp"

namespace tokenlift {

/// Sentences, each with both values. What is the same is not said.
struct Differences {
  /// Scenario (by JSON path; seeds, names and descriptions may differ) and engine: other things
  /// were measured.
  std::vector<std::string> forbidding;
  /// Machine, version and build, precision of the decoder. In virtual time no machine matters.
  /// Where each side measured its own capacity, loads are other rates by as much: no other
  /// scenario.
  std::vector<std::string> told;
};

Differences what_differs(const Run& base, const Run& contender);

}  // namespace tokenlift
