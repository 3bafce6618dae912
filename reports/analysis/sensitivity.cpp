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

/// Points with y, less its mean over all of them, by bins of x.
using BinnedPoints = std::vector<std::vector<double>>;

/// Of all points but the one (none: of all); may be below 0 by chance. Nothing where nothing
/// varies.
std::optional<double> share_without(const BinnedPoints& bins, std::size_t its_bin,
                                    std::size_t its_place) {
  double points = 0, groups = 0, sum = 0, squares = 0, between = 0;
  for (std::size_t b = 0; b < bins.size(); ++b) {
    double count = 0, of_bin = 0;
    for (std::size_t i = 0; i < bins[b].size(); ++i) {
      if (b == its_bin && i == its_place) continue;
      ++count;
      of_bin += bins[b][i];
      squares += bins[b][i] * bins[b][i];
    }
    if (count == 0) continue;
    ++groups;
    points += count;
    sum += of_bin;
    between += of_bin * of_bin / count;
  }
  const double whole = squares - sum * sum / points;
  if (whole <= 0 || groups < 2) return std::nullopt;
  const double within = squares - between;
  return (whole - within - (groups - 1) * within / (points - groups)) / whole;
}

/// The spread of the shares without one point each.
double jackknife_error(const BinnedPoints& bins) {
  std::vector<double> shares;
  for (std::size_t b = 0; b < bins.size(); ++b) {
    for (std::size_t i = 0; i < bins[b].size(); ++i) {
      if (const auto share = share_without(bins, b, i)) shares.push_back(*share);
    }
  }
  const auto count = static_cast<double>(shares.size());
  return std::sqrt((count - 1) / count * squares_around(shares, spread_of(shares).mean));
}

}  // namespace

std::optional<FirstOrderShare> first_order_share(std::span<const double> x,
                                                 std::span<const double> y) {
  assert(x.size() == y.size());
  if (x.size() < kLeastPoints) return std::nullopt;
  const std::size_t count = std::min(x.size() / kPointsPerBin, kMostBins);
  const double mean = spread_of(y).mean;
  BinnedPoints bins(count);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto bin = static_cast<std::size_t>(std::max(x[i], 0.0) * static_cast<double>(count));
    bins[std::min(bin, count - 1)].push_back(y[i] - mean);
  }
  std::erase_if(bins, [](const std::vector<double>& bin) { return bin.empty(); });
  // Of equal values the mean may be off by a rounding.
  const double largest =
      std::max(std::abs(*std::ranges::min_element(y)), std::abs(*std::ranges::max_element(y)));
  if (squares_around(y, mean) <= static_cast<double>(y.size()) * largest * largest * 1e-24) {
    return std::nullopt;
  }
  const std::optional<double> share = share_without(bins, bins.size(), 0);
  if (!share) return std::nullopt;
  return FirstOrderShare{std::clamp(*share, 0.0, 1.0), jackknife_error(bins)};
}

}  // namespace tokenlift
