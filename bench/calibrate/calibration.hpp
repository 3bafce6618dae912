#pragma once
// Measures what steps cost on this machine: the decoder's decode steps over batch and context, and
// its prefill chunks over size and position.
//
// The steps are computed as the thread fleet computes them: by one worker per core, all at the same
// time, prompts and decode steps in turn, because workers share the caches and the memory. A decode
// step takes longer right after a chunk of a prompt, which has thrown weights and contexts out of
// the caches, than after other decode steps. How often that happens depends on the load, so the
// delay is counted where it comes from: a decode step costs what it takes among others, and a chunk
// what it takes and by how much it delays the decode steps after it.
//
// Each round visits the whole grid in a new order, the workers side by side, so that a machine that
// changes its speed changes it for all points alike; what counts for a point is the median of its
// times, over all rounds and workers. Points that came up in several rounds tell a machine that
// changed (they differ) from steps that cost something else than the law (they agree). Times are
// those that the worker's thread had a core: a step that another process cut in two is not a longer
// step.

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <vector>

#include "bench/calibrate/cost_fit.hpp"
#include "workloads/decoder/decoder.hpp"

namespace tokenlift {

/// Decode steps are measured up to this batch at most.
inline constexpr std::int64_t kLargestCalibratedBatch = 512;

struct CalibrationSettings {
  std::int64_t workers = 1;     ///< decoders at the same time: one per core, as in a run
  std::int64_t max_batch = 16;  ///< decode steps of up to so many sequences
  std::int64_t budget_ns = 0;   ///< time in all, set-up included; over by a step or two at most
  std::int64_t most_rounds = std::numeric_limits<std::int32_t>::max();  ///< ends before that then
};

/// What was left to do when the time was over.
struct Unfinished {
  double share = 0;            ///< measured of the fewest points that determine the costs
  std::int64_t needed_ns = 0;  ///< the time in all that would do, by extrapolation; 0: unknown
};

struct CalibrationSamples {
  std::vector<DecodeSample> decode;
  std::vector<PrefillSample> prefill;
  Repeats repeats;  ///< some points in an earlier and in a later part of the time
  std::int64_t rounds = 0;
  std::optional<double> interference;    ///< see bench/host.hpp
  std::optional<Unfinished> unfinished;  ///< then there are no samples
};

/// The batches that are measured: 1, 2, 3, 4, 6, 8, 12, 16, 24, ... up to `max_batch` and itself.
std::vector<std::int64_t> calibration_batches(std::int64_t max_batch);

/// Measures. `progress` is told the share of the work done, from the calling thread, some times a
/// second. Nothing if `stop` came first.
std::optional<CalibrationSamples> measure_step_costs(const DecoderShape& shape,
                                                     const CalibrationSettings& settings,
                                                     const std::function<void(double)>& progress,
                                                     const std::atomic<bool>& stop);

}  // namespace tokenlift
