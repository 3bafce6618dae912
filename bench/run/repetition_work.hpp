#pragma once
// The runs of one repetition as work for another rank: the scenario there, run.json back.

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bench/machine/work_pool.hpp"
#include "bench/run/experiment.hpp"
#include "bench/run/part.hpp"
#include "reports/record/run.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

inline constexpr const char* kRepetitionWork = "repetition";

struct SentRepetition {
  std::uint64_t number = 1;
  bool control = false;           ///< also without the measured event
  std::optional<Part> part = {};  ///< of a run that several ranks play together; absent: all of it
};

/// Repetitions of one scenario, to be sent.
class RepetitionWork {
 public:
  /// Of a scenario that each rank is to prepare for itself.
  explicit RepetitionWork(const Scenario& given);
  /// Of one that is prepared; see can_be_sent().
  explicit RepetitionWork(const Prepared& prepared);

  std::string pack(const SentRepetition& repetition) const;

 private:
  std::string head_;
};

/// Whether other ranks may run it: in virtual time nobody's run disturbs another's, and as text it
/// is the same scenario.
bool can_be_sent(const Prepared& prepared);
bool reads_back(const Prepared& prepared);  ///< that alone

/// A run that came back.
struct ReturnedRun {
  bool control = false;
  std::string json;  ///< its run.json
  Run run;
};

/// In the order in which they were made; one that was interrupted is the last.
struct ReturnedRepetition {
  std::vector<ReturnedRun> runs = {};
  bool interrupted = false;  ///< the last of them was, or there is none because it was stopped
  double elapsed_s = 0;
};
/// `source` is what errors call it. Throws RunFileError, FailedElsewhere.
ReturnedRepetition returned_repetition(const WorkResult& reply, const std::string& source);

/// The other side: runs what comes. Safe to be used by several threads at once. `stop` stays in
/// use.
std::function<std::string(const std::string& item)> repetition_worker(
    std::vector<std::string> command, const std::atomic<bool>& stop);

}  // namespace tokenlift
