#include "bench/tune/stress.hpp"

#include <algorithm>
#include <cmath>

#include "workloads/plan/plan.hpp"

namespace tokenlift {

namespace {

constexpr double kLoadChange = 0.1;
constexpr double kLongerOutputs = 1.2;

void multiply(std::optional<double>& value, double factor) {
  if (value) *value *= factor;
}

void change_load(Tenant& tenant, double factor) {
  multiply(tenant.arrivals.rate.per_s, factor);
  if (tenant.arrivals.trace) tenant.arrivals.trace->speed *= factor;
  if (tenant.arrivals.process == Process::closed) {
    const double users = std::round(static_cast<double>(tenant.users) * factor);
    tenant.users = std::max<std::int64_t>(1, static_cast<std::int64_t>(users));
  }
}

/// False where there is no room for longer ones. The largest stays as it is, so that it still fits
/// the throttles' bursts and the replicas' memory; a constant is its own largest.
bool lengthen(Tenant& tenant, double most_tokens) {
  if (tenant.arrivals.trace) return false;
  Lengths& outputs = tenant.output_tokens;
  const Lengths before = outputs;
  const double longer = outputs.mean * kLongerOutputs;
  switch (outputs.distribution) {
    case Distribution::constant:
      outputs.mean = std::max(outputs.mean, std::floor(std::min(longer, most_tokens)));
      break;
    case Distribution::uniform: {
      const auto max = static_cast<double>(outputs.max);
      const double mean = (static_cast<double>(outputs.min) + max) / 2;
      const double low = 2 * std::min(mean * kLongerOutputs, max) - max;
      outputs.min = std::max(outputs.min, static_cast<std::int64_t>(low));
      break;
    }
    case Distribution::lognormal:
    case Distribution::geometric:
      outputs.mean = longer;
      break;
  }
  return !(outputs == before);
}

/// What every replica has room for beside the tenant's largest prompt, and every request reserves.
double most_output_tokens(const Scenario& scenario, const Tenant& tenant) {
  std::int64_t most = tenant.max_tokens;
  for (const Site& site : scenario.fleet.sites) {
    most = std::min(most, site.kv_tokens - largest_prompt_tokens(tenant));
  }
  return static_cast<double>(most);
}

bool rejects(const Scenario& scenario) {
  return std::ranges::any_of(scenario.throttles, [](const Throttle& throttle) {
    return throttle.mode == Mode::enforce &&
           (traits_of(throttle.kind).limits_queue || throttle.when_full == WhenFull::reject);
  });
}

/// False where it retries already.
bool retry(Tenant& tenant) {
  if (tenant.retry.policy != RetryPolicy::none) return false;
  tenant.retry.policy = RetryPolicy::exponential;
  return true;
}

std::int64_t more_replicas(const Site& site, double factor) {
  return static_cast<std::int64_t>(std::ceil(static_cast<double>(site.replicas) * factor));
}

void enlarge(Settings& settings, double factor) {
  if (settings.rate) multiply(settings.rate->per_s, factor);
  if (settings.burst) multiply(settings.burst->units, factor);
  multiply(settings.limit, factor);
  multiply(settings.min_limit, factor);
  multiply(settings.max_limit, factor);
}

}  // namespace

std::string_view name_of(Stress stress) {
  switch (stress) {
    case Stress::none:
      return "as it is";
    case Stress::more_load:
      return "load +10 %";
    case Stress::less_load:
      return "load -10 %";
    case Stress::longer_outputs:
      return "outputs 20 % longer";
    case Stress::retries:
      break;
  }
  return "retries on";
}

std::optional<Scenario> stressed(const Scenario& resolved, Stress stress) {
  if (stress == Stress::retries && !rejects(resolved)) return std::nullopt;
  Scenario scenario = resolved;
  bool changed = false;
  for (Tenant& tenant : scenario.tenants) {
    switch (stress) {
      case Stress::none:
        changed = true;
        break;
      case Stress::more_load:
      case Stress::less_load:
        change_load(tenant, stress == Stress::more_load ? 1 + kLoadChange : 1 - kLoadChange);
        changed = true;
        break;
      case Stress::longer_outputs:
        changed = lengthen(tenant, most_output_tokens(scenario, tenant)) || changed;
        break;
      case Stress::retries:
        changed = retry(tenant) || changed;
        break;
    }
  }
  if (!changed) return std::nullopt;
  return scenario;
}

Scenario with_load(Scenario resolved, double factor) {
  for (Tenant& tenant : resolved.tenants) change_load(tenant, factor);
  return resolved;
}

std::int64_t enlarged_replicas(const Scenario& scenario, double factor) {
  std::int64_t larger = 0;
  for (const Site& site : scenario.fleet.sites) larger += more_replicas(site, factor);
  return larger;
}

Scenario enlarged(const Scenario& resolved, const Enlargement& enlargement) {
  Scenario scenario = resolved;
  for (Site& site : scenario.fleet.sites) site.replicas = more_replicas(site, enlargement.fleet);
  multiply(scenario.fleet.capacity_tokens_per_s, static_cast<double>(replica_count(scenario)) /
                                                     static_cast<double>(replica_count(resolved)));
  const double factor = enlargement.limits;
  const auto is_meant = [&](const std::string& throttle) {
    return enlargement.throttle.empty() || enlargement.throttle == throttle;
  };
  for (Throttle& throttle : scenario.throttles) {
    if (!is_meant(throttle.name)) continue;
    multiply(throttle.rate.per_s, factor);
    multiply(throttle.burst.units, factor);
    multiply(throttle.limit, factor);
    throttle.min_limit *= factor;
    throttle.max_limit *= factor;
  }
  for (Event& event : scenario.events) {
    if (!is_meant(event.throttle)) continue;
    enlarge(event, factor);
    if (event.from) multiply(event.from->per_s, factor);
    multiply(event.from_limit, factor);
  }
  return scenario;
}

}  // namespace tokenlift
