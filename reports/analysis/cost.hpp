#pragma once
// What each phase drew and cost, and what the change cost at the margin. Pure functions of a Run.
//
// Money is what is paid for accelerators, used or not as the terms of a site say, plus electricity.
// Energy is of all that the sites draw that state their power, unless it says otherwise. What is
// not known is absent: energy where no site states its power, money where none states a price.

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reports/analysis/gain.hpp"
#include "reports/analysis/summary.hpp"
#include "reports/record/run.hpp"

namespace tokenlift {

inline constexpr double kNsPerHour = 3.6e12;
inline constexpr double kFjPerJ = 1e15;
inline constexpr double kJPerKwh = 3.6e6;
inline double as_double(WideSum sum) {
  return static_cast<double>(sum);
}

/// Of one phase, all sites together; sums are of one run, the mean of those that were pooled.
struct PhaseCost {
  std::string name;
  std::optional<double> site_power_mean_w;
  /// The largest mean over a control interval; of several sites the sum of theirs, which need not
  /// come at once.
  std::optional<double> site_power_largest_w;
  std::optional<double> kwh;
  std::optional<double> j_per_output_token;
  std::optional<double> accelerator_j_per_output_token;  ///< of the accelerators alone
  std::optional<double> tokens_per_s_per_mw;             ///< output tokens/s / mean power
  std::optional<double> slowed_share;  ///< of the time of replicas, held back by a limit of power
  /// Of the time of replicas, what a limit of power took: steps that it slowed down would not have
  /// taken it.
  std::optional<double> lost_share;
  /// What would have been made in it, at the pace of the rest of their steps: the most that the
  /// limit cost in throughput, since replicas that had room made up for it. Absent where there are
  /// jobs, whose time it may have been.
  std::optional<double> lost_tokens_per_s;
  /// Of the phase, over how much of it a site drew more than its limit (less what batteries gave);
  /// of several sites the largest. And the most that one did.
  std::optional<double> exceeded_share;
  std::optional<double> exceeded_w;
  std::optional<double> kg_co2;
  std::optional<double> usd;
  std::optional<double> usd_per_hour;
  std::optional<double> usd_per_m_output_tokens;
  std::optional<double> usd_per_m_goodput_tokens;
  // Of accelerators that are paid for by contract, where the capacity is known:
  /// The share of what is paid for that was used, by money: the time in which replicas served / the
  /// time that is paid for, times throughput / capacity of what served (1 at most).
  std::optional<double> paid_use_share;
  std::optional<double> idle_usd_per_hour;  ///< what the rest of it costs
  // Of those whose site states a price on demand besides:
  /// What the use of them would cost on demand: so many accelerators as were used, full.
  std::optional<double> on_demand_usd_per_hour;
  /// The same for a million output tokens, where there are no other costs.
  std::optional<double> on_demand_usd_per_m_output_tokens;
  std::optional<double> contract_usd_per_hour;  ///< what they cost as they are, electricity too
  /// The use from which on the contract is cheaper: contract / on demand, both at full use. Above 1
  /// there is none.
  std::optional<double> break_even_use;
};

/// A figure of a phase: one row for reports, files, sweeps and objectives.
struct CostFigure {
  std::string_view key;
  std::string_view label;
  std::string_view unit;
  std::optional<double> PhaseCost::*value;
  double scale = 1;     ///< from the figure to `unit`
  bool is_sum = false;  ///< over the phase: two of different length have no ratio
};
inline constexpr auto kCostFigures = std::to_array<CostFigure>({
    {"site_power_mean_w", "mean power", "kW", &PhaseCost::site_power_mean_w, 1e-3},
    {"site_power_largest_w", "largest power", "kW", &PhaseCost::site_power_largest_w, 1e-3},
    {"kwh", "energy", "kWh per run", &PhaseCost::kwh, 1, true},
    {"j_per_output_token", "energy per token", "J", &PhaseCost::j_per_output_token},
    {"accelerator_j_per_output_token", "of accelerators", "J",
     &PhaseCost::accelerator_j_per_output_token},
    {"tokens_per_s_per_mw", "throughput per MW", "tokens/s", &PhaseCost::tokens_per_s_per_mw},
    {"slowed_share", "slowed by power", "%", &PhaseCost::slowed_share, 100},
    {"lost_share", "lost to the limit", "%", &PhaseCost::lost_share, 100},
    {"lost_tokens_per_s", "not made, at most", "tokens/s", &PhaseCost::lost_tokens_per_s},
    {"exceeded_share", "above the limit", "% of time", &PhaseCost::exceeded_share, 100},
    {"exceeded_w", "above it by at most", "kW", &PhaseCost::exceeded_w, 1e-3},
    {"kg_co2", "CO2", "kg per run", &PhaseCost::kg_co2, 1, true},
    {"usd", "cost", "$ per run", &PhaseCost::usd, 1, true},
    {"usd_per_hour", "cost per hour", "$", &PhaseCost::usd_per_hour},
    {"usd_per_m_output_tokens", "cost per M tokens", "$", &PhaseCost::usd_per_m_output_tokens},
    {"usd_per_m_goodput_tokens", "cost per M goodput", "$", &PhaseCost::usd_per_m_goodput_tokens},
    {"paid_use_share", "use of what is paid", "%", &PhaseCost::paid_use_share, 100},
    {"idle_usd_per_hour", "paid for and idle", "$ per hour", &PhaseCost::idle_usd_per_hour},
    {"contract_usd_per_hour", "by contract", "$ per hour", &PhaseCost::contract_usd_per_hour},
    {"on_demand_usd_per_hour", "the same on demand", "$ per hour",
     &PhaseCost::on_demand_usd_per_hour},
    {"on_demand_usd_per_m_output_tokens", "per M on demand", "$",
     &PhaseCost::on_demand_usd_per_m_output_tokens},
    {"break_even_use", "contract pays from", "% of use", &PhaseCost::break_even_use, 100},
});

/// What is paid for the accelerators of a site, in dollars, without its electricity.
double contract_usd(const SiteDraw& draw, const SiteTerms& terms);

/// Of every phase, in order. Empty where nothing is stated of power and prices.
std::vector<PhaseCost> phase_costs(const Run& run);

/// The one of that name; nullptr where there is none.
const PhaseCost* find_cost(const std::vector<PhaseCost>& costs, std::string_view name);

/// What the change added: after - before, per hour, / the tokens that were made more per hour.
struct MarginalCost {
  std::optional<double> usd_per_hour;  ///< after - before
  std::optional<double> usd_per_m_output_tokens;
  std::optional<double> usd_per_m_goodput_tokens;
  std::optional<double> j_per_output_token;
  /// Why the costs of a token are absent: nothing is shown to have been added.
  std::string reason;
};
/// Absent where there is no before and after, or neither has a cost. `gains`: of the same trial.
std::optional<MarginalCost> marginal_cost(const std::vector<PhaseCost>& costs,
                                          const std::vector<Gain>& gains);

/// More of the figure after the change, by more than chance: its interval says so, or without one
/// (runs without chance) a hundredth at least.
bool is_more(const Gain& gain);

/// Names of the sites whose power is an assumption; of those that state their power.
std::vector<std::string> sites_of_assumed_power(const Run& run);
/// Names of the sites that state no power, where others do.
std::vector<std::string> sites_without_power(const Run& run);
/// The same of prices.
std::vector<std::string> sites_without_price(const Run& run);

}  // namespace tokenlift
