#include "reports/analysis/significance.hpp"

#include <algorithm>
// Fifteen digits are enough; what long double needs is built before main, from instructions that
// an emulated CPU (valgrind) does not have.
#define BOOST_MATH_PROMOTE_DOUBLE_POLICY false

#include <boost/math/distributions/chi_squared.hpp>
#include <boost/math/distributions/non_central_t.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cassert>
#include <cmath>
#include <numeric>

#include "reports/analysis/interval.hpp"

namespace tokenlift {
namespace {

double squared(double value) {
  return value * value;
}

/// `distance` = sought - negligible, which a standard error of `standard_error` tells.
double power_at(double distance, double standard_error, double degrees, double level) {
  if (standard_error == 0) return 1;
  const double expected = distance / standard_error;
  const double critical = quantile(complement(boost::math::students_t(degrees), level / 2));
  // Far beyond what can be missed; series for the tail take long there.
  if (expected > 50 * std::max(critical, 1.0)) return 1;
  return cdf(complement(boost::math::non_central_t(degrees, expected), critical));
}

/// With so many runs on either side (pairs) that vary by `deviation`.
double planned_power(std::size_t runs, double deviation, bool paired, const TestSize& size) {
  const auto n = static_cast<double>(runs);
  return power_at(size.sought - size.negligible, deviation * std::sqrt((paired ? 1 : 2) / n),
                  (n - 1) * (paired ? 1 : 2), size.level);
}

double high_deviation(const Shift& shift) {
  const double low_chi =
      quantile(boost::math::chi_squared(shift.degrees), 1 - kDeviationConfidence);
  return shift.deviation * std::sqrt(shift.degrees / low_chi);
}

}  // namespace

Shift shift_of(std::span<const double> base, std::span<const double> contender) {
  assert(!base.empty() && !contender.empty());
  const Spread one = spread_of(base);
  const Spread other = spread_of(contender);
  const auto n = static_cast<double>(base.size());
  const auto m = static_cast<double>(contender.size());
  Shift shift;
  shift.value = other.mean - one.mean;
  shift.base_runs = base.size();
  shift.contender_runs = contender.size();
  if (base.size() < 2 || contender.size() < 2) return shift;
  const double first = squared(one.standard_error);
  const double second = squared(other.standard_error);
  shift.standard_error = std::sqrt(first + second);
  shift.deviation = std::sqrt((first * n + second * m) / 2);
  shift.degrees =
      shift.standard_error > 0
          ? squared(first + second) / (squared(first) / (n - 1) + squared(second) / (m - 1))
          : n + m - 2;
  return shift;
}

Shift paired_shift(std::span<const double> base, std::span<const double> contender) {
  assert(!base.empty() && base.size() == contender.size());
  std::vector<double> differences;
  for (std::size_t i = 0; i < base.size(); ++i) differences.push_back(contender[i] - base[i]);
  const Spread spread = spread_of(differences);
  const auto n = static_cast<double>(base.size());
  return {spread.mean, spread.standard_error, n - 1, spread.standard_error * std::sqrt(n),
          base.size(), base.size(),           true};
}

double p_value(const Shift& shift, double negligible) {
  assert(shift.degrees > 0);
  const double beyond = std::abs(shift.value) - negligible;
  if (shift.standard_error == 0) return beyond > 0 ? 0 : 1;
  const boost::math::students_t t(shift.degrees);
  return std::min(1.0, 2 * cdf(complement(t, beyond / shift.standard_error)));
}

double power(const Shift& shift, const TestSize& size) {
  assert(shift.degrees > 0 && size.sought > size.negligible);
  return power_at(size.sought - size.negligible, shift.standard_error, shift.degrees, size.level);
}

std::optional<std::size_t> runs_needed(const Shift& shift, const TestSize& size) {
  assert(shift.degrees > 0 && size.sought > size.negligible);
  const double deviation = high_deviation(shift);
  const auto enough = [&](std::size_t runs) {
    return planned_power(runs, deviation, shift.paired, size) >= kPower;
  };
  std::size_t least = kLeastRuns;
  std::size_t most = kMostRunsNeeded;
  if (!enough(most)) return std::nullopt;
  while (least < most) {
    const std::size_t middle = least + (most - least) / 2;
    if (enough(middle)) {
      most = middle;
    } else {
      least = middle + 1;
    }
  }
  return least;
}

std::vector<double> holm(std::span<const double> p_values) {
  std::vector<std::size_t> order(p_values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return p_values[a] < p_values[b]; });
  std::vector<double> corrected(p_values.size());
  double largest = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const double factor = static_cast<double>(order.size() - i);
    largest = std::max(largest, std::min(1.0, factor * p_values[order[i]]));
    corrected[order[i]] = largest;
  }
  return corrected;
}

}  // namespace tokenlift
