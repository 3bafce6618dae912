#include "workloads/demand.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>

#include "workloads/calendar.hpp"
#include "workloads/lengths.hpp"

namespace tokenlift {

namespace {

double to_s(std::int64_t ns) {
  return static_cast<double>(ns) / 1e9;
}

// The time of [0, duration) that [begin, begin + length) and its repetitions every `period` take.
double time_in_bursts_s(const Shape& shape, std::int64_t duration_ns) {
  const std::int64_t rest_ns = duration_ns - shape.begin_ns;
  if (rest_ns <= 0) return 0;
  const std::int64_t whole = rest_ns / shape.period_ns;
  return static_cast<double>(whole) * to_s(shape.length_ns) +
         to_s(std::min(rest_ns % shape.period_ns, shape.length_ns));
}

double mean_of_ramp(const Shape& shape, double duration_s) {
  const double begin_s = std::min(to_s(shape.begin_ns), duration_s);
  const double ramp_s = std::min(to_s(shape.length_ns), duration_s - begin_s);
  const double reached = shape.from + (shape.to - shape.from) * (ramp_s / to_s(shape.length_ns));
  return (shape.from * begin_s + (shape.from + reached) / 2 * ramp_s +
          shape.to * (duration_s - begin_s - ramp_s)) /
         duration_s;
}

double mean_of_steps(const Shape& shape, std::int64_t duration_ns) {
  double sum = 0;
  double factor = 1;
  std::int64_t now_ns = 0;
  for (const auto& [at_ns, next] : shape.steps) {
    if (at_ns >= duration_ns) break;
    sum += factor * to_s(at_ns - now_ns);
    now_ns = at_ns;
    factor = next;
  }
  return (sum + factor * to_s(duration_ns - now_ns)) / to_s(duration_ns);
}

// A cosine around the middle, with its top at `begin`.
double mean_of_day(const Shape& shape, double duration_s) {
  const double turns_per_s = 2 * std::numbers::pi / to_s(shape.period_ns);
  const double phase = -to_s(shape.begin_ns) * turns_per_s;
  const double area = (std::sin(duration_s * turns_per_s + phase) - std::sin(phase)) / turns_per_s;
  const double mean = (shape.from + shape.to) / 2 + (shape.to - shape.from) / 2 * area / duration_s;
  return std::max(mean, 0.0);  // rounding
}

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
    return static_cast<double>(summary.requests) / to_s(span_ns);
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

}  // namespace

double mean_factor(const Shape& shape, std::int64_t duration_ns) {
  const double duration_s = to_s(duration_ns);
  switch (shape.kind) {
    case ShapeKind::ramp:
      return mean_of_ramp(shape, duration_s);
    case ShapeKind::steps:
      return mean_of_steps(shape, duration_ns);
    case ShapeKind::diurnal:
      return mean_of_day(shape, duration_s);
    case ShapeKind::burst:
      return shape.from +
             (shape.to - shape.from) * time_in_bursts_s(shape, duration_ns) / duration_s;
    case ShapeKind::mmpp:
      break;
  }
  const double high_s = to_s(shape.length_ns);
  const double low_s = to_s(shape.period_ns);
  return (shape.from * low_s + shape.to * high_s) / (low_s + high_s);
}

SessionMeans session_means(const Tenant& tenant) {
  if (!tenant.sessions) return {1, mean_prompt_tokens(tenant)};
  constexpr std::uint64_t kSessions = 10'000;
  constexpr std::uint64_t kTurns = 100'000;
  constexpr std::uint64_t kSeed = 1;
  const LengthSampler turns(tenant.sessions->turns);
  const LengthSampler prompt(tenant.prompt_tokens);
  const LengthSampler output(tenant.output_tokens);
  const Draws turn_draws(kSeed, Purpose::turns, 0);
  const Draws prompt_draws(kSeed, Purpose::prompt_tokens, 0);
  const Draws output_draws(kSeed, Purpose::output_tokens, 0);
  const auto most_turns = static_cast<std::uint64_t>(largest_turns(tenant));
  std::uint64_t session = 0;
  std::uint64_t asked = 0;
  double prompt_sum = 0;
  for (; session < kSessions && asked < kTurns; ++session) {
    const auto count = static_cast<std::uint64_t>(turns.draw(turn_draws, session));
    std::int64_t context = 0;
    for (std::uint64_t turn = 0; turn < count; ++turn) {
      const std::uint64_t number = session * most_turns + turn;
      context += prompt.draw(prompt_draws, number);
      if (context > tenant.sessions->max_context_tokens) break;
      prompt_sum += static_cast<double>(context);
      ++asked;
      context += output.draw(output_draws, number);
    }
  }
  const double asked_turns = std::max(static_cast<double>(asked), 1.0);
  return {asked_turns / static_cast<double>(session), prompt_sum / asked_turns};
}

double request_rate_per_s(const Tenant& tenant, const Scenario& scenario) {
  return requests_per_s(tenant, scenario, session_means(tenant).turns);
}

bool looks_at(const Throttle& throttle, const Tenant& tenant) {
  return throttle.tenants.empty() ||
         std::ranges::find(throttle.tenants, tenant.name) != throttle.tenants.end();
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
