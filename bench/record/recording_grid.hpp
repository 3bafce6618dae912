#pragma once
// Where things are recorded: the phases, bins and slices of a run.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "bench/record/gap_limits.hpp"
#include "bench/record/request.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/plan/power_plan.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// Where things are recorded: the phases and the grid of the series. Borders of phases may move
/// while it is used (where the run is divided from elsewhere, or nothing more is sent), their order
/// and number may not; who remembers borders is to be told (borders_moved()).
struct RecordingGrid {
  std::vector<Phase> phases;  ///< in order, without gaps, from 0; some may be empty
  std::size_t tenants = 0;
  std::int64_t bin_ns = 0;
  std::size_t bins = 0;
  std::int64_t slice_ns = 0;
  std::size_t slices = 0;
  GapLimits gap_limits;
  /// What replicas draw, by site, nothing where that is not stated. Empty: nothing is recorded by
  /// site.
  std::vector<std::optional<ReplicaPower>> sites = {};
  /// What the replicas of each job draw, nothing where its site does not state that.
  std::vector<std::optional<ReplicaPower>> jobs = {};

  CellId cell(std::uint32_t tenant, std::uint32_t phase) const {
    return tenant * static_cast<std::uint32_t>(phases.size()) + phase;
  }
  std::size_t cells() const { return tenants * phases.size(); }

  /// The phase that holds an instant; the last one for everything after its begin.
  std::uint32_t phase_at(std::int64_t at_ns) const {
    std::uint32_t phase = 0;
    while (phase + 1 < phases.size() && at_ns >= phases[phase + 1].begin_ns) ++phase;
    return phase;
  }
  /// Calls add(phase, length_ns) for the part of [begin_ns, end_ns) in each phase.
  template <typename Add>
  void for_each_phase(std::int64_t begin_ns, std::int64_t end_ns, Add add) const {
    for (std::uint32_t i = 0; i < phases.size(); ++i) {
      const bool last = i + 1 == phases.size();
      const std::int64_t to_ns = last ? end_ns : std::min(phases[i + 1].begin_ns, end_ns);
      const std::int64_t length_ns = to_ns - std::max(phases[i].begin_ns, begin_ns);
      if (length_ns > 0) add(i, length_ns);
    }
  }
  std::size_t bin_at(std::int64_t at_ns) const {
    return std::min(static_cast<std::size_t>(at_ns / bin_ns), bins - 1);
  }
  std::size_t slice_at(std::int64_t at_ns) const {
    return std::min(static_cast<std::size_t>(at_ns / slice_ns), slices - 1);
  }
};

/// At most 3,600 bins and 120 slices over the longest the run can take; widths are 1, 2 or 5 times
/// a power of ten.
RecordingGrid make_grid(const Scenario& resolved);

/// Nothing more is sent from `at_ns` on: what was to be measured after it is not, and the cool-down
/// begins.
void end_sending(RecordingGrid& grid, std::int64_t at_ns);

/// How many of `most` bins of this width a run that ended at `end_ns` has begun; at least one.
std::size_t bins_until(std::int64_t end_ns, std::int64_t width_ns, std::size_t most);

/// a / b, rounded up; neither is negative.
constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

}  // namespace tokenlift
