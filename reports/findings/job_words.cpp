#include "reports/findings/job_words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

bool knows(const JobWork& job, std::optional<double> JobPhaseWork::*value) {
  return std::any_of(job.phases.begin(), job.phases.end(),
                     [&](const JobPhaseWork& work) { return (work.*value).has_value(); });
}

Cell change_of(const JobFigure& figure, const JobPhaseWork& before, const JobPhaseWork& after) {
  const std::optional<double>& base = before.*figure.value;
  const std::optional<double>& value = after.*figure.value;
  if (!base || !value || figure.is_sum) return {kAbsent};
  return {change_figure(*base * figure.scale, *value * figure.scale)};
}

void add_job(const JobWork& job, bool compares, Table& table) {
  bool first = true;
  for (const JobFigure& figure : kJobFigures) {
    if (!knows(job, figure.value)) continue;
    std::vector<Cell> row = {
        {first ? job.name : ""}, {std::string(figure.label)}, {std::string(figure.unit)}};
    first = false;
    for (const JobPhaseWork& work : job.phases) {
      row.push_back({figure_or_absent(work.*figure.value, figure.scale)});
    }
    if (compares) {
      row.push_back(change_of(figure, *find_work(job, "before"), *find_work(job, "after")));
    }
    table.rows.push_back(std::move(row));
  }
}

std::string replica_words(double count) {
  return fmt::format("{} {}", figure(count), count == 1 ? "replica" : "replicas");
}

/// "1,800 steps an hour".
std::string pace(const JobPhaseWork& work) {
  return work.steps_per_hour ? figure(*work.steps_per_hour) + " steps an hour" : "no whole step";
}

std::string steps_remark(const JobWork& job) {
  const JobPhaseWork* const before = find_work(job, "before");
  const JobPhaseWork* const after = find_work(job, "after");
  const std::string name = fmt::format("Job '{}'", job.name);
  if (before == nullptr || after == nullptr) {
    const JobPhaseWork& last = job.phases.back();
    return fmt::format("{} made {}, on {} of its {}.", name, pace(last),
                       figure(last.replicas_held.value_or(0)), job.replicas);
  }
  const std::optional<double>&base = before->steps_per_hour, &value = after->steps_per_hour;
  const std::string change =
      base && value && *base > 0 ? fmt::format(" (x{})", figure(*value / *base)) : "";
  return fmt::format("{} made {} before and {} after{}, on {} and {} of its {}.", name,
                     pace(*before), base && value ? figure(*value) : pace(*after), change,
                     figure(before->replicas_held.value_or(0)),
                     replica_words(after->replicas_held.value_or(0)), job.replicas);
}

void remark_on_stalls(const JobWork& job, std::vector<std::string>& remarks) {
  constexpr double kWorthTelling = 0.01;
  std::vector<std::string> clauses;
  for (const JobPhaseWork& work : job.phases) {
    if (work.stalled_share.value_or(0) < kWorthTelling) continue;
    clauses.push_back(
        fmt::format("for {} of '{}'", percent_figure(*work.stalled_share), work.name));
  }
  if (clauses.empty()) return;
  remarks.push_back(fmt::format("Job '{}' stood still {}: it had no replica, or lost a step.",
                                job.name, listed(clauses, "and")));
}

}  // namespace

Table jobs_table(const std::vector<JobWork>& jobs) {
  Table table;
  table.name = "jobs";
  table.title = "internal jobs";
  table.left_columns = 3;
  if (jobs.empty() || jobs.front().phases.empty()) return table;
  const bool compares =
      find_work(jobs.front(), "before") != nullptr && find_work(jobs.front(), "after") != nullptr;
  table.head_rows = 1;
  table.rows = {{{"job"}, {""}, {""}}};
  for (const JobPhaseWork& work : jobs.front().phases) table.rows[0].push_back({work.name});
  if (compares) table.rows[0].push_back({"after/before"});
  for (const JobWork& job : jobs) add_job(job, compares, table);
  table.notes.emplace_back(
      "A step counts in the phase in which it ends. Stalled: no replica was held, or a step was "
      "lost because a replica failed.");
  return table;
}

std::vector<std::string> job_remarks(const std::vector<JobWork>& jobs, bool costs) {
  std::vector<std::string> remarks;
  for (const JobWork& job : jobs) {
    if (job.phases.empty()) continue;
    remarks.push_back(steps_remark(job));
    remark_on_stalls(job, remarks);
  }
  if (!remarks.empty() && costs) {
    remarks.emplace_back(
        "Power and cost are of whole sites, the replicas of jobs included; throughput, use and "
        "capacity are of what serves tenants.");
  }
  return remarks;
}

}  // namespace tokenlift
