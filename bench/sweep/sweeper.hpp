#pragma once
// From a problem to a report: runs the points of a grid, adds more where the curve bends, and
// searches for values.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bench/machine/work_pool.hpp"
#include "bench/run/experiment.hpp"
#include "bench/sweep/find.hpp"
#include "bench/sweep/point.hpp"
#include "reports/findings/sweep_report.hpp"
#include "workloads/tuning/swept_key.hpp"

namespace tokenlift {

/// How much is run besides the points that are asked for.
struct SweepEffort {
  /// Requests of all runs, up to which points are added to a curve; the first pass is always made.
  /// Absent: half as many points as the first pass has.
  std::optional<std::uint64_t> requests;
  std::optional<double> time_s;  ///< no point is begun later
};

/// Who looks on. All may be empty.
struct SweepWatch {
  std::function<void(std::size_t done, std::size_t of)> points;  ///< by one thread at a time
  RunWatch runs;                                                 ///< engines in real time
  /// What there is so far: after each batch of points and, while one runs, as points are done, but
  /// no more often than this.
  std::function<void(const SweepReport& report)> kept;
  double kept_every_s = 1;
};

class Sweeper {
 public:
  /// `pool`, `stop` and what `watch` uses stay in use. `command` goes into the report. `known`:
  /// of an earlier sweep of the same problem, whose points are not run again.
  Sweeper(SweepProblem problem, SweepEffort effort, std::vector<std::string> command,
          WorkPool& pool, const std::atomic<bool>& stop, const SweepReport* known,
          SweepWatch watch);

  /// All combinations of the axes' values; along one range then more, where it bends or an
  /// objective is crossed. Once. Throws ScenarioError, SweepMistake where a point is no scenario,
  /// an axis makes no difference to it, two are of the same key, or there are too many points.
  void sweep(const std::vector<SweptKey>& axes, const std::vector<Objective>& objectives);

  /// Any number of times. Throws the same.
  void find(const FindTask& task);

  /// All that there is.
  SweepReport take();

 private:
  using Settings = std::vector<std::string>;  // words for --set

  void require_difference(const SweptKey& key, const std::vector<Settings>& along) const;
  void note_loads(const Settings& settings);
  using Points = std::vector<std::optional<SweepPoint>>;
  /// Adds those points of a batch that are done to a report that is kept.
  using AddDone = std::function<void(SweepReport& report, const Points& points)>;
  Points run_points(const std::vector<Settings>& settings, const AddDone& add_done);
  void simulate_points(const std::vector<Settings>& settings,
                       const std::function<void(std::size_t i, SweepPoint point)>& note);
  void keep_if_due(const Points& points, const AddDone& add_done);
  SweepPoint run_point(const Settings& settings, Experiment& experiment, const RunWatch& watch);
  void add_points(const std::vector<SweptKey>& axes,
                  const std::vector<std::vector<std::string>>& values, bool refined);
  void refine(const SweptKey& key, const std::vector<Objective>& objectives);
  bool is_over() const;

  SweepProblem problem_;
  SweepEffort effort_;
  WorkPool& pool_;
  const std::atomic<bool>& stop_;
  SweepWatch watch_;
  PointRunner runner_;
  Experiment experiment_;  // of engines in real time
  std::map<std::string, SweepPoint> known_;
  SweepReport report_;
  std::vector<std::string> command_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point last_kept_ = begin_;
  bool out_of_time_ = false;
};

}  // namespace tokenlift
