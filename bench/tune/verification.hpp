#pragma once
// Whether what a search in virtual time recommends holds on this machine: its best settings and the
// present one on engine threads, in turns, and what was predicted of each beside what was measured.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/machine/output_folder.hpp"
#include "bench/run/experiment.hpp"
#include "bench/tune/problem.hpp"
#include "reports/findings/tuning_report.hpp"

namespace tokenlift {

/// The present setting, and so many of the best.
inline constexpr std::size_t kVerifiedSettings = 3;

class TuningVerification {
 public:
  /// All stay in use. `threads` is the problem on engine threads, with the capacity that was
  /// measured. Runs are written into `folder`/verify/LABEL/N.
  TuningVerification(const TuningProblem& threads, const OutputFolder& folder,
                     std::vector<std::string> command, const std::atomic<bool>& stop);

  /// Shows a run while it goes on: of which arm, which repetition, how many runs are to follow.
  using Watch = std::function<std::unique_ptr<ProgressDisplay>(
      const Scenario& scenario, const ProgressBoard& board, const std::string& label,
      std::uint64_t repetition, std::uint64_t left)>;

  /// Of a report that recommends something: runs each arm `runs` times, and fills in the report's
  /// verification; where that refuses it, nothing is recommended any more. False if it was
  /// interrupted: then there is no verification.
  bool run(TuningReport& report, std::uint64_t runs, const Watch& watch) const;

 private:
  Prepared prepared(const std::vector<double>& point) const;

  const TuningProblem& problem_;
  const OutputFolder& folder_;
  std::vector<std::string> command_;
  const std::atomic<bool>& stop_;
};

/// The arms of a report without what is measured: the present setting, then by rank.
std::vector<VerifiedArm> arms_to_verify(const TuningReport& report);

/// Why the arm `chosen` is not recommended any more: it misses a constraint, or another setting is
/// better by more than the indifference, and surely so (the present one needs no proof). Empty
/// where it holds.
std::vector<std::string> refusals_of(const std::vector<VerifiedArm>& arms, std::size_t chosen,
                                     const std::vector<std::string>& constraints, bool maximize);

}  // namespace tokenlift
