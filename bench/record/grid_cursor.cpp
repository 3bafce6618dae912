#include "bench/record/grid_cursor.hpp"

#include <algorithm>
#include <cassert>

namespace tokenlift {

void GridCursor::move(const RecordingGrid& grid, std::int64_t at_ns) {
  assert(at_ns >= 0);
  bin_ = grid.bin_at(at_ns);
  phase_ = grid.phase_at(at_ns);
  const std::int64_t bin_begin_ns = static_cast<std::int64_t>(bin_) * grid.bin_ns;
  begin_ns_ = std::max(bin_begin_ns, grid.phases[phase_].begin_ns);
  end_ns_ = bin_ + 1 < grid.bins ? bin_begin_ns + grid.bin_ns : kNever;
  if (phase_ + 1 < grid.phases.size()) {
    end_ns_ = std::min(end_ns_, grid.phases[phase_ + 1].begin_ns);
  }
}

}  // namespace tokenlift
