#include "reports/text/figure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <utility>

namespace tokenlift {
namespace {

constexpr std::array<DurationUnit, 4> kUnits = {{{"s", 1e9}, {"ms", 1e6}, {"µs", 1e3}, {"ns", 1}}};

}  // namespace

std::string whole_figure(std::uint64_t value) {
  std::string digits = std::to_string(value);
  for (std::size_t i = digits.size(); i > 3;) {
    i -= 3;
    digits.insert(i, 1, ',');
  }
  return digits;
}

std::string figure(double value) {
  if (!std::isfinite(value)) return fmt::format("{}", value);
  const double size = std::abs(value);
  const char* const sign = value < 0 ? "-" : "";
  if (size == 0) return "0";
  if (size >= 1e15 || size < 1e-4) return fmt::format("{:.3g}", value);
  // Each bound is where rounding would make one digit more.
  if (size >= 99.95) {
    return fmt::format("{}{}", sign, whole_figure(static_cast<std::uint64_t>(std::llround(size))));
  }
  int decimals = 1;
  double bound = 9.995;
  while (size < bound) {
    bound /= 10;
    ++decimals;
  }
  return fmt::format("{}{:.{}f}", sign, size, decimals);
}

std::string figure_with_error(double value, double error) {
  const std::string digits = error < 99.5
                                 ? fmt::format("{:.2g}", error)
                                 : whole_figure(static_cast<std::uint64_t>(std::llround(error)));
  return fmt::format("{} ± {}", figure(value), digits);
}

std::string figure_beside(double value, double limit) {
  std::string text = figure(value);
  const auto on_its_side = [&] {
    std::string digits = text;
    std::erase(digits, ',');
    const double shown = std::strtod(digits.c_str(), nullptr);
    return (shown < limit) == (value < limit) && (shown > limit) == (value > limit);
  };
  if (!std::isfinite(value)) return text;
  for (int digits = 4; digits <= 17 && !on_its_side(); ++digits) {
    text = fmt::format("{:.{}g}", value, digits);
  }
  return text;
}

std::string figure_or_absent(const std::optional<double>& value, double scale) {
  return value ? figure(*value * scale) : kAbsent;
}

std::string limit_figure(double value) {
  return value >= 1000 ? figure(value) : fmt::format("{:.3g}", value);
}

std::string percent_figure(double share) {
  // What is short of all is never called all.
  return (share < 1 ? figure_beside(share * 100, 100) : figure(share * 100)) + " %";
}

std::string second_figure(std::int64_t ns) {
  std::string text = fmt::format("{:.3f}", static_cast<double>(ns) / 1e9);
  while (text.back() == '0' && text[text.size() - 2] != '.') text.pop_back();
  return text;
}

std::string listed(std::span<const std::string> words, std::string_view last) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) out += i + 1 == words.size() ? fmt::format(" {} ", last) : ", ";
    out += words[i];
  }
  return out;
}

std::string signed_figure(double value) {
  return fmt::format("{}{}", value < 0 ? "" : "+", figure(value));
}

std::string change_figure(double base, double value) {
  if (!near_zero(base, value) && base * value >= 0) return fmt::format("x{}", figure(value / base));
  return signed_figure(value - base);
}

std::string power_figure(double power_w) {
  constexpr std::array<std::pair<double, const char*>, 3> kPowerUnits = {
      {{1e9, "GW"}, {1e6, "MW"}, {1e3, "kW"}}};
  for (const auto& [watts, name] : kPowerUnits) {
    if (power_w >= watts) return figure(power_w / watts) + " " + name;
  }
  return figure(power_w) + " W";
}

DurationUnit duration_unit(std::span<const double> durations_ns) {
  double longest = 0;
  double shortest = INFINITY;
  for (const double duration : durations_ns) {
    longest = std::max(longest, duration);
    if (duration > 0) shortest = std::min(shortest, duration);
  }
  if (longest == 0) return kUnits[1];
  std::size_t unit = 0;
  while (unit + 1 < kUnits.size() && longest < kUnits[unit].ns) ++unit;
  if (unit + 1 < kUnits.size() && shortest < kUnits[unit].ns / 10 &&
      longest < kUnits[unit + 1].ns * 1e5) {
    ++unit;
  }
  return kUnits[unit];
}

std::string duration_figure(double duration_ns) {
  const DurationUnit unit = duration_unit({&duration_ns, 1});
  return fmt::format("{} {}", figure(duration_ns / unit.ns), unit.name);
}

std::string duration_figure(std::int64_t duration_ns) {
  return duration_figure(static_cast<double>(duration_ns));
}

}  // namespace tokenlift
