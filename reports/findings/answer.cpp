#include "reports/findings/answer.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "reports/findings/event_words.hpp"
#include "reports/findings/gains_table.hpp"
#include "reports/findings/meanwhile.hpp"
#include "reports/findings/verdict.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

// ------------------------------------------------------------------------------- what was done

std::string done(const LiftRecord& lift) {
  if (lift.kind == "call") return "A call that made the change was answered";
  if (lift.kind == "command") return "A command that made the change had ended";
  if (lift.kind == "signal") return "A signal said that the change was made";
  if (lift.kind == "lift") return fmt::format("The limit of '{}' was lifted", lift.throttle);
  if (lift.kind == "restore") return fmt::format("The limit of '{}' was restored", lift.throttle);
  if (lift.kind == "ramp")
    return fmt::format("The limit of '{}' was moved step by step", lift.throttle);
  return fmt::format("The limit of '{}' was changed", lift.throttle);
}

/// "400 users of 'chat' and 20 users of 'batch'"; empty without any.
std::string people(const std::vector<UserGroup>& groups) {
  std::vector<std::string> all;
  for (const UserGroup& group : groups) {
    all.push_back(fmt::format("{} {} of '{}'",
                              whole_figure(static_cast<std::uint64_t>(group.users)),
                              group.users == 1 ? "user" : "users", group.tenant));
  }
  return listed(all, "and");
}

/// " while 76.1 requests/s were due, from 400 users of 'chat' among others", of all tenants.
std::string load_clause(const PhaseSummary& phase, const std::vector<UserGroup>& groups,
                        std::size_t tenants) {
  std::string text;
  if (phase.rates.offered_requests_per_s) {
    text =
        fmt::format(" while {} requests/s were due", figure(*phase.rates.offered_requests_per_s));
  }
  if (groups.empty()) return text;
  text += (text.empty() ? " for " : ", from ") + people(groups);
  return text + (groups.size() < tenants ? " among others" : "");
}

// ------------------------------------------------------------------------------ what users got

/// "42.3 % of the requests met their objectives and the median first token took 1.99 s"
std::string got(const PhaseSummary& phase) {
  std::vector<std::string> clauses;
  if (phase.rates.attainment) {
    clauses.push_back(fmt::format("{} of the requests met their objectives",
                                  percent_figure(*phase.rates.attainment)));
  } else if (const auto unserved = phase.unserved()) {
    clauses.push_back(fmt::format("{} of the requests were served", percent_figure(1 - *unserved)));
  }
  if (const auto ttft_ns = phase.of(Metric::ttft).at(500)) {
    clauses.push_back(fmt::format("the median first token took {}", duration_figure(*ttft_ns)));
    // Where most get nothing, a latency is of the few.
    if (phase.hides_unserved(500)) {
      clauses.back() +=
          fmt::format(" for the {} that were served", percent_figure(1 - *phase.unserved()));
    }
  }
  return listed(clauses, "and");
}

/// "of 400 users of 'chat' 380 had a request that missed its objectives before, and 12 after"; of
/// several runs on average. Of each tenant that is people, as far as it was recorded.
std::vector<std::string> people_missed(const Run& run) {
  std::vector<std::string> clauses;
  const std::optional<std::size_t> before = find_phase(run, "before");
  const std::optional<std::size_t> after = find_phase(run, "after");
  if (!before || !after) return clauses;
  const auto mean = [&](std::uint64_t all) {
    return whole_figure((all + run.runs / 2) / run.runs);
  };
  for (const TenantRecord& tenant : run.tenants) {
    const std::optional<std::uint64_t> then = tenant.phases.at(*before).users_missed;
    const std::optional<std::uint64_t> now = tenant.phases.at(*after).users_missed;
    if (tenant.users <= 1 || !then || !now) continue;
    clauses.push_back(
        fmt::format("of {} users of '{}' {} had a request that {} before, and {} after",
                    whole_figure(tenant.users), tenant.name, mean(*then),
                    tenant.has_objectives ? "missed its objectives" : "got no answer", mean(*now)));
  }
  return clauses;
}

std::string before_and_after(const TrialReport& report, const PhaseSummary& before,
                             const PhaseSummary& after) {
  std::vector<std::string> sides;
  const std::string then = got(before);
  const std::string now = got(after);
  std::string text = then.empty() || now.empty()
                         ? "Too little was measured to say what users got before and after"
                         : fmt::format("Before, {}; after, {}", then, now);
  for (const std::string& clause : people_missed(report.trial.lifted.pooled)) {
    text += "; " + clause;
  }
  const std::string price = cost_clause(*report.lift);
  return text + (price.empty() ? "" : "; " + price) + ".";
}

// ------------------------------------------------------------------------- how sure, and so what

/// "goodput x1.79 (95 % interval x1.70 to x1.88)", of the effect where there is a control.
std::string change_clause(const LiftReport& lift, const Gain& gain) {
  const Effect* const effect = deciding_effect(lift, gain);
  const Estimate& change = effect != nullptr ? effect->difference : gain.change;
  const bool is_difference = effect != nullptr || gain.is_difference;
  std::string text = gain.name;
  if (change.value) {
    text += " " + change_text(change, is_difference, 1) + (is_difference ? " tokens/s" : "");
  }
  if (effect != nullptr) text += " against the same load without the change";
  if (change.interval) text += " (95 % interval " + interval_text(change, is_difference, 1) + ")";
  return text;
}

/// What speaks against a change that raised the deciding figure.
std::string reservation(const LiftReport& lift) {
  std::vector<std::string> clauses;
  for (const char* name : {"ttft p50", "ttft p99"}) {
    const Gain* const gain = find_gain(lift.gains, name);
    if (gain != nullptr && gain->shown() && !gain->better()) {
      clauses.push_back(gain_label(name) + " got worse");
    }
  }
  if (lift.never_drains) clauses.emplace_back("a backlog never drains");
  return clauses.empty() ? "" : ", but " + listed(clauses, "and");
}

std::string failed_checks(const Trial& trial) {
  std::size_t failed = 0;
  const auto count = [&](const Run& run) {
    for (const Check& check : run.checks) failed += check.passed ? 0 : 1;
  };
  count(trial.lifted.pooled);
  if (trial.control) count(trial.control->pooled);
  if (failed == 0) return "it was ended early";
  return failed == 1 ? "a check failed" : fmt::format("{} checks failed", failed);
}

/// Why nothing can be decided by the run; empty where something can.
std::string undecidable(const TrialReport& report) {
  if (is_valid(report.trial)) return "";
  return fmt::format(
      "This is not a valid measurement ({}): nothing can be decided by it until a "
      "run passes.",
      failed_checks(report.trial));
}

std::string decision(const TrialReport& report) {
  const LiftReport& lift = *report.lift;
  if (std::string not_valid = undecidable(report); !not_valid.empty()) return not_valid;
  if (const std::string nobody = nobody_asked(report.phases); !nobody.empty()) {
    return fmt::format("Nothing can be decided by this run: {}.", nobody);
  }
  if (lift.vacuous) {
    return fmt::format(
        "This run says nothing about the change for all ({}): decide by a run under a load at "
        "which "
        "the throttle binds.",
        why_vacuous(lift));
  }
  const auto [gain, reason, apart] = deciding_gain(lift);
  if (gain == nullptr) return "Too little was measured to decide anything by it.";
  const std::string change = change_clause(lift, *gain);
  const std::string why = reason.empty() ? "" : fmt::format(" ({})", reason);
  const Judgement judgement = judge(lift);
  if (!apart.empty()) {
    return fmt::format(
        "Nothing can be decided by it: {}{}, and {}: what was made and what was completed went "
        "apart.",
        change, why, apart);
  }
  if (const std::string others = meanwhile(report); !others.empty()) {
    return fmt::format(
        "{}: {}{}; but whose doing that is cannot be said, for in that time {}: run it with "
        "`--control` before deciding.",
        judgement.shown          ? "It is more than chance"
        : judgement.has_interval ? "No difference could be shown"
                                 : "How sure that is cannot be said",
        change, why, others);
  }
  if (!judgement.has_interval) {
    return fmt::format("How sure that is cannot be said{}: {}{}; repeat it before deciding.",
                       judgement.reason.empty() ? "" : " (" + judgement.reason + ")", change, why);
  }
  const std::string& kind = lift.lift.kind;
  const bool may_pass = kind == "fail" || kind == "slow" || kind == "power" || kind == "battery";
  if (!judgement.shown && may_pass) {
    return fmt::format(
        "No difference that lasted could be shown: {}{}; what it was like meanwhile is in the "
        "transition.",
        change, why);
  }
  if (!judgement.shown) {
    return fmt::format(
        "No difference could be shown: {}{}; under this load there is no case for the change, and "
        "none against it.",
        change, why);
  }
  return fmt::format("It is more than chance: {}{}; under this load the change {}{}.", change, why,
                     judgement.better ? "is for the better" : "does harm",
                     judgement.better ? reservation(lift) : "");
}

std::vector<std::string> steady_answer(const TrialReport& report,
                                       const std::vector<UserGroup>& groups) {
  const Run& run = report.trial.lifted.pooled;
  const PhaseSummary& phase = report.phases.back();
  const std::string served = got(phase);
  if (served.empty()) return {};
  std::string users = "In that time " + served;
  if (phase.rates.throughput_tokens_per_s) {
    const double throughput = *phase.rates.throughput_tokens_per_s;
    users += fmt::format("; {} tokens/s came out", figure(throughput));
    const std::optional<double> capacity = capacity_over(run, run.phases.back());
    if (capacity && *capacity > 0) {
      users += fmt::format(", {} of what the fleet can do", percent_figure(throughput / *capacity));
    }
  }
  const bool changed = !further_steps(run).empty();
  std::string sure = undecidable(report);
  if (sure.empty()) {
    sure = fmt::format(
        "Every check passed that could be made, and {}: a decision needs a second measurement to "
        "compare this one with.",
        changed ? "no change was measured" : "nothing was changed");
  }
  return {fmt::format("{} watched for {} {}{}.", run.wire ? "The endpoint was" : "The fleet was",
                      duration_figure(phase.end_ns - phase.begin_ns),
                      changed ? "while replicas came and went" : "without any change",
                      load_clause(phase, groups, run.tenants.size())),
          users + ".", sure};
}

std::vector<std::string> lift_answer(const TrialReport& report,
                                     const std::vector<UserGroup>& groups) {
  const PhaseSummary* const before = find_phase(report.phases, "before");
  const PhaseSummary* const after = find_phase(report.phases, "after");
  if (before == nullptr || after == nullptr) return {};
  const Run& run = report.trial.lifted.pooled;
  const LiftRecord& lift = report.lift->lift;
  const std::string load = load_clause(*before, groups, run.tenants.size());
  std::string what;
  if (report.lift->fleet.empty()) {
    what = fmt::format("{} {} s into the run{}", done(lift), second_figure(*lift.at_ns), load);
    if (!run.further_lifts.empty()) {
      what += fmt::format("; {} more {} in the run", run.further_lifts.size(),
                          run.further_lifts.size() == 1 ? "event is" : "events are");
    }
  } else {
    what = all_events_words(run) + load;
  }
  return {what + ".", before_and_after(report, *before, *after), decision(report)};
}

}  // namespace

std::vector<std::string> answer(const TrialReport& report, const std::vector<UserGroup>& groups) {
  const bool any_due = std::any_of(report.phases.begin(), report.phases.end(),
                                   [](const PhaseSummary& phase) { return phase.counts.due > 0; });
  if (!any_due) return {};
  if (report.lift) return lift_answer(report, groups);
  if (report.trial.lifted.pooled.lift) return {};
  return steady_answer(report, groups);
}

}  // namespace tokenlift
