#include "bench/command/suite_case.hpp"

#include <fmt/format.h>

#include <chrono>
#include <exception>
#include <system_error>
#include <utility>

#include "bench/command/input.hpp"
#include "reports/findings/report.hpp"
#include "reports/formats/page_html.hpp"
#include "reports/json/json_figures.hpp"
#include "reports/json/json_run.hpp"
#include "reports/page/report_page.hpp"
#include "workloads/scenario/keywords.hpp"
#include "workloads/writer/scenario_writer.hpp"

namespace tokenlift {

namespace {

std::vector<ObjectiveResult> results_of(const std::vector<Objective>& objectives,
                                        const std::vector<TrialFigure>& figures) {
  std::vector<ObjectiveResult> results;
  for (const Objective& objective : objectives) {
    const TrialFigure figure = figure_at(figures, objective.path);
    results.push_back({objective.text, figure.value && is_met(objective, *figure.value),
                       figure.value, figure.reason, objective.bound});
  }
  return results;
}

/// Of a case without figures.
std::vector<ObjectiveResult> results_of(const std::vector<Objective>& objectives) {
  std::vector<ObjectiveResult> results;
  for (const Objective& objective : objectives) {
    results.push_back({objective.text, false, std::nullopt, "the case has no figures"});
  }
  return results;
}

}  // namespace

CaseRun::CaseRun(const SuiteCase& suite_case, const OutputFolder& folder, bool resume)
    : case_(suite_case),
      folder_(folder),
      resume_(resume),
      in_order_([this](std::uint64_t repetition, Outcome outcome) {
        pool(repetition, std::move(outcome));
      }) {}

/// What fails is told in the outcome.
template <typename Step>
void CaseRun::attempt(Outcome& outcome, const Step& step) {
  const auto begin = std::chrono::steady_clock::now();
  try {
    step();
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    outcome.failure = error.what();
  }
  outcome.elapsed_s +=
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

std::filesystem::path CaseRun::place(std::uint64_t repetition, bool control) const {
  std::filesystem::path place = std::filesystem::path(case_.name) / std::to_string(repetition);
  if (control) place /= "control";
  return place / "run.json";
}

bool CaseRun::is_there(std::uint64_t repetition, bool control) const {
  std::error_code error;
  return resume_ && std::filesystem::exists(folder_.path() / place(repetition, control), error);
}

/// Nothing where there is none, or it was ended early: then it is made anew.
std::optional<Run> CaseRun::stored(std::uint64_t repetition, bool control) const {
  if (!is_there(repetition, control)) return std::nullopt;
  const std::filesystem::path file = folder_.path() / place(repetition, control);
  Run run = read_run(read_file(file), file.string());
  if (run.interrupted) return std::nullopt;
  return run;
}

/// A run that is there must be the one that would be made: else two suites would be mixed.
void CaseRun::require_same(const Prepared& prepared, const Run& run, std::uint64_t repetition,
                           bool control) const {
  const Scenario scenario = scenario_of(prepared, repetition, control);
  Run expected;
  expected.scenario_json = to_json(scenario);
  std::string difference = scenario_difference(expected, run);
  if (difference.empty() && run.seed != scenario.run.seed) difference = "/run/seed";
  if (run.control != control) {
    throw UsageError(fmt::format(
        "'{}' is {} where that of a run {} its event belongs: it was put there by hand; resume in "
        "the folder as the suite left it",
        (folder_.path() / place(repetition, control)).string(),
        run.control ? "a control" : "no control", control ? "without" : "with"));
  }
  if (difference.empty()) return;
  throw UsageError(
      fmt::format("'{}' is of another scenario: they differ at {}; resume in the folder that was "
                  "made from this suite",
                  (folder_.path() / place(repetition, control)).string(), difference));
}

void CaseRun::require_resumable(Experiment& experiment) const {
  try {
    for (std::uint64_t n = 1; n <= case_.repetitions; ++n) {
      for (const bool control : {false, true}) {
        const std::optional<Run> run = stored(n, control);
        if (!run) continue;
        const std::optional<Prepared> what = experiment.prepare(case_.scenario, &*run);
        if (what) require_same(*what, *run, n, control);
        return;
      }
    }
  } catch (const UsageError&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception&) {  // what is wrong with the case alone is told when it runs
  }
}

/// Once for all repetitions; null where it was interrupted.
const Prepared* CaseRun::prepared(Experiment& experiment) {
  const std::lock_guard lock(preparing_);
  if (!prepared_) {
    const std::optional<Run> before = stored(1, false);
    prepared_ = experiment.prepare(case_.scenario, before ? &*before : nullptr);
  }
  return prepared_ ? &*prepared_ : nullptr;
}

void CaseRun::make(Experiment& experiment, std::uint64_t repetition, const RunWatch& watch,
                   Outcome& outcome) {
  const Prepared* const what = prepared(experiment);
  outcome.interrupted = what == nullptr;
  for (const bool control : arms_in_turn(repetition)) {
    if (outcome.interrupted || (control && !case_.control)) continue;
    std::optional<Run> run = stored(repetition, control);
    if (run) {
      require_same(*what, *run, repetition, control);
    } else {
      ProgressBoard board;
      const auto display =
          watch(scenario_of(*what, repetition, control), board, repetition, control);
      run = experiment.run(*what, repetition, board, control);
      folder_.write(place(repetition, control),
                    [&run](const auto& take) { write_json(*run, take); });
    }
    outcome.interrupted = run->interrupted;
    outcome.runs.emplace_back(control, *std::move(run));
  }
}

bool CaseRun::repeat(Experiment& experiment, std::uint64_t repetition, const RunWatch& watch) {
  begun_ = true;
  Outcome outcome;
  if (!over_) attempt(outcome, [&] { make(experiment, repetition, watch, outcome); });
  return settle(repetition, std::move(outcome));
}

std::optional<std::string> CaseRun::pack(std::uint64_t repetition) {
  if (over_ || is_there(repetition, false) || is_there(repetition, true)) return std::nullopt;
  begun_ = true;
  if (!sent_) sent_.emplace(case_.scenario);
  return sent_->pack({repetition, case_.control});
}

bool CaseRun::keep(std::uint64_t repetition, const WorkResult& reply) {
  Outcome outcome;
  attempt(outcome, [&] {
    ReturnedRepetition returned = returned_repetition(reply, case_.name);
    for (ReturnedRun& one : returned.runs) {
      folder_.write(place(repetition, one.control), one.json);
      outcome.runs.emplace_back(one.control, std::move(one.run));
    }
    outcome.interrupted = returned.interrupted;
    outcome.elapsed_s = returned.elapsed_s;
  });
  return settle(repetition, std::move(outcome));
}

bool CaseRun::settle(std::uint64_t repetition, Outcome outcome) {
  in_order_.add(repetition, std::move(outcome));
  return ++settled_ == case_.repetitions;
}

/// What comes after a repetition that failed, or was interrupted, counts no more.
void CaseRun::pool(std::uint64_t repetition, Outcome outcome) {
  elapsed_s_ += outcome.elapsed_s;
  if (over_) return;
  Outcome pooling;
  attempt(pooling, [&] {
    for (auto& [control, run] : outcome.runs) {
      pool_.add(run_name(repetition, control), std::move(run));
      pooled_ = true;
    }
  });
  failure_ = pooling.failure.empty() ? outcome.failure : pooling.failure;
  interrupted_ = outcome.interrupted;
  over_ = interrupted_ || !failure_.empty();
  if (!over_) ++repeated_;
}

CaseResult CaseRun::finish() {
  CaseResult result;
  CaseReport& report = result.report;
  if (pooled_) {  // what there is of it is reported, however it ended
    Outcome reporting;
    attempt(reporting, [&] {
      std::vector<Trial> trials;
      trials.push_back(pool_.take(case_.name));
      const Report whole = make_report(std::move(trials));
      const TrialReport& trial = whole.trials.front();
      report = case_report(trial, case_.name, case_.name);
      report.objectives = results_of(case_.objectives, figures_of(trial));
      result.figures = case_figures(trial.trial);
      folder_.write(std::filesystem::path(case_.name) / "report.html", to_html(report_page(whole)));
    });
    elapsed_s_ += reporting.elapsed_s;
    if (!reporting.failure.empty()) failure_ = reporting.failure;
  }
  if (report.name.empty()) {
    report.name = report.folder = case_.name;
    report.engine = name_of(case_.scenario.run.engine);
    report.objectives = results_of(case_.objectives);
  }
  // Also between two runs.
  const bool cut_short = begun_ && repeated_ < case_.repetitions;
  if (interrupted_ || cut_short) report.status = CaseStatus::interrupted;
  if (!failure_.empty()) {
    report.status = CaseStatus::failed;
    report.failure = failure_;
  }
  report.elapsed_s = elapsed_s_;
  return result;
}

}  // namespace tokenlift
