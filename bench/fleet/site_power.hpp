#pragma once
// What a replica in virtual time draws in a step, by what is in it.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "workloads/scenario/profile.hpp"

namespace tokenlift {

/// Of the step under way of a replica.
struct StepDraw {
  std::int64_t begin_ns = 0;   ///< of it, or of the run of steps with one batch that it belongs to
  std::int64_t sequences = 0;  ///< that decode; 0 and no chunk: no step is under way
  bool chunk = false;          ///< a chunk of a prompt is in it
  std::int64_t asked = 0;      ///< requests that are there: in the batch and waiting for it
  std::int64_t above_mw = 0;   ///< what it draws more than idle, held back or not
};

/// Of all accelerators of a replica, more than idle, in mW: tabulated once for each batch.
class SitePower {
 public:
  /// The accelerator states its power. Larger batches than kMostTabulated draw what that draws.
  SitePower(const Accelerator& accelerator, std::int64_t max_batch);

  std::int64_t decode_mw(std::int64_t sequences) const {
    return decode_mw_[std::min(static_cast<std::size_t>(sequences), decode_mw_.size() - 1)];
  }
  /// Of a step; 0 sequences and no chunk: of none.
  std::int64_t above_mw(std::int64_t sequences, bool chunk) const {
    return chunk ? prompt_mw_ : decode_mw(sequences);
  }

 private:
  static constexpr std::int64_t kMostTabulated = 65'536;

  std::int64_t prompt_mw_;
  std::vector<std::int64_t> decode_mw_;  // by batch, 0 of none
};

/// How much longer steps take and how much less they draw, so that a site keeps its limit; and how
/// many sequences its batches have.
struct HeldBack {
  std::int64_t slow_milli = 1000;  ///< thousandths
  std::int64_t max_batch = 0;      ///< 0: the site's own
  bool operator==(const HeldBack&) const = default;
};

}  // namespace tokenlift
