#pragma once
// Random power and prices of sites.

#include <rapidcheck.h>

#include <cstdint>

#include "tests/workloads/reader/random_values.hpp"
#include "workloads/plan/power_plan.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift::random_parts {

// Of an accelerator, within what its board draws, or of any.
inline AcceleratorPower random_power(double board_w) {
  AcceleratorPower power;
  const double most_w = board_w > 0 ? board_w : 1e4;
  power.prompt_w = most_w * random_double(0.5, 1);
  power.decode_high_w = most_w * random_double(0.5, 1);
  power.decode_low_w = power.decode_high_w * *rc::gen::element(0.6, 1.0);
  if (power.decode_low_w < power.decode_high_w) power.decode_middle_log2 = random_double(1, 9);
  power.idle_w = most_w * random_double(0, 0.3);
  power.source = random_text();
  power.assumed = *rc::gen::arbitrary<bool>();
  return power;
}

inline std::int64_t random_milli() {
  return *rc::gen::inRange<std::int64_t>(1, 1'000'000'000'000'000);
}

// With a limit above what the site draws idle.
inline PowerSettings random_power_settings(const Scenario& scenario, Site site,
                                           const AcceleratorPower& accelerator) {
  PowerSettings power;
  power.pue = random_double(1, 2);
  power.per_accelerator_mw = *rc::gen::inRange<std::int64_t>(0, 1'000'000);
  if (*rc::gen::arbitrary<bool>()) power.control_ns = random_ns(kS);
  if (accelerator.decode_low_w < accelerator.decode_high_w) {
    power.when_over = *rc::gen::element(WhenOver::slow, WhenOver::batch);
  }
  if (*rc::gen::arbitrary<bool>()) power.battery = Battery{random_milli(), random_milli()};
  if (*rc::gen::arbitrary<bool>()) return power;
  site.power = power;
  power.limit_mw = site_bounds(scenario, site)->idle_mw + 1 + random_milli() / 2;
  return power;
}

// In virtual time. Profiles whose sites state none are left without.
inline void add_power(Scenario& scenario) {
  for (Profile& profile : scenario.profiles) {
    if (!profile.accelerator) continue;
    profile.accelerator->power = random_power(profile.accelerator->power_w);
    bool used = false;
    for (Site& site : scenario.fleet.sites) {
      if (site.profile != profile.name || *rc::gen::arbitrary<bool>()) continue;
      const auto longest_ps =
          price_of(profile).longest_ps(site.max_batch, site.max_step_tokens, site.kv_tokens);
      if (!longest_ps || *longest_ps > kLongestStepPs / kMostSlowing) continue;
      site.power = random_power_settings(scenario, site, *profile.accelerator->power);
      used = true;
    }
    if (!used) profile.accelerator->power.reset();
  }
}

/// `counted`: the accelerators of a replica are. Without what goes by the energy of a site.
inline Price random_price(bool counted) {
  Price price;
  if (!counted || *rc::gen::arbitrary<bool>()) {
    price.usd_per_month = random_double(0, kMostUsdPerMonth);
  } else {
    price.usd_per_accelerator_hour = random_double(0, kMostUsdPerHour);
    price.when_serving = *rc::gen::arbitrary<bool>();
  }
  if (counted && !price.when_serving && *rc::gen::arbitrary<bool>()) {
    price.on_demand_usd_per_accelerator_hour = random_double(0, kMostUsdPerHour);
  }
  return price;
}

}  // namespace tokenlift::random_parts
