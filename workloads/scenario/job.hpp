#pragma once
// Internal work beside what tenants ask for: training that takes replicas of a site and steps.
// Of engine virtual.

#include <cstdint>
#include <string>

namespace tokenlift {

/// Synchronous training with a batch that stays the same: a step computes for `step_ns` with all
/// `replicas`, for as many times longer as fewer of them take part and as the slowest of them takes
/// longer than usual, and then for `interconnect_ns` more they exchange what they have found (one
/// replica alone exchanges nothing).
struct Job {
  std::string name;
  std::string site;
  std::int64_t replicas = 1;  ///< of the site's `replicas` the last ones: tenants don't have them
  std::int64_t yields = 0;    ///< so many of them at most, while tenants need them
  /// Who goes before it: tenants of this priority or a larger one.
  std::int64_t priority = 0;
  std::int64_t step_ns = 0;
  std::int64_t interconnect_ns = 0;
  std::int64_t control_ns = 10'000'000'000;  ///< from one look at what tenants need to the next
  bool operator==(const Job&) const = default;
};

/// Each step of each is followed one by one.
inline constexpr std::int64_t kShortestJobStepNs = 10'000'000;
inline constexpr std::int64_t kShortestJobControlNs = 10'000'000;
inline constexpr std::size_t kMostJobs = 100;

}  // namespace tokenlift
