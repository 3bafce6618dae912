#pragma once
// Sweeps made by hand (no engine runs) for the tests of formats.

#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "reports/findings/sweep_report.hpp"
#include "reports/findings/sweep_tables.hpp"

namespace tokenlift {

inline std::string sweep_number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

inline Estimate sweep_estimate(double value, double share) {
  return {value, Interval{value * (1 - share), value * (1 + share)}, "5 runs", ""};
}

/// A fleet of `accelerators` that makes 8,000 tokens/s, and queues as M/M/1 does.
inline SweepPoint sweep_point(const SweepReport& report, double load, double accelerators = 8) {
  SweepPoint point;
  point.values = {sweep_number(load)};
  point.numbers = {load};
  point.runs = load < 1 ? 5 : 1;
  point.requests = static_cast<std::uint64_t>(std::lround(load * 50'000));
  point.capacity_tokens_per_s = 8'000;
  point.accelerators = accelerators;
  point.prompt_tokens = 512;
  point.output_tokens = 266;
  point.fleet = {"h100-8b", "NVIDIA H100 SXM", 1, 2, static_cast<std::int64_t>(accelerators)};
  point.shortened = load >= 1.1;
  if (load >= 1) point.state = PointState::saturated;
  const double wait = load < 1 ? load / (1 - load) : 0;
  const double share = 0.02 + 0.1 * load * load;
  for (const std::string& path : report.figures) {
    const auto is = [&](const char* what) { return path.starts_with(what); };
    const bool later = is("ttft.p99") || is("e2e.p99");
    double value = 0;
    if (is("offered_requests")) value = 30 * load;
    if (is("completed_requests")) value = 30 * std::min(load, 1.0);
    if (is("offered_tokens")) value = 8'000 * load;
    if (is("throughput")) value = 8'000 * std::min(load, 1.0);
    if (is("utilisation")) value = std::min(1.0, 0.5 + load / 2);
    if (is("batch_mean")) value = 10 * load;
    if (is("usd_per_hour")) value = 36;
    if (is("usd_per_m")) value = 36 / 3600. / (8'000 * std::min(load, 1.0)) * 1e6;
    if (is("on_demand_usd_per_m")) value = 1.5;
    const bool lasting = value > 0;
    if (is("goodput")) value = 8'000 * load * std::exp(-wait / 40);
    if (is("attainment")) value = std::exp(-wait / 40);
    if (is("ttft") || is("queue_wait")) value = 20 + 30 * wait * (later ? 4 : 1);
    if (is("tpot") || is("itl")) value = 8 + 12 * std::min(load, 1.0) + (later ? 5 : 0);
    if (is("e2e")) value = 2'000 + 900 * wait * (later ? 4 : 1);
    if (load >= 1 && !lasting) {
      point.figures.push_back({std::nullopt, std::nullopt, "", "saturated: the backlog grows"});
    } else {
      point.figures.push_back(sweep_estimate(value, is("attainment") ? 0.002 : share));
    }
  }
  point.by_run.seeds = {1, 2, 3, 4, 5};
  point.by_run.seeds.resize(point.runs);
  point.by_run.runs = point.runs;
  FigureSet made, first;
  made.phase = first.phase = "steady";
  made.name = "throughput";
  made.unit = "tokens/s";
  first.name = "ttft p50";
  first.unit = "ns";
  first.higher_is_better = false;
  made.primary = first.primary = true;
  for (const std::uint64_t seed : point.by_run.seeds) {
    const double chance = 1 + 0.001 * static_cast<double>(seed % 3);
    made.runs.push_back({seed, 8'000 * std::min(load, 1.0) * chance, 0});
    first.runs.push_back({seed, (20 + 30 * wait) * 1e6 * chance, 1000});
  }
  point.by_run.figures.push_back(std::move(made));
  if (load < 1) point.by_run.figures.push_back(std::move(first));
  return point;
}

/// `priced`: its scenario states what the hall costs.
inline SweepReport sweep_without_points(bool priced = false) {
  SweepReport report;
  report.scenario = "hall";
  report.description = "Eight accelerators and their users.";
  report.command = {"tokenlift", "sweep", "hall.toml", "--over",
                    "tenant.users.arrivals.load=0.1:1.2:12"};
  report.tokenlift_version = "0.1.0";
  report.started_at = "2026-11-30T01:02:03Z";
  report.engine = "virtual";
  report.seed = 1;
  report.repetitions = 5;
  report.phase = "steady";
  report.settings_digest = "fnv1a64:0123456789abcdef";
  report.requests = 2'345'678;
  report.elapsed_s = 12.3;
  for (const SweepFigure& figure : sweep_figures()) {
    const bool shown =
        figure.needs == SweepNeeds::nothing || (priced && figure.needs == SweepNeeds::price);
    if (!shown) continue;
    report.figures.push_back(std::string(figure.what) + ".steady");
  }
  return report;
}

/// Along one axis, into saturation, with a search.
inline SweepReport sample_sweep(double accelerators = 8, bool priced = false) {
  SweepReport report = sweep_without_points(priced);
  report.axes = {{"tenant.users.arrivals.load", "", true}};
  report.objectives = {"attainment.steady >= 0.9"};
  for (int i = 1; i <= 12; ++i) report.points.push_back(sweep_point(report, 0.1 * i, accelerators));
  report.points.insert(report.points.begin() + 9, sweep_point(report, 0.95, accelerators));
  report.points[9].refined = true;
  SweepFind find;
  find.axis = report.axes[0];
  find.low = "0.1";
  find.high = "1.2";
  find.objectives = report.objectives;
  find.outcome = FindOutcome::found;
  find.value = "0.8083";
  find.number = 0.8083;
  find.interval = Interval{0.801, 0.816};
  for (const double load : {0.1, 0.65, 0.8, 0.85, 1.2}) {
    FindTry tried{sweep_point(report, load), load < 0.81, load != 0.8};
    find.tries.push_back(std::move(tried));
  }
  report.finds.push_back(std::move(find));
  return report;
}

/// What `size` finds.
inline SweepReport sample_sizing(bool priced = false) {
  SweepReport report = sweep_without_points(priced);
  report.command = {"tokenlift", "size", "hall.toml"};
  for (const auto& [name, replicas] : std::vector<std::pair<std::string, double>>{
           {"at the scenario's load", 7}, {"with 20 % more load", 9}}) {
    SweepFind find;
    find.name = name;
    find.axis = {"fleet.site.hall.replicas", "", true};
    find.most = false;
    find.low = "1";
    find.high = "32";
    find.objectives = {"attainment.steady >= 0.99"};
    find.outcome = FindOutcome::found;
    find.number = replicas;
    find.value = sweep_number(replicas);
    find.interval = Interval{replicas, replicas + 1};
    for (const double n : {1.0, replicas, 32.0}) {
      SweepPoint point = sweep_point(report, std::min(0.6 * replicas / n, 1.5));
      point.values = {sweep_number(n)};
      point.numbers = {n};
      find.tries.push_back({std::move(point), n >= replicas, true});
    }
    report.finds.push_back(std::move(find));
  }
  SweepFind none = report.finds[0];
  none.name = "with one replica failed";
  none.outcome = FindOutcome::none_holds;
  none.value = "";
  none.number.reset();
  none.interval.reset();
  none.tries.clear();
  report.finds.push_back(std::move(none));
  return report;
}

/// Over two axes, of which one has words.
inline SweepReport sample_grid() {
  SweepReport report = sweep_without_points();
  report.axes = {{"tenant.users.arrivals.load", "", true}, {"fleet.router", "", false}};
  const std::vector<std::string> routers = {"random", "least_loaded"};
  for (const double load : {0.3, 0.6, 0.9, 1.2}) {
    for (std::size_t i = 0; i < routers.size(); ++i) {
      SweepPoint point =
          sweep_point(report, load + (load < 1 ? 0.05 * static_cast<double>(1 - i) : 0));
      point.values = {sweep_number(load), routers[i]};
      point.numbers = {load, static_cast<double>(i)};
      report.points.push_back(std::move(point));
    }
  }
  return report;
}

/// Over four keys: two of them are axes, and each combination of the others is a panel.
inline SweepReport sample_panels() {
  SweepReport report = sweep_without_points();
  report.axes = {{"tenant.users.arrivals.load", "", true},
                 {"fleet.site.hall.max_batch", "", true},
                 {"fleet.router", "", false},
                 {"fleet.site.hall.replicas", "", true}};
  for (const double load : {0.3, 0.9}) {
    for (const double batch : {8.0, 16.0}) {
      for (const double router : {0.0, 1.0}) {
        SweepPoint point = sweep_point(report, load + 0.05 * router - batch / 400);
        point.values = {sweep_number(load), sweep_number(batch),
                        router == 0 ? "random" : "least_loaded", "4"};
        point.numbers = {load, batch, router, 4};
        report.points.push_back(std::move(point));
      }
    }
  }
  return report;
}

/// Names that could be taken for something else, failures, and a search that was interrupted.
inline SweepReport hostile_sweep() {
  SweepReport report = sample_sweep();
  const std::string name = "</script><b>=cmd|' \x1b[31m\xff,\"";
  report.scenario = report.description = name;
  report.axes[0].key = "tenant.\"" + name + "\".load";
  report.remarks = {name};
  report.points[0].state = PointState::failed;
  report.points[0].failure = name;
  report.points[0].figures.clear();
  report.points[1].valid = false;
  report.points[1].failed_checks = {name};
  report.finds[0].outcome = FindOutcome::interrupted;
  report.finds[0].axis.key = report.axes[0].key;
  report.finds[0].name = name;
  report.finds[0].against_order = {name};
  report.interrupted = true;
  return report;
}

}  // namespace tokenlift
