#include "workloads/plan/load.hpp"

#include <algorithm>

#include "workloads/plan/demand.hpp"
#include "workloads/scenario/keywords.hpp"
#include "workloads/text/quantity.hpp"

namespace tokenlift {

namespace {

// Units that a request of the tenant costs on average, with so many output tokens.
double units_of(Unit unit, const Tenant& tenant, double output_tokens) {
  switch (unit) {
    case Unit::requests:
      return 1;
    case Unit::input_tokens:
      return mean_prompt_tokens(tenant);
    case Unit::tokens:
      return mean_prompt_tokens(tenant) + output_tokens;
    case Unit::output_tokens:
      break;
  }
  return output_tokens;
}

void add(const Throttle& throttle, const Tenant& tenant, const Scenario& resolved,
         ThrottleLoad& load) {
  const double requests_per_s = request_rate_per_s(tenant, resolved);
  const double used_tokens = mean_output_tokens(tenant);
  const bool reserves = throttle.charge == Charge::reserve;
  load.offered_per_s += requests_per_s * units_of(throttle.unit, tenant, used_tokens);
  load.taken_per_s +=
      requests_per_s * units_of(throttle.unit, tenant,
                                reserves ? static_cast<double>(tenant.max_tokens) : used_tokens);
}

std::optional<double> limit_of(const Throttle& throttle, bool lifted, double drain) {
  if (lifted || throttle.mode == Mode::shadow) return std::nullopt;
  const KindTraits& kind = traits_of(throttle.kind);
  if (kind.has_windows) return *throttle.limit / to_s(throttle.window_ns) / drain;
  if (kind.has_rate) return *throttle.rate.per_s / drain;
  return std::nullopt;
}

// What limits at the begin of the run and once the measured events are over, without its keys.
struct Limits {
  std::optional<double> before_per_s;
  std::optional<double> after_per_s;
  std::optional<double> least_per_s;  // at any time
};

std::vector<Limits> limits_of(const Scenario& resolved) {
  std::vector<Limits> all;
  for (const Throttle& throttle : resolved.throttles) {
    const std::optional<double> limit = limit_of(throttle, false, 1);
    all.push_back({limit, limit, limit});
  }
  const std::optional<MeasuredSpan> span = measured_span(resolved);
  const std::int64_t until_ns = span ? span->end_ns : 0;
  for (const Change& change : plan_changes(resolved)) {
    Limits& limits = all[change.throttle];
    const std::optional<double> limit = limit_of(change.settings, change.lifted, change.drain);
    if (limit) limits.least_per_s = std::min(limits.least_per_s.value_or(*limit), *limit);
    if (change.at_ns > until_ns) continue;
    limits.after_per_s = limit;
    if (change.at_ns == 0) limits.before_per_s = limits.after_per_s;
  }
  return all;
}

std::optional<double> times(const std::optional<double>& limit, double keys) {
  return limit ? std::optional(*limit * keys) : std::nullopt;
}

}  // namespace

std::vector<TenantLoad> tenant_loads(const Scenario& resolved) {
  std::vector<TenantLoad> loads;
  for (const Tenant& tenant : resolved.tenants) {
    const double requests_per_s = request_rate_per_s(tenant, resolved);
    loads.push_back({tenant.name, requests_per_s, requests_per_s * mean_output_tokens(tenant),
                     tenant.arrivals.think.has_value(), tenant.arrivals.trace.has_value()});
  }
  return loads;
}

std::vector<ThrottleLoad> throttle_loads(const Scenario& resolved) {
  const std::vector<Limits> limits = limits_of(resolved);
  std::vector<ThrottleLoad> loads;
  for (std::size_t i = 0; i < resolved.throttles.size(); ++i) {
    const Throttle& throttle = resolved.throttles[i];
    ThrottleLoad load;
    load.throttle = throttle.name;
    load.unit = throttle.unit;
    load.limit_per_s = limits[i].before_per_s;
    load.limit_after_per_s = limits[i].after_per_s;
    load.limit_least_per_s = limits[i].least_per_s;
    for (const Tenant& tenant : resolved.tenants) {
      if (!looks_at(throttle, tenant)) continue;
      if (throttle.scope == Scope::fleet) {
        add(throttle, tenant, resolved, load);
        continue;
      }
      ThrottleLoad own = load;
      own.tenant = tenant.name;
      if (throttle.scope == Scope::user) own.keys = static_cast<double>(tenant.users);
      own.limit_per_s = times(limits[i].before_per_s, own.keys);
      own.limit_after_per_s = times(limits[i].after_per_s, own.keys);
      own.limit_least_per_s = times(limits[i].least_per_s, own.keys);
      add(throttle, tenant, resolved, own);
      loads.push_back(std::move(own));
    }
    if (throttle.scope == Scope::fleet) loads.push_back(std::move(load));
  }
  return loads;
}

}  // namespace tokenlift
