#pragma once
// A point of a sweep as work for another rank: its settings there, the point back.

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "bench/machine/work_pool.hpp"
#include "bench/sweep/point.hpp"

namespace tokenlift {

inline constexpr const char* kPointWork = "point";

/// Points of one problem, to be sent.
class PointWork {
 public:
  explicit PointWork(const SweepProblem& problem);
  std::string pack(const std::vector<std::string>& settings) const;

 private:
  std::string head_;
};

/// Throws RunFileError, FailedElsewhere.
SweepPoint returned_point(const WorkResult& reply);

/// The other side: runs what comes. Safe to be used by several threads at once. `stop` stays in
/// use.
std::function<std::string(const std::string& item)> point_worker(std::vector<std::string> command,
                                                                 const std::atomic<bool>& stop);

}  // namespace tokenlift
