#pragma once
// Values with units, as the scenario language writes them: "2.5s", "30000/min".

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tokenlift {

/// Nanoseconds as seconds.
constexpr double to_s(std::int64_t ns) {
  return static_cast<double>(ns) / 1e9;
}

/// What was read, or why it can't be. Exactly one of `value` and `problem` is set.
template <typename Value>
struct Quantity {
  std::optional<Value> value;
  std::string problem;  ///< one sentence that fits behind the key's name
  std::string advice;   ///< what to write instead; may be empty
};

/// No duration is longer: 10,000 days, so that sums of a few of them stay within int64.
inline constexpr std::int64_t kLongestDurationNs = 10'000LL * 86'400 * 1'000'000'000;

/// No cost is higher: 1000 s, which is also more than any step may take.
inline constexpr std::int64_t kLongestCostPs = 1'000'000'000'000'000;

/// No power is larger: 1000 GW.
inline constexpr std::int64_t kMostPowerMw = 1'000'000'000'000'000;

/// No energy is larger: 1000 GWh.
inline constexpr std::int64_t kMostEnergyMilliwattH = 1'000'000'000'000'000;

/// No rate is higher, per second.
inline constexpr double kHighestRatePerS = 1e12;

/// Shares of the fleet's capacity.
inline constexpr double kLoadMin = 1e-9;
inline constexpr double kLoadMax = 1e6;

/// No limit of a throttle is larger, in its unit: a million times that still fits int64.
inline constexpr double kLargestLimit = 1e12;

/// A decimal number and one of ns, us, ms, s, min, h, d without a space between them, rounded to
/// whole ns: "15s", "1.5s", "250ms". At least 0, at most kLongestDurationNs.
Quantity<std::int64_t> parse_duration_ns(std::string_view text);

/// What a step, a sequence or a token costs: a duration in ps, ns, us, ms or s, rounded to whole
/// ps: "6.28ms", "41.1ns", "0.976ns", "41100ps". At least 0, at most kLongestCostPs.
Quantity<std::int64_t> parse_cost_ps(std::string_view text);

/// Power in W, kW, MW or GW, rounded to whole milliwatts: "300MW", "75W". At least 0, at most
/// kMostPowerMw.
Quantity<std::int64_t> parse_power_mw(std::string_view text);

/// Energy in Wh, kWh, MWh or GWh, rounded to whole milliwatt-hours: "150MWh". At least 0, at most
/// kMostEnergyMilliwattH.
Quantity<std::int64_t> parse_energy_milliwatt_h(std::string_view text);

/// A decimal number, optionally k (1e3) or M (1e6), and one of /s, /min, /h, /d: "12/s", "2M/min".
/// More than 0, at most kHighestRatePerS.
Quantity<double> parse_rate_per_s(std::string_view text);

/// The duration in the largest unit that writes it with at most nine decimals: exact, so it reads
/// back equal. "90s", "1.5s", "250ms", "0s". `ns` is in [0, kLongestDurationNs].
std::string format_duration(std::int64_t ns);

/// The cost in the largest unit from ps to s that is not more than it; reads back equal. "41.1ns",
/// "6.28ms", "0s". `ps` is in [0, kLongestCostPs].
std::string format_cost(std::int64_t ps);

/// The power in the largest unit from W to GW that is not more than it; reads back equal. "300MW",
/// "0.5W", "0W". `mw` is in [0, kMostPowerMw].
std::string format_power(std::int64_t mw);
/// The same of energy: "150MWh".
std::string format_energy(std::int64_t milliwatt_h);

/// "12.5/s", "3/d": the shortest text that reads back equal, per second where that takes a number
/// of 8 characters or fewer.
std::string format_rate(double per_s);

/// The shortest decimal that reads back equal; whole numbers without a point.
std::string format_number(double value);

}  // namespace tokenlift
