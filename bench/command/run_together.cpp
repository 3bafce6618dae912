#include "bench/command/run_together.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bench/machine/wall_clock.hpp"
#include "bench/machine/work_pool.hpp"
#include "bench/run/part.hpp"
#include "bench/run/readiness.hpp"
#include "bench/run/repetition_work.hpp"
#include "reports/json/json_run.hpp"
#include "reports/record/join.hpp"
#include "workloads/plan/sharing.hpp"

namespace tokenlift {

namespace {

/// For the others to read the scenario and make what they need.
constexpr std::int64_t kUntilStartNs = 2'000'000'000;

void tell_clocks(const Surroundings& surroundings, bool quiet,
                 const std::vector<RankClock>& clocks) {
  for (std::size_t rank = 1; rank < clocks.size(); ++rank) {
    say(surroundings, quiet, "clock of rank {}: {:+.1f} us from that of rank 0, known to {:.1f} us",
        rank, static_cast<double>(clocks[rank].offset_ns) * 1e-3,
        static_cast<double>(clocks[rank].error_ns) * 1e-3);
  }
}

std::vector<Part> parts_of(const std::vector<RankClock>& clocks) {
  const std::int64_t start_unix_ns = read_clocks().unix_ns + kUntilStartNs;
  std::vector<Part> parts;
  for (const RankClock& clock : clocks) {
    const Share share{static_cast<int>(parts.size()), static_cast<int>(clocks.size())};
    parts.push_back({share, start_unix_ns + clock.offset_ns, clock.offset_ns, clock.error_ns});
  }
  return parts;
}

}  // namespace

bool is_played_together(const Surroundings& surroundings, const Scenario& scenario,
                        const RepetitionPlan& plan) {
  if (surroundings.ranks == nullptr || surroundings.ranks->count() == 1) return false;
  const EngineTraits& traits = traits_of(scenario.run.engine);
  if (traits.simulated || traits.computes || plan.repetitions > 1 || plan.control) return false;
  const std::string why_not = why_not_shared(scenario);
  if (why_not.empty()) return true;
  throw UsageError(
      fmt::format("'{}' cannot be played by several ranks: {}", scenario.name, why_not));
}

Repeated play_together(const Surroundings& surroundings, bool quiet, Experiment& experiment,
                       const Prepared& prepared, const OutputFolder& folder,
                       const RunWatch& watch) {
  Ranks& ranks = *surroundings.ranks;
  if (!reads_back(prepared)) {
    throw UsageError(fmt::format("'{}' cannot be told to other ranks", prepared.scenario.name));
  }
  const std::vector<RankClock> clocks = ranks.compare_clocks();
  tell_clocks(surroundings, quiet, clocks);
  const std::vector<Part> parts = parts_of(clocks);
  std::vector<std::optional<Run>> shares(parts.size());
  const RepetitionWork sent(prepared);
  WorkElsewhere work;
  work.kind = kRepetitionWork;
  work.pack = [&](std::size_t rank) { return sent.pack({1, false, parts[rank]}); };
  work.keep = [&](std::size_t rank, const WorkResult& result) {
    ReturnedRepetition returned = returned_repetition(result, fmt::format("rank {}", rank));
    if (!returned.runs.empty()) shares[rank] = std::move(returned.runs.front().run);
  };
  work.stop = &stop_of(surroundings);
  try {
    ranks.each(work, [&] {
      experiment.play_part(parts.front());
      ProgressBoard board;
      const auto display = watch(prepared.scenario, board, 1, false);
      // As those of the others come: what `merge` would read.
      shares.front() = read_run(to_json(experiment.run(prepared, 1, board)), "rank 0");
    });
  } catch (const FailedElsewhere& error) {
    throw NotMeasurable(error.what());
  }
  std::vector<Run> played;
  for (std::optional<Run>& share : shares) played.push_back(*std::move(share));
  Run run = joined(played);
  Pool pool;
  pool.add(run_name(1, false), run);
  try {
    return {pool.take(prepared.scenario.name), {folder.write("run.json", to_json(run))}};
  } catch (const MachineError& error) {
    throw RunNotWritten(error.what(), std::move(run));
  }
}

}  // namespace tokenlift
