#pragma once
// The keys of a scenario as --set writes them, for shells to complete.

#include <string>
#include <vector>

#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

struct SettableKey {
  std::string path;  ///< "tenant.users.arrivals.load"
  std::string help;  ///< plain text, in one line; may be empty
};

/// Those that the scenario's tables can have, in the order of the language; of a throttle those of
/// its kind, of an event those of its action. Tables that hold others are not among them.
std::vector<SettableKey> settable_keys(const Scenario& scenario);

}  // namespace tokenlift
