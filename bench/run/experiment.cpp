#include "bench/run/experiment.hpp"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "bench/fleet/null_fleet.hpp"
#include "bench/fleet/virtual_fleet.hpp"
#include "bench/machine/clock.hpp"
#include "bench/machine/host.hpp"
#include "bench/record/recorder.hpp"
#include "bench/run/loop.hpp"
#include "bench/run/readiness.hpp"
#include "bench/run/validity.hpp"
#include "reports/record/bounds.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/scenario/keywords.hpp"
#include "workloads/text/quantity.hpp"
#include "workloads/writer/scenario_writer.hpp"

namespace tokenlift {

namespace {

template <typename Named>
std::vector<std::string> names_of(const std::vector<Named>& things) {
  std::vector<std::string> names;
  for (const Named& thing : things) names.push_back(thing.name);
  return names;
}

}  // namespace

Experiment::Experiment(std::vector<std::string> command, const std::atomic<bool>& stop,
                       std::size_t threads)
    : command_(std::move(command)), stop_(stop), workers_(threads) {}

std::optional<Capacity> Experiment::capacity(const Scenario& scenario) {
  if (traits_of(scenario.run.engine).simulated) {
    const std::optional<double> tokens_per_s = compute_capacity(scenario, stop_);
    if (!tokens_per_s) return std::nullopt;
    return Capacity{*tokens_per_s, 0, std::nullopt};
  }
  const std::optional<Capacity> capacity = measure_capacity(scenario, weights_, stop_);
  if (stop_) return std::nullopt;
  require_measured(capacity);
  return capacity;
}

std::optional<Prepared> Experiment::prepare(const Scenario& scenario, const Run* before) {
  std::optional<double> capacity_tokens_per_s = scenario.fleet.capacity_tokens_per_s;
  std::string source = capacity_tokens_per_s ? "stated" : "";
  std::optional<double> error_tokens_per_s;
  if (before != nullptr) {
    capacity_tokens_per_s = before->capacity_tokens_per_s;
    error_tokens_per_s = before->capacity_error_tokens_per_s;
    source = before->capacity_source;
  }
  const bool simulated = traits_of(scenario.run.engine).simulated;
  // Where it is cheap it is known to every report of an event: what is left of it drains a backlog.
  const bool wanted =
      simulated && !scenario.fleet.capacity_tokens_per_s && measured_event(scenario);
  if (!capacity_tokens_per_s && (needs_capacity(scenario) || wanted)) {
    const std::optional<Capacity> found = capacity(scenario);
    if (!found) return std::nullopt;
    capacity_tokens_per_s = found->tokens_per_s;
    source = simulated ? "computed" : "measured";
    if (!simulated) error_tokens_per_s = found->tokens_per_s * found->standard_error;
  }
  Scenario resolved = resolve(scenario, capacity_tokens_per_s);
  if (wanted) resolved.fleet.capacity_tokens_per_s = capacity_tokens_per_s;
  if (before == nullptr && source == "measured") require_enough_requests(resolved);
  return Prepared{std::move(resolved), std::move(source), error_tokens_per_s};
}

std::array<bool, 2> arms_in_turn(std::uint64_t repetition) {
  const bool control_first = repetition % 2 == 0;
  return {control_first, !control_first};
}

std::string run_name(std::uint64_t repetition, bool control) {
  return "repetition " + std::to_string(repetition) + (control ? " of the control" : "");
}

Scenario scenario_of(const Prepared& prepared, std::uint64_t repetition, bool control) {
  Scenario scenario = prepared.scenario;
  scenario.run.seed += repetition - 1;
  if (control) scenario.events[*measured_event(scenario)].taken_out = true;
  return scenario;
}

std::unique_ptr<Fleet> Experiment::make_fleet(const Scenario& scenario, const RecordingGrid& grid,
                                              RealClock& clock) {
  switch (scenario.run.engine) {
    case Engine::threads:
      return std::make_unique<ThreadFleet>(scenario, grid, clock, weights_);
    case Engine::simulated:
      return make_virtual_fleet(scenario, grid, workers_);
    case Engine::null:
      break;
  }
  return std::make_unique<NullFleet>(grid);
}

// What can be run can be read.
static_assert(kMostInstantNs >= 2 * kLongestDurationNs, "a duration and a cool-down");
static_assert(kMostRecords >= kMostTenants * 3, "phases around a lift");
static_assert(static_cast<std::int64_t>(kMostLimits) >= 2 * kMostChanges, "and the calendar's");

namespace {

/// What a constant fleet is.
FleetRecord constant_fleet(const Scenario& resolved) {
  FleetRecord fleet;
  Composition& composition = fleet.compositions.emplace_back();
  composition.capacity_tokens_per_s = resolved.fleet.capacity_tokens_per_s;
  for (const Site& site : resolved.fleet.sites) {
    fleet.sites.push_back(site.name);
    composition.replicas.push_back(site.replicas);
  }
  return fleet;
}

std::optional<TraceRecord> trace_record(const Tenant& tenant) {
  const std::optional<Trace>& trace = tenant.arrivals.trace;
  if (!trace) return std::nullopt;
  const TraceSummary& summary = trace->summary;
  return TraceRecord{
      fmt::format("fnv1a64:{:016x}", summary.digest), static_cast<std::uint64_t>(summary.requests),
      static_cast<std::uint64_t>(summary.before_start), static_cast<std::uint64_t>(summary.failed)};
}

}  // namespace

Run Experiment::run(const Prepared& prepared, std::uint64_t repetition, ProgressBoard& board,
                    bool control) {
  const Scenario scenario = scenario_of(prepared, repetition, control);
  const bool simulated = traits_of(scenario.run.engine).simulated;

  const RecordingGrid grid = make_grid(scenario);
  // Without reports completions come one by one: more lanes would only take memory.
  Recorder recorder(scenario, grid,
                    scenario.fleet.load_report_interval_ns > 0 ? &workers_ : nullptr);
  if (log_ != nullptr) {
    log_->begin_run(repetition, control, names_of(scenario.tenants), names_of(grid.phases));
    recorder.log_to(*log_);
  }
  TokenRecord tokens(grid);
  RealClock real_clock;
  VirtualClock virtual_clock;
  const std::unique_ptr<Fleet> fleet = make_fleet(scenario, grid, real_clock);
  Clock& clock = simulated ? static_cast<Clock&>(virtual_clock) : real_clock;
  Loop loop(scenario, grid, clock, *fleet, recorder, board, stop_);
  Environment environment = describe_environment(command_);
  if (traits_of(scenario.run.engine).computes) {
    environment.decoder_precision = fastest_precision() == Precision::bf16 ? "bf16" : "f32";
  }

  const std::optional<CpuUse> use_before = read_cpu_use();
  real_clock.start();
  RunFacts facts;
  facts.outcome = loop.run();
  facts.interference = interference(use_before, read_cpu_use());
  fleet->stop(facts.outcome.end_ns, tokens);

  Run run = recorder.finish(facts.outcome.end_ns, tokens, replica_count(scenario));
  facts.littles_law_error = recorder.littles_law_error();
  facts.max_in_flight = scenario.run.max_in_flight;
  facts.cpu_quota = check_cpu_quota(scenario, cpu_quota(), core_count());
  run.scenario_name = scenario.name;
  run.scenario_json = to_json(scenario);
  run.engine = name_of(scenario.run.engine);
  run.seed = scenario.run.seed;
  run.repetition = repetition;
  run.environment = std::move(environment);
  run.capacity_tokens_per_s = scenario.fleet.capacity_tokens_per_s;
  run.capacity_error_tokens_per_s = prepared.capacity_error_tokens_per_s;
  run.capacity_source = prepared.capacity_source;
  run.fleet = constant_fleet(scenario);
  for (std::size_t i = 0; i < run.tenants.size(); ++i) {
    run.tenants[i].trace = trace_record(scenario.tenants[i]);
  }
  run.lift = facts.outcome.lift;
  if (run.lift) run.lift->limit_tokens_per_s = fluid_drain(prepared.scenario).limit_tokens_per_s;
  run.control = control;
  run.interrupted = facts.outcome.interrupted;
  run.checks = check_validity(run, facts);
  return run;
}

}  // namespace tokenlift
