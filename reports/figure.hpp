#pragma once
// Numbers as people read them: three significant digits or whole, in the unit that suits them.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tokenlift {

/// A whole number with thousands separators: 1,234,567.
std::string whole_figure(std::uint64_t value);

/// Three significant digits, whole from 100 on: 0.0297, 4.5 -> 4.50, 1,234. Zero is "0".
std::string figure(double value);

/// What one value becomes beside another: "x2.45", or the difference ("+12.3") where `base` is 0.
std::string change_figure(double base, double value);

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

}  // namespace tokenlift
