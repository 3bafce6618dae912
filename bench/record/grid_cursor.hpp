#pragma once
// The bin and phase of an instant, for instants that come in bunches.

#include <cstddef>
#include <cstdint>

#include "bench/record/recording_grid.hpp"

namespace tokenlift {

/// The phase of an instant. Remembers the borders of the last one.
class PhaseCursor {
 public:
  void look_at(const RecordingGrid& grid, std::int64_t at_ns) {
    if (at_ns < begin_ns_ || at_ns >= end_ns_) move(grid, at_ns);
  }
  std::uint32_t phase() const { return phase_; }
  std::int64_t begin_ns() const { return begin_ns_; }
  std::int64_t end_ns() const { return end_ns_; }  ///< kNever of the last phase

 private:
  void move(const RecordingGrid& grid, std::int64_t at_ns);

  std::int64_t begin_ns_ = 0;
  std::int64_t end_ns_ = 0;
  std::uint32_t phase_ = 0;
};

/// The bin and phase of an instant. Remembers the borders around the last one: looking one up
/// takes a 64-bit division.
class GridCursor {
 public:
  void look_at(const RecordingGrid& grid, std::int64_t at_ns) {
    if (at_ns < begin_ns_ || at_ns >= end_ns_) move(grid, at_ns);
  }
  std::size_t bin() const { return bin_; }
  std::uint32_t phase() const { return phase_.phase(); }
  std::int64_t end_ns() const { return end_ns_; }  ///< where another of them begins

 private:
  void move(const RecordingGrid& grid, std::int64_t at_ns);

  std::int64_t begin_ns_ = 0;
  std::int64_t end_ns_ = 0;
  std::size_t bin_ = 0;
  PhaseCursor phase_;
};

}  // namespace tokenlift
