#pragma once
// What a site is paid for: its accelerators, the electricity that it draws, and the carbon of that.
//
// Dollars. A month is a twelfth of 365.25 days, 730.5 hours.

#include <cstdint>
#include <optional>

namespace tokenlift {

inline constexpr std::int64_t kHourNs = 3'600'000'000'000;
inline constexpr std::int64_t kMonthNs = kHourNs * 1461 / 2;

// No price is higher: so sums of money over any run fit 128 bits.
inline constexpr double kMostUsdPerMonth = 1e10;
inline constexpr double kMostUsdPerHour = 1e6;
inline constexpr double kMostUsdPerKwh = 1000;
inline constexpr double kMostGramsPerKwh = 1e6;

/// Of a site's accelerators. Exactly one of the first two is set.
struct Price {
  /// For all `replicas` of the site, with its spares, used or not; while fewer have joined, or some
  /// have left, their share of it.
  std::optional<double> usd_per_month = {};
  std::optional<double> usd_per_accelerator_hour = {};
  /// Of the second: for the time that replicas serve (on demand). Else from when a replica joins
  /// until it has left, and of every spare, used or not.
  bool when_serving = false;
  /// What an accelerator of the kind costs elsewhere on demand, an hour: to compare with.
  std::optional<double> on_demand_usd_per_accelerator_hour = {};
  bool operator==(const Price&) const = default;
};

struct SiteCost {
  std::optional<Price> price = {};
  std::optional<double> electricity_usd_per_kwh = {};  ///< of all that the site draws
  std::optional<double> carbon_g_per_kwh = {};
  bool operator==(const SiteCost&) const = default;
};

}  // namespace tokenlift
