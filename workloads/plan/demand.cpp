#include "workloads/plan/demand.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <optional>

#include "workloads/plan/calendar.hpp"
#include "workloads/requests/lengths.hpp"
#include "workloads/requests/session_plan.hpp"
#include "workloads/requests/shape.hpp"
#include "workloads/text/quantity.hpp"

namespace tokenlift {

namespace {

std::int64_t largest_turns(const Tenant& tenant) {
  return tenant.sessions ? largest_tokens(tenant.sessions->turns) : 1;
}

// The time that a user needs for a session if every answer came at once.
double think_per_session_s(const Tenant& tenant, double turns) {
  const double between_s = tenant.sessions ? to_s(tenant.sessions->think.mean_ns) : 0;
  return to_s(tenant.arrivals.think->mean_ns) + std::max(turns - 1, 0.0) * between_s;
}

double requests_per_s(const Tenant& tenant, const Scenario& scenario, double turns) {
  const Arrivals& arrivals = tenant.arrivals;
  if (arrivals.trace) {
    const TraceSummary& summary = arrivals.trace->summary;
    const std::int64_t span_ns = summary.span_ns > 0 ? summary.span_ns : scenario.run.duration_ns;
    return arrivals.trace->sample * static_cast<double>(summary.requests) / to_s(span_ns);
  }
  if (arrivals.think) {
    return static_cast<double>(tenant.users) * turns / think_per_session_s(tenant, turns);
  }
  const double factor = arrivals.shape ? mean_factor(*arrivals.shape, scenario.run.duration_ns) : 1;
  if (arrivals.rate.per_s) return *arrivals.rate.per_s * turns * factor;
  assert(arrivals.rate.load);
  return *arrivals.rate.load * scenario.fleet.capacity_tokens_per_s.value_or(1) /
         mean_output_tokens(tenant) * factor;
}

// Whether its factor is not the same all the time.
bool shape_changes(const Shape& shape, std::int64_t duration_ns) {
  if (shape.kind == ShapeKind::ramp && shape.begin_ns >= duration_ns) return false;
  if (shape.kind != ShapeKind::steps) return shape.from != shape.to;
  double factor = 1;
  for (const auto& [at_ns, next] : shape.steps) {
    if (at_ns >= duration_ns) break;
    if (at_ns > 0 && next != factor) return true;
    factor = next;
  }
  return false;
}

// Weighted by requests, over the tenants for which `counts` is true. Alike where none of them asks,
// as a shape can have it.
template <typename Counts>
Mix mix_of(const Scenario& scenario, Counts counts) {
  Mix mix;
  Mix alike;
  double sum = 0;
  double count = 0;
  for (const Tenant& tenant : scenario.tenants) {
    if (!counts(tenant)) continue;
    const SessionMeans means = session_means(tenant);
    const double output = mean_output_tokens(tenant);
    const double rate = requests_per_s(tenant, scenario, means.turns);
    mix.prompt_tokens += rate * means.prompt_tokens;
    mix.output_tokens += rate * output;
    sum += rate;
    alike.prompt_tokens += means.prompt_tokens;
    alike.output_tokens += output;
    ++count;
  }
  if (sum > 0) return {mix.prompt_tokens / sum, mix.output_tokens / sum};
  return {alike.prompt_tokens / count, alike.output_tokens / count};
}

// All turns of some thousand sessions, each of which begins at instant 0 and whose answers come at
// once. Says how many sessions those were.
template <typename Visit>
std::uint64_t visit_turns(const Tenant& tenant, Visit&& visit) {
  constexpr std::uint64_t kSessions = 10'000;
  constexpr std::uint64_t kTurns = 100'000;
  constexpr std::uint64_t kSeed = 1;
  const SessionPlan plan(tenant, kSeed, 0);
  std::uint64_t session = 0;
  std::uint64_t asked = 0;
  for (; session < kSessions && asked < kTurns; ++session) {
    std::int64_t context_tokens = 0;
    std::int64_t due_ns = 0;
    std::uint64_t number = plan.first_number(session);
    for (const std::uint64_t end = number + plan.turns(session); number < end; ++number) {
      if (plan.turn_of(number) > 0) {
        due_ns = std::min(due_ns + plan.think_ns(number), kLongestDurationNs);
      }
      const std::optional<Arrival> turn = plan.request(number, due_ns, context_tokens);
      if (!turn) break;
      visit(*turn);
      context_tokens = turn->prompt_tokens + turn->output_tokens;
      ++asked;
    }
  }
  return session;
}

}  // namespace

SessionMeans session_means(const Tenant& tenant) {
  if (!tenant.sessions) return {1, mean_prompt_tokens(tenant)};
  double asked = 0;
  double prompt_sum = 0;
  const std::uint64_t sessions = visit_turns(tenant, [&](const Arrival& turn) {
    ++asked;
    prompt_sum += static_cast<double>(turn.prompt_tokens);
  });
  asked = std::max(asked, 1.0);
  return {asked / static_cast<double>(sessions), prompt_sum / asked};
}

std::vector<std::int64_t> turn_instants_ns(const Tenant& tenant) {
  std::vector<std::int64_t> instants_ns;
  visit_turns(tenant, [&](const Arrival& turn) { instants_ns.push_back(turn.due_ns); });
  std::ranges::sort(instants_ns);
  return instants_ns;
}

double request_rate_per_s(const Tenant& tenant, const Scenario& scenario) {
  return requests_per_s(tenant, scenario, session_means(tenant).turns);
}

double share_of_young_sessions(const Tenant& tenant, std::int64_t after_ns) {
  if (!tenant.sessions || tenant.arrivals.think) return 1;
  const std::vector<std::int64_t> instants_ns = turn_instants_ns(tenant);
  if (instants_ns.empty()) return 1;
  const auto young = std::ranges::upper_bound(instants_ns, after_ns) - instants_ns.begin();
  return static_cast<double>(young) / static_cast<double>(instants_ns.size());
}

bool load_changes(const Tenant& tenant, const Scenario& scenario) {
  if (tenant.arrivals.trace) return true;
  if (tenant.arrivals.shape && shape_changes(*tenant.arrivals.shape, scenario.run.duration_ns)) {
    return true;
  }
  const std::optional<MeasuredSpan> span = measured_span(scenario);
  return share_of_young_sessions(tenant, span ? span->begin_ns : scenario.run.warmup_ns) <
         kNearlyAllTurns;
}

double requests_between(const Tenant& tenant, const Scenario& scenario, std::int64_t begin_ns,
                        std::int64_t end_ns) {
  const double per_s = request_rate_per_s(tenant, scenario);
  if (!tenant.arrivals.shape) return per_s * to_s(end_ns - begin_ns);
  const Shape& shape = *tenant.arrivals.shape;
  const double mean = mean_factor(shape, scenario.run.duration_ns);
  if (mean <= 0) return 0;
  const auto work_s = [&](std::int64_t ns) {
    return ns > 0 ? mean_factor(shape, ns) * to_s(ns) : 0.0;
  };
  return per_s / mean * (work_s(end_ns) - work_s(begin_ns));
}

std::vector<std::string> tenants_of_changing_load(const Scenario& scenario) {
  constexpr double kOther = 0.1;
  std::int64_t begin_ns = scenario.run.warmup_ns;
  if (const std::optional<MeasuredSpan> span = measured_span(scenario)) {
    begin_ns = span->end_ns + scenario.run.settle_ns.value_or(0);
  }
  const std::int64_t third_ns = (scenario.run.duration_ns - begin_ns) / 3;
  std::vector<std::string> names;
  if (third_ns <= 0) return names;
  for (const Tenant& tenant : scenario.tenants) {
    if (!tenant.arrivals.shape) continue;
    const auto work_until = [&](std::int64_t ns) {
      if (ns <= 0) return 0.0;
      return mean_factor(*tenant.arrivals.shape, ns) * static_cast<double>(ns);
    };
    const double first = work_until(begin_ns + third_ns) - work_until(begin_ns);
    const double last =
        work_until(scenario.run.duration_ns) - work_until(scenario.run.duration_ns - third_ns);
    if (std::abs(last - first) > kOther * std::max(first, last)) names.push_back(tenant.name);
  }
  return names;
}

bool looks_at(const Throttle& throttle, const Tenant& tenant) {
  return throttle.tenants.empty() || std::ranges::binary_search(throttle.tenants, tenant.name);
}

bool may_use(const Tenant& tenant, const Site& site) {
  return tenant.sites.empty() || std::ranges::find(tenant.sites, site.name) != tenant.sites.end();
}

const Tenant* confined_tenant(const Scenario& scenario) {
  const auto found = std::ranges::find_if(scenario.tenants, [&](const Tenant& tenant) {
    return !std::ranges::all_of(scenario.fleet.sites,
                                [&](const Site& site) { return may_use(tenant, site); });
  });
  return found == scenario.tenants.end() ? nullptr : &*found;
}

bool goes_before(const Tenant& tenant, const Job& job) {
  return tenant.priority >= job.priority &&
         (tenant.sites.empty() || std::ranges::find(tenant.sites, job.site) != tenant.sites.end());
}

bool looks_in_time(const Job& job, const Scenario& scenario) {
  return job.control_ns < scenario.run.duration_ns;
}

bool may_be_yielded(const Scenario& scenario, const Site& site) {
  return std::ranges::any_of(scenario.jobs, [&](const Job& job) {
    return job.site == site.name && job.yields > 0 && looks_in_time(job, scenario) &&
           std::ranges::any_of(scenario.tenants,
                               [&](const Tenant& tenant) { return goes_before(tenant, job); });
  });
}

bool may_be_yielded(const Scenario& scenario) {
  return std::ranges::any_of(scenario.fleet.sites,
                             [&](const Site& site) { return may_be_yielded(scenario, site); });
}

double output_tokens_per_unit(Unit unit, const Mix& mix) {
  switch (unit) {
    case Unit::requests:
      return mix.output_tokens;
    case Unit::input_tokens:
      return mix.output_tokens / mix.prompt_tokens;
    case Unit::tokens:
      return mix.output_tokens / (mix.prompt_tokens + mix.output_tokens);
    case Unit::output_tokens:
      break;
  }
  return 1;
}

Offered offered(const Scenario& scenario) {
  Offered result;
  for (const Tenant& tenant : scenario.tenants) {
    const double tokens_per_s = request_rate_per_s(tenant, scenario) * mean_output_tokens(tenant);
    (tenant.arrivals.think ? result.closed_tokens_per_s : result.open_tokens_per_s) += tokens_per_s;
  }
  return result;
}

double mean_prompt_tokens(const Tenant& tenant) {
  if (tenant.arrivals.trace) return tenant.arrivals.trace->summary.prompt_mean_tokens;
  if (tenant.sessions) return session_means(tenant).prompt_tokens;
  return mean_tokens(tenant.prompt_tokens);
}

double mean_output_tokens(const Tenant& tenant) {
  if (tenant.arrivals.trace) return tenant.arrivals.trace->summary.output_mean_tokens;
  return mean_tokens(tenant.output_tokens);
}

std::int64_t largest_prompt_tokens(const Tenant& tenant) {
  if (tenant.arrivals.trace) return tenant.arrivals.trace->summary.prompt_max_tokens;
  const std::int64_t own = largest_tokens(tenant.prompt_tokens);
  if (!tenant.sessions) return own;
  const std::int64_t turns = largest_turns(tenant);
  const std::int64_t all = turns * own + (turns - 1) * largest_tokens(tenant.output_tokens);
  return std::min(tenant.sessions->max_context_tokens, all);
}

std::int64_t largest_output_tokens(const Tenant& tenant) {
  if (tenant.arrivals.trace) return tenant.arrivals.trace->summary.output_max_tokens;
  return largest_tokens(tenant.output_tokens);
}

std::vector<double> request_shares(const Scenario& scenario) {
  std::vector<double> shares;
  double sum = 0;
  for (const Tenant& tenant : scenario.tenants) {
    shares.push_back(request_rate_per_s(tenant, scenario));
    sum += shares.back();
  }
  for (double& share : shares) {
    share = sum > 0 ? share / sum : 1 / static_cast<double>(shares.size());
  }
  return shares;
}

Mix request_mix(const Scenario& scenario) {
  return mix_of(scenario, [](const Tenant&) { return true; });
}

Mix request_mix(const Scenario& scenario, const Throttle& throttle) {
  return mix_of(scenario, [&](const Tenant& tenant) { return looks_at(throttle, tenant); });
}

double largest_cost(const Scenario& scenario, Unit unit) {
  Throttle everybody;
  everybody.unit = unit;
  return largest_cost(scenario, everybody);
}

double largest_cost(const Scenario& scenario, const Throttle& throttle) {
  std::int64_t cost = 1;
  for (const Tenant& tenant : scenario.tenants) {
    if (!looks_at(throttle, tenant)) continue;
    const std::int64_t input = largest_prompt_tokens(tenant);
    if (throttle.unit == Unit::input_tokens) cost = std::max(cost, input);
    if (throttle.unit == Unit::output_tokens) cost = std::max(cost, tenant.max_tokens);
    if (throttle.unit == Unit::tokens) cost = std::max(cost, input + tenant.max_tokens);
  }
  return static_cast<double>(cost) * largest_drain(throttle.schedule);
}

}  // namespace tokenlift
