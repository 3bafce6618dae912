#include "workloads/plan/sharing.hpp"

#include <vector>

#include "workloads/plan/plan.hpp"
#include "workloads/scenario/keywords.hpp"

namespace tokenlift {

namespace {

std::string why_not(const Throttle& throttle) {
  if (throttle.scope == Scope::user) return "";
  return "throttle '" + throttle.name + "' has scope \"" + std::string(name_of(throttle.scope)) +
         "\", so that requests of several ranks would share it, and none knows what the others "
         "took: only throttles of scope \"user\" can be played in shares";
}

std::string why_not(const Tenant& tenant) {
  if (!tenant.retry.budget) return "";
  return "the clients of tenant '" + tenant.name +
         "' share a budget of retries, and no rank knows what the others retried: leave "
         "retry.budget out";
}

std::string why_not(const Event& event) {
  if (!event.at_signal && event.kind != EventKind::signal) return "";
  return "an event waits for a signal, which reaches one rank and not the others: state its "
         "instant";
}

template <typename T>
std::string first_reason(const std::vector<T>& things) {
  for (const T& thing : things) {
    std::string reason = why_not(thing);
    if (!reason.empty()) return reason;
  }
  return "";
}

}  // namespace

std::string why_not_shared(const Scenario& scenario) {
  const EngineTraits& engine = traits_of(scenario.run.engine);
  if (engine.simulated) {
    return "engine virtual simulates one fleet, which stays in one process: engines http and null "
           "can be played in shares";
  }
  if (engine.has_replicas) {
    return "the replicas of engine " + std::string(engine.name) +
           " are in one process: engines http and null can be played in shares";
  }
  if (scenario.run.stop_after_requests || scenario.run.stop_after_output_tokens) {
    return "run.stop_after bounds what all ranks send together, and none knows what the others "
           "sent: leave it out (--set run.stop_after={})";
  }
  if (scenario.fleet.router == RouterPolicy::spill) {
    return "router \"spill\" goes by what is in flight at each site, and no rank knows that of the "
           "others: choose another router";
  }
  if (needs_capacity(scenario)) {
    return "a load is a share of the fleet's capacity, and each rank would find another one: state "
           "fleet.capacity, or rates";
  }
  for (const std::string& reason :
       {first_reason(scenario.throttles), first_reason(scenario.tenants),
        first_reason(scenario.events)}) {
    if (!reason.empty()) return reason;
  }
  return "";
}

}  // namespace tokenlift
