#pragma once
// What is swept and searched: from words (of the command line, of [sweep], of a case of a suite) to
// keys and objectives, and from these to a report.

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/machine/work_pool.hpp"
#include "bench/sweep/find.hpp"
#include "bench/sweep/point.hpp"
#include "bench/sweep/sweeper.hpp"
#include "reports/findings/sweep_report.hpp"
#include "workloads/scenario/sweeping.hpp"

namespace tokenlift {

struct SweepTask {
  SweepProblem problem;
  SweepEffort effort;
  std::vector<SweptKey> axes;
  std::vector<FindTask> finds;
  std::vector<Objective> objectives;
};

/// `problem` is of the scenario; its repetitions become those that are asked for. Throws
/// SweepMistake, also where nothing changes.
SweepTask make_sweep_task(SweepProblem problem, const Sweeping& asked);

/// Throws SweepMistake where a sweep that is there is of another scenario, or has points that are
/// not asked for and would be lost. `source` is its file.
void require_same(const SweepTask& task, const SweepReport& known, const std::string& source);

/// As Sweeper.
SweepReport run_sweep(SweepTask task, std::vector<std::string> command, WorkPool& pool,
                      const std::atomic<bool>& stop, const SweepReport* known, SweepWatch watch);

}  // namespace tokenlift
