#include "reports/findings/meanwhile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "reports/findings/event_words.hpp"
#include "reports/findings/load_remarks.hpp"
#include "reports/findings/verdict.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

/// No more of them than a sentence holds.
std::vector<std::string> few(std::vector<std::string> clauses) {
  constexpr std::size_t kMostNamed = 6;
  if (clauses.size() <= kMostNamed) return clauses;
  const std::size_t more = clauses.size() - kMostNamed;
  clauses.resize(kMostNamed);
  clauses.push_back(fmt::format("there were {} more changes", more));
  return clauses;
}

/// What it lets through is a budget that runs out: it begins to bind without any change.
bool has_budget(const ThrottleRecord& throttle) {
  return throttle.kind == "anchored_window" || throttle.kind == "fixed_window" ||
         throttle.kind == "sliding_window" || throttle.kind == "sliding_log";
}

bool is_changed(const Run& run, const ThrottleRecord& throttle) {
  for (const LiftRecord& event : measured_events(run)) {
    if (event.throttle == throttle.name) return true;
  }
  return false;
}

/// A loss because a budget was used up, or a gain because one was new again.
std::vector<std::string> budgets(const TrialReport& report) {
  std::vector<std::string> clauses;
  const Run& run = report.trial.lifted.pooled;
  const std::optional<std::size_t> before = find_phase(run, "before");
  const std::optional<std::size_t> after = find_phase(run, "after");
  const Judgement judgement = judge(*report.lift);
  if (!before || !after || !judgement.shown) return clauses;
  for (const ThrottleRecord& throttle : run.throttles) {
    if (!has_budget(throttle) || is_changed(run, throttle)) continue;
    const bool then = binds(throttle.phases.at(*before), report.phases.at(*before).counts.due);
    const bool now = binds(throttle.phases.at(*after), report.phases.at(*after).counts.due);
    if (then == now || then != judgement.better) continue;
    clauses.push_back(
        fmt::format("'{}' {}", throttle.name, now ? "began to bind" : "no longer bound"));
  }
  return clauses;
}

/// Its limit moves by itself all the time.
bool is_adaptive(const ThrottleRecord& throttle) {
  return throttle.kind == "aimd" || throttle.kind == "gradient" || throttle.kind == "vegas";
}

/// Limits that became others within the measured phases though no event changed them and the fleet,
/// which some follow, stayed as it was: by a schedule.
std::vector<std::string> schedules(const Run& run) {
  std::vector<std::string> clauses;
  if (run.phases.empty()) return clauses;  // it ended before any
  const std::int64_t begin_ns = run.phases.front().begin_ns;
  const std::int64_t end_ns = run.phases.back().end_ns;
  const std::vector<LiftRecord> measured = measured_events(run);
  const auto by_an_event = [&](const ThrottleRecord& throttle, std::int64_t at_ns) {
    const auto is = [&](const LiftRecord& event) {
      return event.at_ns && event.throttle == throttle.name && *event.at_ns <= at_ns &&
             at_ns <= *event.at_ns + event.length_ns.value_or(0);
    };
    return std::ranges::any_of(measured, is) || std::ranges::any_of(run.other_events, is) ||
           std::ranges::any_of(run.fleet.compositions,
                               [&](const Composition& fleet) { return fleet.at_ns == at_ns; });
  };
  for (const ThrottleRecord& throttle : run.throttles) {
    if (is_adaptive(throttle)) continue;
    for (std::size_t i = 1; i < throttle.limits.size(); ++i) {
      const LimitRecord& now = throttle.limits[i];
      const std::optional<double>& then = throttle.limits[i - 1].limit;
      if (now.at_ns <= begin_ns || now.at_ns >= end_ns || !now.limit || !then) continue;
      if (by_an_event(throttle, now.at_ns)) continue;
      clauses.push_back(fmt::format("the limit of '{}' went from {} to {} at {} s", throttle.name,
                                    figure(*then), figure(*now.limit), second_figure(now.at_ns)));
    }
  }
  return clauses;
}

}  // namespace

std::vector<std::string> changes_beside(const Run& run, double least_share) {
  std::vector<std::string> clauses;
  for (const FleetStep& step : further_steps(run)) {
    const auto most = static_cast<double>(std::max(step.serving_from, step.serving_to));
    if (static_cast<double>(step.replicas()) < least_share * most) continue;
    clauses.push_back(step_words(step));
  }
  for (const LiftRecord& event : events_meanwhile(run)) {
    clauses.push_back(changes_fleet(event) ? change_words({event, std::nullopt})
                                           : event_words(event));
  }
  for (std::string& clause : schedules(run)) clauses.push_back(std::move(clause));
  return few(std::move(clauses));
}

std::string meanwhile(const TrialReport& report) {
  if (!report.lift) return "";
  const Gain* const gain = deciding_gain(*report.lift).gain;
  const Effect* const effect = gain == nullptr ? nullptr : deciding_effect(*report.lift, *gain);
  if (effect != nullptr && effect->difference.value) return "";
  std::vector<std::string> clauses = changes_beside(report.trial.lifted.pooled, kLeastStepShare);
  for (std::string& budget : budgets(report)) clauses.push_back(std::move(budget));
  if (const OtherLoad load = other_load(report); load.by_itself) {
    clauses.push_back(fmt::format("{} was asked for ({} and {} requests/s)",
                                  load.after_per_s > load.before_per_s ? "more" : "less",
                                  figure(load.before_per_s), figure(load.after_per_s)));
  }
  return listed(clauses, "and");
}

}  // namespace tokenlift
