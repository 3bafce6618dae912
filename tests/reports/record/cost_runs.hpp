#pragma once
// Runs made by hand that drew power and cost money, in round figures.

#include "tests/reports/record/sample_runs.hpp"

namespace tokenlift {

inline constexpr WideSum kFjPerKj = WideSum{1'000'000'000} * 1'000'000'000;

/// The run of sample_runs.hpp on engine virtual: 2,000 tokens/s before and 3,000 after, of a
/// capacity of 3,500. Its one site has two replicas of four accelerators, costs $36 an hour by
/// contract (on demand the accelerators cost $48), and draws 10 kW before and 12 kW after.
inline Run cost_run() {
  Run run = lift_run();
  run.engine = "virtual";
  run.capacity_source = "computed";
  run.fleet = {{"hall"}, {{0, {2}, 3500.0}}};
  SiteTerms terms;
  terms.accelerators = 4;
  terms.states_power = true;
  terms.has_price = true;
  terms.on_demand_usd_per_accelerator_hour = 6;
  terms.carbon_g_per_kwh = 360;
  run.fleet.terms = {terms};
  for (std::size_t i = 0; i < run.phases.size(); ++i) {
    PhaseSpan& phase = run.phases[i];
    const auto length_s = static_cast<std::int64_t>(phase.length_ns / kSecondNs);
    SiteDraw draw;
    draw.replica_ns = draw.paid_replica_ns = 2 * phase.length_ns;
    draw.site_energy_fj = kFjPerKj * (i == 0 ? 10 : 12) * length_s;
    draw.energy_fj = draw.site_energy_fj / 2;
    draw.largest_mw = i == 0 ? 11'000'000 : 14'000'000;
    draw.cost_microusd = WideSum{10'000} * length_s;
    phase.energy_fj = draw.energy_fj;
    phase.site_energy_fj = draw.site_energy_fj;
    phase.cost_microusd = draw.cost_microusd;
    phase.draws = {draw};
  }
  return run;
}

/// The same at another price per hour in `after`.
inline Run cost_run_after(double usd_per_hour) {
  Run run = cost_run();
  PhaseSpan& after = run.phases[2];
  const auto microusd = static_cast<std::int64_t>(usd_per_hour * 1e6 / 3600 * 18);
  after.cost_microusd = after.draws[0].cost_microusd = microusd;
  return run;
}

}  // namespace tokenlift
