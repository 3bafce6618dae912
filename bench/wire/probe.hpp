#pragma once
// Does an endpoint answer? Asked before a run, with one token each.

#include <atomic>
#include <string>
#include <vector>

#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// What came of asking one site.
struct Probed {
  std::string site;
  std::vector<std::string> found;  ///< in the order in which it was asked
  bool answers = false;            ///< it gave a token, or refused to (it may be limited)
};

/// Asks each site for its models and for one token, each within the site's timeouts; looks at
/// `stop` meanwhile. Nothing that is said holds a secret. Throws EndpointError and ScenarioError,
/// as HttpFleet does.
std::vector<Probed> probe_endpoints(const Scenario& scenario, const std::atomic<bool>& stop);

}  // namespace tokenlift
