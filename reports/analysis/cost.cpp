#include "reports/analysis/cost.hpp"

#include <algorithm>
#include <cmath>

namespace tokenlift {
namespace {

void add(std::optional<double>& into, double amount) {
  into = into.value_or(0) + amount;
}

double kwh_of(const SiteDraw& draw) {
  return as_double(draw.site_energy_fj) / kFjPerJ / kJPerKwh;
}

bool has_contract(const SiteDraw& draw, const SiteTerms& terms) {
  return terms.has_price && !terms.when_serving && draw.cost_microusd && draw.paid_replica_ns > 0;
}

/// Of the phases of all runs that were pooled.
struct PhaseTokens {
  double output = 0;
  double goodput = 0;
};

PhaseTokens tokens_of(const Run& run, std::size_t phase) {
  PhaseTokens tokens;
  for (const TenantRecord& tenant : run.tenants) {
    tokens.output += static_cast<double>(tenant.phases.at(phase).output_tokens);
    tokens.goodput += static_cast<double>(tenant.phases.at(phase).goodput_tokens);
  }
  return tokens;
}

void add_energy(const Run& run, const PhaseSpan& span, const PhaseTokens& tokens, double runs,
                PhaseCost& cost) {
  if (!span.site_energy_fj) return;
  const double joules = as_double(*span.site_energy_fj) / kFjPerJ;
  cost.kwh = joules / kJPerKwh / runs;
  cost.site_power_mean_w = quotient(joules * 1e9, as_double(span.length_ns));
  cost.j_per_output_token = quotient(joules, tokens.output);
  if (span.energy_fj) {
    cost.accelerator_j_per_output_token =
        quotient(as_double(*span.energy_fj) / kFjPerJ, tokens.output);
  }
  cost.tokens_per_s_per_mw = quotient(tokens.output * 1e6, joules);
  double served_ns = 0, slowed_ns = 0, lost_ns = 0;
  std::int64_t largest_mw = 0;
  double exceeded_ns = 0;
  std::int64_t exceeded_mw = 0;
  for (std::size_t i = 0; i < span.draws.size(); ++i) {
    const SiteDraw& draw = span.draws[i];
    served_ns += as_double(draw.replica_ns);
    slowed_ns += as_double(draw.slowed_replica_ns);
    lost_ns += as_double(draw.lost_replica_ns);
    largest_mw += draw.largest_mw;
    exceeded_ns = std::max(exceeded_ns, as_double(draw.exceeded_ns));
    exceeded_mw = std::max(exceeded_mw, draw.exceeded_mw);
    if (i >= run.fleet.terms.size() || !run.fleet.terms[i].carbon_g_per_kwh) continue;
    add(cost.kg_co2, kwh_of(draw) * *run.fleet.terms[i].carbon_g_per_kwh / 1000 / runs);
  }
  if (largest_mw > 0) cost.site_power_largest_w = static_cast<double>(largest_mw) / 1000;
  if (slowed_ns > 0) cost.slowed_share = slowed_ns / served_ns;
  if (lost_ns > 0) {
    cost.lost_share = lost_ns / served_ns;
    const double useful_ns = as_double(span.busy_ns) - lost_ns;
    // What jobs lost is among it, and made no tokens.
    if (run.jobs.empty() && useful_ns > 0) {
      cost.lost_tokens_per_s =
          quotient(tokens.output * 1e9 * lost_ns / useful_ns, as_double(span.length_ns));
    }
  }
  if (exceeded_mw == 0 || span.length_ns == 0) return;
  cost.exceeded_share = std::min(1.0, exceeded_ns / as_double(span.length_ns));
  cost.exceeded_w = static_cast<double>(exceeded_mw) / 1000;
}

void add_money(const PhaseSpan& span, const PhaseTokens& tokens, double runs, PhaseCost& cost) {
  if (!span.cost_microusd) return;
  const double usd = as_double(*span.cost_microusd) / 1e6;
  cost.usd = usd / runs;
  cost.usd_per_hour = quotient(usd * kNsPerHour, as_double(span.length_ns));
  cost.usd_per_m_output_tokens = quotient(usd * 1e6, tokens.output);
  cost.usd_per_m_goodput_tokens = quotient(usd * 1e6, tokens.goodput);
}

/// Time in a phase in which replicas of a site were a job's, added up.
WideSum of_jobs_ns(const Run& run, std::size_t site, std::size_t phase) {
  WideSum sum = 0;
  for (const JobRecord& job : run.jobs) {
    if (site < run.fleet.sites.size() && job.site == run.fleet.sites[site]) {
      sum += job.phases.at(phase).replica_ns;
    }
  }
  return sum;
}

/// What of the capacity that serves was used, 0 .. 1; absent where that is not known.
std::optional<double> used_of_serving(const Run& run, const PhaseSpan& span,
                                      const PhaseTokens& tokens) {
  const std::optional<double> capacity = capacity_over(run, span);
  if (!capacity || *capacity <= 0 || span.length_ns == 0) return std::nullopt;
  return std::min(1.0, tokens.output * 1e9 / as_double(span.length_ns) / *capacity);
}

void add_use(const Run& run, std::size_t phase, const PhaseTokens& tokens, PhaseCost& cost) {
  const PhaseSpan& span = run.phases[phase];
  const std::optional<double> serving = used_of_serving(run, span, tokens);
  if (!serving || run.fleet.terms.size() != span.draws.size()) return;
  const double hours = as_double(span.length_ns) / kNsPerHour;
  double paid_usd = 0, used_usd = 0, compared_usd = 0, on_demand_usd = 0, at_full_usd = 0;
  for (std::size_t i = 0; i < span.draws.size(); ++i) {
    const SiteDraw& draw = span.draws[i];
    const SiteTerms& terms = run.fleet.terms[i];
    if (!has_contract(draw, terms)) continue;
    // What a job has is used.
    const WideSum of_jobs = of_jobs_ns(run, i, phase);
    const double used_ns = *serving * as_double(draw.replica_ns - of_jobs) + as_double(of_jobs);
    const double use = std::min(1.0, used_ns / as_double(draw.paid_replica_ns));
    const double usd = contract_usd(draw, terms);
    paid_usd += usd;
    used_usd += usd * use;
    if (!terms.on_demand_usd_per_accelerator_hour || terms.accelerators == 0) continue;
    const double full_usd = *terms.on_demand_usd_per_accelerator_hour *
                            static_cast<double>(terms.accelerators) *
                            as_double(draw.paid_replica_ns) / kNsPerHour;
    compared_usd += as_double(*draw.cost_microusd) / 1e6;
    at_full_usd += full_usd;
    on_demand_usd += full_usd * use;
  }
  if (paid_usd > 0) {
    cost.paid_use_share = used_usd / paid_usd;
    cost.idle_usd_per_hour = (paid_usd - used_usd) / hours;
  }
  if (at_full_usd > 0) {
    cost.contract_usd_per_hour = compared_usd / hours;
    cost.on_demand_usd_per_hour = on_demand_usd / hours;
    cost.break_even_use = compared_usd / at_full_usd;
    const bool all = compared_usd >= (1 - kRounding) * as_double(*span.cost_microusd) / 1e6;
    if (all) {
      cost.on_demand_usd_per_m_output_tokens = quotient(on_demand_usd * 1e6, tokens.output);
    }
  }
}

/// after - before; 0 where it is no more than what whole millionths of a dollar leave open.
std::optional<double> added(const std::optional<double>& before,
                            const std::optional<double>& after) {
  constexpr double kRounded = 1e-6;
  if (!before || !after) return std::nullopt;
  return std::abs(*after - *before) <= kRounded * *before ? 0 : *after - *before;
}

/// What was added, for each of the tokens that came besides.
std::optional<double> per_added(const std::optional<double>& more, const Gain* gain, double scale) {
  if (!more || gain == nullptr || !is_more(*gain)) return std::nullopt;
  return *more * scale / (*gain->after - *gain->before);
}

template <typename Has>
std::vector<std::string> sites_where(const Run& run, const Has& has) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::min(run.fleet.terms.size(), run.fleet.sites.size()); ++i) {
    if (has(run.fleet.terms[i])) names.push_back(run.fleet.sites[i]);
  }
  return names;
}

/// Of sites that lack something, where others do not.
template <typename Has>
std::vector<std::string> sites_that_lack(const Run& run, const Has& has) {
  std::vector<std::string> lack =
      sites_where(run, [&](const SiteTerms& terms) { return !has(terms); });
  if (lack.size() == run.fleet.terms.size()) lack.clear();
  return lack;
}

}  // namespace

double contract_usd(const SiteDraw& draw, const SiteTerms& terms) {
  const double electricity = kwh_of(draw) * terms.electricity_usd_per_kwh.value_or(0);
  return std::max(0.0, as_double(draw.cost_microusd.value_or(0)) / 1e6 - electricity);
}

std::vector<PhaseCost> phase_costs(const Run& run) {
  std::vector<PhaseCost> costs;
  const bool any = std::any_of(run.phases.begin(), run.phases.end(), [](const PhaseSpan& span) {
    return span.site_energy_fj || span.cost_microusd;
  });
  if (!any) return costs;
  for (std::size_t i = 0; i < run.phases.size(); ++i) {
    PhaseCost& cost = costs.emplace_back();
    cost.name = run.phases[i].name;
    const PhaseTokens tokens = tokens_of(run, i);
    add_energy(run, run.phases[i], tokens, static_cast<double>(run.runs), cost);
    add_money(run.phases[i], tokens, static_cast<double>(run.runs), cost);
    add_use(run, i, tokens, cost);
  }
  return costs;
}

const PhaseCost* find_cost(const std::vector<PhaseCost>& costs, std::string_view name) {
  const auto found = std::find_if(costs.begin(), costs.end(),
                                  [&](const PhaseCost& cost) { return cost.name == name; });
  return found == costs.end() ? nullptr : &*found;
}

bool is_more(const Gain& gain) {
  constexpr double kLeast = 0.01;
  if (!gain.before || !gain.after || *gain.after <= *gain.before) return false;
  if (gain.change.interval) return gain.shown() && gain.better();
  return *gain.after - *gain.before >= kLeast * *gain.before;
}

std::optional<MarginalCost> marginal_cost(const std::vector<PhaseCost>& costs,
                                          const std::vector<Gain>& gains) {
  const PhaseCost* const before = find_cost(costs, "before");
  const PhaseCost* const after = find_cost(costs, "after");
  if (before == nullptr || after == nullptr) return std::nullopt;
  const bool money = before->usd_per_hour && after->usd_per_hour;
  if (!money && !(before->site_power_mean_w && after->site_power_mean_w)) return std::nullopt;
  constexpr double kMPerHour = 1e6 / 3600;  // million tokens in an hour, from tokens/s
  const Gain* const throughput = find_gain(gains, "throughput");
  const Gain* const goodput = find_gain(gains, "goodput");
  MarginalCost marginal;
  marginal.usd_per_hour = added(before->usd_per_hour, after->usd_per_hour);
  marginal.usd_per_m_output_tokens = per_added(marginal.usd_per_hour, throughput, kMPerHour);
  marginal.usd_per_m_goodput_tokens = per_added(marginal.usd_per_hour, goodput, kMPerHour);
  marginal.j_per_output_token =
      per_added(added(before->site_power_mean_w, after->site_power_mean_w), throughput, 1);
  if (throughput == nullptr || !is_more(*throughput)) {
    marginal.reason = "throughput is not shown to have risen";
  }
  return marginal;
}

std::vector<std::string> sites_of_assumed_power(const Run& run) {
  return sites_where(
      run, [](const SiteTerms& terms) { return terms.states_power && terms.power_assumed; });
}

std::vector<std::string> sites_without_power(const Run& run) {
  return sites_that_lack(run, [](const SiteTerms& terms) { return terms.states_power; });
}

std::vector<std::string> sites_without_price(const Run& run) {
  return sites_that_lack(run, [](const SiteTerms& terms) { return terms.has_price; });
}

}  // namespace tokenlift
