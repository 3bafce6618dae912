#include "workloads/requests/share.hpp"

#include <algorithm>

namespace tokenlift {

namespace {

bool concerns(const Throttle& throttle, const Tenant& tenant) {
  return throttle.tenants.empty() || std::ranges::binary_search(throttle.tenants, tenant.name);
}

}  // namespace

bool is_dealt_by_user(const Scenario& scenario, const Tenant& tenant) {
  return tenant.arrivals.process == Process::closed ||
         std::ranges::any_of(scenario.throttles, [&](const Throttle& throttle) {
           return throttle.scope == Scope::user && concerns(throttle, tenant);
         });
}

Dealing::Dealing(const Scenario& scenario, Share share) : share_(share), population_(scenario) {
  for (const Tenant& tenant : scenario.tenants) {
    tenants_.push_back(
        {is_dealt_by_user(scenario, tenant), static_cast<std::uint64_t>(most_turns(tenant))});
  }
}

}  // namespace tokenlift
