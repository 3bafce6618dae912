#pragma once
// A cost model from measured steps: least squares on the relative error, no coefficient below zero.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "workloads/scenario/cost_model.hpp"

namespace tokenlift {

/// One decode step: what it held, what it took.
struct DecodeSample {
  std::int64_t sequences = 0;
  std::int64_t kv_tokens = 0;  ///< in the caches of its sequences when it began
  std::int64_t cost_ps = 0;    ///< > 0
};

/// One chunk of a prompt: its tokens [begin, end), what it took.
struct PrefillSample {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::int64_t cost_ps = 0;  ///< > 0
};

/// One point of the grid, measured at two times.
template <typename Sample>
struct Repeat {
  Sample first;
  Sample again;
};

struct Repeats {
  std::vector<Repeat<DecodeSample>> decode;
  std::vector<Repeat<PrefillSample>> prefill;
};

/// How well one of the two laws describes the samples. Relative error: law / measured - 1.
struct FitQuality {
  /// Share of the measured costs' variance that the law explains, samples weighted by 1 / cost^2 as
  /// in the fit: 1 - sum w (cost - law)^2 / sum w (cost - mean)^2, mean weighted alike. At most 1;
  /// 0 where all costs are the same.
  double r_squared = 0;
  double mean_error = 0;         ///< mean of the absolute relative errors
  double worst_error = 0;        ///< the relative error farthest from 0, with its sign
  std::size_t worst_sample = 0;  ///< where that is
};

struct CostFit {
  CostModel cost;
  FitQuality decode;
  FitQuality prefill;

  /// Mean relative error over the samples of both laws, each law counting the same.
  double mean_error() const { return (decode.mean_error + prefill.mean_error) / 2; }
};

/// A law that is more than kWorstMeanError off on average is refused, and one of low R^2 that is
/// more than kGoodMeanError off. Where it is nearer than that a low R^2 says only that costs hardly
/// differ over the grid (a large decoder at small batches), which a constant would describe as
/// well. In bf16 the decoder computes batches and chunks in a few sizes, so undisturbed steps lie 1
/// to 5 % off; in f32 a step that memory bounds costs the same at the smallest batches, which is as
/// far off.
inline constexpr double kWorstMeanError = 0.10;
inline constexpr double kGoodMeanError = 0.05;
inline constexpr double kLeastRSquared = 0.95;

/// A law that is refused although the machine did not change is one that steps do not follow. The
/// machine changed if what was measured twice differs by at least this share of what the law is
/// off: differences that small between single measurements do not explain it.
inline constexpr double kExplainedByRepeats = 0.5;

/// Why a fit may not be used.
struct FitMistake {
  bool machine_changed = false;  ///< else steps cost something else than the law says
  std::string text;
};

/// Nothing if the fit may be used.
std::optional<FitMistake> fit_mistake(const CostFit& fit, const Repeats& repeats);

/// Mean of the absolute relative differences between what was measured again and at first; 0 of
/// nothing. The two may differ in context: each is taken relative to the law.
double repeat_difference(const CostModel& cost, const std::vector<Repeat<DecodeSample>>& repeats);
double repeat_difference(const CostModel& cost, const std::vector<Repeat<PrefillSample>>& repeats);

/// Coefficients >= 0 in whole ps that minimise the sum of squared relative errors, per law. Throws
/// std::invalid_argument where samples do not determine a law: a cost that is not positive, fewer
/// than three samples, or samples that differ in too few of the law's terms.
CostFit fit_cost_model(const std::vector<DecodeSample>& decode,
                       const std::vector<PrefillSample>& prefill);

}  // namespace tokenlift
