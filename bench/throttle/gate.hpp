#pragma once
// One throttle at the door of the waiting room: its settings, its limiter, and what it charges a
// request.

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "bench/record/request.hpp"
#include "bench/throttle/limiter.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// What a request that was let through came to.
struct Service {
  std::int64_t output_tokens = 0;     ///< that it got
  std::int32_t cached_tokens = 0;     ///< as told by scheduled()
  std::int64_t service_ttft_ns = -1;  ///< first token - admitted; negative: none came
};

/// How a request is charged. What it took comes back as it was taken, whatever holds by then.
struct Terms {
  std::uint32_t edition = 0;  ///< of the first of all terms with which these hold
  Micro drain = kMicro;       ///< what a unit costs (peak hours)
  Charge charge = Charge::reserve;
  double drain_units = 1;  ///< the same, as it was stated
};

/// What is left of a throttle, in its units; below 0: owed. Of one with a state for each tenant or
/// user: of the one who has least left.
struct GateLevel {
  bool is_lifted = false;
  std::optional<double> left_units;  ///< absent: nothing is limited, or too many users to look at
  std::optional<double> most_units;  ///< when nobody has taken anything; absent: not by a number
};

struct Gate {
  Throttle settings;
  std::unique_ptr<Limiter> limiter;
  std::vector<Terms> terms;  ///< in order; the last ones hold
  bool lifted = false;

  bool enforces() const { return settings.mode == Mode::enforce; }
  /// Whether it makes requests wait.
  bool holds() const { return settings.when_full == WhenFull::queue && enforces(); }
  bool is_queue_limit() const { return traits_of(settings.kind).limits_queue; }

  /// Units that a request takes when it is let through: where output is charged after, only what is
  /// known then.
  std::int64_t reserved_units(const Terms& its, const Request& request) const;
  /// Units that it came to.
  std::int64_t used_units(const Request& request, const Service& service) const;
  /// What a request that took units on these terms came to.
  Settlement settlement(const Terms& its, const Request& request, const Service& service) const;
  /// The limit that holds, as LimitRecord has it: nothing where it is lifted, or is no number.
  std::optional<double> limit() const;
  GateLevel level(std::int64_t now_ns) const;
  /// What it takes now.
  Micro cost(const Request& request) const {
    return reserved_units(terms.back(), request) * terms.back().drain;
  }
  /// What it takes of a limit on the queue itself, which knows no peak hours.
  Micro place(const Request& request) const { return reserved_units(Terms{}, request) * kMicro; }

  const Terms& terms_of(std::uint32_t edition) const;
  /// New terms from `edition` on; false if they are the ones that hold.
  bool agree(std::uint32_t edition, double drain, Charge charge);
};

}  // namespace tokenlift
