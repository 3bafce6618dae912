#pragma once
// Scenarios that are queues of the textbook: a request is served alone, in one step.
//
// max_batch is 1 and a request has one output token, so its service is the prefill of its prompt:
// `ns_per_token` for every token, and nothing else. Lengths in the millions at 1 ns per token make
// service times as good as continuous, and every instant is a whole nanosecond.

#include <cmath>
#include <cstdint>

#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

struct ServiceLaw {
  Lengths tokens;
  std::int64_t ns_per_token = 1;
  double mean_s = 0;
  double second_moment_s2 = 0;  ///< E[S^2], of the lengths as they are drawn: rounded, clamped
};

/// Geometric tokens of mean m stand for an exponential time: E[S^2] = 2 m^2 - m against 2 m^2, a
/// difference of 5e-7 of it for m = 10^6, and the distribution functions differ by at most 1/m. The
/// clamp is at 1000 m, where e^-1000 is left.
inline ServiceLaw exponential_service(double mean_s) {
  const double m = std::round(mean_s * 1e9);
  ServiceLaw law;
  law.tokens = {Distribution::geometric, m, 0, 1, static_cast<std::int64_t>(1000 * m)};
  law.mean_s = m * 1e-9;
  law.second_moment_s2 = (2 * m * m - m) * 1e-18;
  return law;
}

inline ServiceLaw constant_service(double mean_s) {
  const double m = std::round(mean_s * 1e9);
  ServiceLaw law;
  law.tokens = {Distribution::constant, m, 0, 1, static_cast<std::int64_t>(m)};
  law.mean_s = m * 1e-9;
  law.second_moment_s2 = m * m * 1e-18;
  return law;
}

/// Each of `least` .. `most` tokens of `ns_per_token` with the same probability. Exact.
inline ServiceLaw uniform_service(std::int64_t least, std::int64_t most,
                                  std::int64_t ns_per_token) {
  ServiceLaw law;
  law.tokens = {Distribution::uniform, 0, 0, least, most};
  law.ns_per_token = ns_per_token;
  const double s = static_cast<double>(ns_per_token) * 1e-9;
  const auto values = static_cast<double>(most - least + 1);
  const double mean = static_cast<double>(least + most) / 2;
  law.mean_s = mean * s;
  law.second_moment_s2 = (mean * mean + (values * values - 1) / 12) * s * s;
  return law;
}

/// E[S^2] = m^2 (1 + cv^2). Rounding to whole tokens adds 1/12 of a squared token, 1e-13 of it for
/// m = 10^6; the clamp at 1000 m lies 8 standard deviations of the logarithm above the mean for
/// cv = 1, where the second moment has 1e-11 left.
inline ServiceLaw lognormal_service(double mean_s, double cv) {
  const double m = std::round(mean_s * 1e9);
  ServiceLaw law;
  law.tokens = {Distribution::lognormal, m, cv, 1, static_cast<std::int64_t>(1000 * m)};
  law.mean_s = m * 1e-9;
  law.second_moment_s2 = m * m * (1 + cv * cv) * 1e-18;
  return law;
}

/// A line before `servers`, first come, first served, that Poisson arrivals keep busy for `rho` of
/// their time. Measured are `requests` of them on average, after a twentieth of that as warm-up.
inline Scenario one_step_queue(const ServiceLaw& law, std::int64_t servers, double rho,
                               double requests, std::uint64_t seed) {
  const double rate_per_s = rho * static_cast<double>(servers) / law.mean_s;
  Scenario scenario;
  scenario.name = "queue";
  scenario.run.engine = Engine::simulated;
  scenario.run.seed = seed;
  scenario.run.warmup_ns = std::llround(requests / 20 / rate_per_s * 1e9);
  scenario.run.duration_ns = scenario.run.warmup_ns + std::llround(requests / rate_per_s * 1e9);
  scenario.run.cooldown_max_ns = scenario.run.duration_ns;
  scenario.fleet.router = RouterPolicy::shared_queue;
  Profile profile;
  profile.name = "server";
  profile.cost = CostModel{1, 0, 0, 0, 1000 * law.ns_per_token, 0};
  scenario.profiles.push_back(profile);
  // A whole prompt in one step.
  scenario.fleet.sites.push_back(
      {"site", servers, profile.name, 1, law.tokens.max, law.tokens.max + 1});
  Tenant tenant;
  tenant.name = "users";
  tenant.arrivals.rate.per_s = rate_per_s;
  tenant.prompt_tokens = law.tokens;
  tenant.output_tokens = {Distribution::constant, 1, 0, 1, 1};
  tenant.max_tokens = 1;
  scenario.tenants.push_back(tenant);
  return scenario;
}

}  // namespace tokenlift
