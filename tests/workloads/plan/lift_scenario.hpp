#pragma once
// A scenario with round figures, for what follows from a scenario before it runs.

#include <algorithm>
#include <string>

#include "workloads/plan/plan.hpp"
#include "workloads/reader/catalogue.hpp"

namespace tokenlift {

inline constexpr std::int64_t kS = 1'000'000'000;

inline Tenant make_tenant(Rate rate, double prompt_tokens, double output_tokens) {
  Tenant tenant;
  tenant.name = "users";
  tenant.arrivals.rate = rate;
  tenant.prompt_tokens.mean = prompt_tokens;
  tenant.output_tokens.mean = output_tokens;
  tenant.max_tokens = static_cast<std::int64_t>(output_tokens);
  return tenant;
}

inline Rate load(double share) {
  return Rate{share, std::nullopt};
}
inline Rate per_s(double rate) {
  return Rate{std::nullopt, rate};
}

inline Throttle make_throttle(Rate rate, WhenFull when_full = WhenFull::queue) {
  Throttle throttle;
  throttle.name = "limit";
  throttle.rate = rate;
  throttle.burst.units = 50;
  throttle.when_full = when_full;
  return throttle;
}

// 10 requests/s of 100 prompt and 50 output tokens (500 tokens/s) at a limit of 300 tokens/s that
// is lifted at 10 s; the fleet carries 1000 tokens/s.
inline Scenario lift_scenario() {
  Scenario scenario;
  scenario.name = "test";
  scenario.run.duration_ns = 60 * kS;
  scenario.run.warmup_ns = 2 * kS;
  scenario.fleet.capacity_tokens_per_s = 1000;
  scenario.fleet.sites.push_back(Site{});
  scenario.tenants.push_back(make_tenant(per_s(10), 100, 50));
  scenario.throttles.push_back(make_throttle(per_s(300)));
  Event event;
  event.at_ns = 10 * kS;
  event.throttle = "limit";
  scenario.events.push_back(event);
  return scenario;
}

inline bool has_warning(const Scenario& resolved, const std::string& part) {
  return std::ranges::any_of(
      warnings(resolved, builtin_profiles()),
      [&](const std::string& warning) { return warning.find(part) != std::string::npos; });
}

inline Tenant session_tenant(Rate rate) {
  Tenant tenant = make_tenant(rate, 10, 5);
  tenant.sessions = Sessions{{Distribution::constant, 4, 0, 1, 0}, {}, 54};
  return tenant;
}

}  // namespace tokenlift
