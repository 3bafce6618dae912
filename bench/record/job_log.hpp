#pragma once
// What internal jobs did, by phase and over time.

#include <cstdint>
#include <vector>

#include "bench/record/recording_grid.hpp"
#include "reports/record/run.hpp"

namespace tokenlift {

/// Integers alone, so that neither the order of recording nor that of merging makes a difference.
class JobLog {
 public:
  explicit JobLog(const RecordingGrid& grid);

  /// From `at_ns` on a job holds so many replicas more, or fewer.
  void holds(std::size_t job, std::int64_t at_ns, std::int64_t more);
  /// It has held so many.
  void held(std::size_t job, std::int64_t replicas, std::int64_t begin_ns, std::int64_t end_ns);
  /// A step has ended.
  void stepped(std::size_t job, std::int64_t begin_ns, std::int64_t end_ns);
  /// A step was cut at `end_ns`.
  void lost(std::size_t job, std::int64_t begin_ns, std::int64_t end_ns);
  /// It stood still.
  void stalled(std::size_t job, std::int64_t begin_ns, std::int64_t end_ns);
  /// All its replicas together drew so much more than idle.
  void drew(std::size_t job, std::int64_t above_mw, std::int64_t begin_ns, std::int64_t end_ns);

  void merge(const JobLog& other);

  JobPhase of_phase(std::size_t job, std::uint32_t phase) const;
  /// job_replicas and job_steps of all jobs, in the bins of a run that ended at `end_ns`; none
  /// where there are no jobs.
  std::vector<Column> columns(std::int64_t end_ns) const;

 private:
  struct PhaseLog {
    JobPhase told;
    __int128 above_mw_ns = 0;
  };

  const RecordingGrid* grid_;
  std::vector<std::vector<PhaseLog>> jobs_;
  std::vector<std::int64_t> more_;   // replicas, by bin: than in the bin before
  std::vector<std::int64_t> steps_;  // by bin
};

}  // namespace tokenlift
