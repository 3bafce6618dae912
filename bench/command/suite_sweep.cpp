#include "bench/command/suite_sweep.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <filesystem>
#include <new>
#include <optional>
#include <utility>

#include "bench/command/sweep_results.hpp"
#include "bench/sweep/task.hpp"
#include "reports/findings/sweep_tables.hpp"
#include "reports/json/json_sweep.hpp"
#include "reports/text/figure.hpp"
#include "workloads/scenario/keywords.hpp"
#include "workloads/writer/scenario_writer.hpp"

namespace tokenlift {

namespace {

/// "The most is 1.2 or more" meets a lower bound of 1 and decides nothing of an upper one.
bool meets(const Objective& objective, const SweepFigureValue& figure) {
  if (!figure.value || !is_met(objective, *figure.value)) return false;
  if (!figure.is_end) return true;
  const bool lower =
      objective.relation == Relation::at_least || objective.relation == Relation::above;
  const bool upper =
      objective.relation == Relation::at_most || objective.relation == Relation::below;
  return figure.most ? lower : upper;
}

std::vector<ObjectiveResult> results_of(const SuiteCase& one, const SweepReport* report) {
  std::vector<ObjectiveResult> results;
  for (const Objective& objective : one.objectives) {
    if (report == nullptr) {
      results.push_back({objective.text, false, std::nullopt, "the sweep was not run"});
      continue;
    }
    const SweepFigureValue figure = sweep_figure(*report, objective.path);
    results.push_back(
        {objective.text, meets(objective, figure), figure.value, figure.reason, objective.bound});
  }
  return results;
}

CaseSweep found_by(const SweepReport& report) {
  CaseSweep found;
  found.sentences = sweep_sentences(report);
  found.sentences.insert(found.sentences.end(), report.remarks.begin(), report.remarks.end());
  found.points = report.points.size();
  if (const std::optional<Knee> knee = knee_of(report)) found.knee = knee->at;
  found.saturated_from = saturated_from(report);
  for (const SweepFind& find : report.finds) {
    found.answers.emplace_back(fmt::format("{} {}", find.most ? "most" : "least", find.axis.key),
                               answer_of(find));
  }
  for (const SweepPoint& point : report.points) {
    const Estimate* const made = figure_of(report, point, "throughput_tokens_per_s");
    if (made == nullptr) continue;
    found.most_tokens_per_s = std::max(found.most_tokens_per_s.value_or(0), *made->value);
  }
  return found;
}

/// All points, those of searches as well.
std::vector<const SweepPoint*> all_points(const SweepReport& report) {
  std::vector<const SweepPoint*> points;
  for (const SweepPoint& point : report.points) points.push_back(&point);
  for (const SweepFind& find : report.finds) {
    for (const FindTry& tried : find.tries) points.push_back(&tried.point);
  }
  return points;
}

void conclude(const SuiteCase& one, const SweepReport& report, CaseResult& result) {
  CaseReport& of_case = result.report;
  of_case.status = report.interrupted ? CaseStatus::interrupted : CaseStatus::done;
  for (const SweepPoint* const point : all_points(report)) {
    of_case.runs += point->runs;
    if (point->state == PointState::failed) {
      of_case.status = CaseStatus::failed;
      of_case.failure = fmt::format("{}: {}", point->values[0], point->failure);
    } else if (!point->valid && of_case.status == CaseStatus::done) {
      of_case.status = CaseStatus::invalid;
      of_case.validity.push_back(
          fmt::format("at {}: {} failed", point->values[0], listed(point->failed_checks, "and")));
    }
  }
  of_case.sweep = found_by(report);
  of_case.verdict = of_case.sweep->sentences.empty() ? "" : of_case.sweep->sentences.front();
  of_case.objectives = results_of(one, &report);
  for (const SweepPoint& point : report.points) {
    if (point.by_run.figures.empty()) continue;
    result.points.push_back({one.name + "/" + point_path(report, point),
                             std::string(name_of(point.state)), point.by_run});
  }
}

SweepTask task_of(const SuiteCase& one, const std::vector<Profile>& profiles) {
  Scenario scenario = one.scenario;
  scenario.sweep.reset();
  scenario.tuning.reset();
  Sweeping asked = *one.sweep;
  asked.repetitions = one.repetitions;
  return make_sweep_task(
      make_sweep_problem({one.name, "/", to_toml(scenario)}, {}, profiles, one.repetitions), asked);
}

}  // namespace

CaseResult swept_case_not_run(const SuiteCase& one) {
  CaseResult result;
  result.report.name = result.report.folder = one.name;
  result.report.engine = name_of(one.scenario.run.engine);
  result.report.objectives = results_of(one, nullptr);
  result.report.sweep = CaseSweep{};
  return result;
}

void require_resumable(const SuiteCase& one, const SweptCases& with) {
  try {
    known_sweep((with.folder.path() / one.name).string(), task_of(one, with.profiles));
  } catch (const SweepMistake& mistake) {
    throw UsageError(mistake.what());
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception&) {  // what is wrong with the case alone is told when it runs
  }
}

CaseResult run_swept_case(const SuiteCase& one, const SweptCases& with) {
  CaseResult result = swept_case_not_run(one);
  const auto begin = std::chrono::steady_clock::now();
  try {
    SweepTask task = task_of(one, with.profiles);
    const std::string place = (with.folder.path() / one.name).string();
    const std::optional<SweepReport> known = known_sweep(with.resume ? place : "", task);
    SweepWatch watch = watch_points(with.surroundings, with.quiet, with.folder, one.name);
    const SweepReport report =
        run_sweep(std::move(task), with.surroundings.words, with.pool, stop_of(with.surroundings),
                  known ? &*known : nullptr, std::move(watch));
    end_watch(with.surroundings, with.quiet);
    write_sweep(with.folder, one.name, report);
    conclude(one, report, result);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    result.report.status = CaseStatus::failed;
    result.report.failure = error.what();
  }
  result.report.elapsed_s =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return result;
}

}  // namespace tokenlift
