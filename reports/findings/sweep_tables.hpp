#pragma once
// A sweep in tables.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reports/findings/sweep_report.hpp"
#include "reports/text/table.hpp"

namespace tokenlift {

/// What a scenario has to state for points to have a figure.
enum class SweepNeeds : std::uint8_t { nothing, price, power };

/// A figure that every point has, and how it is shown.
struct SweepFigure {
  std::string_view what;  ///< its path without the phase
  std::string_view label;
  std::string_view unit;  ///< of the value times `scale`
  double scale = 1;
  bool in_table = false;
  SweepNeeds needs = SweepNeeds::nothing;
};
/// Those of every sweep whose scenario states what they need, in order.
const std::vector<SweepFigure>& sweep_figures();

/// "load 0.8", "replicas 4, load 0.8": the values of a point, each with the last word of its key.
std::string point_label(const SweepReport& report, const SweepPoint& point);

/// "load=0.8", "replicas=4/load=0.8": the same as a path, as the cases of a suite's matrix are
/// called.
std::string point_path(const SweepReport& report, const SweepPoint& point);

/// A row per point: its values, its state, and what came of it.
Table points_table(const SweepReport& report);

/// A row per value that was tried, and whether the objectives held there.
Table tries_table(const SweepReport& report, const SweepFind& find);

/// A row per answer; no rows with less than two.
Table finds_table(const SweepReport& report);

/// What stands beside its name.
std::vector<std::string> facts_of(const SweepReport& report);

}  // namespace tokenlift
