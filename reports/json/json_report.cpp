#include "reports/json/json_report.hpp"

#include <fmt/ranges.h>

#include <utility>

#include "reports/findings/verdict.hpp"
#include "reports/json/json_value.hpp"

namespace tokenlift {
namespace {

constexpr double kNsPerMs = 1e6;

/// Durations are given in ms, like the latencies of run.json.
struct GivenUnit {
  std::string name;
  double scale;
};
GivenUnit given_unit(const std::string& unit) {
  return unit == "ns" ? GivenUnit{"ms", 1 / kNsPerMs} : GivenUnit{unit, 1};
}

/// What the interval says: null where there is none.
template <typename Change>
Json reading_of(const Change& change, const Estimate& estimate) {
  if (!estimate.interval) return nullptr;
  if (!change.shown()) return "not shown";
  return change.better() ? "better" : "worse";
}

Json json_of(const Gain& gain) {
  const GivenUnit unit = given_unit(gain.unit);
  Json change = json_of(gain.change, gain.is_difference ? unit.scale : 1);
  return {{"name", gain.name},
          {"unit", unit.name},
          {"higher_is_better", gain.higher_is_better},
          {"before", scaled(gain.before, unit.scale)},
          {"after", scaled(gain.after, unit.scale)},
          {"change_is", gain.is_difference ? "difference" : "ratio"},
          {"change", std::move(change)},
          {"reading", reading_of(gain, gain.change)}};
}

Json json_of(const Effect& effect) {
  const GivenUnit unit = given_unit(effect.unit);
  return {{"name", effect.name},
          {"unit", unit.name},
          {"higher_is_better", effect.higher_is_better},
          {"phase", effect.phase},
          {"with", scaled(effect.with, unit.scale)},
          {"without", scaled(effect.without, unit.scale)},
          {"difference", json_of(effect.difference, unit.scale)},
          {"reading", reading_of(effect, effect.difference)}};
}

Json json_of(const Delay& delay) {
  return {{"s", seconds_or_null(delay.ns)}, {"reason", delay.reason}};
}

/// `scale` brings levels into the unit of `unit`.
Json json_of(const StepResponse& response, const char* unit, double scale) {
  return {{"unit", unit},
          {"smoothed_over_s", seconds(response.smoothed_over_ns)},
          {"standard_error", scaled(response.standard_error, scale)},
          {"before", scaled(response.before, scale)},
          {"after", scaled(response.after, scale)},
          {"stepped", response.stepped},
          {"rise_time", json_of(response.rise)},
          {"overshoot", or_null(response.overshoot)},
          {"settling_time", json_of(response.settling)},
          {"deficit", scaled(response.deficit, scale)}};
}

Json found_of(const LiftReport& report, std::int64_t bin_ns) {
  Json points = Json::array();
  for (const ChangePoint& point : report.found) {
    points.push_back({{"at_s", seconds(static_cast<std::int64_t>(point.bin) * bin_ns)},
                      {"from", point.from},
                      {"to", point.to}});
  }
  return {{"nearest_s", seconds_or_null(report.found_ns)}, {"points", std::move(points)}};
}

Json tenants_of(const LiftReport& report) {
  Json unfairness = nullptr;
  if (report.unfairness) {
    unfairness = {{"ahead", report.unfairness->ahead},
                  {"behind", report.unfairness->behind},
                  {"tokens", report.unfairness->tokens}};
  }
  Json starvation = Json::array();
  for (const Starvation& one : report.starvation) {
    starvation.push_back(
        {{"tenant", one.tenant}, {"guaranteed_share", one.share}, {"s", one.seconds}});
  }
  return {{"unfairness", std::move(unfairness)}, {"starvation", std::move(starvation)}};
}

/// What served before and after it is null where no replica came or went.
Json json_of(const FleetChange& change) {
  const LiftRecord& event = change.event;
  const std::optional<FleetStep>& step = change.step;
  Json json = {{"site", event.site},
               {"kind", event.kind},
               {"at_s", seconds_or_null(event.at_ns)},
               {"step", nullptr}};
  if (!step) return json;
  json["step"] = {
      {"begin_s", seconds(step->begin_ns)},
      {"end_s", seconds(step->end_ns)},
      {"back_s", seconds_or_null(step->back_ns)},
      {"site_replicas", {{"before", step->from}, {"after", step->to}}},
      {"replicas_serving", {{"before", step->serving_from}, {"after", step->serving_to}}},
      {"capacity_tokens_per_s",
       {{"before", or_null(step->capacity_from)}, {"after", or_null(step->capacity_to)}}}};
  return json;
}

Json json_of(const LiftReport& report, std::int64_t bin_ns) {
  const LiftRecord& lift = report.lift;
  Json json = {{"throttle", lift.throttle},
               {"kind", lift.kind},
               {"planned_s", seconds(lift.planned_ns)},
               {"at_s", seconds_or_null(lift.at_ns)},
               {"binding_fraction", or_null(report.binding_fraction)},
               {"vacuous", report.vacuous},
               {"gains", list_of(report.gains, json_of)},
               {"effects", list_of(report.effects, json_of)},
               {"length_s", or_null(report.length_s)},
               {"unlock_latency", json_of(report.unlock_latency)},
               {"waiter_release_lag", json_of(report.waiter_release_lag)},
               {"backlog",
                {{"waiting_requests", lift.waiting_requests},
                 {"waiting_tokens", lift.backlog_tokens},
                 {"backoff_requests", lift.backoff_requests},
                 {"backoff_tokens", lift.backoff_tokens}}},
               {"drain_time", json_of(report.drain)},
               {"drain_time_fluid_s", or_null(report.drain_fluid_s)},
               {"never_drains", report.never_drains},
               {"goodput", json_of(report.goodput, "tokens/s", 1)},
               {"in_flight", json_of(report.in_flight, "requests", 1)},
               {"ttft_p99", json_of(report.ttft_p99, "ms", 1 / kNsPerMs)},
               {"recovery_deficit_tokens", or_null(report.recovery_deficit_tokens)},
               {"slo_debt_requests", or_null(report.slo_debt_requests)},
               {"retry_amplification",
                {{"before", or_null(report.retry_amplification_before)},
                 {"after", or_null(report.retry_amplification_after)}}},
               {"wasted_tokens", report.wasted_tokens}};
  json.update(tenants_of(report));
  json["change_points"] = found_of(report, bin_ns);
  json["not_back_share"] = or_null(report.not_back_share);
  if (!report.fleet.empty()) json["fleet"] = list_of(report.fleet, json_of);
  return json;
}

/// What is known of them.
Json rates_of(const PhaseCost& cost) {
  Json rates = Json::object();
  for (const CostFigure& figure : kCostFigures) {
    if (cost.*figure.value) rates[std::string(figure.key)] = *(cost.*figure.value);
  }
  return rates;
}

/// What is known of them, by phase.
Json json_of(const JobWork& job) {
  Json phases = Json::array();
  for (const JobPhaseWork& work : job.phases) {
    Json rates = Json::object();
    for (const JobFigure& figure : kJobFigures) {
      if (work.*figure.value) rates[std::string(figure.key)] = *(work.*figure.value);
    }
    phases.push_back({{"name", work.name}, {"rates", std::move(rates)}});
  }
  return {{"name", job.name},
          {"site", job.site},
          {"replicas", job.replicas},
          {"yields", job.yields},
          {"phases", std::move(phases)}};
}

Json json_of(const MarginalCost& marginal) {
  return {{"usd_per_hour", or_null(marginal.usd_per_hour)},
          {"usd_per_m_output_tokens", or_null(marginal.usd_per_m_output_tokens)},
          {"usd_per_m_goodput_tokens", or_null(marginal.usd_per_m_goodput_tokens)},
          {"j_per_output_token", or_null(marginal.j_per_output_token)},
          {"reason", marginal.reason}};
}

Json phases_of(const TrialReport& trial) {
  Json phases = Json::array();
  for (const PhaseSummary& summary : trial.phases) {
    Json phase = json_of(summary);
    phase["rates"].update(fleet_rates_of(summary.rates));
    if (const PhaseCost* const cost = find_cost(trial.costs, summary.name)) {
      phase["rates"].update(rates_of(*cost));
    }
    phases.push_back(std::move(phase));
  }
  return phases;
}

Json json_of(const TimeSplit& split) {
  Json json = {{"phase", split.phase},
               {"requests", split.requests},
               {"ttft", split.ttft_ns / kNsPerMs},
               {"generator_lag", split.generator_lag_ns / kNsPerMs},
               {"throttle_wait", split.throttle_wait_ns / kNsPerMs},
               {"queue_wait", split.queue_wait_ns / kNsPerMs},
               {"prefill", split.prefill_ns / kNsPerMs}};
  if (split.network_ns > 0) json["network"] = split.network_ns / kNsPerMs;
  if (split.service_ns > 0) json["service"] = split.service_ns / kNsPerMs;
  return json;
}

/// Both arms have to be valid.
Json validity_of(const TrialReport& trial) {
  Json checks = checks_of(trial.trial.lifted.pooled);
  Json control_checks = Json::array();
  if (trial.trial.control) control_checks = checks_of(trial.trial.control->pooled);
  return {{"valid", is_valid(trial.trial)},
          {"text", fmt::format("{}", fmt::join(trial.validity, "\n"))},
          {"checks", std::move(checks)},
          {"control_checks", std::move(control_checks)}};
}

}  // namespace

Json json_of(const TrialReport& trial) {
  const Run& run = trial.trial.lifted.pooled;
  Json json = {
      {"label", trial.trial.label},
      {"scenario_name", run.scenario_name},
      {"engine", run.engine},
      {"seed", run.seed},
      {"runs", run.runs},
      {"control_runs", trial.trial.control ? trial.trial.control->pooled.runs : 0},
      {"interrupted", run.interrupted},
      {"validity", validity_of(trial)},
      {"verdict", trial.verdict},
      {"remarks", trial.remarks},
      {"capacity",
       {{"tokens_per_s", or_null(run.capacity_tokens_per_s)}, {"source", run.capacity_source}}},
      {"phases", phases_of(trial)},
      {"mean_ttft_ms", list_of(trial.split, json_of)},
      {"lift", trial.lift ? json_of(*trial.lift, run.series.bin_ns) : Json(nullptr)},
      {"environment", json_of(run.environment)}};
  if (trial.marginal) json["marginal"] = json_of(*trial.marginal);
  if (!trial.jobs.empty()) json["jobs"] = list_of(trial.jobs, json_of);
  return json;
}

std::string to_json(const Report& report) {
  return document({{"schema", kReportSchema}, {"trials", list_of(report.trials, json_of)}});
}

}  // namespace tokenlift
