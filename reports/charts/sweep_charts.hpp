#pragma once
// The charts of one sweep, or of several laid over each other.

#include <string>
#include <string_view>
#include <vector>

#include "reports/charts/chart.hpp"
#include "reports/findings/sweep_report.hpp"

namespace tokenlift {

inline constexpr std::string_view kSweepLatency = "Latency over load";
inline constexpr std::string_view kSweepThroughput = "Throughput over load";
inline constexpr std::string_view kSweepCost = "Cost over load";
inline constexpr std::string_view kSweepTrade = "Latency against throughput";

/// A sweep and what it is called beside others.
struct NamedSweep {
  std::string label;
  const SweepReport* report = nullptr;
};

/// Of sweeps over one numeric axis: percentiles, throughput, goodput and capacity over that axis,
/// latency over throughput, and tokens/s per accelerator over tokens/s per user. With several each
/// has a colour, and strokes tell the figures apart. Charts without a line are left out.
std::vector<Chart> sweep_charts(const std::vector<NamedSweep>& sweeps);

/// Of the points of any sweep those whose tokens/s per accelerator nobody surpasses who serves
/// users as fast: indices, by ascending speed for the user. Empty where accelerators are not known.
std::vector<std::size_t> pareto_front(const SweepReport& report);

/// One figure of a sweep over two axes, a cell per point. Empty where it has not two axes, or no
/// point has the figure. `what` is a path without its phase.
std::string sweep_heatmap_svg(const SweepReport& report, std::string_view what);

}  // namespace tokenlift
