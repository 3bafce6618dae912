#pragma once
// Reports made by hand for the tests of formats: every field that a format shows has a value
// somewhere, and is absent somewhere.

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "reports/analysis/summary.hpp"
#include "reports/findings/overview_table.hpp"
#include "reports/findings/report.hpp"
#include "reports/findings/tables.hpp"
#include "tests/reports/record/sample_runs.hpp"

namespace tokenlift {

inline std::vector<Gain> sample_gains() {
  const std::string too_few = "1 run; 3 repetitions give an interval";
  const std::string blocks = "1 run: 24 blocks of 0.5 s, effective sample size 31";
  return {
      {"throughput", "tokens/s", true, 2000, 3000, false, {1.5, Interval{1.42, 1.58}, blocks, ""}},
      {"goodput", "tokens/s", true, 0, 2969, true, {2969, Interval{2900, 3038}, blocks, ""}},
      {"attainment", "share", true, 0.16, 0.99, false, {6.19, Interval{0.9, 12.5}, blocks, ""}},
      {"ttft p50", "ns", false, 1028e6, 27.9e6, false, {0.0272, {}, "", too_few}},
      {"ttft p99", "ns", false, {}, 43.8e6, false, {{}, {}, "", "p99 needs 1,000 requests"}},
      {"tpot p50", "ns", false, 6.98e6, 7.98e6, false, {1.14, Interval{1.1, 1.2}, blocks, ""}}};
}

inline StepResponse sample_goodput_response() {
  StepResponse response;
  response.smoothed_over_ns = 2 * kSecondNs;
  response.standard_error = 41.5;
  response.before = 400;
  response.after = 2969;
  response.stepped = true;
  response.rise.ns = 1250 * kMsNs;
  response.overshoot = 0.125;
  response.settling.reason = "not settled: 12 s more would tell";
  response.deficit = 5120;
  return response;
}

inline LiftReport sample_lift(const Run& run) {
  LiftReport lift;
  lift.lift = *run.lift;
  lift.binding_fraction = 0.9;
  lift.gains = sample_gains();
  lift.unlock_latency.ns = 2 * kMsNs;
  lift.waiter_release_lag.reason = "nobody was waiting";
  lift.drain.ns = 2400 * kMsNs;
  lift.drain_fluid_s = 2.25;
  lift.goodput = sample_goodput_response();
  lift.in_flight.smoothed_over_ns = 2 * kSecondNs;
  lift.in_flight.before = 12;
  lift.in_flight.after = 12.5;
  lift.in_flight.rise.reason = "nothing stepped: the levels differ by less than 3 standard errors";
  lift.ttft_p99 = lift.in_flight;
  lift.ttft_p99.before.reset();
  lift.ttft_p99.after = 43.8e6;
  lift.ttft_p99.rise.reason = "not enough data: 2 slices";
  lift.recovery_deficit_tokens = 5120;
  lift.slo_debt_requests = 50;
  lift.retry_amplification_before = 1;
  lift.wasted_tokens = 1750;
  lift.found = {{1, 2000, 3000}};
  lift.found_ns = 15 * kSecondNs;
  return lift;
}

/// With all that the other trial lacks: a control, tenants that came apart, no change found.
inline LiftReport sample_controlled_lift(const Run& run) {
  LiftReport lift = sample_lift(run);
  lift.effects = {
      {"throughput",
       "tokens/s",
       true,
       "transition",
       2714,
       2229,
       {485, Interval{420, 550}, "3 pairs of runs", ""}},
      {"ttft p50",
       "ns",
       false,
       "transition",
       163e6,
       910e6,
       {-747e6, Interval{-800e6, -700e6}, "3 pairs of runs", ""}},
      {"attainment", "share", true, "after", 0.989, {}, {{}, {}, "", "no control reached it"}}};
  lift.never_drains = true;
  lift.drain_fluid_s.reset();
  lift.no_fluid_reason = "as much gets past as can be carried";
  lift.unfairness = Unfairness{"users", "research", 1234.5};
  lift.starvation = {{"research", 0.3, 1.75}};
  lift.found.clear();
  lift.found_ns.reset();
  lift.not_back_share = 0.42;
  return lift;
}

inline std::vector<TimeSplit> sample_split() {
  return {{"before", 480, 1020e6, 0.02e6, 990e6, 0, 4e6, 25.98e6},
          {"transition", 0, 0, 0, 0, 0, 0, 0},
          {"after", 1080, 28e6, 0.02e6, 0, 0, 2e6, 25.98e6}};
}

inline TrialReport sample_trial(std::string label, const Run& run) {
  TrialReport trial{
      Trial{std::move(label), Arm(run), {}}, summarize_fleet(run), {}, {}, {}, "", {}, {}};
  trial.split = sample_split();
  trial.validity = {"valid: 3 of 4 checks passed, 1 not checked"};
  trial.verdict = "Lifting 'output limit' at 15.0 s was worth it: throughput x1.50.";
  trial.remarks = {"Goodput had not settled when the run ended.", "This is one run."};
  return trial;
}

/// One trial, of a lift.
inline Report lift_report() {
  Report report;
  report.trials = {sample_trial("lift", lift_run())};
  report.trials[0].lift = sample_lift(report.trials[0].trial.lifted.pooled);
  report.trials[0].tables = tables_of(report.trials[0]);
  return report;
}

/// Three trials: the lift; two tenants with a control; a steady run that is not valid.
inline Report side_by_side_report() {
  Report report = lift_report();
  Run tenants = two_tenant_run();
  tenants.tenants[1].name = "re|se\"arch`,<b>\n@all";
  tenants.throttles[0].limits = {{0, 2000}, {22 * kSecondNs, {}}, {30 * kSecondNs, 0.5}};
  tenants.tenants[1].columns = {{"waiting_requests", {1, 2, 3}}};
  report.trials.push_back(sample_trial("two tenants, controlled", tenants));
  Run control = tenants;
  control.control = true;
  control.series.columns.pop_back();
  report.trials[1].trial.control = Arm(control);
  report.trials[1].lift = sample_controlled_lift(tenants);
  Run steady = steady_run();
  steady.checks[0].passed = false;
  report.trials.push_back(sample_trial("steady", steady));
  report.trials[2].split.clear();
  report.trials[2].validity = {"NOT VALID as a measurement: 1 of 4 checks failed"};
  report.trials[2].verdict = "NOT VALID: Steady: throughput 2,500 tokens/s.";
  for (TrialReport& trial : report.trials) trial.tables = tables_of(trial);
  report.overview = overview_table(report.trials);
  return report;
}

/// Two trials whose every name would clear the screen of a terminal.
inline Report report_of_hostile_names() {
  const std::string clear = "\x1b[2J\r";
  std::vector<Trial> trials;
  for (Run run : {lift_run(), steady_run()}) {
    run.throttles = lift_run().throttles;
    run.throttles.push_back(run.throttles[0]);  // so that they are shown
    run.tenants.push_back(run.tenants[0]);
    for (TenantRecord& tenant : run.tenants) tenant.name += clear;
    for (ThrottleRecord& throttle : run.throttles) {
      for (std::string* text :
           {&throttle.name, &throttle.kind, &throttle.unit, &throttle.scope, &throttle.mode}) {
        *text += clear;
      }
      throttle.phases.resize(run.phases.size());
    }
    if (run.lift) run.lift->throttle += clear;
    if (!run.lift) run.phases[0].name += clear;  // those of a lift are told by their names
    for (Check& check : run.checks) {
      check.name += clear;
      check.advice += clear;
      check.passed = false;
    }
    Environment& environment = run.environment;
    for (std::string* text :
         {&run.scenario_name, &run.engine, &run.capacity_source, &environment.tokenlift_version,
          &environment.compiler, &environment.build_type, &environment.cpu, &environment.os,
          &environment.decoder_precision, &environment.started_at}) {
      *text += clear;
    }
    environment.command.push_back(clear);
    trials.push_back({run.scenario_name, Arm(run), std::nullopt});
  }
  return make_report(std::move(trials));
}

/// The control characters of a text, but for the ends of its lines.
inline std::string controls_in(const std::string& text) {
  std::string found;
  std::copy_if(text.begin(), text.end(), std::back_inserter(found), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7f;
  });
  return found;
}

}  // namespace tokenlift
