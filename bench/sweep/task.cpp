#include "bench/sweep/task.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace tokenlift {

namespace {

/// Whether points of an earlier sweep are among those that are asked for, so that none would be
/// lost: the same axes, and all values but those that were added to a curve.
bool goes_on(const SweepReport& known, const std::vector<SweptKey>& axes) {
  if (known.points.empty()) return true;
  const auto is_same = [](const SweepAxis& axis, const SweptKey& key) {
    return axis.key == key.key;
  };
  if (!std::ranges::equal(known.axes, axes, is_same)) return false;
  return std::ranges::all_of(known.points, [&](const SweepPoint& point) {
    for (std::size_t i = 0; i < axes.size() && !point.refined; ++i) {
      const std::vector<std::string>& values = axes[i].values;
      if (std::ranges::find(values, point.values[i]) == values.end()) return false;
    }
    return true;
  });
}

}  // namespace

SweepTask make_sweep_task(SweepProblem problem, const Sweeping& asked) {
  if (asked.over.empty() && asked.finds.empty()) {
    throw SweepMistake(
        "say what changes: --over KEY=FROM:TO:N, or --find most KEY=LOW:HIGH; or write a table "
        "[sweep] into the scenario");
  }
  if (!asked.finds.empty() && asked.objectives.empty()) {
    throw SweepMistake("--find looks for where an objective stops being met: --while 'OBJECTIVE'");
  }
  SweepTask task;
  problem.repetitions = asked.repetitions.value_or(kUsualSweepRepetitions);
  const Accepts accepts = [&](const std::string& key, const std::string& value) {
    try {
      read_scenario(problem, {key + "=" + value});
      return true;
    } catch (const ScenarioError&) {
      return false;
    }
  };
  for (const std::string& path : asked.figures) add_figure(problem, path);
  std::vector<std::size_t> figures;
  for (const Objective& each : asked.objectives) {
    auto [objective, figure] = add_objective(problem, each);
    task.objectives.push_back(std::move(objective));
    figures.push_back(figure);
  }
  for (const std::string& word : asked.over) task.axes.push_back(parse_axis(word, accepts));
  require_grid(task.axes);
  for (const SoughtValue& sought : asked.finds) {
    task.finds.push_back(
        {"", parse_range(sought.range, accepts), sought.most, task.objectives, figures});
  }
  if (asked.requests) task.effort.requests = static_cast<std::uint64_t>(*asked.requests);
  if (asked.time_ns) task.effort.time_s = static_cast<double>(*asked.time_ns) / 1e9;
  task.problem = std::move(problem);
  return task;
}

void require_same(const SweepTask& task, const SweepReport& known, const std::string& source) {
  if (known.settings_digest != digest_of(task.problem) || known.figures != task.problem.figures) {
    throw SweepMistake(
        fmt::format("'{}' is of another scenario, or of other repetitions or figures: go on with "
                    "the same words",
                    source));
  }
  if (goes_on(known, task.axes)) return;
  throw SweepMistake(fmt::format(
      "'{}' has points of another --over, which would be lost: go on with the same words", source));
}

SweepReport run_sweep(SweepTask task, std::vector<std::string> command, WorkPool& pool,
                      const std::atomic<bool>& stop, const SweepReport* known, SweepWatch watch) {
  Sweeper sweeper(std::move(task.problem), task.effort, std::move(command), pool, stop, known,
                  std::move(watch));
  if (!task.axes.empty()) sweeper.sweep(task.axes, task.objectives);
  for (const FindTask& find : task.finds) sweeper.find(find);
  return sweeper.take();
}

}  // namespace tokenlift
