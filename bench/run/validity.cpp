#include "bench/run/validity.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bench/machine/host.hpp"
#include "bench/run/capacity.hpp"
#include "reports/record/count_checks.hpp"
#include "workloads/plan/samples.hpp"
#include "workloads/scenario/engine.hpp"

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
    const bool computes = std::ranges::any_of(kEngines, [&](const EngineTraits& engine) {
      return engine.name == run.engine && engine.computes;
    });
    check.advice =
        fmt::format("requests were sent late: close other programs, {}or lower the request rate",
                    computes ? "use fewer replicas than cores, " : "");
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

/// Nobody answered the call or command that divides the run, or gave the signal.
bool is_undivided(const Run& run, const RunFacts& facts) {
  return facts.divided_from_elsewhere && run.lift && !run.lift->at_ns;
}

/// What cut the run short, or kept its last phase from coming; empty: neither.
std::string cut_short_by(const Run& run, const RunFacts& facts) {
  const LoopOutcome& outcome = facts.outcome;
  const double at_s = static_cast<double>(outcome.sent_until_ns.value_or(outcome.end_ns)) * 1e-9;
  if (!outcome.event_failure.empty()) return "an event failed, which ended the run (event_call)";
  if (outcome.interrupted) return fmt::format("the run was stopped at {:.1f} s", at_s);
  if (outcome.overflowed) {
    return fmt::format("too many requests in flight ended the run at {:.1f} s (most_in_flight)",
                       at_s);
  }
  if (outcome.bound) {
    return fmt::format(
        "the bound on {} ended the sending at {:.1f} s: raise it (run.stop_after), or let the "
        "change come sooner",
        *outcome.bound == Bound::requests ? "requests" : "output tokens", at_s);
  }
  if (!is_undivided(run, facts)) return "";
  return run.lift->kind == "signal"
             ? "no signal came while the run lasted"
             : fmt::format("the {} was not answered while the run lasted", run.lift->kind);
}

/// What to do where a phase has too few requests, or there is no last phase.
std::string advice_on_samples(const FewestRequests& fewest, const Run& run, const RunFacts& facts) {
  const PhaseSpan* const scarce = fewest.phase;
  const std::string cut = cut_short_by(run, facts);
  if (scarce == nullptr) {
    std::string why = cut;
    if (cut.empty() && facts.never_drains) {
      why =
          "more is offered than is carried after the event, so that the transition takes all that "
          "is left of a run of any length; lower the load, or say how long it is (run.settle)";
    } else if (cut.empty()) {
      why =
          "the transition takes all that is left; run longer (run.duration), or say how long it is "
          "(run.settle)";
    }
    return "there is no phase after the transition: " + why;
  }
  // A phase that had ended before has its few requests for another reason.
  const bool was_cut =
      !cut.empty() && scarce->end_ns >= facts.outcome.sent_until_ns.value_or(scarce->end_ns);
  return fmt::format(
      "too few requests in phase '{}' to measure: {}", scarce->name,
      was_cut ? cut : advice_on_few(fewest, kFewestRequests, ample_requests(facts.dispersion)));
}

Check samples_check(const Run& run, const RunFacts& facts) {
  const FewestRequests fewest = fewest_requests(run);
  return enough_samples(fewest.requests, kFewestRequests, advice_on_samples(fewest, run, facts));
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
        "what they are called: {}, or state it (fleet.capacity)",
        *check.value * 100,
        run.wire ? "find it for longer (--find-capacity TIME)"
                 : "run again when the machine is quiet");
  }
  return check;
}

Check not_interrupted(const RunFacts& facts) {
  const LoopOutcome& outcome = facts.outcome;
  Check check{"interrupted", outcome.interrupted ? 1.0 : 0.0, 0, !outcome.interrupted, {}};
  if (outcome.interrupted) {
    check.advice =
        fmt::format("stopped at {:.1f} s: what was measured until then is reported",
                    static_cast<double>(outcome.sent_until_ns.value_or(outcome.end_ns)) * 1e-9);
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

// ---------------------------------------------------------------------------- over the wire

/// Absent where there is nothing to be a share of.
std::optional<double> share(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(whole);
}

double thread_share(const WireRecord& wire, const RunFacts& facts) {
  return static_cast<double>(wire.busy_ns) /
         static_cast<double>(std::max<std::int64_t>(facts.outcome.end_ns, 1));
}

Check client_thread(const WireRecord& wire, const RunFacts& facts) {
  Check check{"client_thread", thread_share(wire, facts), kMostThreadShare, true, {}};
  check.passed = *check.value <= check.limit;
  if (!check.passed) {
    check.advice = fmt::format(
        "the harness's own thread worked {:.0f} % of the time, so that replies waited for it: "
        "lower "
        "the load, or use a faster core",
        *check.value * 100);
  }
  return check;
}

Check shared_reads(const WireRecord& wire, const RunFacts& facts) {
  const bool busy = thread_share(wire, facts) > kBusyThread;
  Check check{"shared_reads",
              share(wire.reads_with_several, wire.reads),
              busy ? kMostSharedReads : 1,
              true,
              {}};
  if (!check.value) {
    check.advice = "not checked: no chunk with text came";
  } else if (*check.value > check.limit) {
    check.passed = false;
    check.advice = fmt::format(
        "{:.0f} % of the reads held several chunks while the harness's own thread was busy, so "
        "that "
        "the gaps between tokens are not known: lower the load, or use a faster core",
        *check.value * 100);
  }
  return check;
}

/// The call, command or signal that divides the run, and any other that failed.
Check event_call(const Run& run, const RunFacts& facts) {
  const std::string& failure = facts.outcome.event_failure;
  const bool held = failure.empty() && (!facts.divided_from_elsewhere || run.lift->at_ns);
  Check check{"event_call", held ? 1.0 : 0.0, 1, held, {}};
  const std::optional<std::int64_t>& sent_until_ns = facts.outcome.sent_until_ns;
  if (!failure.empty()) {
    check.advice = failure;
  } else if (!held && sent_until_ns && *sent_until_ns <= run.lift->planned_ns) {
    check.advice = fmt::format("the run was ended at {:.1f} s, before the {}",
                               static_cast<double>(*sent_until_ns) * 1e-9, run.lift->kind);
  } else if (!held && run.lift->kind == "signal") {
    check.advice =
        "no signal came while the run lasted: send SIGUSR1, or press Enter where it was started";
  } else if (!held) {
    check.advice = fmt::format("the {} was not answered while the run lasted", run.lift->kind);
  }
  return check;
}

std::vector<Check> wire_checks(const Run& run, const WireRecord& wire, const RunFacts& facts) {
  return {client_thread(wire, facts), shared_reads(wire, facts),
          output_delivered(wire, kLeastOutput), failed_share(run, kMostFailed)};
}

}  // namespace

std::vector<Check> check_validity(const Run& run, const RunFacts& facts) {
  std::vector<Check> checks = {generator_lag(run),        delivered_load(run, kMinDelivered),
                               samples_check(run, facts), conservation(run),
                               littles_law(facts),        not_interrupted(facts),
                               in_flight_limit(facts)};
  // What else the machine does cannot disturb simulated time.
  if (!is_simulated(run)) checks.insert(checks.begin() + 2, host_interference(facts));
  for (const std::optional<Check>& check :
       {facts.cpu_quota, capacity_error(run), facts.machine_speed}) {
    if (check) checks.push_back(*check);
  }
  if (run.wire) {
    for (Check& check : wire_checks(run, *run.wire, facts)) checks.push_back(std::move(check));
  }
  if (facts.divided_from_elsewhere || !facts.outcome.event_failure.empty()) {
    // Where it failed, other checks that failed mostly follow from it.
    const Check call = event_call(run, facts);
    checks.insert(call.passed ? checks.end() : checks.begin(), call);
  }
  return checks;
}

}  // namespace tokenlift
