#include "bench/run/validity.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bench/machine/host.hpp"
#include "bench/run/capacity.hpp"
#include "workloads/plan/samples.hpp"

namespace tokenlift {

namespace {

constexpr double kMinLagLimitMs = 1;
constexpr double kLagShareOfTtft = 0.01;
constexpr double kMinDelivered = 0.99;
constexpr double kMaxLittlesLawError = 0.001;

double to_ms(std::int64_t ns) {
  return static_cast<double>(ns) * 1e-6;
}

Histogram pooled(const Run& run, Metric metric) {
  Histogram histogram;
  for (const TenantRecord& tenant : run.tenants) {
    for (const PhaseRecord& phase : tenant.phases) histogram.merge(phase.of(metric));
  }
  return histogram;
}

Check generator_lag(const Run& run) {
  const Histogram lag = pooled(run, Metric::generator_lag);
  const Histogram ttft = pooled(run, Metric::ttft);
  Check check{"generator_lag_p99_ms", {}, kMinLagLimitMs, true, {}};
  if (ttft.count() > 0) {
    check.limit = std::max(kMinLagLimitMs, kLagShareOfTtft * to_ms(ttft.value_at(0.5)));
  }
  check.value = lag.count() > 0 ? to_ms(lag.value_at(0.99)) : 0;
  check.passed = *check.value <= check.limit;
  if (!check.passed) {
    check.advice =
        "requests were sent late: close other programs, use fewer replicas than cores, or lower "
        "the request rate";
  }
  return check;
}

Check delivered_load(const Run& run) {
  Check check{"delivered_load", 1.0, kMinDelivered, true, {}};
  std::string worst;
  for (std::size_t i = 0; i < run.phases.size(); ++i) {
    std::uint64_t due = 0;
    std::uint64_t sent = 0;
    for (const TenantRecord& tenant : run.tenants) {
      due += tenant.phases[i].counts.due;
      sent += tenant.phases[i].sent;
    }
    if (due == 0) continue;
    const double share = static_cast<double>(sent) / static_cast<double>(due);
    if (share < *check.value) {
      check.value = share;
      worst = run.phases[i].name;
    }
  }
  check.passed = *check.value >= check.limit;
  if (!check.passed) {
    check.advice = fmt::format(
        "the harness did not keep pace in phase '{}' (at most 10 million unsent requests are "
        "counted): lower the request rate or use a faster machine",
        worst);
  }
  return check;
}

Check host_interference(const RunFacts& facts) {
  Check check{"host_interference", facts.interference, kMostInterference, true, {}};
  if (!check.value) {
    check.advice = "not checked: /proc/stat could not be read, or the run is too short to tell";
  } else if (*check.value > check.limit) {
    check.passed = false;
    check.advice = fmt::format(
        "other processes or the hypervisor took {:.1f} % of the machine: close other programs and "
        "run again, or move to a quieter machine",
        *check.value * 100);
  }
  return check;
}

/// The fewest decided requests in a phase that conclusions rest on.
Check enough_samples(const Run& run) {
  Check check{"enough_samples", 0.0, kFewestRequests, true, {}};
  std::optional<double> fewest;
  std::string scarce;
  bool has_after = false;
  for (std::size_t i = 0; i < run.phases.size(); ++i) {
    const std::string& name = run.phases[i].name;
    if (name == "transition") continue;
    has_after = has_after || name == "after" || name == "steady";
    double decided = 0;
    for (const TenantRecord& tenant : run.tenants) {
      const Counts& counts = tenant.phases[i].counts;
      decided += static_cast<double>(counts.due - counts.in_flight);
    }
    if (fewest && decided >= *fewest) continue;
    fewest = decided;
    scarce = name;
  }
  check.value = has_after ? fewest.value_or(0) : 0;
  check.passed = *check.value >= check.limit;
  if (!check.passed) {
    check.advice = has_after
                       ? fmt::format(
                             "too few requests in phase '{}' to measure: run longer "
                             "(run.duration) or offer more load",
                             scarce)
                       : "there is no phase after the transition: the run was ended before, or the "
                         "transition takes all that is left; run longer (run.duration), or "
                         "say how long it is (run.settle)";
  }
  return check;
}

std::uint64_t violations(const Counts& counts) {
  const std::uint64_t decided = counts.completed + counts.rejected + counts.expired +
                                counts.cancelled + counts.failed + counts.in_flight;
  return decided > counts.due ? decided - counts.due : counts.due - decided;
}

Check conservation(const Run& run) {
  std::uint64_t wrong = violations(run.totals);
  for (const TenantRecord& tenant : run.tenants) {
    for (const PhaseRecord& phase : tenant.phases) wrong += violations(phase.counts);
  }
  Check check{"conservation", static_cast<double>(wrong), 0, wrong == 0, {}};
  if (!check.passed) check.advice = "requests were lost or counted twice: a bug in tokenlift";
  return check;
}

Check littles_law(const RunFacts& facts) {
  Check check{"littles_law_error", facts.littles_law_error, kMaxLittlesLawError, true, {}};
  check.passed = *check.value <= check.limit;
  if (!check.passed) check.advice = "the accounting of requests is wrong: a bug in tokenlift";
  return check;
}

/// Only of a capacity that was measured.
std::optional<Check> capacity_error(const Run& run) {
  if (!run.capacity_error_tokens_per_s || run.capacity_tokens_per_s.value_or(0) <= 0) {
    return std::nullopt;
  }
  Check check{"capacity_error",
              *run.capacity_error_tokens_per_s / *run.capacity_tokens_per_s,
              kMostCapacityError,
              true,
              {}};
  check.passed = *check.value <= check.limit;
  if (!check.passed) {
    check.advice = fmt::format(
        "the fleet's capacity is known to {:.1f} % only (standard error), so that loads are not "
        "what "
        "they are called: run again when the machine is quiet, or state it (fleet.capacity)",
        *check.value * 100);
  }
  return check;
}

Check not_interrupted(const RunFacts& facts) {
  const bool interrupted = facts.outcome.interrupted;
  Check check{"interrupted", interrupted ? 1.0 : 0.0, 0, !interrupted, {}};
  if (interrupted) {
    check.advice = fmt::format("stopped at {:.1f} s: what was measured until then is reported",
                               static_cast<double>(facts.outcome.end_ns) * 1e-9);
  }
  return check;
}

Check in_flight_limit(const RunFacts& facts) {
  Check check{"most_in_flight",
              static_cast<double>(facts.outcome.most_in_flight),
              static_cast<double>(facts.max_in_flight),
              !facts.outcome.overflowed,
              {}};
  if (!check.passed) {
    check.advice =
        "the run was ended before it ate the machine: bound the queue (max_wait), offer less, or "
        "raise run.max_in_flight";
  }
  return check;
}

}  // namespace

std::vector<Check> check_validity(const Run& run, const RunFacts& facts) {
  std::vector<Check> checks = {generator_lag(run),    delivered_load(run), enough_samples(run),
                               conservation(run),     littles_law(facts),  not_interrupted(facts),
                               in_flight_limit(facts)};
  // What else the machine does cannot disturb simulated time.
  if (!is_simulated(run)) checks.insert(checks.begin() + 2, host_interference(facts));
  for (const std::optional<Check>& check :
       {facts.cpu_quota, capacity_error(run), facts.machine_speed}) {
    if (check) checks.push_back(*check);
  }
  return checks;
}

}  // namespace tokenlift
