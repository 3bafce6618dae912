#pragma once
// Throttles and fleet as stages that a fluid flows through; plan.hpp says what counts as what.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "workloads/plan/composition.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// A throttle as it stands at some instant, in output tokens of the mix over all tenants.
struct Stage {
  WhenFull when_full = WhenFull::queue;
  double limit_tokens_per_s = 0;  ///< with what passes beside it; infinite where none is known
  double burst_tokens = 0;
  std::optional<double> max_wait_s;
  std::optional<double> most_waiting_tokens;  ///< of a queue_limit
  /// When those in its queue leave by themselves: all after so long, or by exponential patience.
  std::optional<double> gives_up_s = {};
  std::optional<double> patience_mean_s = {};
};

/// Throttles and fleet through time, each as it is after the changes so far; from 0 on. Of a
/// resolved scenario.
class Stages {
 public:
  explicit Stages(const Scenario& resolved);

  /// Where anything changes next; the largest instant, where nothing does.
  std::int64_t next_ns() const;
  /// All changes up to this instant, and at it.
  void advance(std::int64_t until_ns);

  const Stage& operator[](std::size_t throttle) const { return stages_[throttle]; }

  /// What gets past the throttles that reject.
  double flow(double offered_tokens_per_s) const;
  /// Where the queue builds up: the fleet, if no throttle that queues is narrower. What bounds the
  /// waiting at one throttle bounds it at all.
  Stage narrowest() const;
  /// The throttle that is; nothing where it is the fleet.
  std::optional<std::size_t> narrowest_throttle() const;
  double capacity_tokens_per_s() const { return capacity_tokens_per_s_; }

 private:
  // What a throttle looks at: it never changes.
  struct View {
    double tokens_per_unit = 1;
    double keys = 1;                 // tenants or users with a limit of their own
    double beside_tokens_per_s = 0;  // offered by the others
    std::optional<double> gives_up_s = {};
    std::optional<double> patience_mean_s = {};
  };
  Stage stage_of(std::size_t index, const Throttle& throttle, bool lifted, double drain) const;

  double capacity_at_start_;
  double capacity_tokens_per_s_;
  std::vector<Change> changes_;
  std::vector<CapacityShare> shares_;
  std::size_t next_change_ = 0;
  std::size_t next_share_ = 0;
  std::vector<View> views_;
  std::vector<Stage> stages_;
};

}  // namespace tokenlift
