#pragma once
// What all charts over time have in common: seconds, the lift, the phases, the control.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "reports/analysis/series_groups.hpp"
#include "reports/charts/chart.hpp"
#include "reports/findings/report.hpp"

namespace tokenlift {

/// One arm of one trial, and how it is told apart.
struct ArmOfTrial {
  const Run* run = nullptr;
  std::size_t trial = 0;
  bool control = false;
  std::string label;  ///< of the trial where there are several, and "without the lift"
};

/// What its measured events are called together: "lift", or "change" where one is of the fleet.
std::string change_noun(const Report& report);

/// Every arm that has a series, in the order of the trials.
std::vector<ArmOfTrial> arms_of(const Report& report);

/// `figure` of an arm: "goodput", "goodput, without the lift", "lift: goodput".
std::string line_label(const ArmOfTrial& arm, const std::string& figure);

/// An empty chart over seconds, with the measured events marked and the phases shaded. Phases are
/// shaded where all trials have the same.
Chart time_chart(const Report& report);

/// Marks how the fleet changed besides, where there is one trial and the marks can be told apart.
void mark_steps(const Report& report, Chart& chart);

/// A line of the arm, in colour `figure` where there is one trial and that of its trial else.
Line arm_line(const Report& report, const ArmOfTrial& arm, const std::string& figure,
              std::size_t colour);

std::vector<double> middles(const Groups& groups);

/// One column of a table of figures over time.
struct TimeColumn {
  std::string head;
  std::vector<std::optional<double>> values;
};

/// A row per group: from when on, and the figures.
Table time_table(std::string title, const Groups& groups, const std::vector<TimeColumn>& columns);

}  // namespace tokenlift
