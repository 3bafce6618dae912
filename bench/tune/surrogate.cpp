#include "bench/tune/surrogate.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <utility>

namespace tokenlift {

namespace {

constexpr double kFirstLength = 0.3;
constexpr double kShortest = 0.02;
constexpr double kLongest = 5;
constexpr double kLeastNoise = 1e-6;
constexpr double kMostNoise = 1;
constexpr int kPasses = 3;  // over all lengths and the noise, each halved and doubled

double expected_improvement(double above, double deviation) {
  if (deviation <= 0) return std::max(above, 0.0);
  const double z = above / deviation;
  const double density = std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi);
  const double probability = std::erfc(-z / std::numbers::sqrt2) / 2;
  return above * probability + deviation * density;
}

/// Where a row of a triangle begins whose rows lie one after the other.
std::size_t first_of(std::size_t row) {
  return row * (row + 1) / 2;
}

double product(const double* one, const double* other, std::size_t count) {
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += one[i] * other[i];
  return sum;
}

}  // namespace

Surrogate::Surrogate(std::vector<Observation> observations)
    : observations_(std::move(observations)) {
  assert(!observations_.empty());
  const auto count = static_cast<double>(observations_.size());
  for (const Observation& each : observations_) centre_ += each.value / count;
  lengths_.assign(observations_.front().point.size(), kFirstLength);
  factor_.resize(first_of(observations_.size()));
  forward_.resize(observations_.size());
  double best = fit();
  const auto attempt = [&](double& parameter, double value, double low, double high) {
    const double former = std::exchange(parameter, std::clamp(value, low, high));
    if (parameter == former) return false;
    const double likelihood = fit();
    if (likelihood > best) {
      best = likelihood;
      return true;
    }
    parameter = former;
    return false;
  };
  for (int pass = 0; pass < kPasses; ++pass) {
    for (double& length : lengths_) {
      if (!attempt(length, length * 2, kShortest, kLongest)) {
        attempt(length, length / 2, kShortest, kLongest);
      }
    }
    if (!attempt(noise_, noise_ * 5, kLeastNoise, kMostNoise)) {
      attempt(noise_, noise_ / 5, kLeastNoise, kMostNoise);
    }
  }
  fit();
}

// The loops below run some millions of times for each model, so they are written without iterators:
// with them a build that checks every access spends most of a search here.

double Surrogate::kernel(const double* one, const double* other) const {
  const double* const lengths = lengths_.data();
  const std::size_t dimensions = lengths_.size();
  double squared = 0;
  for (std::size_t d = 0; d < dimensions; ++d) {
    const double apart = (one[d] - other[d]) / lengths[d];
    squared += apart * apart;
  }
  const double root = std::sqrt(5 * squared);
  return (1 + root + 5 * squared / 3) * std::exp(-root);
}

/// The next row of the factor, and the value that belongs to it.
void Surrogate::append(std::size_t row) {
  const Observation& observation = observations_[row];
  const double* const forward = forward_.data();
  double* const values = factor_.data() + first_of(row);
  double rest = 1 + noise_ / observation.runs + kLeastNoise;
  double value = observation.value - centre_;
  for (std::size_t column = 0; column < row; ++column) {
    const double* const above = factor_.data() + first_of(column);
    const double correlation = kernel(observation.point.data(), observations_[column].point.data());
    const double its = (correlation - product(above, values, column)) / above[column];
    values[column] = its;
    rest -= its * its;
    value -= its * forward[column];
  }
  values[row] = std::sqrt(std::max(rest, kLeastNoise));
  forward_[row] = value / values[row];
}

/// The logarithm of the likelihood, but for a constant, with the scale that makes it largest.
double Surrogate::fit() {
  double logarithm = 0;
  for (std::size_t row = 0; row < observations_.size(); ++row) {
    append(row);
    logarithm += std::log(factor_[first_of(row) + row]);
  }
  const auto count = static_cast<double>(observations_.size());
  const double squares =
      std::inner_product(forward_.begin(), forward_.end(), forward_.begin(), 0.0);
  const double variance = std::max(squares / count, std::numeric_limits<double>::min());
  scale_ = std::sqrt(variance);
  return -0.5 * count * std::log(variance) - logarithm;
}

Surrogate::Solved Surrogate::solved(std::span<const double> point) const {
  const std::size_t count = observations_.size();
  Solved its{std::vector<double>(count), centre_, 1};
  double* const row = its.row.data();
  const double* const forward = forward_.data();
  for (std::size_t i = 0; i < count; ++i) {
    const double* const factor = factor_.data() + first_of(i);
    const double correlation = kernel(point.data(), observations_[i].point.data());
    row[i] = (correlation - product(row, factor, i)) / factor[i];
    its.mean += row[i] * forward[i];
    its.variance -= row[i] * row[i];
  }
  return its;
}

Expectation Surrogate::at(std::span<const double> point) const {
  const Solved its = solved(point);
  return {its.mean, scale_ * std::sqrt(std::max(its.variance, 0.0))};
}

std::vector<std::size_t> Surrogate::most_promising(const std::vector<std::vector<double>>& points,
                                                   std::size_t count) const {
  double best = -std::numeric_limits<double>::infinity();
  for (const Observation& each : observations_) best = std::max(best, at(each.point).mean);
  std::vector<Solved> open;
  for (const std::vector<double>& point : points) open.push_back(solved(point));
  std::vector<std::size_t> chosen;
  while (chosen.size() < std::min(count, points.size())) {
    const bool explores = count > 1 && chosen.size() + 1 == count;
    std::size_t most = points.size();
    double most_expected = -1;
    for (std::size_t i = 0; i < points.size(); ++i) {
      if (std::ranges::find(chosen, i) != chosen.end()) continue;
      const double deviation = scale_ * std::sqrt(std::max(open[i].variance, 0.0));
      const double expected =
          explores ? deviation : expected_improvement(open[i].mean - best, deviation);
      if (expected <= most_expected) continue;
      most = i;
      most_expected = expected;
    }
    // An observation that is as expected changes no mean: it only makes sure of what is near.
    const Solved sure = open[most];
    const double diagonal = std::sqrt(std::max(sure.variance, 0.0) + noise_ + kLeastNoise);
    for (std::size_t i = 0; i < points.size(); ++i) {
      Solved& its = open[i];
      const double sum = kernel(points[i].data(), points[most].data()) -
                         product(its.row.data(), sure.row.data(), its.row.size());
      its.row.push_back(sum / diagonal);
      its.variance -= its.row.back() * its.row.back();
    }
    chosen.push_back(most);
  }
  return chosen;
}

}  // namespace tokenlift
