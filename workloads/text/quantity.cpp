#include "workloads/text/quantity.hpp"

#include <array>
#include <cassert>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <span>

#include "workloads/text/mistake.hpp"

namespace tokenlift {

namespace {

// Ascending; `ticks` are whole ns, ps, milliwatts or milliwatt-hours.
struct UnitOfTicks {
  std::string_view name;
  std::int64_t ticks;
};
constexpr std::array<UnitOfTicks, 7> kUnitsInNs = {{{"ns", 1},
                                                    {"us", 1'000},
                                                    {"ms", 1'000'000},
                                                    {"s", 1'000'000'000},
                                                    {"min", 60'000'000'000},
                                                    {"h", 3'600'000'000'000},
                                                    {"d", 86'400'000'000'000}}};
constexpr std::array<UnitOfTicks, 5> kUnitsInPs = {
    {{"ps", 1}, {"ns", 1'000}, {"us", 1'000'000}, {"ms", 1'000'000'000}, {"s", 1'000'000'000'000}}};

constexpr std::array<UnitOfTicks, 4> kUnitsOfPower = {
    {{"W", 1'000}, {"kW", 1'000'000}, {"MW", 1'000'000'000}, {"GW", 1'000'000'000'000}}};
constexpr std::array<UnitOfTicks, 4> kUnitsOfEnergy = {
    {{"Wh", 1'000}, {"kWh", 1'000'000}, {"MWh", 1'000'000'000}, {"GWh", 1'000'000'000'000}}};

struct QuantityForm {
  std::string_view noun;
  std::span<const UnitOfTicks> units;
  std::int64_t most_ticks;
  std::string_view most;
  std::string_view too_much;
  // What a number without a unit may have meant: "s" for "seconds".
  std::array<std::array<std::string_view, 2>, 2> likely_units;
  std::string_view advice;
};
constexpr std::array<std::array<std::string_view, 2>, 2> kLikelyTimes = {
    {{"s", "seconds"}, {"ms", "milliseconds"}}};

struct RatePeriod {
  std::string_view name;
  double s;
};
constexpr std::array<RatePeriod, 4> kRatePeriods = {
    {{"/s", 1}, {"/min", 60}, {"/h", 3600}, {"/d", 86400}}};

constexpr QuantityForm kDuration = {
    "a duration",
    kUnitsInNs,
    kLongestDurationNs,
    "10000d",
    "is too long",
    kLikelyTimes,
    R"(write a number and a unit (ns, us, ms, s, min, h or d), for example "15s" or "1.5s")"};
constexpr QuantityForm kCost = {
    "a duration",
    kUnitsInPs,
    kLongestCostPs,
    "1000s",
    "is too long",
    kLikelyTimes,
    R"(write a number and a unit (ps, ns, us, ms or s), for example "6.28ms" or "41.1ns")"};
constexpr QuantityForm kPower = {
    "a power",
    kUnitsOfPower,
    kMostPowerMw,
    "1000GW",
    "is too large",
    {{{"W", "watts"}, {"MW", "megawatts"}}},
    R"(write a number and a unit (W, kW, MW or GW), for example "300MW" or "700W")"};
constexpr QuantityForm kEnergy = {
    "an energy",
    kUnitsOfEnergy,
    kMostEnergyMilliwattH,
    "1000GWh",
    "is too large",
    {{{"kWh", "kilowatt-hours"}, {"MWh", "megawatt-hours"}}},
    R"(write a number and a unit (Wh, kWh, MWh or GWh), for example "150MWh")"};
constexpr std::string_view kRateAdvice =
    "write a number per time (/s, /min, /h or /d; k and M multiply), for example \"12/s\" or "
    "\"500k/min\"";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// The number that `text` begins with: digits, one point at most, nothing else.
std::string_view leading_decimal(std::string_view text) {
  std::size_t end = 0;
  bool point = false;
  while (end < text.size() && (is_digit(text[end]) || (text[end] == '.' && !point))) {
    point = point || text[end] == '.';
    ++end;
  }
  return text.substr(0, end);
}

bool has_digit(std::string_view text) {
  return text.find_first_of("0123456789") != std::string_view::npos;
}

template <typename Value>
Quantity<Value> failure(std::string problem, std::string_view advice) {
  return {std::nullopt, std::move(problem), std::string(advice)};
}

// decimal * unit, rounded half up; nothing if it is more than `longest`. In integers: "0.1s" must
// be 100'000'000 ns and not what a double makes of it.
std::optional<std::int64_t> scale(std::string_view decimal, std::int64_t unit,
                                  std::int64_t longest) {
  std::size_t i = 0;
  std::int64_t whole = 0;
  for (; i < decimal.size() && decimal[i] != '.'; ++i) {
    whole = whole * 10 + (decimal[i] - '0');
    if (whole > longest / unit) return std::nullopt;
  }
  // Digit by digit as in a long division: the remainder stays below ten units.
  std::int64_t place = unit;  // what one of the digit is worth, floored
  __extension__ using Wide = unsigned __int128;
  Wide fraction = 0;
  Wide scale_of_fraction = 1;
  for (++i; i < decimal.size() && place > 0; ++i) {
    fraction = fraction * 10 + static_cast<Wide>(decimal[i] - '0');
    scale_of_fraction *= 10;
    place /= 10;
  }
  // At most 15 digits are taken (a day is 8.64e13 ns), so all of it is below 1e15 * 8.64e13 < 2^97.
  const Wide fraction_ticks =
      (fraction * static_cast<Wide>(unit) * 2 + scale_of_fraction) / (scale_of_fraction * 2);
  const std::int64_t result = whole * unit + static_cast<std::int64_t>(fraction_ticks);
  if (result > longest) return std::nullopt;
  return result;
}

Quantity<std::int64_t> parse_in(const QuantityForm& form, std::string_view text) {
  if (text.starts_with('-')) {
    return failure<std::int64_t>(in_quotes(text) + " is negative",
                                 std::string(form.noun) + " is 0 or more");
  }
  const std::string_view decimal = leading_decimal(text);
  const std::string_view unit_name = text.substr(decimal.size());
  if (!has_digit(decimal)) {
    return failure<std::int64_t>(in_quotes(text) + " is not " + std::string(form.noun),
                                 form.advice);
  }
  if (unit_name.empty()) {
    const auto likely = [&](std::size_t i) {
      const auto& [unit, units] = form.likely_units[i];
      return in_quotes(std::string(text) + std::string(unit)) + " for " + std::string(units);
    };
    return failure<std::int64_t>(in_quotes(text) + " has no unit",
                                 "write " + likely(0) + ", or " + likely(1));
  }
  for (const UnitOfTicks& unit : form.units) {
    if (unit.name != unit_name) continue;
    if (const auto ticks = scale(decimal, unit.ticks, form.most_ticks)) return {ticks, "", ""};
    return failure<std::int64_t>(in_quotes(text) + " " + std::string(form.too_much),
                                 std::string(form.most) + " is the most");
  }
  return failure<std::int64_t>(in_quotes(text) + " has an unknown unit " + in_quotes(unit_name),
                               form.advice);
}

// In the largest of the units, all powers of ten, that is not more, else in the first: exact.
std::string with_decimals(std::span<const UnitOfTicks> decimal_units, std::int64_t ticks) {
  std::size_t index = decimal_units.size() - 1;
  while (index > 0 && ticks < decimal_units[index].ticks) --index;
  const UnitOfTicks& unit = decimal_units[index];
  std::string text = std::to_string(ticks / unit.ticks);
  if (const std::int64_t rest = ticks % unit.ticks; rest != 0) {
    // unit.ticks is a power of ten, so unit.ticks + rest has the rest's digits, zeros in front
    // included.
    std::string digits = std::to_string(unit.ticks + rest).substr(1);
    digits.erase(digits.find_last_not_of('0') + 1);
    text += "." + digits;
  }
  return text + std::string(unit.name);
}

}  // namespace

Quantity<std::int64_t> parse_duration_ns(std::string_view text) {
  return parse_in(kDuration, text);
}

Quantity<std::int64_t> parse_cost_ps(std::string_view text) {
  return parse_in(kCost, text);
}

Quantity<std::int64_t> parse_power_mw(std::string_view text) {
  return parse_in(kPower, text);
}

Quantity<std::int64_t> parse_energy_milliwatt_h(std::string_view text) {
  return parse_in(kEnergy, text);
}

Quantity<double> parse_rate_per_s(std::string_view text) {
  const std::size_t slash = text.find('/');
  std::string_view number = text.substr(0, slash);
  double factor = 1;
  if (number.ends_with('k') || number.ends_with('M')) {
    factor = number.ends_with('k') ? 1e3 : 1e6;
    number.remove_suffix(1);
  }
  double value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  const bool whole_read = error == std::errc() && end == number.data() + number.size();
  if (!whole_read || !has_digit(number)) {
    return failure<double>(in_quotes(text) + " is not a rate", kRateAdvice);
  }
  if (slash == std::string_view::npos) {
    return failure<double>(in_quotes(text) + " doesn't say per what",
                           "write " + in_quotes(std::string(text) + "/s") + " or " +
                               in_quotes(std::string(text) + "/min"));
  }
  const std::string_view period_name = text.substr(slash);
  for (const RatePeriod& period : kRatePeriods) {
    if (period.name != period_name) continue;
    const double per_s = value * factor / period.s;
    if (!(per_s > 0)) {
      return failure<double>(in_quotes(text) + " is not more than 0", "a rate is more than 0");
    }
    if (per_s > kHighestRatePerS) {
      return failure<double>(in_quotes(text) + " is too high", "1e12/s is the most");
    }
    return {per_s, "", ""};
  }
  return failure<double>(in_quotes(text) + " has an unknown period " + in_quotes(period_name),
                         kRateAdvice);
}

std::string format_duration(std::int64_t ns) {
  assert(ns >= 0 && ns <= kLongestDurationNs);
  if (ns == 0) return "0s";
  // Whole days, hours and minutes; from seconds down decimals are exact.
  constexpr std::size_t kDecimalUnits = 4;
  for (std::size_t i = kUnitsInNs.size(); i-- > kDecimalUnits;) {
    const UnitOfTicks& unit = kUnitsInNs[i];
    if (ns % unit.ticks == 0) return std::to_string(ns / unit.ticks) + std::string(unit.name);
  }
  return with_decimals(std::span(kUnitsInNs).first(kDecimalUnits), ns);
}

std::string format_cost(std::int64_t ps) {
  assert(ps >= 0 && ps <= kLongestCostPs);
  return ps == 0 ? "0s" : with_decimals(kUnitsInPs, ps);
}

std::string format_power(std::int64_t mw) {
  assert(mw >= 0 && mw <= kMostPowerMw);
  return with_decimals(kUnitsOfPower, mw);
}

std::string format_energy(std::int64_t milliwatt_h) {
  assert(milliwatt_h >= 0 && milliwatt_h <= kMostEnergyMilliwattH);
  return with_decimals(kUnitsOfEnergy, milliwatt_h);
}

std::string format_rate(double per_s) {
  constexpr std::size_t kShortNumber = 8;
  std::string shortest = format_number(per_s) + "/s";
  if (shortest.size() <= kShortNumber + 2) return shortest;
  // A rate of a whole number per minute, hour or day is rarely a short one per second.
  for (const RatePeriod& period : kRatePeriods) {
    std::string text = format_number(per_s * period.s) + std::string(period.name);
    const bool is_short = text.size() <= kShortNumber + period.name.size();
    if (is_short && text.size() < shortest.size() && parse_rate_per_s(text).value == per_s) {
      shortest = std::move(text);
    }
  }
  return shortest;
}

std::string format_number(double value) {
  assert(std::isfinite(value));
  std::array<char, 32> buffer{};
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  assert(error == std::errc());
  return {buffer.data(), end};
}

}  // namespace tokenlift
