#include "reports/json_tuning.hpp"

#include <cmath>
#include <utility>

#include "reports/json_value.hpp"

namespace tokenlift {
namespace {

Json finite_or_null(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

Json finite_or_null(const std::optional<double>& value) {
  return value ? finite_or_null(*value) : Json(nullptr);
}

Json numbers(const std::vector<double>& values) {
  Json list = Json::array();
  for (const double value : values) list.push_back(finite_or_null(value));
  return list;
}

Json json_of(const Interval& interval) {
  return {{"low", finite_or_null(interval.low)}, {"high", finite_or_null(interval.high)}};
}

Json json_of(const std::optional<Interval>& interval) {
  return interval ? json_of(*interval) : Json(nullptr);
}

Json json_of(const Estimate& estimate) {
  return {{"value", finite_or_null(estimate.value)},
          {"interval_95", json_of(estimate.interval)},
          {"basis", estimate.basis},
          {"reason", estimate.reason}};
}

Json json_of(const ConstraintResult& constraint) {
  return {{"met", constraint.met},
          {"value", finite_or_null(constraint.value)},
          {"violation", finite_or_null(constraint.violation)},
          {"reason", constraint.reason}};
}

Json json_of(const TuningFigures& figures) {
  return {{"runs", figures.runs},
          {"length_share", finite_or_null(figures.length_share)},
          {"requests", figures.requests},
          {"objective", finite_or_null(figures.objective)},
          {"reason", figures.reason},
          {"objective_by_run", numbers(figures.objective_by_run)},
          {"feasible", figures.feasible()},
          {"violation", finite_or_null(figures.violation())},
          {"constraints", list_of(figures.constraints, json_of)},
          {"throughput_tokens_per_s", finite_or_null(figures.throughput_tokens_per_s)},
          {"goodput_tokens_per_s", finite_or_null(figures.goodput_tokens_per_s)},
          {"attainment", finite_or_null(figures.attainment)},
          {"unserved", finite_or_null(figures.unserved)},
          {"ttft_p50_ms", finite_or_null(figures.ttft_p50_ms)},
          {"ttft_p99_ms", finite_or_null(figures.ttft_p99_ms)},
          {"failure", figures.failure}};
}

Json json_of(const TuningCandidate& candidate) {
  return {{"stage", candidate.stage},   {"point", numbers(candidate.point)},
          {"values", candidate.values}, {"settings", candidate.settings},
          {"pareto", candidate.pareto}, {"figures", json_of(candidate.figures)}};
}

Json json_of(const ResponsePoint& point) {
  return {{"position", finite_or_null(point.position)},
          {"value", point.value},
          {"objective", finite_or_null(point.objective)},
          {"feasible", point.feasible}};
}

Json json_of(const TunedParameter& parameter) {
  return {{"key", parameter.key},
          {"scale", parameter.scale},
          {"lowest", parameter.lowest},
          {"highest", parameter.highest},
          {"choices", parameter.choices},
          {"reason", parameter.reason},
          {"present", or_null(parameter.present)},
          {"present_position", finite_or_null(parameter.present_position)},
          {"recommended", parameter.recommended},
          {"sensitivity", finite_or_null(parameter.sensitivity)},
          {"tolerated", {{"low", parameter.tolerated_low}, {"high", parameter.tolerated_high}}},
          {"response", list_of(parameter.response, json_of)}};
}

Json json_of(const StressResult& stress) {
  return {{"name", stress.name},
          {"objective", finite_or_null(stress.objective)},
          {"violation", finite_or_null(stress.violation)}};
}

Json json_of(const Finalist& finalist) {
  return {{"candidate", finalist.candidate},
          {"to_best", json_of(finalist.to_best)},
          {"outcome", finalist.outcome},
          {"stress", list_of(finalist.stress, json_of)}};
}

Json json_of(const TuningChange& change) {
  return {{"name", change.name},
          {"unit", change.unit},
          {"higher_is_better", change.higher_is_better},
          {"present", finite_or_null(change.present)},
          {"recommended", finite_or_null(change.recommended)},
          {"change_is", change.is_difference ? "difference" : "ratio"},
          {"change", json_of(change.change)}};
}

Json json_of(const CaseLine& line) {
  Json values = Json::array();
  for (const std::optional<double>& value : line.values) values.push_back(finite_or_null(value));
  return {{"step_s", finite_or_null(line.step_s)}, {"values", std::move(values)}};
}

Json json_of(const TuningSeries& series) {
  return {{"label", series.label},
          {"goodput_tokens_per_s", json_of(series.goodput_line)},
          {"ttft_p50_ms", json_of(series.ttft_line)}};
}

Json json_of(const VerifiedArm& arm) {
  return {{"candidate", arm.candidate},
          {"label", arm.label},
          {"predicted", finite_or_null(arm.predicted)},
          {"measured", finite_or_null(arm.measured)},
          {"interval_95", json_of(arm.interval)},
          {"measured_by_run", numbers(arm.measured_by_run)},
          {"constraints", list_of(arm.constraints, json_of)},
          {"validity", arm.validity}};
}

Json json_of(const std::optional<Verification>& verification) {
  if (!verification) return nullptr;
  return {{"runs", verification->runs},
          {"valid", verification->valid},
          {"refusals", verification->refusals},
          {"arms", list_of(verification->arms, json_of)}};
}

Json json_of(const std::optional<Infeasible>& infeasible) {
  if (!infeasible) return nullptr;
  return {{"candidate", infeasible->candidate},
          {"constraint", infeasible->constraint},
          {"capacity_factor", finite_or_null(infeasible->capacity_factor)},
          {"settings", infeasible->settings},
          {"reason", infeasible->reason}};
}

Json json_of(const TuningStage& stage) {
  return {{"name", stage.name},
          {"candidates", stage.candidates},
          {"runs", stage.runs},
          {"requests", stage.requests}};
}

}  // namespace

std::string to_json(const TuningReport& report) {
  return document(
      {{"schema", kTuningSchema},
       {"scenario", report.scenario},
       {"description", report.description},
       {"command", report.command},
       {"tokenlift_version", report.tokenlift_version},
       {"started_at", report.started_at},
       {"seed", report.seed},
       {"searched", report.of_lift ? "lift" : "settings"},
       {"verdict", tuning_verdict(report)},
       {"interrupted", report.interrupted},
       {"phase", report.phase},
       {"capacity_tokens_per_s", finite_or_null(report.capacity_tokens_per_s)},
       {"aim", {{"path", report.aim.path}, {"maximize", report.aim.maximize}}},
       {"constraints", report.constraints},
       {"recommended", or_null(report.recommended)},
       {"best", or_null(report.best)},
       {"toml", report.toml},
       {"binding", report.binding},
       {"parameters", list_of(report.parameters, json_of)},
       {"changes", list_of(report.changes, json_of)},
       {"finalists", list_of(report.finalists, json_of)},
       {"verification", json_of(report.verification)},
       {"infeasible", json_of(report.infeasible)},
       {"series", list_of(report.series, json_of)},
       {"stages", list_of(report.stages, json_of)},
       {"budget_requests", report.budget_requests > 0 ? Json(report.budget_requests) : Json()},
       {"requests", report.requests},
       {"elapsed_s", finite_or_null(report.elapsed_s)},
       {"candidates", list_of(report.candidates, json_of)}});
}

}  // namespace tokenlift
