#include "reports/charts/time_chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "reports/analysis/fleet_change.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

std::string event_label(const LiftRecord& lift) {
  const std::string what = lift.kind == "lift"      ? std::string("lifted")
                           : lift.kind == "restore" ? "restored"
                           : lift.kind == "ramp"    ? "ramp begins"
                           : lift.kind == "call"    ? "answered"
                           : lift.kind == "command" ? "ended"
                           : lift.kind == "signal"  ? "came"
                           : changes_fleet(lift)    ? lift.kind
                                                    : "changed";
  return fmt::format("{}: {} at {} s", target_of(lift), what,
                     second_figure(lift.at_ns.value_or(lift.planned_ns)));
}

bool same_phases(const Run& one, const Run& other) {
  return std::equal(one.phases.begin(), one.phases.end(), other.phases.begin(), other.phases.end(),
                    [&](const PhaseSpan& left, const PhaseSpan& right) {
                      // The lift is published some microseconds late, in each run differently.
                      const auto near = [&](std::int64_t a, std::int64_t b) {
                        return std::abs(a - b) <= std::max<std::int64_t>(one.series.bin_ns, 1);
                      };
                      return left.name == right.name && near(left.begin_ns, right.begin_ns) &&
                             near(left.end_ns, right.end_ns);
                    });
}

}  // namespace

std::string change_noun(const Report& report) {
  const bool of_fleet =
      std::any_of(report.trials.begin(), report.trials.end(),
                  [](const TrialReport& each) { return each.lift && !each.lift->fleet.empty(); });
  return of_fleet ? "change" : "lift";
}

std::vector<ArmOfTrial> arms_of(const Report& report) {
  std::vector<ArmOfTrial> arms;
  for (std::size_t i = 0; i < report.trials.size(); ++i) {
    const Trial& trial = report.trials[i].trial;
    const std::string label = report.trials.size() > 1 ? trial.label : "";
    const auto add = [&](const Run& run, bool control) {
      if (run.series.bin_ns <= 0) return;
      std::string name = label;
      if (control && !name.empty()) name += ", ";
      if (control) name += "without the " + change_noun(report);
      arms.push_back({&run, i, control, std::move(name)});
    };
    add(trial.lifted.pooled, false);
    if (trial.control) add(trial.control->pooled, true);
  }
  return arms;
}

std::string line_label(const ArmOfTrial& arm, const std::string& figure) {
  if (arm.label.empty()) return figure;
  return figure.empty() ? arm.label : figure + ", " + arm.label;
}

Chart time_chart(const Report& report) {
  Chart chart;
  chart.x = {"time since the start of the run (s)", Scale::seconds};
  for (const TrialReport& each : report.trials) {
    for (const LiftRecord& event : measured_events(each.trial.lifted.pooled)) {
      const std::string label = event_label(event);
      const bool known = std::any_of(chart.marks.begin(), chart.marks.end(),
                                     [&](const Mark& mark) { return mark.label == label; });
      if (!known) chart.marks.push_back({seconds(*event.at_ns), label});
    }
  }
  const Run& first = report.trials.front().trial.lifted.pooled;
  const bool shared = std::all_of(
      report.trials.begin(), report.trials.end(),
      [&](const TrialReport& each) { return same_phases(first, each.trial.lifted.pooled); });
  if (!shared) return chart;
  for (const PhaseSpan& phase : first.phases) {
    if (phase.end_ns <= phase.begin_ns) continue;
    chart.shades.push_back({seconds(phase.begin_ns), seconds(phase.end_ns), phase.name});
  }
  return chart;
}

void mark_steps(const Report& report, Chart& chart) {
  constexpr std::size_t kMostMarked = 8;
  if (report.trials.size() != 1) return;
  const std::vector<FleetStep> steps = further_steps(report.trials[0].trial.lifted.pooled);
  if (steps.size() > kMostMarked) return;
  for (const FleetStep& step : steps) {
    chart.marks.push_back(
        {seconds(step.begin_ns), fmt::format("{}: {} → {} at {} s", step.site, step.from, step.to,
                                             second_figure(step.begin_ns))});
  }
  std::ranges::stable_sort(chart.marks, {}, &Mark::x);
}

Line arm_line(const Report& report, const ArmOfTrial& arm, const std::string& figure,
              std::size_t colour) {
  Line line;
  line.label = line_label(arm, figure);
  line.colour = colour;
  if (arm.control) line.stroke = Stroke::dashed;
  if (report.trials.size() > 1) {
    line.colour = arm.trial;
    line.trial = arm.trial;
  }
  return line;
}

std::vector<double> middles(const Groups& groups) {
  std::vector<double> x;
  for (std::size_t i = 0; i < groups.size(); ++i) x.push_back(groups.middle_s(i));
  return x;
}

Table time_table(std::string title, const Groups& groups, const std::vector<TimeColumn>& columns) {
  Table table;
  table.title = std::move(title);
  table.head_rows = 1;
  table.rows.push_back({{"from (s)"}});
  for (const TimeColumn& column : columns) table.rows[0].push_back({column.head});
  for (std::size_t i = 0; i < groups.size(); ++i) {
    std::vector<Cell> row = {
        {second_figure(static_cast<std::int64_t>(groups.begin(i)) * groups.bin_ns)}};
    for (const TimeColumn& column : columns) {
      const std::optional<double> value =
          i < column.values.size() ? column.values[i] : std::nullopt;
      row.push_back({value ? figure(*value) : kAbsent});
    }
    table.rows.push_back(std::move(row));
  }
  if (groups.bins > 0) {
    table.notes.push_back(
        fmt::format("Each row covers {} s; per run.", figure(groups.length_s(0))));
  }
  return table;
}

}  // namespace tokenlift
