#include "reports/findings/suite_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "reports/analysis/series_groups.hpp"
#include "reports/analysis/summary.hpp"
#include "reports/findings/case_figures.hpp"
#include "reports/findings/verdict.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

constexpr std::array<std::string_view, 5> kStatusNames = {"done", "invalid", "failed",
                                                          "interrupted", "not run"};

CaseLine goodput_line(const Run& run) {
  const Groups groups = groups_of(run, kMostCasePoints);
  const std::optional<std::vector<double>> values = rates(run, "goodput_tokens", groups);
  if (!values || groups.bins == 0) return {};
  return {groups.length_s(0), {values->begin(), values->end()}};
}

CaseLine ttft_line(const Run& run) {
  const Groups groups = slices_of(run, kMostCasePoints);
  if (groups.bins == 0) return {};
  CaseLine line{groups.length_s(0), {}};
  for (const Histogram& slice : merged_slices(run, groups)) {
    std::optional<double>& value = line.values.emplace_back();
    if (!slice.empty()) value = static_cast<double>(slice.value_at(0.5)) / 1e6;
  }
  return line;
}

/// The change of goodput. Of less than a tenth of the throughput it may be twice as much another
/// day: then the difference says how much was gained, and a ratio would say nothing.
Gain goodput_gain(const Gain& gain, const Arm& arm) {
  const std::optional<std::size_t> before = find_phase(arm.pooled, "before");
  const std::optional<std::size_t> after = find_phase(arm.pooled, "after");
  if (gain.is_difference || !gain.before || !gain.after || !before || !after) return gain;
  std::vector<double> first;
  std::vector<double> second;
  double made = 0;
  for (const RunBrief& run : arm.runs) {
    const std::optional<double> one = run.phases.at(*before).goodput_tokens_per_s();
    const std::optional<double> other = run.phases.at(*after).goodput_tokens_per_s();
    if (!one || !other) continue;
    first.push_back(*one);
    second.push_back(*other);
    made += run.phases[*before].throughput_tokens_per_s().value_or(0);
  }
  if (first.empty() || *gain.before * static_cast<double>(first.size()) >= kLeastOfWhole * made) {
    return gain;
  }
  Gain difference = gain;
  difference.is_difference = true;
  difference.change = difference_over_runs(first, second);
  return difference;
}

}  // namespace

std::string_view name_of(CaseStatus status) {
  return kStatusNames[static_cast<std::size_t>(status)];
}

std::optional<CaseStatus> case_status(std::string_view name) {
  const auto found = std::find(kStatusNames.begin(), kStatusNames.end(), name);
  if (found == kStatusNames.end()) return std::nullopt;
  return static_cast<CaseStatus>(found - kStatusNames.begin());
}

CaseReport case_report(const TrialReport& trial, std::string name, std::string folder) {
  const Run& run = trial.trial.lifted.pooled;
  CaseReport report;
  report.name = std::move(name);
  report.folder = std::move(folder);
  report.status = is_valid(trial.trial) ? CaseStatus::done : CaseStatus::invalid;
  if (trial.trial.interrupted) report.status = CaseStatus::interrupted;
  report.engine = run.engine;
  report.runs = run.runs;
  report.verdict = trial.verdict;
  report.validity = trial.validity;
  const auto percentile_ms = [](const PhaseSummary& phase, Metric metric, int permille) {
    std::optional<double> value = phase.of(metric).at(permille);
    if (value) *value /= 1e6;
    return value;
  };
  for (const PhaseSummary& phase : trial.phases) {
    report.phases.push_back(
        {phase.name, phase.rates.throughput_tokens_per_s, phase.rates.goodput_tokens_per_s,
         phase.rates.attainment, phase.ttft_ms(500), phase.ttft_ms(990),
         percentile_ms(phase, Metric::tpot, 500), percentile_ms(phase, Metric::tpot, 990),
         percentile_ms(phase, Metric::itl, 990)});
  }
  if (trial.lift) {
    const Gain* const goodput = find_gain(trial.lift->gains, "goodput");
    if (goodput != nullptr) report.goodput = goodput_gain(*goodput, trial.trial.lifted);
    if (trial.lift->drain.ns) report.drain_s = static_cast<double>(*trial.lift->drain.ns) / 1e9;
  }
  if (run.lift && run.lift->at_ns) report.lift_s = static_cast<double>(*run.lift->at_ns) / 1e9;
  report.goodput_line = goodput_line(run);
  report.ttft_line = ttft_line(run);
  return report;
}

const CasePhase* find_phase(const CaseReport& report, std::string_view name) {
  const auto found = std::find_if(report.phases.begin(), report.phases.end(),
                                  [&](const CasePhase& phase) { return phase.name == name; });
  return found == report.phases.end() ? nullptr : &*found;
}

ShownPhases shown_phases(const CaseReport& report) {
  const CasePhase* const before = find_phase(report, "before");
  const CasePhase* const after = find_phase(report, "after");
  if (before != nullptr && after != nullptr) return {before, after};
  return {nullptr, report.phases.empty() ? nullptr : &report.phases.back()};
}

std::size_t missed_objectives(const CaseReport& report) {
  return static_cast<std::size_t>(
      std::count_if(report.objectives.begin(), report.objectives.end(),
                    [](const ObjectiveResult& objective) { return !objective.met; }));
}

CaseName parts_of(std::string_view name) {
  CaseName parts;
  while (!name.empty()) {
    const std::string_view part = name.substr(0, name.find('/'));
    std::string& into = part.find('=') == std::string_view::npos && parts.settings.empty()
                            ? parts.base
                            : parts.settings;
    if (!into.empty()) into += '/';
    into += part;
    name.remove_prefix(std::min(part.size() + 1, name.size()));
  }
  return parts;
}

bool SuiteCounts::all_well() const {
  return invalid + failed + interrupted + not_run == 0 && met == objectives;
}

SuiteCounts counts_of(const SuiteReport& suite) {
  SuiteCounts counts;
  for (const CaseReport& each : suite.cases) {
    std::size_t& count = each.status == CaseStatus::done          ? counts.done
                         : each.status == CaseStatus::invalid     ? counts.invalid
                         : each.status == CaseStatus::failed      ? counts.failed
                         : each.status == CaseStatus::interrupted ? counts.interrupted
                                                                  : counts.not_run;
    ++count;
    counts.objectives += each.objectives.size();
    counts.met += each.objectives.size() - missed_objectives(each);
  }
  return counts;
}

std::string suite_verdict(const SuiteReport& suite) {
  const SuiteCounts counts = counts_of(suite);
  std::vector<std::string> parts;
  const auto add = [&](std::size_t count, CaseStatus status) {
    if (count > 0) parts.push_back(fmt::format("{} {}", whole_figure(count), name_of(status)));
  };
  add(counts.done, CaseStatus::done);
  add(counts.invalid, CaseStatus::invalid);
  add(counts.failed, CaseStatus::failed);
  add(counts.interrupted, CaseStatus::interrupted);
  add(counts.not_run, CaseStatus::not_run);
  std::string out = fmt::format("{} case{}{}", whole_figure(suite.cases.size()),
                                suite.cases.size() == 1 ? "" : "s", parts.empty() ? "" : ": ");
  for (std::size_t i = 0; i < parts.size(); ++i) out += (i > 0 ? ", " : "") + parts[i];
  if (counts.objectives == 0) return out + "; no objectives.";
  return out + fmt::format("; {} of {} objective{} met.", whole_figure(counts.met),
                           whole_figure(counts.objectives), counts.objectives == 1 ? "" : "s");
}

namespace {

constexpr std::size_t kMostNamedCases = 3;

/// "'a', 'b' and 4 others"
std::string case_names(std::vector<std::string> names) {
  for (std::string& name : names) name = "'" + name + "'";
  if (names.size() > kMostNamedCases) {
    const std::size_t others = names.size() - (kMostNamedCases - 1);
    names.resize(kMostNamedCases - 1);
    names.push_back(whole_figure(others) + " others");
  }
  return listed(names, "and");
}

/// What became of goodput where something was lifted; empty where nothing was in any case.
std::string goodput_changes(const SuiteReport& suite) {
  std::size_t rose = 0, fell = 0, neither = 0, unsure = 0;
  for (const CaseReport& each : suite.cases) {
    if (each.status != CaseStatus::done || !each.goodput) continue;
    const Gain& gain = *each.goodput;
    std::size_t& count = !gain.change.interval ? unsure
                         : !gain.shown()       ? neither
                         : gain.better()       ? rose
                                               : fell;
    ++count;
  }
  const std::size_t all = rose + fell + neither + unsure;
  if (all == 0) return "";
  std::vector<std::string> parts;
  const auto add = [&](std::size_t count, const char* what) {
    if (count > 0) parts.push_back(fmt::format("{} in {}", what, whole_figure(count)));
  };
  add(rose, "rose");
  add(fell, "fell");
  add(neither, "did not change beyond chance");
  add(unsure, "has no interval that says how sure its change is");
  return fmt::format("Of {} valid case{} with a change, goodput {}", whole_figure(all),
                     all == 1 ? "" : "s", listed(parts, "and"));
}

std::string suite_decision(const SuiteReport& suite, const SuiteCounts& counts) {
  std::vector<std::string> unmeasured, missing;
  for (const CaseReport& each : suite.cases) {
    if (each.status != CaseStatus::done) {
      unmeasured.push_back(each.name);
    } else if (missed_objectives(each) > 0) {
      missing.push_back(each.name);
    }
  }
  std::vector<std::string> parts;
  if (!missing.empty()) parts.push_back("what was asked for is not had in " + case_names(missing));
  if (!unmeasured.empty()) {
    parts.push_back(fmt::format("nothing can be decided by {} until {} run again",
                                case_names(unmeasured),
                                unmeasured.size() == 1 ? "it is" : "they are"));
  }
  if (!parts.empty()) {
    std::string text = listed(parts, "and") + ".";
    text[0] = static_cast<char>(text[0] - 'a' + 'A');
    return text;
  }
  if (counts.objectives > 0) return "What was asked for is had in every case.";
  return "Nothing was asked of any case: a decision needs objectives, or another such suite to "
         "compare this one with.";
}

}  // namespace

std::vector<std::string> suite_answer(const SuiteReport& suite) {
  if (suite.cases.empty()) return {};
  const SuiteCounts counts = counts_of(suite);
  std::uint64_t runs = 0;
  for (const CaseReport& each : suite.cases) runs += each.runs;
  std::string came = goodput_changes(suite);
  if (counts.objectives > 0) {
    came += fmt::format("{}{} of {} objective{} met", came.empty() ? "" : "; ",
                        whole_figure(counts.met), whole_figure(counts.objectives),
                        counts.objectives == 1 ? " is" : "s are");
  }
  if (counts.done == 0) came = "Nothing was measured";
  if (came.empty()) came = "Nothing was changed in any case, and nothing asked of it";
  return {fmt::format("The suite '{}' has {} case{}, of which {} {}; {} were made.", suite.name,
                      whole_figure(suite.cases.size()), suite.cases.size() == 1 ? "" : "s",
                      whole_figure(counts.done),
                      counts.done == 1 ? "is a valid measurement" : "are valid measurements",
                      runs_figure(runs)),
          came + ".", suite_decision(suite, counts)};
}

std::vector<std::string> facts_of(const SuiteReport& suite) {
  std::vector<std::string> facts;
  if (!suite.tokenlift_version.empty()) facts.push_back("tokenlift " + suite.tokenlift_version);
  if (!suite.started_at.empty()) facts.push_back(suite.started_at);
  return facts;
}

std::vector<CaseMessage> messages_of(const SuiteReport& suite) {
  std::vector<CaseMessage> messages;
  for (const CaseReport& each : suite.cases) {
    if (each.status == CaseStatus::failed || each.status == CaseStatus::interrupted) {
      const std::string why = each.failure.empty() ? "" : ": " + each.failure;
      messages.push_back({each.name, {std::string(name_of(each.status)) + why}});
    }
    if (each.status == CaseStatus::invalid) messages.push_back({each.name, each.validity});
    // Of what did not end that it did not is enough.
    if (each.status != CaseStatus::done && each.status != CaseStatus::invalid) continue;
    for (const ObjectiveResult& objective : each.objectives) {
      if (!objective.met) messages.push_back({each.name, {missed_text(objective)}});
    }
  }
  return messages;
}

std::string missed_text(const ObjectiveResult& objective) {
  return objective.text + " is not met: " + value_text(objective);
}

std::string value_text(const ObjectiveResult& objective) {
  if (!objective.value) {
    return "no value (" + (objective.reason.empty() ? "not enough data" : objective.reason) + ")";
  }
  // Never as if it stood on the other side of the bound.
  return "it is " + (objective.bound ? figure_beside(*objective.value, *objective.bound)
                                     : figure(*objective.value));
}

}  // namespace tokenlift
