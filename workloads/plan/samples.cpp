#include "workloads/plan/samples.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "workloads/plan/demand.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/text/quantity.hpp"

namespace tokenlift {

namespace {

constexpr double kDeviations = 4;          // below the mean: of 30,000 seeds one has fewer
constexpr double kLeastDispersion = 0.01;  // where a phase begins and ends is chance, too
constexpr double kLongestS = 86'400;       // of a phase that anybody would wait for

double requests_per_s(const Scenario& resolved) {
  double per_s = 0;
  for (const Tenant& tenant : resolved.tenants) per_s += request_rate_per_s(tenant, resolved);
  return per_s;
}

double dispersion_of(const Tenant& tenant) {
  const Arrivals& arrivals = tenant.arrivals;
  double of_gaps = 1;
  if (arrivals.process == Process::constant) of_gaps = 0;
  if (arrivals.process == Process::gamma) of_gaps = arrivals.cv * arrivals.cv;
  return tenant.sessions ? of_gaps * session_means(tenant).turns : of_gaps;
}

// Requests in one phase.
struct Expected {
  double requests = 0;
  bool at_most = false;
};

Expected expected(const Scenario& resolved, std::int64_t begin_ns, std::int64_t end_ns) {
  Expected result;
  for (const Tenant& tenant : resolved.tenants) {
    const std::optional<Trace>& trace = tenant.arrivals.trace;
    result.at_most = result.at_most || trace || tenant.arrivals.think ||
                     share_of_young_sessions(tenant, begin_ns) < kNearlyAllTurns;
    if (!trace) {
      result.requests += requests_between(tenant, resolved, begin_ns, end_ns);
    } else if (trace->resample_ns) {
      result.requests += kFewestRequests;  // its blocks may come any number of times
    } else {
      result.requests += trace->sample * static_cast<double>(trace->summary.requests);
    }
  }
  return result;
}

// Whether requests come as often as their mean rate says, but for the chance of each.
bool is_even(const Scenario& resolved) {
  return std::ranges::none_of(resolved.tenants, [&](const Tenant& tenant) {
    return tenant.arrivals.think || load_changes(tenant, resolved);
  });
}

std::int64_t whole_seconds_up(double s) {
  return static_cast<std::int64_t>(std::ceil(s)) * 1'000'000'000;
}

}  // namespace

double request_dispersion(const Scenario& resolved) {
  double sum = 0;
  double per_s = 0;
  for (const Tenant& tenant : resolved.tenants) {
    const double rate = request_rate_per_s(tenant, resolved);
    sum += rate * dispersion_of(tenant);
    per_s += rate;
  }
  return per_s > 0 ? sum / per_s : 1;
}

double ample_requests(double dispersion) {
  const double deviation = kDeviations * std::sqrt(std::max(dispersion, kLeastDispersion));
  const double root = (deviation + std::sqrt(deviation * deviation + 4 * kFewestRequests)) / 2;
  return root * root;
}

std::vector<ShortPhase> short_phases(const Scenario& resolved) {
  const double per_s = requests_per_s(resolved);
  const double ample = ample_requests(request_dispersion(resolved));
  const bool even = is_even(resolved);
  std::vector<ShortPhase> result;
  const std::optional<MeasuredSpan> span = measured_span(resolved);
  const auto phases = plan_phases(resolved, span ? std::optional(span->begin_ns) : std::nullopt);
  for (const Phase& phase : phases) {
    if (phase.end_ns == phase.begin_ns) continue;  // nobody knows how long it will be
    if (!phase.measured || phase.name == "transition") continue;
    const Expected expects = expected(resolved, phase.begin_ns, phase.end_ns);
    if (expects.requests >= kFewestRequests) continue;
    result.push_back({phase.name, expects.requests, expects.at_most, {}});
    if (even && !expects.at_most) result.back().enough_s = ample / per_s;
  }
  return result;
}

std::vector<std::string> longer_run(const Scenario& resolved) {
  const double per_s = requests_per_s(resolved);
  const double ample = ample_requests(request_dispersion(resolved));
  if (per_s <= 0 || ample / per_s > kLongestS || !is_even(resolved)) return {};
  const std::int64_t ample_ns = whole_seconds_up(ample / per_s);
  std::vector<std::string> words;
  std::int64_t later_ns = 0;
  std::int64_t begin_ns = resolved.run.warmup_ns;  // of the last phase
  if (const std::optional<MeasuredSpan> span = measured_span(resolved)) {
    later_ns = std::max<std::int64_t>(0, begin_ns + ample_ns - span->begin_ns);
    for (const std::size_t i : measured_events(resolved)) {
      if (later_ns == 0) break;
      const Event& event = resolved.events[i];
      words.push_back("event." + std::to_string(event.index.value) +
                      ".at=" + format_duration(event.at_ns + later_ns));
    }
    begin_ns = span->end_ns + resolved.run.settle_ns.value_or(0) + later_ns;
  }
  const std::int64_t duration_ns =
      std::max(resolved.run.duration_ns + later_ns, begin_ns + ample_ns);
  if (duration_ns > resolved.run.duration_ns) {
    words.push_back("run.duration=" + format_duration(duration_ns));
  }
  return words;
}

}  // namespace tokenlift
