#include "reports/json/json_tuning.hpp"

#include <utility>

#include "reports/json/json_value.hpp"

namespace tokenlift {
namespace {

using tokenlift::json_of;  // those of json_value.hpp, beside the ones below

Json json_of(const TuningCandidate& candidate) {
  return {{"stage", candidate.stage},   {"point", candidate.point},
          {"values", candidate.values}, {"settings", candidate.settings},
          {"pareto", candidate.pareto}, {"figures", json_of(candidate.figures)}};
}

Json json_of(const ResponsePoint& point) {
  return {{"position", point.position},
          {"value", point.value},
          {"objective", or_null(point.objective)},
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
          {"present_position", or_null(parameter.present_position)},
          {"recommended", parameter.recommended},
          {"sensitivity", or_null(parameter.sensitivity)},
          {"sensitivity_error", or_null(parameter.sensitivity_error)},
          {"tolerated", {{"low", parameter.tolerated_low}, {"high", parameter.tolerated_high}}},
          {"response", list_of(parameter.response, json_of)}};
}

Json json_of(const StressResult& stress) {
  return {{"name", stress.name},
          {"objective", or_null(stress.objective)},
          {"violation", stress.violation}};
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
          {"present", or_null(change.present)},
          {"recommended", or_null(change.recommended)},
          {"change_is", change.is_difference ? "difference" : "ratio"},
          {"change", json_of(change.change)}};
}

Json json_of(const TuningSeries& series) {
  return {{"label", series.label},
          {"goodput_tokens_per_s", json_of(series.goodput_line)},
          {"ttft_p50_ms", json_of(series.ttft_line)}};
}

Json json_of(const VerifiedArm& arm) {
  return {{"candidate", arm.candidate},
          {"label", arm.label},
          {"predicted", or_null(arm.predicted)},
          {"measured", or_null(arm.measured)},
          {"interval_95", json_of(arm.interval)},
          {"measured_by_run", arm.measured_by_run},
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

Json json_of(const Remedy& remedy) {
  return {{"candidate", remedy.candidate},
          {"fleet", remedy.fleet},
          {"replicas", remedy.replicas > 0 ? Json(remedy.replicas) : Json()},
          {"limits", remedy.limits},
          {"throttle", remedy.throttle},
          {"meets", remedy.meets},
          {"value", or_null(remedy.value)}};
}

Json json_of(const std::optional<Infeasible>& infeasible) {
  if (!infeasible) return nullptr;
  return {{"candidate", infeasible->candidate},
          {"constraint", infeasible->constraint},
          {"remedies", list_of(infeasible->remedies, json_of)},
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
       {"capacity_tokens_per_s", or_null(report.capacity_tokens_per_s)},
       {"aim", {{"path", report.aim.path}, {"maximize", report.aim.maximize}}},
       {"constraints", report.constraints},
       {"recommended", or_null(report.recommended)},
       {"best", or_null(report.best)},
       {"toml", report.toml},
       {"floors", report.floors},
       {"losers", report.losers},
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
       {"elapsed_s", report.elapsed_s},
       {"candidates", list_of(report.candidates, json_of)}});
}

}  // namespace tokenlift
