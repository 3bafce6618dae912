#include "reports/analysis/change_point.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>

#include "reports/analysis/blocks.hpp"

namespace tokenlift {
namespace {

/// Autocorrelation times that a stretch must last: of a shorter one that time is not known.
constexpr double kLeastTimes = 15;

constexpr int kStepDepth = 2;

struct Split {
  std::size_t at = 0;
  double height = 0;  // |mean after - mean before|
  double excess = 0;  // largest |cumulative sum of what is above the mean|
};

/// Where the cumulative sum of what is above the mean is furthest from 0.
Split widest_split(std::span<const double> values) {
  const double mean = mean_of(values);
  Split best;
  double sum = 0;
  for (std::size_t i = 1; i < values.size(); ++i) {
    sum += values[i - 1] - mean;
    if (std::abs(sum) > best.excess) best = {i, 0, std::abs(sum)};
  }
  const auto left = static_cast<double>(best.at);
  const auto right = static_cast<double>(values.size() - best.at);
  if (best.at > 0) best.height = best.excess * (1 / left + 1 / right);
  return best;
}

/// What is left when the steps are taken out, so that they are no noise: the one that is looked at,
/// and the widest on either side of it, of which nobody knows yet whether they are any.
void take_out_steps(std::span<double> values, int depth) {
  const Split split = depth == 0 ? Split{} : widest_split(values);
  if (split.at < kLeastBetweenChanges || values.size() - split.at < kLeastBetweenChanges) {
    const double mean = mean_of(values);
    for (double& value : values) value -= mean;
    return;
  }
  take_out_steps(values.first(split.at), depth - 1);
  take_out_steps(values.subspan(split.at), depth - 1);
}

std::optional<std::size_t> split_of(std::span<const double> values) {
  if (values.size() < 2 * kLeastBetweenChanges) return std::nullopt;
  const Split split = widest_split(values);
  if (split.at < kLeastBetweenChanges || values.size() - split.at < kLeastBetweenChanges) {
    return std::nullopt;
  }
  std::vector<double> rest(values.begin(), values.end());
  take_out_steps(rest, kStepDepth);
  const auto n = static_cast<double>(values.size());
  if (n < kLeastTimes * autocorrelation_time(rest)) return std::nullopt;
  const double noise = std::sqrt(n * long_run_variance(rest));
  if (split.excess < kCriticalExcess * noise) return std::nullopt;
  return split.at;
}

void divide(std::span<const double> values, std::size_t offset, std::vector<std::size_t>& found) {
  const std::optional<std::size_t> split = split_of(values);
  if (!split) return;
  divide(values.first(*split), offset, found);
  found.push_back(offset + *split);
  divide(values.subspan(*split), offset + *split, found);
}

}  // namespace

std::vector<ChangePoint> change_points(std::span<const double> values) {
  std::vector<std::size_t> borders;
  divide(values, 0, borders);
  // Found while others were still to be found, some are off, or none at all: each again, between
  // its neighbours.
  for (std::size_t i = 0; i < borders.size();) {
    const std::size_t begin = i == 0 ? 0 : borders[i - 1];
    const std::size_t end = i + 1 == borders.size() ? values.size() : borders[i + 1];
    if (const auto split = split_of(values.subspan(begin, end - begin))) {
      borders[i++] = begin + *split;
    } else {
      borders.erase(borders.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
  std::vector<ChangePoint> points;
  for (std::size_t i = 0; i < borders.size(); ++i) {
    const std::size_t begin = i == 0 ? 0 : borders[i - 1];
    const std::size_t end = i + 1 == borders.size() ? values.size() : borders[i + 1];
    points.push_back({borders[i], mean_of(values.subspan(begin, borders[i] - begin)),
                      mean_of(values.subspan(borders[i], end - borders[i]))});
  }
  return points;
}

}  // namespace tokenlift
