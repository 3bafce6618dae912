// What internal jobs have, over time, with what they did in each phase.

#include <string>
#include <utility>

#include "reports/charts/charts.hpp"
#include "reports/charts/time_chart.hpp"
#include "reports/findings/job_words.hpp"

namespace tokenlift {
namespace {

void add_job_line(const Report& report, const ArmOfTrial& arm, Chart& chart) {
  constexpr const char* kColumn = "job_replicas";
  const Groups points = groups_of(*arm.run, kMostPoints);
  const std::optional<std::vector<double>> held = means(*arm.run, kColumn, points);
  if (!held) return;
  Line line = arm_line(report, arm, report.trials.size() == 1 ? "replicas of jobs" : "", 0);
  line.stepped = true;
  line.x = middles(points);
  for (const double value : *held) line.y.emplace_back(value);
  chart.lines.push_back(std::move(line));
}

}  // namespace

void add_job_charts(const Report& report, std::vector<Chart>& charts) {
  Chart chart = time_chart(report);
  chart.id = "jobs";
  chart.section = kJobSection;
  chart.title = "Replicas that jobs have";
  chart.explanation =
      "What internal jobs hold; what they have yielded serves tenants meanwhile. The numbers say "
      "how "
      "many steps each made of it.";
  chart.y = {"replicas", Scale::number};
  for (const ArmOfTrial& arm : arms_of(report)) add_job_line(report, arm, chart);
  for (const TrialReport& trial : report.trials) {
    Table table = jobs_table(trial.jobs);
    table.title = report.trials.size() > 1 ? trial.trial.label : "";
    if (!table.rows.empty()) chart.numbers.push_back(std::move(table));
  }
  if (!chart.lines.empty()) charts.push_back(std::move(chart));
}

}  // namespace tokenlift
