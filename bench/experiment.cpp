#include "bench/experiment.hpp"

#include <memory>
#include <utility>

#include "bench/capacity.hpp"
#include "bench/clock.hpp"
#include "bench/host.hpp"
#include "bench/loop.hpp"
#include "bench/null_fleet.hpp"
#include "bench/recorder.hpp"
#include "bench/validity.hpp"
#include "workloads/plan.hpp"
#include "workloads/scenario_text.hpp"

namespace tokenlift {

Experiment::Experiment(std::vector<std::string> command, const std::atomic<bool>& stop)
    : command_(std::move(command)), stop_(stop) {}

std::optional<Scenario> Experiment::prepare(const Scenario& scenario) {
  std::optional<double> capacity_tokens_per_s = scenario.fleet.capacity_tokens_per_s;
  if (capacity_tokens_per_s) capacity_source_ = "stated";
  if (needs_capacity(scenario)) {
    capacity_tokens_per_s = measure_capacity(scenario, weights_, stop_);
    if (!capacity_tokens_per_s) return std::nullopt;
    capacity_source_ = "measured";
  }
  return resolve(scenario, capacity_tokens_per_s);
}

Run Experiment::run(const Scenario& prepared, std::uint64_t repetition, ProgressBoard& board) {
  Scenario scenario = prepared;
  scenario.run.seed += repetition - 1;

  const RecordingGrid grid = make_grid(scenario);
  Recorder recorder(scenario, grid);
  TokenRecord tokens(grid);
  RealClock clock;
  std::unique_ptr<Fleet> fleet;
  const bool threads = scenario.run.engine == Engine::threads;
  if (threads) {
    fleet = std::make_unique<ThreadFleet>(scenario, grid, clock, weights_);
  } else {
    fleet = std::make_unique<NullFleet>(grid);
  }
  Loop loop(scenario, grid, clock, *fleet, recorder, board, stop_);
  Environment environment = describe_environment(command_);
  if (threads) {
    environment.decoder_precision = fastest_precision() == Precision::bf16 ? "bf16" : "f32";
  }

  const std::optional<CpuUse> use_before = read_cpu_use();
  clock.start();
  RunFacts facts;
  facts.outcome = loop.run();
  facts.interference = interference(use_before, read_cpu_use());
  fleet->stop(facts.outcome.end_ns, tokens);

  std::int64_t replicas = 0;
  for (const Site& site : scenario.fleet.sites) replicas += site.replicas;
  Run run = recorder.finish(facts.outcome.end_ns, tokens, replicas);
  facts.littles_law_error = recorder.littles_law_error();
  facts.max_in_flight = scenario.run.max_in_flight;
  run.scenario_name = scenario.name;
  run.scenario_json = to_json(scenario);
  run.engine = threads ? "threads" : "null";
  run.seed = scenario.run.seed;
  run.repetition = repetition;
  run.environment = std::move(environment);
  run.capacity_tokens_per_s = scenario.fleet.capacity_tokens_per_s;
  run.capacity_source = capacity_source_;
  run.lift = facts.outcome.lift;
  run.interrupted = facts.outcome.interrupted;
  run.checks = check_validity(run, facts);
  return run;
}

}  // namespace tokenlift
