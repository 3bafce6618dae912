#include "reports/analysis/sensitivity.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <vector>

#include "reports/analysis/interval.hpp"

namespace tokenlift {
namespace {

constexpr std::size_t kLeastPoints = 24;
constexpr std::size_t kPointsPerBin = 8;
constexpr std::size_t kMostBins = 10;

double squares_around(std::span<const double> values, double centre) {
  double sum = 0;
  for (const double value : values) sum += (value - centre) * (value - centre);
  return sum;
}

}  // namespace

std::optional<double> first_order_share(std::span<const double> x, std::span<const double> y) {
  assert(x.size() == y.size());
  if (x.size() < kLeastPoints) return std::nullopt;
  const std::size_t count = std::min(x.size() / kPointsPerBin, kMostBins);
  std::vector<std::vector<double>> bins(count);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto bin = static_cast<std::size_t>(std::max(x[i], 0.0) * static_cast<double>(count));
    bins[std::min(bin, count - 1)].push_back(y[i]);
  }
  std::erase_if(bins, [](const std::vector<double>& bin) { return bin.empty(); });
  const auto points = static_cast<double>(y.size());
  const auto groups = static_cast<double>(bins.size());
  const double whole = squares_around(y, spread_of(y).mean);
  // Of equal values the mean may be off by a rounding.
  const double largest =
      std::max(std::abs(*std::ranges::min_element(y)), std::abs(*std::ranges::max_element(y)));
  if (whole <= points * largest * largest * 1e-24 || bins.size() < 2) return std::nullopt;
  double within = 0;
  for (const std::vector<double>& bin : bins) within += squares_around(bin, spread_of(bin).mean);
  const double by_chance = within / (points - groups);
  const double share = (whole - within - (groups - 1) * by_chance) / whole;
  return std::clamp(share, 0.0, 1.0);
}

}  // namespace tokenlift
