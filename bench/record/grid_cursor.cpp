#include "bench/record/grid_cursor.hpp"

#include <algorithm>
#include <cassert>

namespace tokenlift {

void PhaseCursor::move(const RecordingGrid& grid, std::int64_t at_ns) {
  phase_ = grid.phase_at(at_ns);
  begin_ns_ = grid.phases[phase_].begin_ns;
  end_ns_ = phase_ + 1 < grid.phases.size() ? grid.phases[phase_ + 1].begin_ns : kNever;
}

void GridCursor::move(const RecordingGrid& grid, std::int64_t at_ns) {
  assert(at_ns >= 0);
  bin_ = grid.bin_at(at_ns);
  phase_.look_at(grid, at_ns);
  const std::int64_t bin_begin_ns = static_cast<std::int64_t>(bin_) * grid.bin_ns;
  begin_ns_ = std::max(bin_begin_ns, phase_.begin_ns());
  const std::int64_t bin_end_ns = bin_ + 1 < grid.bins ? bin_begin_ns + grid.bin_ns : kNever;
  end_ns_ = std::min(bin_end_ns, phase_.end_ns());
}

}  // namespace tokenlift
