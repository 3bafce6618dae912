#include "reports/analysis/step_response.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <utility>
#include <vector>

#include "reports/analysis/blocks.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

constexpr std::size_t kLeastBins = 8;     // in `before` and in `after`
constexpr std::size_t kLeastBatches = 8;  // of MSER-5
constexpr double kSmoothEnough = 0.025;   // of the step: the standard error aimed at
constexpr double kBand = 0.05;            // of the step
constexpr double kStandardErrors = 3;
constexpr double kOvershootErrors = 4;  // the largest of many values is far out by itself
constexpr std::size_t kBatch = 5;       // bins: the 5 of MSER-5
constexpr double kNoiseFloor = 0.01;    // of the step
constexpr std::array<std::size_t, 10> kWindows = {1, 3, 5, 11, 21, 51, 101, 201, 501, 1001};

/// A stretch of a series with the sums that make its means cheap.
class Sums {
 public:
  explicit Sums(std::span<const double> values) : sums_(values.size() + 1) {
    for (std::size_t i = 0; i < values.size(); ++i) sums_[i + 1] = sums_[i] + values[i];
  }
  /// Of [begin, end), which is not empty.
  double mean(std::size_t begin, std::size_t end) const {
    return (sums_[end] - sums_[begin]) / static_cast<double>(end - begin);
  }

 private:
  std::vector<double> sums_;
};

double variance_of_mean(std::span<const double> values) {
  return long_run_variance(values) / static_cast<double>(values.size());
}

/// Of a mean of `window` bins, from how such means differ within `steady`. The mean that they are
/// held against is their own, which takes window / size of the variance away.
double error_of_window(std::span<const double> steady, std::size_t window) {
  const Sums sums(steady);
  const double mean = sums.mean(0, steady.size());
  double squares = 0;
  const std::size_t windows = steady.size() - window + 1;
  for (std::size_t i = 0; i < windows; ++i) {
    squares += std::pow(sums.mean(i, i + window) - mean, 2);
  }
  const double kept = 1 - static_cast<double>(window) / static_cast<double>(steady.size());
  return std::sqrt(squares / static_cast<double>(windows) / kept);
}

/// Each value from the step on as the mean of the window around it, cut off at the step and at the
/// end: what was before the step is in none of them.
std::vector<double> smooth(std::span<const double> values, std::size_t window) {
  const Sums sums(values);
  const std::size_t reach = window / 2;
  std::vector<double> smoothed;
  for (std::size_t i = 0; i < values.size(); ++i) {
    smoothed.push_back(sums.mean(i - std::min(i, reach), std::min(values.size(), i + reach + 1)));
  }
  return smoothed;
}

/// From which bin on the values are steady: the truncation that makes the standard error of the
/// mean of the rest least (MSER-5: White, An Effective Truncation Heuristic for Bias Reduction in
/// Simulation Output, Simulation 69, 1997). Noise of `floor` is added: without any noise at all it
/// would pay to cut ever more of an exponential's tail. At least a quarter of the values stay.
std::size_t steady_from(std::span<const double> values, double floor) {
  std::vector<double> batches;
  for (std::size_t i = 0; i + kBatch <= values.size(); i += kBatch) {
    batches.push_back(mean_of(values.subspan(i, kBatch)));
  }
  // Against a value nearby, so that squares of large levels do not swallow small differences.
  const double origin = batches.back();
  double sum = 0;
  double squares = 0;
  double least = INFINITY;
  std::size_t best = 0;
  const std::size_t last_cut = batches.size() * 3 / 4;
  for (std::size_t cut = batches.size(); cut-- > 0;) {
    const double value = batches[cut] - origin;
    sum += value;
    squares += value * value;
    const auto left = static_cast<double>(batches.size() - cut);
    const double spread = std::max(0.0, squares - sum * sum / left) + floor * floor * left;
    const double error = spread / (left * left);
    if (cut <= last_cut && error <= least) {
      least = error;
      best = cut;
    }
  }
  return best * kBatch;
}

/// What follows the step, smoothed, with what is needed to judge it.
struct Answer {
  std::span<const double> values;
  std::vector<double> smoothed;
  std::int64_t bin_ns = 0;
  std::int64_t offset_ns = 0;  // of the first of the values since the step
  std::int64_t after_ns = 0;   // of the beginning of `after` since the step
  double from = 0;
  double to = 0;
  double standard_error = 0;

  double step() const { return to - from; }
  /// Of the way: 0 at the old level, 1 at the new one, whichever is higher.
  double progress(std::size_t bin) const { return (smoothed[bin] - from) / step(); }
  std::int64_t since_step_ns(std::size_t bin) const {
    return offset_ns + static_cast<std::int64_t>(bin) * bin_ns;
  }
};

/// From which of the values on they are above `level` (below it, where the step is down): where the
/// sum of what they are above it has been least. That is where the best fit that only rises
/// (isotonic regression) reaches the level. The first value that does comes too early in noise, and
/// the last one that does not too late.
std::size_t crossing(std::span<const double> values, double level, bool upwards) {
  double sum = 0;
  double least = 0;
  std::size_t best = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    sum += upwards ? values[i] - level : level - values[i];
    if (sum >= least) continue;
    least = sum;
    best = i + 1;
  }
  return best;
}

/// Of the values those until the answer, having arrived, goes back under 90 % of the step by more
/// than noise: what oscillates rises once.
std::size_t first_rise(const Answer& answer) {
  const double noise = kStandardErrors * answer.standard_error / std::abs(answer.step());
  std::size_t bin = 0;
  while (bin < answer.smoothed.size() && answer.progress(bin) < 1) ++bin;
  while (bin < answer.smoothed.size() && answer.progress(bin) >= 0.9 - noise) ++bin;
  return bin;
}

Delay rise_of(const Answer& answer) {
  const bool upwards = answer.step() > 0;
  const std::span<const double> values = answer.values.first(first_rise(answer));
  const std::size_t begin = crossing(values, answer.from + 0.1 * answer.step(), upwards);
  const std::size_t end = crossing(values, answer.from + 0.9 * answer.step(), upwards);
  if (end == answer.values.size()) return {std::nullopt, "90 % of the step were never reached"};
  return {static_cast<std::int64_t>(end - std::min(begin, end)) * answer.bin_ns, {}};
}

double overshoot_of(const Answer& answer) {
  double most = 0;
  for (std::size_t bin = 0; bin < answer.smoothed.size(); ++bin) {
    most = std::max(most, answer.progress(bin) - 1);
  }
  const double noise = kOvershootErrors * answer.standard_error / std::abs(answer.step());
  return most < noise ? 0 : most;
}

std::string steady_too_late(const Answer& answer, std::size_t steady) {
  const std::size_t bins = answer.values.size();
  return fmt::format(
      "not settled: steady only from {} after the step on, in the second half of the "
      "{} measured; run for at least {} longer",
      duration_figure(answer.since_step_ns(steady)), duration_figure(answer.since_step_ns(bins)),
      duration_figure(static_cast<std::int64_t>(2 * steady - bins) * answer.bin_ns));
}

Delay settling_of(const Answer& answer) {
  const std::size_t bins = answer.values.size();
  if (bins < kLeastBatches * kBatch) {
    return {std::nullopt, fmt::format("not enough data: {} time bins after the step, {} are needed",
                                      bins, kLeastBatches * kBatch)};
  }
  const double size = std::abs(answer.step());
  const std::size_t steady = steady_from(answer.values, kNoiseFloor * size);
  if (2 * steady > bins) return {std::nullopt, steady_too_late(answer, steady)};
  const double level = mean_of(answer.values.subspan(steady));
  const double band = std::max(kBand * size, kStandardErrors * answer.standard_error);
  std::size_t settled = std::min(steady + 1, bins);
  while (settled > 0 && std::abs(answer.smoothed[settled - 1] - level) <= band) --settled;
  // A band as wide as the noise would end a slow approach too early.
  settled =
      std::max(settled, crossing(answer.values, level - kBand * answer.step(), answer.step() > 0));
  const std::int64_t settling_ns = settled == 0 ? 0 : answer.since_step_ns(settled);
  if (settling_ns > answer.after_ns) {
    return {
        std::nullopt,
        fmt::format("not settled: it took {}, and `after` begins {} after the step; set "
                    "run.settle to at least {} and run for {} longer",
                    duration_figure(settling_ns), duration_figure(answer.after_ns),
                    duration_figure(settling_ns), duration_figure(settling_ns - answer.after_ns))};
  }
  return {settling_ns, {}};
}

/// Where the two sides do not differ because `after` itself moves: it collapsed and came back, say.
/// Then the level from which on it is steady differs from the one before that.
bool moves_in_second_half(const Answer& answer, std::size_t steady) {
  const std::size_t bins = answer.values.size();
  if (2 * steady <= bins) return false;
  const std::span<const double> early = answer.values.first(steady);
  const std::span<const double> late = answer.values.subspan(steady);
  const double change = std::abs(mean_of(late) - mean_of(early));
  return change > kRounding * std::abs(mean_of(late)) &&
         change >= kStandardErrors * std::sqrt(variance_of_mean(early) + variance_of_mean(late));
}

double deficit_of(const Answer& answer, std::size_t transition_bins) {
  double missing = 0;
  for (std::size_t bin = 0; bin < transition_bins; ++bin) {
    missing += std::max(0.0, answer.to - answer.smoothed[bin]);
  }
  return missing * static_cast<double>(answer.bin_ns) * 1e-9;
}

/// The window that the header describes, and the standard error of its means: of the noisier side,
/// for nobody knows of which kind the transition is.
std::pair<std::size_t, double> window_for(std::span<const double> before,
                                          std::span<const double> after,
                                          std::size_t transition_bins, double step) {
  const auto error_of = [&](std::size_t window) {
    return std::max(error_of_window(after, window),
                    2 * window <= before.size() ? error_of_window(before, window) : 0);
  };
  const std::size_t most = std::max<std::size_t>(1, std::min(transition_bins, after.size()) / 8);
  std::size_t window = 1;
  double error = error_of(window);
  for (const std::size_t wider : kWindows) {
    if (error <= kSmoothEnough * std::abs(step) || wider > most) break;
    window = wider;
    error = error_of(window);
  }
  return {window, error};
}

void refuse(StepResponse& response, const std::string& reason) {
  response.rise.reason = reason;
  response.settling.reason = reason;
}

}  // namespace

StepResponse step_response(const StepSeries& series) {
  assert(series.before_begin <= series.before_end && series.before_end <= series.transition_begin);
  assert(series.transition_begin <= series.transition_end &&
         series.transition_end <= series.after_begin);
  assert(series.after_begin <= series.after_end && series.after_end <= series.values.size());
  const auto part = [&](std::size_t begin, std::size_t end) {
    return series.values.subspan(begin, end - begin);
  };
  const std::span<const double> before = part(series.before_begin, series.before_end);
  const std::span<const double> after = part(series.after_begin, series.after_end);
  const std::size_t transition_bins = series.transition_end - series.transition_begin;

  StepResponse response;
  if (!before.empty()) response.before = mean_of(before);
  if (!after.empty()) response.after = mean_of(after);
  if (std::min(before.size(), after.size()) < kLeastBins) {
    const bool first = before.size() <= after.size();
    refuse(response, fmt::format("not enough data: `{}` has {} time bins of {}, {} are needed",
                                 first ? "before" : "after", std::min(before.size(), after.size()),
                                 duration_figure(series.bin_ns), kLeastBins));
    return response;
  }

  Answer answer;
  answer.values = part(series.transition_begin, series.after_end);
  answer.bin_ns = series.bin_ns;
  answer.offset_ns =
      static_cast<std::int64_t>(series.transition_begin) * series.bin_ns - series.step_ns;
  answer.after_ns = static_cast<std::int64_t>(series.after_begin) * series.bin_ns - series.step_ns;
  answer.from = *response.before;
  answer.to = *response.after;
  const auto [window, standard_error] = window_for(before, after, transition_bins, answer.step());
  answer.standard_error = standard_error;
  answer.smoothed = smooth(answer.values, window);
  response.smoothed_over_ns = static_cast<std::int64_t>(window) * series.bin_ns;
  response.standard_error = standard_error;

  const double rounding = kRounding * std::max(std::abs(answer.from), std::abs(answer.to));
  const double error = std::sqrt(variance_of_mean(before) + variance_of_mean(after));
  const bool differs = std::abs(answer.step()) > rounding;
  response.stepped = differs && std::abs(answer.step()) >= kStandardErrors * error;
  if (!response.stepped) {
    refuse(response, differs ? "nothing stepped: `after` is within 3 standard errors of `before`"
                             : "nothing stepped: `after` is the same as `before`");
    if (answer.values.size() >= kLeastBatches * kBatch) {
      const std::size_t steady = steady_from(answer.values, 0);
      if (moves_in_second_half(answer, steady)) {
        response.settling.reason = steady_too_late(answer, steady);
      }
    }
    return response;
  }
  response.deficit = deficit_of(answer, transition_bins);
  if (std::abs(answer.step()) < kStandardErrors * standard_error) {
    refuse(response,
           "the step is under 3 standard errors of a smoothed value: too noisy to be timed; more "
           "repetitions, or longer phases, make it smoother");
    return response;
  }
  response.rise = rise_of(answer);
  response.overshoot = overshoot_of(answer);
  response.settling = settling_of(answer);
  return response;
}

}  // namespace tokenlift
