#pragma once
// Numbers as people read them: three significant digits or whole, in the unit that suits them.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tokenlift {

/// Nanoseconds as seconds.
constexpr double seconds(std::int64_t ns) {
  return static_cast<double>(ns) / 1e9;
}

/// A whole number with thousands separators: 1,234,567.
std::string whole_figure(std::uint64_t value);

/// Three significant digits, whole from 100 on: 0.0297, 4.5 -> 4.50, 1,234. Zero is "0".
std::string figure(double value);

/// A value and its standard error in two significant digits: "448 ± 6.2".
std::string figure_with_error(double value, double error);

/// What stands where there is no figure.
inline constexpr const char* kAbsent = "–";

/// figure() with as many digits more as it takes to stand on the side of the limit that the value
/// stands on: 10.04 beside 10 is "10.04", not "10.0".
std::string figure_beside(double value, double limit);

/// figure() of a value, scaled, or kAbsent.
std::string figure_or_absent(const std::optional<double>& value, double scale = 1);

/// As short as it can be, for limits, which are round numbers: 0.99, 100.
std::string limit_figure(double value);

/// A share of 0 .. 1: "71.4 %", "99.98 %"; 100 % is all.
std::string percent_figure(double share);

/// An instant in seconds with as many decimals as it needs, from one to three: "15.0", "2.125".
std::string second_figure(std::int64_t ns);

/// "a, b and c", with `last` before the last one.
std::string listed(std::span<const std::string> words, std::string_view last);

/// figure() with its sign, also where it is none: "+12.3", "-4.00", "+0".
std::string signed_figure(double value);

/// A base of so little beside the value, or of 0, has no ratio that says anything.
constexpr bool near_zero(double base, double value) {
  constexpr double kNearZero = 0.01;
  const double least = kNearZero * (value < 0 ? -value : value);
  return base == 0 || (base < 0 ? -base : base) < least;
}

/// What one value becomes beside another: "x2.45", or the difference ("+12.3") where the base is
/// near_zero().
std::string change_figure(double base, double value);

/// Watts in the unit that suits them, up to GW: "700 W", "4.21 kW", "253 MW".
std::string power_figure(double power_w);

struct DurationUnit {
  std::string_view name;  ///< ns, µs, ms or s
  double ns = 1;
};

/// One unit for durations that are shown side by side: that of the longest, or the next smaller one
/// where the shortest (but 0) would be under a tenth of it and the longest stays under 100,000. ms
/// where all are 0 or there is none.
DurationUnit duration_unit(std::span<const double> durations_ns);

/// One duration in the unit that suits it: "28.0 ms".
std::string duration_figure(double duration_ns);
std::string duration_figure(std::int64_t duration_ns);

}  // namespace tokenlift
