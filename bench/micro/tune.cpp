// What a candidate of `tune` costs: reading it, simulating it, and the figures that it is judged
// by.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <string>

#include "bench/tune/problem.hpp"
#include "bench/tune/sobol.hpp"
#include "workloads/reader/catalogue.hpp"

namespace tokenlift::micro_tune {
namespace {

/// Candidates of the built-in scenario `lift` (some 4,200 requests), a run each.
void candidates(benchmark::State& state) {
  const std::vector<BuiltinScenario>& builtins = builtin_scenarios();
  const auto lift = std::ranges::find(builtins, "lift", &BuiltinScenario::name);
  const std::atomic<bool> never_stopped = false;
  const TuningProblem problem = *make_tuning_problem({lift->name, "", std::string(lift->text)},
                                                     {"run.engine=virtual"}, {}, never_stopped);
  const TuningSimulator simulator(problem, {}, never_stopped);
  SobolPoints points(problem.tuning.parameters.size(), 1);
  std::uint64_t requests = 0;
  for ([[maybe_unused]] auto _ : state) {
    const auto figures = simulator.figures({points.next(), {1, 1}, Stress::none, false});
    requests += figures->requests;
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["requests/s"] =
      benchmark::Counter(static_cast<double>(requests), benchmark::Counter::kIsRate);
}
BENCHMARK(candidates)->Name("tune/candidates")->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tokenlift::micro_tune
