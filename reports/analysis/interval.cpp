#include "reports/analysis/interval.hpp"

#include <fmt/format.h>

#include <algorithm>
// Fifteen digits are enough; what long double needs is built before main, from instructions that
// an emulated CPU (valgrind) does not have.
#define BOOST_MATH_PROMOTE_DOUBLE_POLICY false

#include <boost/math/distributions/students_t.hpp>
#include <cassert>
#include <cmath>
#include <utility>

namespace tokenlift {
namespace {

std::string too_few(std::size_t runs) {
  return fmt::format("{}; {} repetitions give an interval", runs_figure(runs), kLeastRuns);
}

Estimate nothing(std::string basis, std::string reason) {
  return {std::nullopt, std::nullopt, std::move(basis), std::move(reason)};
}

bool finite(const Interval& interval) {
  return std::isfinite(interval.low) && std::isfinite(interval.high);
}

Estimate checked(double value, const Interval& interval, std::string basis) {
  if (!std::isfinite(value)) return nothing(std::move(basis), "not a finite figure");
  if (!finite(interval)) {
    return estimate_without_interval(value, std::move(basis),
                                     "the figures differ too much among themselves; more "
                                     "repetitions may give an interval");
  }
  return {value, interval, std::move(basis), {}};
}

}  // namespace

Spread spread_of(std::span<const double> values) {
  const auto n = static_cast<double>(values.size());
  double sum = 0;
  for (const double value : values) sum += value;
  const double mean = sum / n;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return {mean, values.size() < 2 ? 0 : std::sqrt(squares / (n - 1) / n)};
}

double t_quantile(double degrees) {
  assert(degrees > 0);
  return boost::math::quantile(boost::math::students_t(degrees), 0.975);
}

std::string runs_figure(std::size_t runs) {
  return fmt::format("{} run{}", runs, runs == 1 ? "" : "s");
}

Estimate estimate_of(double value, double standard_error, double degrees, std::string basis,
                     double slack) {
  const double random = t_quantile(degrees) * standard_error;
  if (std::abs(value) + random <= slack) return {0.0, Interval{0, 0}, std::move(basis), {}};
  const double half = random + slack;
  return checked(value, {value - half, value + half}, std::move(basis));
}

Estimate estimate_of_log(double log, double standard_error, double degrees, std::string basis,
                         double slack) {
  const double half = t_quantile(degrees) * standard_error + slack + kRounding;
  return checked(std::exp(log), {std::exp(log - half), std::exp(log + half)}, std::move(basis));
}

Estimate within_limits(Estimate estimate, const ShareLimits& limits) {
  if (!estimate.value || !estimate.interval) return estimate;
  const double reach = limits.requests > 0 ? 3 / limits.requests : limits.most - limits.least;
  Interval& interval = *estimate.interval;
  interval.low = std::max(limits.least, std::min(interval.low, *estimate.value - reach));
  interval.high = std::min(limits.most, std::max(interval.high, *estimate.value + reach));
  return estimate;
}

Estimate estimate_without_interval(double value, std::string basis, std::string reason) {
  if (!std::isfinite(value)) return nothing(std::move(basis), "not a finite figure");
  return {value, std::nullopt, std::move(basis), std::move(reason)};
}

Estimate ratio_over_runs(std::span<const double> before, std::span<const double> after) {
  assert(before.size() == after.size());
  const std::size_t n = before.size();
  const auto positive = [](double figure) { return figure > 0; };
  if (n == 0) return nothing("no run", "no run has both phases");
  if (!std::all_of(before.begin(), before.end(), positive) ||
      !std::all_of(after.begin(), after.end(), positive)) {
    return nothing(runs_figure(n), "0 in some run: no ratio");
  }
  std::vector<double> logs;
  for (std::size_t i = 0; i < n; ++i) logs.push_back(std::log(after[i]) - std::log(before[i]));
  const Spread spread = spread_of(logs);
  if (n < kLeastRuns) {
    return estimate_without_interval(std::exp(spread.mean), runs_figure(n), too_few(n));
  }
  return estimate_of_log(spread.mean, spread.standard_error, static_cast<double>(n - 1),
                         runs_figure(n));
}

Estimate difference_over_runs(std::span<const double> before, std::span<const double> after) {
  assert(before.size() == after.size());
  const std::size_t n = before.size();
  if (n == 0) return nothing("no run", "no run has both phases");
  double largest = 0;
  std::vector<double> differences;
  for (std::size_t i = 0; i < n; ++i) {
    differences.push_back(after[i] - before[i]);
    largest = std::max({largest, std::abs(before[i]), std::abs(after[i])});
  }
  const Spread spread = spread_of(differences);
  if (n < kLeastRuns) return estimate_without_interval(spread.mean, runs_figure(n), too_few(n));
  return estimate_of(spread.mean, spread.standard_error, static_cast<double>(n - 1), runs_figure(n),
                     kRounding * largest);
}

}  // namespace tokenlift
