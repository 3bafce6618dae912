#include "bench/run/bill.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "workloads/plan/fleet_plan.hpp"

namespace tokenlift {

namespace {

constexpr WideSum kFjPerKwh = WideSum{kHourNs} * 1'000'000'000;  // 1 kW for a ns is 10^9 fJ

WideSum microusd_of(double dollars) {
  return std::llround(dollars * 1e6);
}

/// An account on which amounts are paid for: so many millionths of a dollar for every `unit`.
class Account {
 public:
  Account(double usd, WideSum unit) : microusd_(microusd_of(usd)), unit_(unit) {}

  /// What this amount costs: the whole sum so far, rounded down, less what was charged before.
  WideSum charge(WideSum amount) {
    amount_ += amount;
    const WideSum sum = amount_ / unit_ * microusd_ + amount_ % unit_ * microusd_ / unit_;
    const WideSum charged = sum - charged_;
    charged_ = sum;
    return charged;
  }

 private:
  WideSum microusd_;
  WideSum unit_;
  WideSum amount_ = 0;
  WideSum charged_ = 0;
};

const Accelerator* accelerator_of(const Scenario& scenario, const Site& site) {
  const Profile* const profile = own_profile(scenario, site);
  return profile != nullptr && profile->accelerator ? &*profile->accelerator : nullptr;
}

std::int64_t accelerators_of(const Scenario& scenario, const Site& site) {
  const Accelerator* const accelerator = accelerator_of(scenario, site);
  return accelerator != nullptr ? accelerator->count : 0;
}

/// Time within the phase for which replicas of the site are there, added up; without its spares.
WideSum there_ns(const std::vector<ServingSpan>& spans, std::size_t site, const PhaseSpan& phase) {
  WideSum sum = 0;
  for (std::size_t i = 0; i < spans.size(); ++i) {
    const std::int64_t end_ns =
        i + 1 < spans.size() ? std::min(spans[i + 1].at_ns, phase.end_ns) : phase.end_ns;
    const std::int64_t begin_ns = std::max(spans[i].at_ns, phase.begin_ns);
    if (begin_ns < end_ns) sum += WideSum{spans[i].replicas[site]} * (end_ns - begin_ns);
  }
  return sum;
}

void add_site(const Scenario& played, std::size_t index, const std::vector<ServingSpan>& there,
              Run& run) {
  const Site& site = played.fleet.sites[index];
  if (!site.cost) return;
  const SiteCost& cost = *site.cost;
  const Price price = cost.price.value_or(Price{});
  const std::int64_t accelerators = accelerators_of(played, site);
  Account by_month(price.usd_per_month.value_or(0), WideSum{site.replicas} * kMonthNs);
  Account by_hour(price.usd_per_accelerator_hour.value_or(0), kHourNs);
  Account electricity(cost.electricity_usd_per_kwh.value_or(0), kFjPerKwh);
  const bool is_paid = cost.price || cost.electricity_usd_per_kwh;
  for (PhaseSpan& phase : run.phases) {
    SiteDraw& draw = phase.draws.at(index);
    const WideSum here_ns = there_ns(there, index, phase);
    if (cost.price) {
      draw.paid_replica_ns = price.when_serving
                                 ? draw.replica_ns
                                 : here_ns + WideSum{site.spares} * (phase.end_ns - phase.begin_ns);
    }
    if (!is_paid) continue;
    draw.cost_microusd = by_month.charge(here_ns) +
                         by_hour.charge(draw.paid_replica_ns * accelerators) +
                         electricity.charge(draw.site_energy_fj);
    phase.cost_microusd = phase.cost_microusd.value_or(0) + *draw.cost_microusd;
  }
}

}  // namespace

std::vector<SiteTerms> site_terms(const Scenario& scenario) {
  std::vector<SiteTerms> all;
  bool any = false;
  for (const Site& site : scenario.fleet.sites) {
    SiteTerms& terms = all.emplace_back();
    terms.accelerators = accelerators_of(scenario, site);
    if (site.power) {
      any = true;
      terms.states_power = true;
      const Accelerator* const accelerator = accelerator_of(scenario, site);
      terms.power_assumed =
          accelerator != nullptr && accelerator->power && accelerator->power->assumed;
    }
    if (!site.cost) continue;
    any = true;
    terms.electricity_usd_per_kwh = site.cost->electricity_usd_per_kwh;
    terms.carbon_g_per_kwh = site.cost->carbon_g_per_kwh;
    if (!site.cost->price) continue;
    terms.has_price = true;
    terms.when_serving = site.cost->price->when_serving;
    terms.on_demand_usd_per_accelerator_hour = site.cost->price->on_demand_usd_per_accelerator_hour;
  }
  if (!any) all.clear();
  return all;
}

void add_costs(const Scenario& played, Run& run) {
  const bool recorded =
      std::ranges::none_of(run.phases, [](const PhaseSpan& phase) { return phase.draws.empty(); });
  if (!recorded) return;
  const std::vector<ServingSpan> there = there_over_time(played);
  for (std::size_t site = 0; site < played.fleet.sites.size(); ++site) {
    add_site(played, site, there, run);
  }
}

}  // namespace tokenlift
