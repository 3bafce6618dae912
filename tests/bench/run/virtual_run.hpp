#pragma once
// Plays a scenario in virtual time and returns the whole Run, as the program would write it.

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "bench/fleet/virtual_fleet.hpp"
#include "bench/run/loop.hpp"
#include "bench/run/validity.hpp"
#include "reports/json/json_run.hpp"
#include "workloads/writer/scenario_writer.hpp"

namespace tokenlift {

/// `scenario` must be resolved.
inline Run play_virtual(const Scenario& scenario, Stepping stepping = Stepping::jump,
                        std::size_t threads = 1) {
  const RecordingGrid grid = make_grid(scenario);
  Workers workers(threads);
  const std::unique_ptr<Fleet> fleet = make_virtual_fleet(scenario, grid, workers, stepping);
  VirtualClock clock;
  Recorder recorder(scenario, grid, &workers);
  ProgressBoard board;
  const std::atomic<bool> stop{false};
  Loop loop(scenario, grid, clock, *fleet, recorder, board, stop);
  RunFacts facts;
  facts.outcome = loop.run();
  TokenRecord tokens(grid);
  fleet->stop(facts.outcome.end_ns, tokens);
  Run run = recorder.finish(facts.outcome.end_ns, tokens);
  facts.littles_law_error = recorder.littles_law_error();
  facts.max_in_flight = scenario.run.max_in_flight;
  run.scenario_name = scenario.name;
  run.scenario_json = to_json(scenario);
  run.engine = "virtual";
  run.seed = scenario.run.seed;
  if (!facts.outcome.lifts.empty()) run.lift = facts.outcome.lifts[0];
  run.checks = check_validity(run, facts);
  return run;
}

}  // namespace tokenlift
