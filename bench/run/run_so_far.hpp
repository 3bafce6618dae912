#pragma once
// How a run stands, for who asks while it goes on.

#include <cstdint>
#include <optional>
#include <vector>

#include "bench/fleet/fleet.hpp"
#include "bench/throttle/gate.hpp"
#include "reports/record/run.hpp"

namespace tokenlift {

/// To be asked on the loop's thread, within calls of the loop's door and of its clock.
class RunSoFar {
 public:
  RunSoFar() = default;
  RunSoFar(const RunSoFar&) = delete;
  RunSoFar& operator=(const RunSoFar&) = delete;

  /// By throttle.
  virtual std::vector<GateLevel> levels(std::int64_t now_ns) const = 0;
  virtual CacheUse cache_use() const = 0;
  /// The run up to now, as if it ended here; nothing before the first request. Takes some
  /// milliseconds.
  virtual std::optional<Run> so_far() const = 0;

 protected:
  ~RunSoFar() = default;
};

}  // namespace tokenlift
