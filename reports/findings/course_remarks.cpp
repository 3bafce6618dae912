#include "reports/findings/course_remarks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "reports/findings/load_remarks.hpp"
#include "reports/record/check_names.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

/// What the fleet carried was not its capacity, so that nothing about load, limit or objectives
/// follows from it.
bool changed_speed(const Run& run) {
  return std::ranges::any_of(run.checks, [](const Check& check) {
    return check.name == kMachineSpeedCheck && !check.passed;
  });
}

// ------------------------------------------------------------------------------- never drains

/// "that of 'hall', which held its replicas back for 36.6 % of their time in 'after'":
/// of sites where that is much; empty without any.
std::string limits_of_power(const Run& run) {
  std::vector<std::string> clauses;
  const std::optional<std::size_t> after = find_phase(run, "after");
  if (!after) return "";
  const std::vector<SiteDraw>& draws = run.phases[*after].draws;
  for (std::size_t site = 0; site < draws.size(); ++site) {
    const double slowed = held_back_by_power(draws[site]);
    if (slowed < kBinds) continue;
    clauses.push_back(
        fmt::format("that of '{}', which held its replicas back for {} of their time in 'after'",
                    run.fleet.sites.at(site), percent_figure(slowed)));
  }
  return listed(clauses, "and");
}

/// The throttles that held or refused many of the requests due in `after`, by name in quotes.
std::vector<std::string> binding_throttles(const Run& run) {
  std::vector<std::string> names;
  const std::optional<std::size_t> after = find_phase(run, "after");
  if (!after) return names;
  const PhaseRecord record = fleet_record(run, *after);
  if (!binds(record)) return names;
  for (const ThrottleRecord& throttle : run.throttles) {
    if (binds(throttle.phases.at(*after), record.counts.due))
      names.push_back(fmt::format("'{}'", throttle.name));
  }
  return names;
}

/// Of `after`; not a number where it is not known.
double headroom_after(const TrialReport& report) {
  const PhaseSummary* const after = find_phase(report.phases, "after");
  return after == nullptr ? NAN : after->rates.headroom.value_or(NAN);
}

/// What would let a backlog drain; nothing that is not known to help.
std::string advice(const TrialReport& report) {
  constexpr double kFull = 0.05;
  constexpr double kShort = 0.15;
  const LiftReport& lift = *report.lift;
  const Run& run = report.trial.lifted.pooled;
  if (changed_speed(run)) {
    return "The machine changed its speed meanwhile: run again before you offer less";
  }
  if (run.wire) return "Offer less, or let the endpoint carry more";
  if (const std::string power = limits_of_power(run); !power.empty()) {
    return fmt::format("Offer less, or raise the limit of power: {}", power);
  }
  const double headroom = headroom_after(report);
  const std::vector<std::string> limits = binding_throttles(run);
  if (!limits.empty() && !(headroom < kFull)) {
    return fmt::format("Offer less, or let {} hold back less, as far as the fleet carries it",
                       listed(limits, "and"));
  }
  if (headroom >= kShort) {
    return fmt::format(
        "The fleet put out {} of its capacity meanwhile: see what holds it back (slow replicas, "
        "how "
        "requests are spread over them) before you offer less",
        percent_figure(1 - headroom));
  }
  if (changes_fleet(lift.lift)) return "Offer less, or use a larger fleet";
  if (lift.lift.kind == "lift") {
    return "Offer less, or use a larger fleet: no limit is left to lift";
  }
  return "Offer less, or use a larger fleet: a higher limit lets more in than it carries";
}

void remark_on_backlog_course(const TrialReport& report, std::vector<std::string>& remarks) {
  const LiftReport& lift = *report.lift;
  const Run& run = report.trial.lifted.pooled;
  const bool of_fleet = changes_fleet(lift.lift);
  if (lift.never_drains) {
    const std::string course =
        lift.trend
            ? fmt::format(", requests in the system went from {} to {} while 'after' lasted",
                          figure(lift.trend->first_requests), figure(lift.trend->last_requests))
            : "";
    remarks.push_back(fmt::format("More is let in than {} carry: a backlog never drains{}. {}.",
                                  run.wire   ? "the new limit and the endpoint"
                                  : of_fleet ? "the replicas that serve"
                                             : "the new limit and the fleet",
                                  course, advice(report)));
  } else if (lift.waited && !lift.drain.ns && (!of_fleet || lift.lift.kind == "join")) {
    remarks.push_back("No drain time: " + lift.drain.reason + ".");
  }
}

// ---------------------------------------------------------------------------------- not back

/// Without a wait so long more objectives would be met: it is much of some tenant's objective of
/// TTFT or end to end.
bool costs_objectives(const Run& run, double wait_ns) {
  constexpr double kMuch = 0.25;
  return !has_objectives(run) || std::ranges::any_of(run.tenants, [&](const TenantRecord& tenant) {
    return tenant.wait_objective_ns &&
           wait_ns >= kMuch * static_cast<double>(*tenant.wait_objective_ns);
  });
}

/// Where requests spend their time without any limit in their way.
std::string where_it_goes(const TrialReport& report) {
  constexpr double kHardly = 0.1;
  const Run& run = report.trial.lifted.pooled;
  if (run.wire) return "what holds goodput down is at the endpoint";
  const PhaseSummary* const after = find_phase(report.phases, "after");
  const auto split = std::ranges::find(report.split, std::string("after"), &TimeSplit::phase);
  const bool known = split != report.split.end() && split->ttft_ns > 0;
  // A latency of those that were served does not speak for the others.
  if (!known || after == nullptr || after->unserved().value_or(1) >= kBinds) {
    return "why is not known";
  }
  const double waits_ns = split->queue_wait_ns + split->throttle_wait_ns;
  if (waits_ns < kHardly * split->ttft_ns) {
    return fmt::format(
        "requests hardly wait ({} of their TTFT), so the objectives are too tight for the pace of "
        "this fleet under this load{}",
        percent_figure(waits_ns / split->ttft_ns),
        run.capacity_source == "stated" ? ", or it does not do the capacity that was stated" : "");
  }
  if (!costs_objectives(run, waits_ns)) return "why is not known";
  std::string text =
      fmt::format("requests wait in the fleet ({} of the mean TTFT in 'after' is queue wait)",
                  percent_figure(split->queue_wait_ns / split->ttft_ns));
  const std::optional<BacklogTrend>& trend = report.lift->trend;
  if (trend && trend->last_requests < trend->first_requests) {
    text += fmt::format("; in the system they went from {} to {} while 'after' lasted",
                        figure(trend->first_requests), figure(trend->last_requests));
  }
  return text;
}

/// What holds goodput down where no throttle does: seen in what was computed for nobody, and in
/// where the time went.
std::string why_not_back(const TrialReport& report) {
  const Run& run = report.trial.lifted.pooled;
  if (changed_speed(run)) {
    return "Why cannot be said: the machine changed its speed, so limit and capacity were not what "
           "they are called.";
  }
  const PhaseRecord after = fleet_record(run, *find_phase(run, "after"));
  if (is_wasteful(after)) {
    const std::optional<BacklogTrend>& trend = report.lift->trend;
    const std::string wasted = fmt::format(
        "{} tokens were computed in 'after' for requests that had ended, beside {} that were put "
        "out",
        whole_figure(after.wasted_tokens), whole_figure(after.output_tokens));
    if (!trend) return wasted + ".";
    constexpr double kFalls = 0.9;
    if (trend->last_requests < kFalls * trend->first_requests) {
      return fmt::format(
          "{}; in the system they went from {} to {} while 'after' lasted: the backlog is still "
          "draining.",
          wasted, figure(trend->first_requests), figure(trend->last_requests));
    }
    return fmt::format("The overload keeps itself up (metastable): {}.", wasted);
  }
  return fmt::format("Next to nothing was computed in vain and no throttle binds: {}.",
                     where_it_goes(report));
}

void remark_on_return(const TrialReport& report, std::vector<std::string>& remarks) {
  const LiftReport& lift = *report.lift;
  if (!lift.not_back_share) return;
  if (changes_fleet(lift.lift)) {
    remarks.push_back(fmt::format(
        "Goodput is not back: in 'after' it is {} of what is offered, which the replicas that "
        "serve could carry. {}",
        percent_figure(*lift.not_back_share), why_not_back(report)));
    return;
  }
  remarks.push_back(fmt::format(
      "Goodput is not back: from three times the fluid drain ({}) after the lift on it is {} of "
      "what is offered, which limit and capacity could carry. {}",
      duration_figure(*lift.drain_fluid_s * 1e9), percent_figure(*lift.not_back_share),
      why_not_back(report)));
}

/// Where the backlog outlasts the transition, what follows is no new state yet.
void remark_on_drain(const TrialReport& report, std::vector<std::string>& remarks) {
  const LiftReport& lift = *report.lift;
  const Run& run = report.trial.lifted.pooled;
  const std::optional<std::size_t> after = find_phase(run, "after");
  if (!lift.drain.ns || !after || lift.departure.how != Departure::How::served) return;
  const std::int64_t settled_ns = run.phases[*after].begin_ns - *lift.lift.at_ns;
  if (*lift.drain.ns <= settled_ns) return;
  remarks.push_back(
      fmt::format("The backlog took {} to drain and the transition ended {} after the change: "
                  "'after' holds the rest of it. Say how long the transition is with run.settle.",
                  duration_figure(*lift.drain.ns), duration_figure(settled_ns)));
}

}  // namespace

std::vector<std::string> course_remarks(const TrialReport& report) {
  std::vector<std::string> remarks;
  remark_on_backlog_course(report, remarks);
  remark_on_return(report, remarks);
  if (report.lift->goodput.stepped && !report.lift->goodput.settling.ns &&
      !load_changes_within(report, "after")) {
    remarks.push_back("Goodput: " + report.lift->goodput.settling.reason + ".");
  }
  remark_on_drain(report, remarks);
  return remarks;
}

}  // namespace tokenlift
