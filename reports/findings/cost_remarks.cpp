#include "reports/findings/cost_remarks.hpp"

#include <fmt/format.h>

#include <cmath>

#include "reports/analysis/cost.hpp"
#include "reports/findings/meanwhile.hpp"
#include "reports/findings/verdict.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

using Remarks = std::vector<std::string>;

/// "$3.25", "-$3.25"
std::string usd(double dollars) {
  return fmt::format("{}${}", dollars < 0 ? "-" : "", figure(std::abs(dollars)));
}

/// The phases that a reader compares: before and after, or the last one alone.
std::vector<const PhaseCost*> told_phases(const std::vector<PhaseCost>& costs) {
  const PhaseCost* const before = find_cost(costs, "before");
  const PhaseCost* const after = find_cost(costs, "after");
  if (before != nullptr && after != nullptr) return {before, after};
  if (costs.empty()) return {};
  return {&costs.back()};
}

/// "$4.10 before and $4.20 after", or "$4.10".
template <typename Words>
std::string by_phase(const std::vector<const PhaseCost*>& phases, const Words& words) {
  if (phases.size() == 1) return words(*phases[0]);
  return fmt::format("{} {} and {} {}", words(*phases[0]), phases[0]->name, words(*phases[1]),
                     phases[1]->name);
}

bool all_know(const std::vector<const PhaseCost*>& phases,
              std::optional<double> PhaseCost::*value) {
  for (const PhaseCost* const phase : phases) {
    if (!(phase->*value)) return false;
  }
  return !phases.empty();
}

void remark_on_power(const std::vector<const PhaseCost*>& phases, Remarks& remarks) {
  if (!all_know(phases, &PhaseCost::site_power_mean_w)) return;
  std::string text = fmt::format("It drew {}", by_phase(phases, [](const PhaseCost& cost) {
                                   return power_figure(*cost.site_power_mean_w);
                                 }));
  if (all_know(phases, &PhaseCost::j_per_output_token)) {
    text += fmt::format(", {} for a token", by_phase(phases, [](const PhaseCost& cost) {
                          return figure(*cost.j_per_output_token) + " J";
                        }));
  }
  remarks.push_back(text + ", cooling and the rest of the servers included.");
}

void remark_on_slowed(const std::vector<PhaseCost>& costs, Remarks& remarks) {
  std::vector<std::string> clauses;
  for (const PhaseCost& cost : costs) {
    if (!cost.slowed_share || *cost.slowed_share == 0) continue;
    clauses.push_back(
        fmt::format("for {} of their time in '{}'", percent_figure(*cost.slowed_share), cost.name));
  }
  if (clauses.empty()) return;
  remarks.push_back(
      fmt::format("A limit of power slowed replicas down {}.", listed(clauses, "and")));
}

/// What that cost: time, and the tokens that would have been made in it.
void remark_on_lost(const std::vector<PhaseCost>& costs, Remarks& remarks) {
  std::vector<std::string> clauses;
  for (const PhaseCost& cost : costs) {
    if (!cost.lost_share) continue;
    std::string clause =
        fmt::format("{} of their time in '{}'", percent_figure(*cost.lost_share), cost.name);
    if (cost.lost_tokens_per_s) {
      clause += fmt::format(" (up to {} tokens/s)", figure(*cost.lost_tokens_per_s));
    }
    clauses.push_back(std::move(clause));
  }
  if (clauses.empty()) return;
  remarks.push_back(fmt::format(
      "The limit took {}: what steps would not have taken without it. Replicas with room make up "
      "for it; what it cost in goodput shows against the same seed without it.",
      listed(clauses, "and")));
}

/// Smaller batches hold back a site that drew more than its limit: no step was slowed down.
bool exceeded_with_smaller_batches(const Run& run) {
  for (std::size_t site = 0; site < run.fleet.sites.size(); ++site) {
    bool exceeded = false;
    bool held_back = false;
    bool slowed = false;
    for (const PhaseSpan& phase : run.phases) {
      if (site >= phase.draws.size()) continue;
      const SiteDraw& draw = phase.draws[site];
      exceeded = exceeded || draw.exceeded_mw > 0;
      held_back = held_back || draw.slowed_replica_ns > 0;
      slowed = slowed || draw.lost_replica_ns > 0;
    }
    if (exceeded && held_back && !slowed) return true;
  }
  return false;
}

/// Limits that were not kept.
void remark_on_exceeded(const std::vector<PhaseCost>& costs, const Run& run, Remarks& remarks) {
  constexpr double kWorthTelling = 0.01;  // of what is drawn at the most
  std::vector<std::string> clauses;
  for (const PhaseCost& cost : costs) {
    if (!cost.exceeded_w || !cost.exceeded_share || !cost.site_power_largest_w) continue;
    if (*cost.exceeded_w < kWorthTelling * *cost.site_power_largest_w) continue;
    clauses.push_back(fmt::format("by up to {} over {} of '{}'", power_figure(*cost.exceeded_w),
                                  percent_figure(*cost.exceeded_share), cost.name));
  }
  if (clauses.empty()) return;
  remarks.push_back(fmt::format(
      "The limit of power was exceeded {}: steps that begin between two control instants draw what "
      "they draw{}.",
      listed(clauses, "and"),
      exceeded_with_smaller_batches(run) ? ", and smaller batches hold back no prompts" : ""));
}

void remark_on_cost(const std::vector<const PhaseCost*>& phases, Remarks& remarks) {
  if (!all_know(phases, &PhaseCost::usd_per_hour)) return;
  std::string text =
      fmt::format("An hour cost {}",
                  by_phase(phases, [](const PhaseCost& cost) { return usd(*cost.usd_per_hour); }));
  if (all_know(phases, &PhaseCost::usd_per_m_output_tokens)) {
    text += fmt::format(
        "; a million output tokens cost {}",
        by_phase(phases, [](const PhaseCost& cost) { return usd(*cost.usd_per_m_output_tokens); }));
  }
  remarks.push_back(text + ".");
}

/// What the change added, and what that cost.
void remark_on_margin(const std::vector<PhaseCost>& costs,
                      const std::optional<MarginalCost>& marginal, bool is_its_doing,
                      Remarks& remarks) {
  constexpr double kNothing = 0.001;  // of what it cost before
  if (!marginal || !marginal->usd_per_hour) return;
  const double base = *find_cost(costs, "before")->usd_per_hour;
  const double more = *marginal->usd_per_hour;
  const bool same = std::abs(more) <= kNothing * base;
  if (!marginal->usd_per_m_output_tokens) {
    if (same || more < 0) return;
    remarks.push_back(fmt::format("After the change it cost {} an hour more, and {}.", usd(more),
                                  marginal->reason));
  } else if (!is_its_doing) {
    return;
  } else if (same) {
    remarks.emplace_back(
        "The tokens that the change added cost nothing: what makes them was paid for before.");
  } else if (more < 0) {
    remarks.push_back(
        fmt::format("After the change it makes more and costs {} an hour less.", usd(-more)));
  } else {
    remarks.push_back(fmt::format("The tokens that the change added cost {} a million.",
                                  usd(*marginal->usd_per_m_output_tokens)));
  }
}

void remark_on_idle(const std::vector<const PhaseCost*>& phases, Remarks& remarks) {
  constexpr double kMuch = 0.1;
  const PhaseCost& last = *phases.back();
  if (!last.paid_use_share || !last.idle_usd_per_hour || 1 - *last.paid_use_share < kMuch) return;
  remarks.push_back(fmt::format("Of what is paid for by contract {} was idle in '{}', {} an hour.",
                                percent_figure(1 - *last.paid_use_share), last.name,
                                usd(*last.idle_usd_per_hour)));
}

/// "before the contract cost $3.00 an hour more than on demand"
std::string verdict_of(const PhaseCost& cost, bool named) {
  constexpr double kAlike = 0.01;
  const double more = *cost.contract_usd_per_hour - *cost.on_demand_usd_per_hour;
  const std::string phase = named ? cost.name + " " : "";
  if (std::abs(more) <= kAlike * *cost.contract_usd_per_hour) {
    return phase + "both cost about the same";
  }
  return fmt::format("{}the {} was cheaper by {} an hour", phase,
                     more > 0 ? "same use on demand" : "contract", usd(std::abs(more)));
}

void remark_on_break_even(const std::vector<const PhaseCost*>& phases, Remarks& remarks) {
  if (!all_know(phases, &PhaseCost::break_even_use) ||
      !all_know(phases, &PhaseCost::on_demand_usd_per_hour)) {
    return;
  }
  const PhaseCost& last = *phases.back();
  std::vector<std::string> verdicts;
  for (const PhaseCost* const phase : phases) {
    verdicts.push_back(verdict_of(*phase, phases.size() > 1));
  }
  std::string text;
  if (*last.break_even_use > 1) {
    text = fmt::format(
        "The contract costs x{} of what its accelerators cost on demand: no use makes it the "
        "cheaper one",
        figure(*last.break_even_use));
  } else {
    text =
        fmt::format("The contract pays from a use of {} on, compared with accelerators on demand",
                    percent_figure(*last.break_even_use));
  }
  if (all_know(phases, &PhaseCost::paid_use_share)) {
    text += fmt::format("; it was used {}", by_phase(phases, [](const PhaseCost& cost) {
                          return percent_figure(*cost.paid_use_share);
                        }));
  }
  remarks.push_back(fmt::format("{}: {}.", text, listed(verdicts, "and")));
}

void remark_on_what_is_left_out(const Run& run, Remarks& remarks) {
  const auto sites = [](const std::vector<std::string>& names) {
    return fmt::format("site{} {}", names.size() == 1 ? "" : "s", listed(names, "and"));
  };
  if (const std::vector<std::string> assumed = sites_of_assumed_power(run); !assumed.empty()) {
    remarks.push_back(
        fmt::format("What the accelerators of {} draw is assumed, not measured.", sites(assumed)));
  }
  if (const std::vector<std::string> lack = sites_without_power(run); !lack.empty()) {
    remarks.push_back(
        fmt::format("Energy is without that of {}, of which no power is stated.", sites(lack)));
  }
  if (const std::vector<std::string> lack = sites_without_price(run); !lack.empty()) {
    remarks.push_back(
        fmt::format("Costs are without those of {}, of which no price is stated.", sites(lack)));
  }
}

/// The change made more tokens, and nothing else did or paid for it: of jobs it takes what their
/// replicas cost.
bool added_tokens(const TrialReport& report) {
  if (!report.lift || !report.trial.lifted.pooled.jobs.empty()) return false;
  const Judgement judgement = judge(*report.lift);
  return (judgement.shown ? judgement.better : !judgement.has_interval) &&
         meanwhile(report).empty();
}

}  // namespace

std::vector<std::string> cost_remarks(const TrialReport& report) {
  Remarks remarks;
  if (report.costs.empty()) return remarks;
  const std::vector<const PhaseCost*> phases = told_phases(report.costs);
  remark_on_cost(phases, remarks);
  remark_on_margin(report.costs, report.marginal, added_tokens(report), remarks);
  remark_on_idle(phases, remarks);
  remark_on_break_even(phases, remarks);
  remark_on_power(phases, remarks);
  remark_on_slowed(report.costs, remarks);
  remark_on_lost(report.costs, remarks);
  remark_on_exceeded(report.costs, report.trial.lifted.pooled, remarks);
  remark_on_what_is_left_out(report.trial.lifted.pooled, remarks);
  return remarks;
}

}  // namespace tokenlift
