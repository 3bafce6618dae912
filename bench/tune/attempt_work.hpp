#pragma once
// An attempt of a search as work for another rank: the candidate there, its figures back.

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bench/machine/work_pool.hpp"
#include "bench/tune/problem.hpp"
#include "reports/findings/tuning_report.hpp"

namespace tokenlift {

inline constexpr const char* kAttemptWork = "attempt";

/// Attempts at one problem, to be sent.
class AttemptWork {
 public:
  /// `floors` are constraints of the problem that its scenario does not state.
  AttemptWork(const TuningProblem& problem, const std::vector<std::string>& floors);
  std::string pack(const Attempt& attempt) const;

 private:
  std::string head_;
};

/// Nothing if it was stopped. Throws RunFileError, FailedElsewhere.
std::optional<TuningFigures> returned_figures(const WorkResult& reply);

/// The other side: simulates what comes. Safe to be used by several threads at once. `stop` stays
/// in use.
std::function<std::string(const std::string& item)> attempt_worker(std::vector<std::string> command,
                                                                   const std::atomic<bool>& stop);

}  // namespace tokenlift
