#include "reports/analysis/significance.hpp"

#include <algorithm>
// Fifteen digits are enough; what long double needs is built before main, from instructions that
// an emulated CPU (valgrind) does not have.
#define BOOST_MATH_PROMOTE_DOUBLE_POLICY false

#include <boost/math/distributions/chi_squared.hpp>
#include <boost/math/distributions/fisher_f.hpp>
#include <boost/math/distributions/non_central_t.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <boost/math/special_functions/digamma.hpp>
#include <boost/math/special_functions/polygamma.hpp>
#include <boost/math/special_functions/trigamma.hpp>
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
  if (standard_error == 0) return distance > 0 ? 1 : 0;
  const double expected = distance / standard_error;
  const double critical = quantile(complement(boost::math::students_t(degrees), level / 2));
  // Far beyond what can be missed; series for the tail take long there.
  if (expected > 50 * std::max(critical, 1.0)) return 1;
  // In double its series does not converge for some arguments.
  using InLongDouble = boost::math::policies::policy<boost::math::policies::promote_double<true>>;
  const boost::math::non_central_t_distribution<double, InLongDouble> t(degrees, expected);
  return cdf(complement(t, critical));
}

bool varies(const Shift& shift) {
  return shift.degrees > 0 && shift.deviation > 0;
}

/// That its deviation has; those of Welch's test are of its standard error, and depend on what the
/// deviations have come out as.
double own_degrees(const Shift& shift) {
  const auto runs = static_cast<double>(shift.base_runs + shift.contender_runs);
  return shift.paired ? runs / 2 - 1 : runs - 2;
}

/// No less than the runs' own: a case may vary more than the others whose figures it is like.
double high_deviation(const Shift& shift) {
  const double low_chi =
      quantile(boost::math::chi_squared(shift.degrees), 1 - kDeviationConfidence);
  return std::max(shift.deviation * std::sqrt(shift.degrees / low_chi), shift.own_deviation);
}

/// Runs to be made that vary as those at hand may at most.
class PlannedRuns {
 public:
  explicit PlannedRuns(const Shift& shift)
      : deviation_(high_deviation(shift)), borrowed_(shift.borrowed), sets_(shift.paired ? 1 : 2) {}

  /// How often so many on either side (pairs) show a shift beyond `distance`; `level` two-sided.
  double power(std::size_t runs, double distance, double level) const {
    const auto n = static_cast<double>(runs);
    return power_at(distance, deviation_ * std::sqrt(sets_ / n), (n - 1) * sets_ + borrowed_,
                    level);
  }
  double power(std::size_t runs, const TestSize& size) const {
    return power(runs, size.sought - size.negligible, size.level);
  }

 private:
  double deviation_;
  double borrowed_;
  double sets_;
};

std::vector<std::size_t> by_size(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  return order;
}

/// The fewest, from kLeastRuns on, that are enough.
template <typename Enough>
std::optional<std::size_t> fewest_runs(const Enough& enough) {
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

/// x > 0 with trigamma(x) = y > 0, by Newton's method on 1 / trigamma, which is nearly a line
/// (Smyth 2004, appendix).
double inverse_trigamma(double y) {
  if (y > 1e7) return 1 / std::sqrt(y);
  if (y < 1e-6) return 1 / y;
  double x = 0.5 + 1 / y;
  for (int i = 0; i < 50; ++i) {
    const double value = boost::math::trigamma(x);
    const double step = value * (1 - value / y) / boost::math::polygamma(2, x);
    x += step;
    if (-step / x < 1e-10) break;
  }
  return x;
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
          base.size(), base.size(),           true,  0};
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

double p_of_as_high(const Shift& shift, double sought) {
  assert(shift.degrees > 0);
  if (shift.standard_error == 0) return shift.value < sought ? 0 : 1;
  const boost::math::students_t t(shift.degrees);
  return cdf(complement(t, (sought - shift.value) / shift.standard_error));
}

double highest(const Shift& shift, double level) {
  assert(shift.degrees > 0);
  if (shift.standard_error == 0) return shift.value;
  const boost::math::students_t t(shift.degrees);
  return shift.value + quantile(complement(t, level)) * shift.standard_error;
}

VariancePrior prior_of(std::span<const Shift> shifts) {
  std::vector<double> logs;  // of the variances, but for what their degrees of freedom take away
  double noise = 0;          // the variance of the logarithms that they have by chance
  double all_degrees = 0;
  for (const Shift& shift : shifts) {
    if (!varies(shift)) continue;
    const double degrees = own_degrees(shift);
    logs.push_back(2 * std::log(shift.deviation) - boost::math::digamma(degrees / 2) +
                   std::log(degrees / 2));
    noise += boost::math::trigamma(degrees / 2);
    all_degrees += degrees;
  }
  if (logs.size() < 2) return {};
  const auto cases = static_cast<double>(logs.size());
  noise /= cases;
  const Spread spread = spread_of(logs);
  const double variance = squared(spread.standard_error) * cases;
  const double low_chi = quantile(boost::math::chi_squared(cases - 1), 1 - kDeviationConfidence);
  VariancePrior prior;
  prior.variance = std::exp(spread.mean);
  if (variance > noise) {
    const double half = inverse_trigamma(variance - noise);
    prior.variance = std::exp(spread.mean + boost::math::digamma(half) - std::log(half));
  }
  prior.degrees = all_degrees * (cases - 1) / cases;
  const double high_variance = variance * (cases - 1) / low_chi;
  if (high_variance > noise) {
    prior.degrees = std::min(prior.degrees, 2 * inverse_trigamma(high_variance - noise));
  }
  return prior;
}

Shift moderated(const Shift& shift, const VariancePrior& prior) {
  if (prior.degrees <= 0 || !varies(shift)) return shift;
  const double own = squared(shift.deviation);
  Shift result = shift;
  result.degrees = shift.degrees + prior.degrees;
  result.borrowed = prior.degrees;
  result.own_deviation = shift.deviation;
  const double factor =
      std::sqrt((prior.degrees * prior.variance + shift.degrees * own) / (result.degrees * own));
  result.deviation *= factor;
  result.standard_error *= factor;
  return result;
}

namespace {

/// Of more than these one is next to nothing of what they have in common.
constexpr std::size_t kFew = 50;

/// Of a variance as large as that of one of them, were it like those of the others; 1 where there
/// are too few of these to tell.
double chance_of_as_large(std::span<const Shift> shifts, std::size_t one,
                          const VariancePrior& of_all) {
  VariancePrior prior = of_all;
  if (shifts.size() <= kFew) {
    std::vector<Shift> others(shifts.begin(), shifts.end());
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(one));
    prior = prior_of(others);
  }
  if (prior.degrees <= 0) return 1;
  const boost::math::fisher_f f(own_degrees(shifts[one]), prior.degrees);
  return cdf(complement(f, squared(shifts[one].deviation) / prior.variance));
}

}  // namespace

std::vector<Shift> moderated(std::span<const Shift> shifts) {
  const VariancePrior prior = prior_of(shifts);
  std::vector<double> negative;  // so that the largest come first
  for (const Shift& shift : shifts) negative.push_back(-shift.deviation);
  const std::vector<std::size_t> order = by_size(negative);
  const auto count = static_cast<double>(
      std::count_if(shifts.begin(), shifts.end(), [](const Shift& each) { return varies(each); }));
  std::vector<Shift> result(shifts.size());
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    const std::size_t index = order[rank];
    VariancePrior lent = prior;
    if (varies(shifts[index])) {
      const double expected = (static_cast<double>(rank) + 0.5) / count;
      lent.degrees *= std::min(1.0, chance_of_as_large(shifts, index, prior) / expected);
    }
    result[index] = moderated(shifts[index], lent);
  }
  return result;
}

std::optional<std::size_t> runs_needed(const Shift& shift, const TestSize& size) {
  assert(shift.degrees > 0 && size.sought > size.negligible);
  const PlannedRuns planned(shift);
  return fewest_runs([&](std::size_t runs) { return planned.power(runs, size) >= kPower; });
}

std::optional<std::size_t> runs_needed(std::span<const GatedShift> figures) {
  return fewest_runs([&](std::size_t runs) {
    double open = 0;
    for (const GatedShift& figure : figures) {
      const PlannedRuns planned(figure.shift);
      if (planned.power(runs, figure.worse) < kPower) return false;
      open += 1 - planned.power(runs, figure.excluded.sought - figure.excluded.negligible,
                                2 * figure.excluded.level);
      if (open > 1 - kPower) return false;
    }
    return true;
  });
}

double least_shown(const Shift& shift, std::size_t runs, double negligible, double level) {
  assert(shift.degrees > 0 && runs >= kLeastRuns);
  if (shift.deviation == 0) return negligible;
  const PlannedRuns planned(shift);
  double low = 0;
  double high = shift.deviation;
  while (planned.power(runs, high, level) < kPower) high *= 2;
  for (int i = 0; i < 40; ++i) {
    const double middle = (low + high) / 2;
    (planned.power(runs, middle, level) < kPower ? low : high) = middle;
  }
  return negligible + high;
}

std::vector<double> holm(std::span<const double> p_values) {
  const std::vector<std::size_t> order = by_size(p_values);
  std::vector<double> corrected(p_values.size());
  double largest = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto factor = static_cast<double>(order.size() - i);
    largest = std::max(largest, std::min(1.0, factor * p_values[order[i]]));
    corrected[order[i]] = largest;
  }
  return corrected;
}

std::vector<double> holm_levels(std::span<const double> p_values, double level) {
  std::vector<double> levels(p_values.size());
  double held_to = 0;
  bool passed = true;
  std::size_t left = p_values.size();
  for (const std::size_t index : by_size(p_values)) {
    if (passed) held_to = level / static_cast<double>(left--);
    passed = passed && p_values[index] <= held_to;
    levels[index] = held_to;
  }
  return levels;
}

}  // namespace tokenlift
