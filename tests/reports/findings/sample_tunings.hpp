#pragma once
// Searches for better settings made by hand (no engine runs) for the tests of formats.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "reports/findings/tuning_report.hpp"
#include "tests/reports/findings/sample_suites.hpp"

namespace tokenlift {

inline std::string four_digits(double value, const char* unit = "") {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g%s", value, unit);
  return text;
}

inline Estimate estimate_within(double value, double low, double high) {
  return {value, Interval{low, high}, "8 runs", ""};
}

/// The words of a point of (load, burst, max_wait, when_full).
inline std::vector<std::string> tuning_values(const std::vector<double>& point) {
  return {four_digits(0.2 + 1.2 * point[0]), four_digits(0.1 * std::pow(100, point[1]), "s"),
          four_digits(0.2 * std::pow(100, point[2]), "s"), point[3] < 0.5 ? "queue" : "reject"};
}

/// What such a fleet makes: most a little under its capacity, and the longer the wait the later.
inline TuningFigures tuning_figures(const std::vector<double>& point) {
  const double load = 0.2 + 1.2 * point[0];
  const double wait_s = 0.2 * std::pow(100, point[2]);
  const double over = std::max(0.0, load - 0.85);
  TuningFigures figures;
  figures.runs = 2;
  figures.length_share = 0.5;
  figures.requests = 5400;
  figures.throughput_tokens_per_s = 2800 * std::min(1.0, load / 0.9);
  figures.attainment = std::clamp(0.99 - 2 * over - 0.02 * wait_s - 0.05 * point[1], 0.0, 1.0);
  figures.goodput_tokens_per_s = *figures.throughput_tokens_per_s * *figures.attainment;
  figures.unserved = std::clamp(0.6 - 0.7 * load - 0.01 * wait_s, 0.0, 1.0);
  figures.ttft_p50_ms = 12 + 400 * over + 3 * wait_s;
  figures.ttft_p99_ms = 30 + 3000 * over * over + 900 * wait_s * (point[3] < 0.5 ? 1 : 0.1);
  figures.objective = figures.goodput_tokens_per_s;
  figures.objective_by_run = {*figures.objective * 0.99, *figures.objective * 1.01};
  const double p99 = *figures.ttft_p99_ms;
  const double lost = *figures.unserved;
  figures.constraints = {{p99, p99 <= 2000, std::max(0.0, p99 / 2000 - 1)},
                         {lost, lost <= 0.2, std::max(0.0, lost / 0.2 - 1)}};
  return figures;
}

inline TuningCandidate tuning_candidate(std::vector<double> point, std::string stage) {
  TuningCandidate candidate;
  candidate.values = tuning_values(point);
  candidate.settings = {"throttle.output_limit.load=" + candidate.values[0],
                        "throttle.output_limit.burst=" + candidate.values[1],
                        "throttle.output_limit.max_wait=" + candidate.values[2],
                        "throttle.output_limit.when_full=" + candidate.values[3]};
  candidate.figures = tuning_figures(point);
  candidate.point = std::move(point);
  candidate.stage = std::move(stage);
  return candidate;
}

inline bool dominates(const TuningFigures& a, const TuningFigures& b) {
  const bool as_good = a.goodput_tokens_per_s >= b.goodput_tokens_per_s &&
                       a.ttft_p99_ms <= b.ttft_p99_ms && a.unserved <= b.unserved;
  return as_good && (a.goodput_tokens_per_s > b.goodput_tokens_per_s ||
                     a.ttft_p99_ms < b.ttft_p99_ms || a.unserved < b.unserved);
}

inline void mark_pareto(std::vector<TuningCandidate>& candidates) {
  for (TuningCandidate& each : candidates) {
    each.pareto = each.figures.feasible() &&
                  std::none_of(candidates.begin(), candidates.end(), [&](const auto& other) {
                    return other.figures.feasible() && dominates(other.figures, each.figures);
                  });
  }
}

/// The present setting, and others strewn evenly over the range and then about the best.
inline std::vector<TuningCandidate> strewn_candidates(std::size_t count) {
  std::vector<TuningCandidate> candidates = {tuning_candidate({0.25, 0.5, 0.5, 0}, "present")};
  candidates[0].point.clear();
  candidates[0].settings.clear();
  const auto part = [](double value) { return value - std::floor(value); };
  for (std::size_t i = 1; i < count; ++i) {
    const auto n = static_cast<double>(i);
    std::vector<double> point = {part(n * 0.8191725), part(n * 0.6710436), part(n * 0.5497005),
                                 i % 2 == 0 ? 0.25 : 0.75};
    const bool zoomed = i > count / 2;
    if (zoomed) {
      point = {0.45 + 0.2 * point[0], 0.3 * point[1], 0.4 * point[2], point[3]};
    }
    candidates.push_back(tuning_candidate(point, zoomed ? "zoom 1" : "whole range"));
  }
  mark_pareto(candidates);
  return candidates;
}

inline std::size_t best_of(const std::vector<TuningCandidate>& candidates) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < candidates.size(); ++i) {
    if (!candidates[i].figures.feasible()) continue;
    const bool better = *candidates[i].figures.objective > *candidates[best].figures.objective;
    if (better || !candidates[best].figures.feasible()) best = i;
  }
  return best;
}

/// The key of a parameter, word by word.
inline void name_parameter(TunedParameter& parameter, std::vector<std::string> words) {
  parameter.key.clear();
  for (const std::string& word : words) parameter.key += (parameter.key.empty() ? "" : ".") + word;
  parameter.words = std::move(words);
}

inline std::vector<TunedParameter> tuning_parameters(const TuningCandidate& present,
                                                     const TuningCandidate& best) {
  std::vector<TunedParameter> parameters = {
      {"load", "linear", "0.2", "1.4", {}, "", {}},
      {"burst", "log", "0.1s", "10s", {}, "", {}},
      {"max_wait", "log", "0.2s", "20s", {}, "", {}},
      {"when_full", "choice", "", "", {"queue", "reject"}, "", {}}};
  parameters[0].reason = "from a fifth of what the fleet makes to well above it";
  parameters[1].reason = "from one request to ten seconds of the limit";
  const double sensitivities[] = {0.713, 0.042, 0.161, 0.0083};
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    TunedParameter& parameter = parameters[i];
    name_parameter(parameter, {"throttle", "output_limit", parameter.key});
    parameter.present = present.values[i];
    parameter.present_position = std::vector{0.25, 0.5, 0.5, 0.25}[i];
    parameter.recommended = best.values[i];
    parameter.sensitivity = sensitivities[i];
    parameter.sensitivity_error = 0.031;
    std::vector<double> positions = {0.25, 0.75};
    if (i < 3) {
      positions = {0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1, best.point[i]};
      std::sort(positions.begin(), positions.end());
    }
    for (const double position : positions) {
      std::vector<double> point = best.point;
      point[i] = position;
      const TuningFigures figures = tuning_figures(point);
      parameter.response.push_back(
          {position, tuning_values(point)[i], figures.objective, figures.feasible()});
      if (!figures.feasible() || *figures.objective < 0.98 * *best.figures.objective) continue;
      if (parameter.tolerated_low.empty()) parameter.tolerated_low = tuning_values(point)[i];
      parameter.tolerated_high = tuning_values(point)[i];
    }
  }
  return parameters;
}

inline std::vector<TuningChange> tuning_changes(const TuningFigures& present,
                                                const TuningFigures& best) {
  const auto ratio = [](std::optional<double> from, std::optional<double> to) {
    const double value = *to / *from;
    return estimate_within(value, value * 0.98, value * 1.02);
  };
  const auto difference = [](std::optional<double> from, std::optional<double> to) {
    return estimate_within(*to - *from, *to - *from - 0.02, *to - *from + 0.02);
  };
  return {{"throughput", "tokens/s", true, present.throughput_tokens_per_s,
           best.throughput_tokens_per_s, false,
           ratio(present.throughput_tokens_per_s, best.throughput_tokens_per_s)},
          {"goodput", "tokens/s", true, present.goodput_tokens_per_s, best.goodput_tokens_per_s,
           false, ratio(present.goodput_tokens_per_s, best.goodput_tokens_per_s)},
          {"attainment", "share", true, present.attainment, best.attainment, true,
           difference(present.attainment, best.attainment)},
          {"unserved", "share", false, present.unserved, best.unserved, true,
           difference(present.unserved, best.unserved)},
          {"TTFT p50", "ms", false, present.ttft_p50_ms, best.ttft_p50_ms, false,
           ratio(present.ttft_p50_ms, best.ttft_p50_ms)},
          {"TTFT p99",
           "ms",
           false,
           present.ttft_p99_ms,
           best.ttft_p99_ms,
           false,
           {0.42, std::nullopt, "", "2 of 8 runs have too few requests for p99"}}};
}

inline TuningSeries tuning_series(const std::string& label, double goodput, double ttft_ms) {
  TuningSeries series{label, {1, {}}, {1, {}}};
  for (std::size_t i = 0; i < 40; ++i) {
    const double wave = std::sin(static_cast<double>(i) * 0.9) * 0.06;
    series.goodput_line.values.emplace_back(goodput * (1 + wave));
    series.ttft_line.values.emplace_back(ttft_ms * std::exp(4 * wave));
  }
  series.ttft_line.values[12].reset();
  return series;
}

/// Something better was found.
inline TuningReport recommended_tuning(std::size_t candidates = 61) {
  TuningReport report;
  report.scenario = "lift";
  report.description = "A fleet of two replicas behind a limit on output tokens.";
  report.command = {"tokenlift", "tune", "lift", "--out", "it's here"};
  report.tokenlift_version = "0.1.0";
  report.started_at = "2026-05-06T12:00:00Z";
  report.seed = 7;
  report.phase = "before";
  report.capacity_tokens_per_s = 3423.0;
  report.aim = {"goodput.before", true};
  report.constraints = {"ttft.p99_ms.before <= 2000", "unserved.before <= 0.2"};
  report.candidates = strewn_candidates(candidates);
  const std::size_t best = best_of(report.candidates);
  report.recommended = report.best = best;
  const TuningFigures& figures = report.candidates[best].figures;
  report.parameters = tuning_parameters(report.candidates[0], report.candidates[best]);
  report.changes = tuning_changes(report.candidates[0].figures, figures);
  // The best and two others, of however few there are.
  std::vector<std::size_t> ranked = {best, best == 9 ? 10U : 9U, best == 20 ? 21U : 20U};
  std::erase_if(ranked, [&](std::size_t i) { return i >= report.candidates.size(); });
  const double ratios[] = {1, 0.991, 0.962};
  const char* const outcomes[] = {"winner", "as good within 1 %", "worse: left after 8 runs"};
  for (std::size_t i = 0; i < ranked.size(); ++i) {
    Finalist finalist{ranked[i], {}, outcomes[i]};
    finalist.to_best = estimate_within(ratios[i], ratios[i] - 0.006, ratios[i] + 0.006);
    const double objective = report.candidates[ranked[i]].figures.objective.value_or(0);
    finalist.stress = {{"as it is", objective, 0},
                       {"load +10 %", objective * 0.97, i == 2 ? 0.2 : 0},
                       {"outputs 20 % longer", objective * 0.88, i > 0 ? 0.4 : 0},
                       {"a replica less", i == 2 ? std::nullopt : std::optional(objective / 2), 1}};
    if (i == 2) finalist.stress.pop_back();
    report.finalists.push_back(finalist);
  }
  report.binding = {
      "'unserved.before <= 0.2' holds it back: with 0.22 goodput.before would be "
      "2,450 tokens/s.",
      "The fleet is full to 97.4 %: no setting of a throttle gives more."};
  report.toml =
      "[[throttle]]\nname = \"output_limit\"\nkind = \"token_bucket\"\nunit = \"output_tokens\"\n"
      "load = " +
      report.candidates[best].values[0] + "  # was 0.5\nburst = \"" +
      report.candidates[best].values[1] + "\"  # was \"1s\"\n\n# other keys stay as they are\n";
  report.series = {tuning_series("present", 1400, 600), tuning_series("recommended", 2390, 42)};
  report.stages = {{"whole range", candidates / 2, candidates, 324'000},
                   {"zoom 1", candidates - candidates / 2 - 1, candidates, 324'000},
                   {"finalists", 3, 24, 129'600},
                   {"stress", 3, 12, 64'800},
                   {"response", 29, 58, 313'200}};
  report.requests = 1'155'600;
  report.elapsed_s = 41.2;
  return report;
}

/// The same on engine threads, where it holds, or does not.
inline TuningReport verified_tuning(bool holds) {
  TuningReport report = recommended_tuning();
  const std::size_t best = *report.best;
  const double predicted = *report.candidates[best].figures.objective;
  Verification verification{5, {}};
  verification.arms = {
      {0,
       "present",
       report.candidates[0].figures.objective,
       1375.0,
       Interval{1340, 1410},
       {1360, 1390},
       report.candidates[0].figures.constraints},
      {best,
       "recommended",
       predicted,
       predicted * (holds ? 0.98 : 0.61),
       Interval{predicted * (holds ? 0.95 : 0.55), predicted * (holds ? 1.01 : 0.67)},
       {predicted * 0.6, predicted * 0.62},
       report.candidates[best].figures.constraints},
      {9, "second", predicted * 0.97, std::nullopt}};
  if (!holds) {
    verification.valid = false;
    verification.arms[2].validity = {"NOT VALID as a measurement: 1 of 4 checks failed",
                                     "generator lag p99 (ms): 3.25, limit 1. The loop was late."};
    verification.refusals = {
        "The recommended setting has 61 % of the goodput.before that was predicted.",
        "The runs of 'second' are no measurement."};
    verification.arms[1].constraints[1] = {0.31, false, 0.55};
    report.recommended.reset();
  }
  report.verification = verification;
  return report;
}

inline TuningReport infeasible_tuning() {
  TuningReport report = recommended_tuning(40);
  report.recommended.reset();
  report.best.reset();
  report.changes.clear();
  report.finalists.clear();
  report.binding.clear();
  report.toml.clear();
  report.series.clear();
  report.constraints[0] = "ttft.p99_ms.before <= 20";
  for (TuningCandidate& each : report.candidates) {
    ConstraintResult& constraint = each.figures.constraints[0];
    constraint.violation = *constraint.value / 20 - 1;
    constraint.met = each.pareto = false;
  }
  TuningFigures& failed = report.candidates[5].figures;
  failed = {};
  failed.failure = "throttle 'output_limit': burst must be at least one request";
  TuningFigures& blind = report.candidates[6].figures;
  blind.objective.reset();
  blind.reason = "the phase has no requests";
  blind.constraints[0] = {std::nullopt, false, INFINITY, "p99: needs 1000 samples, has 480"};
  for (TunedParameter& parameter : report.parameters) {
    TunedParameter searched = {parameter.key,     parameter.scale,           parameter.lowest,
                               parameter.highest, parameter.choices,         parameter.reason,
                               parameter.present, parameter.present_position};
    searched.words = parameter.words;
    parameter = std::move(searched);
  }
  std::size_t nearest = 0;
  for (std::size_t i = 1; i < report.candidates.size(); ++i) {
    const bool nearer =
        report.candidates[i].figures.violation() < report.candidates[nearest].figures.violation();
    if (nearer) nearest = i;
  }
  Remedy limits{nearest, 1, 0, 1.6, "output_limit", true, 19.2};
  Remedy fleet{nearest, 4, 16, 1, "", false, 24.6};
  report.infeasible = {nearest, 0, {limits, fleet}};
  return report;
}

inline TuningReport interrupted_tuning() {
  TuningReport report = recommended_tuning(20);
  report.interrupted = true;
  report.finalists.clear();
  report.series.clear();
  report.changes.clear();
  for (TunedParameter& parameter : report.parameters) {
    parameter.response.clear();
    parameter.sensitivity.reset();
    parameter.sensitivity_error.reset();
    parameter.tolerated_low.clear();
    parameter.tolerated_high.clear();
  }
  report.stages.resize(2);
  report.budget_requests = 2'000'000;
  return report;
}

inline TuningReport empty_tuning() {
  TuningReport report;
  report.scenario = "steady";
  report.phase = "steady";
  report.aim = {"goodput.steady", true};
  return report;
}

/// What is searched is how the lift happens; less is better, and nobody was worse off before.
inline TuningReport lift_tuning() {
  TuningReport report = recommended_tuning(50);
  report.of_lift = true;
  report.phase = "transition";
  report.aim = {"ttft.p99_ms.transition", false};
  report.constraints = {"attainment.after >= 0.95"};
  const std::vector<std::string> shapes = {"at_once", "linear", "2_steps", "4_steps", "8_steps"};
  const std::vector<std::string> inherits = {"keep", "reset"};
  for (std::size_t i = 0; i < report.candidates.size(); ++i) {
    TuningCandidate& each = report.candidates[i];
    const std::size_t shape = i % shapes.size();
    const double length = i == 0 ? 0 : std::fmod(static_cast<double>(i) * 0.618, 1);
    each.point = {(static_cast<double>(shape) + 0.5) / 5, length, i % 2 == 0 ? 0.25 : 0.75};
    each.values = {shapes[shape], four_digits(20 * length, "s"), inherits[i % 2]};
    each.settings = {"event.0.at=20s"};
    const double p99 =
        180 + 90 * std::abs(length - 0.4) * static_cast<double>(7 - shape) + (i % 2 == 0 ? 40 : 0);
    each.figures.ttft_p99_ms = each.figures.objective = p99;
    each.figures.attainment = 0.9 + 0.09 * length;
    each.figures.constraints = {{each.figures.attainment, *each.figures.attainment >= 0.95,
                                 std::max(0.0, 1 - *each.figures.attainment / 0.95)}};
  }
  report.candidates[0].point.clear();
  std::size_t best = 1;
  for (std::size_t i = 1; i < report.candidates.size(); ++i) {
    const TuningFigures& figures = report.candidates[i].figures;
    if (!figures.feasible()) continue;
    const TuningFigures& least = report.candidates[best].figures;
    if (!least.feasible() || *figures.objective < *least.objective) best = i;
  }
  mark_pareto(report.candidates);
  report.recommended = report.best = best;
  const std::vector<std::string> values = report.candidates[best].values;
  report.parameters = {{"shape", "choice", "", "", shapes, "", "at_once", 0.1, values[0]},
                       {"over", "linear", "0s", "20s", {}, "", std::nullopt, {}, values[1]},
                       {"inherit", "choice", "", "", inherits, "", "keep", 0.25, values[2]}};
  for (TunedParameter& each : report.parameters) name_parameter(each, {"lift", each.key});
  report.changes = {{"TTFT p99", "ms", false, report.candidates[0].figures.objective,
                     report.candidates[best].figures.objective, false,
                     estimate_within(0.41, 0.38, 0.44)}};
  report.finalists.clear();
  report.binding.clear();
  report.toml = "[[event]]\nat = \"15s\"\nramp = { throttle = \"output_limit\", over = \"8s\" }\n";
  return report;
}

/// As many parameters as there may be.
inline TuningReport wide_tuning() {
  TuningReport report = recommended_tuning(120);
  const std::size_t own = report.parameters.size();
  for (std::size_t i = own; i < 16; ++i) {
    report.parameters.push_back(report.parameters[i % own]);
    name_parameter(report.parameters.back(),
                   {"throttle", "limit_of_tenant_" + std::to_string(i), "max_wait"});
    for (std::size_t k = 0; k < report.candidates.size(); ++k) {
      TuningCandidate& each = report.candidates[k];
      each.values.push_back(each.values[i % own]);
      if (k > 0) each.point.push_back(each.point[i % own]);
    }
  }
  return report;
}

/// All its texts try to break out of what they stand in.
inline TuningReport hostile_tuning() {
  const std::string& evil = hostile_text();
  TuningReport report = verified_tuning(false);
  report.scenario = report.description = report.tokenlift_version = report.started_at = evil;
  report.phase = report.toml = report.aim.path = evil;
  report.command = report.constraints = report.binding = {evil, evil};
  for (TunedParameter& parameter : report.parameters) {
    name_parameter(parameter, {"throttle", evil, "load"});
    parameter.lowest = parameter.highest = parameter.reason = parameter.recommended = evil;
    parameter.tolerated_low = parameter.tolerated_high = evil;
    parameter.present = evil;
    for (std::string& choice : parameter.choices) choice += evil;
    for (ResponsePoint& point : parameter.response) point.value = evil;
  }
  for (TuningCandidate& each : report.candidates) {
    each.values.assign(report.parameters.size(), evil);
    each.settings = {evil};
    each.stage = evil;
  }
  report.candidates[3].figures.failure = report.candidates[3].figures.reason = evil;
  for (Finalist& finalist : report.finalists) {
    finalist.outcome = evil;
    for (StressResult& stress : finalist.stress) stress.name = evil;
  }
  for (TuningChange& change : report.changes) change.name = change.change.basis = evil;
  for (TuningSeries& series : report.series) series.label = evil;
  for (TuningStage& stage : report.stages) stage.name = evil;
  for (VerifiedArm& arm : report.verification->arms) {
    arm.label = evil;
    arm.validity = {evil};
  }
  report.verification->refusals = {evil};
  return report;
}

}  // namespace tokenlift
