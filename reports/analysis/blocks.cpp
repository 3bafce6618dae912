#include "reports/analysis/blocks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

std::string length_of(std::size_t count, const Bins& bins) {
  return duration_figure(static_cast<double>(count) * static_cast<double>(bins.ns));
}

/// Empty where a standard error is given.
std::string shortage(const BlockMeans& blocks, const Bins& bins) {
  if (blocks.standard_error) return {};
  if (blocks.bins == 0) return "no time bin lies wholly in a phase";
  // Nobody runs a phase ten times as long.
  std::string longer;
  if (blocks.bins_needed() <= 10 * blocks.bins) {
    longer = fmt::format("a phase of at least {}, often longer, or ",
                         length_of(blocks.bins_needed(), bins));
  }
  return fmt::format(
      "{}, and a phase of {} has {} of the {} blocks of {} that this needs; "
      "{}{} repetitions give an interval",
      runs_figure(bins.runs), length_of(blocks.bins, bins), blocks.blocks, kLeastBlocks,
      length_of(blocks.bins_per_block, bins), longer, kLeastRuns);
}

/// The one that is further from having an interval.
std::string shortage(const BlockMeans& before, const BlockMeans& after, const Bins& bins) {
  if (before.standard_error) return shortage(after, bins);
  if (after.standard_error || before.bins_needed() >= after.bins_needed()) {
    return shortage(before, bins);
  }
  return shortage(after, bins);
}

constexpr const char* kAllAlike =
    "the blocks of a phase are all alike: they do not show how much it varies";

std::string basis_of(const BlockMeans& before, const BlockMeans& after, const Bins& bins) {
  return fmt::format("{}: {} and {} blocks of {} and {}, effective sample sizes {} and {}",
                     runs_figure(bins.runs), before.blocks, after.blocks,
                     length_of(before.bins_per_block, bins), length_of(after.bins_per_block, bins),
                     figure(before.effective_samples()), figure(after.effective_samples()));
}

/// Of the sum of two variances that are known from so many blocks each.
double welch_degrees(double first, std::size_t first_blocks, double second,
                     std::size_t second_blocks) {
  const double sum = first + second;
  const auto first_degrees = static_cast<double>(first_blocks - 1);
  const auto second_degrees = static_cast<double>(second_blocks - 1);
  if (sum == 0) return first_degrees + second_degrees;
  return sum * sum / (first * first / first_degrees + second * second / second_degrees);
}

}  // namespace

double mean_of(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value - values.front();
  return values.front() + sum / static_cast<double>(values.size());
}

double autocorrelation_time(std::span<const double> values) {
  const std::size_t n = values.size();
  if (n < 2) return 1;
  const double mean = mean_of(values);
  const auto covariance = [&](std::size_t lag) {
    double sum = 0;
    for (std::size_t i = 0; i + lag < n; ++i) sum += (values[i] - mean) * (values[i + lag] - mean);
    return sum;
  };
  const double variance = covariance(0);
  if (!(variance > 0)) return 1;
  // Sums of neighbouring pairs are positive and fall, in theory; the estimates are noise from where
  // they no longer do.
  double sum = 0;
  double last_pair = INFINITY;
  for (std::size_t lag = 0; lag + 1 < n; lag += 2) {
    const double pair = std::min(
        last_pair, ((lag == 0 ? variance : covariance(lag)) + covariance(lag + 1)) / variance);
    if (pair <= 0) break;
    sum += pair;
    last_pair = pair;
  }
  return std::max(1.0, 2 * sum - 1);
}

double long_run_variance(std::span<const double> values) {
  const auto n = static_cast<double>(values.size());
  if (n < 2) return 0;
  const double mean = mean_of(values);
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  const double time = autocorrelation_time(values);
  const double kept = 1 - std::min(0.5, time / n);
  return squares / (n - 1) * time / (kept * kept);
}

BlockMeans block_means(std::span<const double> values) {
  BlockMeans result;
  result.bins = values.size();
  if (values.empty()) return result;
  result.mean = mean_of(values);
  result.autocorrelation_bins = autocorrelation_time(values);
  result.bins_per_block =
      std::max(static_cast<std::size_t>(std::ceil(kBlockTimes * result.autocorrelation_bins)),
               (values.size() + kMostBlocks - 1) / kMostBlocks);
  result.blocks = values.size() / result.bins_per_block;
  if (result.blocks < kLeastBlocks) return result;
  std::vector<double> means;
  for (std::size_t block = 0; block < result.blocks; ++block) {
    means.push_back(mean_of(values.subspan(block * result.bins_per_block, result.bins_per_block)));
  }
  const double mean = mean_of(means);
  double squares = 0;
  for (const double value : means) squares += (value - mean) * (value - mean);
  const auto count = static_cast<double>(means.size());
  double error = std::sqrt(squares / (count - 1) / count);
  const double left_out = std::abs(result.mean - mean);
  if (left_out > 2 * error + kRounding * std::abs(result.mean)) error = std::hypot(error, left_out);
  result.standard_error = error;
  return result;
}

Estimate ratio_of_blocks(const BlockMeans& before, const BlockMeans& after, const Bins& bins) {
  if (before.bins == 0 || after.bins == 0 || !(before.mean > 0) || !(after.mean > 0)) {
    return {std::nullopt, std::nullopt, runs_figure(bins.runs), "0 in some phase: no ratio"};
  }
  const double ratio = after.mean / before.mean;
  if (std::string reason = shortage(before, after, bins); !reason.empty()) {
    return estimate_without_interval(ratio, runs_figure(bins.runs), std::move(reason));
  }
  const double first = std::pow(*before.standard_error / before.mean, 2);
  const double second = std::pow(*after.standard_error / after.mean, 2);
  if (first + second == 0 && before.mean != after.mean) {
    return estimate_without_interval(ratio, runs_figure(bins.runs), kAllAlike);
  }
  return estimate_of_log(std::log(ratio), std::sqrt(first + second),
                         welch_degrees(first, before.blocks, second, after.blocks),
                         basis_of(before, after, bins));
}

Estimate difference_of_blocks(const BlockMeans& before, const BlockMeans& after, const Bins& bins) {
  if (before.bins == 0 || after.bins == 0) {
    return {std::nullopt, std::nullopt, runs_figure(bins.runs),
            "no time bin lies wholly in a phase"};
  }
  const double difference = after.mean - before.mean;
  if (std::string reason = shortage(before, after, bins); !reason.empty()) {
    return estimate_without_interval(difference, runs_figure(bins.runs), std::move(reason));
  }
  const double first = std::pow(*before.standard_error, 2);
  const double second = std::pow(*after.standard_error, 2);
  if (first + second == 0 && before.mean != after.mean) {
    return estimate_without_interval(difference, runs_figure(bins.runs), kAllAlike);
  }
  return estimate_of(difference, std::sqrt(first + second),
                     welch_degrees(first, before.blocks, second, after.blocks),
                     basis_of(before, after, bins),
                     kRounding * (std::abs(before.mean) + std::abs(after.mean)));
}

Estimate mean_of_blocks(const BlockMeans& blocks, const Bins& bins) {
  if (blocks.bins == 0) {
    return {std::nullopt, std::nullopt, runs_figure(bins.runs),
            "no time bin lies wholly in a phase"};
  }
  if (std::string reason = shortage(blocks, bins); !reason.empty()) {
    return estimate_without_interval(blocks.mean, runs_figure(bins.runs), std::move(reason));
  }
  if (*blocks.standard_error == 0 && blocks.mean != 0) {
    return estimate_without_interval(blocks.mean, runs_figure(bins.runs), kAllAlike);
  }
  return estimate_of(
      blocks.mean, *blocks.standard_error, static_cast<double>(blocks.blocks - 1),
      fmt::format("{}: {} blocks of {}, effective sample size {}", runs_figure(bins.runs),
                  blocks.blocks, length_of(blocks.bins_per_block, bins),
                  figure(blocks.effective_samples())));
}

}  // namespace tokenlift
