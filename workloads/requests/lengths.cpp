#include "workloads/requests/lengths.hpp"

#include <cassert>

namespace tokenlift {

namespace {

// Of the logarithm of a lognormal variable with this mean and coefficient of variation.
struct LogMoments {
  double mean;
  double deviation;
};

LogMoments log_moments(const Lengths& lengths) {
  const double variance = std::log1p(lengths.cv * lengths.cv);
  return {std::log(lengths.mean) - variance / 2, std::sqrt(variance)};
}

// 1 / log(1 - 1/mean); -0 for mean 1, where every draw is 1.
double geometric_scale(double mean) {
  return 1 / std::log1p(-1 / mean);
}

double normal_cdf(double x) {
  return std::erfc(-x / std::sqrt(2.0)) / 2;
}

// E[(Y - strike)+] of a lognormal Y: the integral of P(Y > x) from strike to infinity.
double expected_excess(double mean, double deviation, double strike) {
  const double d = std::log(mean / strike) / deviation + deviation / 2;
  return mean * normal_cdf(d) - strike * normal_cdf(d - deviation);
}

// E[X] = min + sum over k in [min, max) of P(X > k), and X > k means that the unrounded Y is at
// least k + 1/2. Terms below kExact are summed one by one. Above it the sum is replaced by the
// integral of P(Y > x): that is E of the unrounded excess, which differs by at most 1/2 * P(X >=
// kExact), while E[X] >= kExact * P(X >= kExact). So the relative error is at most 1/2 / kExact.
double lognormal_mean(const Lengths& lengths) {
  constexpr std::int64_t kExact = 4096;  // 0.0122 %
  const LogMoments log = log_moments(lengths);
  if (log.deviation == 0) {
    return std::clamp(std::floor(lengths.mean + 0.5), static_cast<double>(lengths.min),
                      static_cast<double>(lengths.max));
  }
  auto sum = static_cast<double>(lengths.min);
  const std::int64_t exact_end = std::min(kExact, lengths.max);
  for (std::int64_t k = lengths.min; k < exact_end; ++k) {
    sum += normal_cdf((log.mean - std::log(static_cast<double>(k) + 0.5)) / log.deviation);
  }
  const std::int64_t tail_begin = std::max(exact_end, lengths.min);
  if (tail_begin < lengths.max) {
    sum += expected_excess(lengths.mean, log.deviation, static_cast<double>(tail_begin)) -
           expected_excess(lengths.mean, log.deviation, static_cast<double>(lengths.max));
  }
  return sum;
}

// min + sum over k in [min, max) of q^k, with q = 1 - 1/mean.
double geometric_mean_tokens(const Lengths& lengths) {
  if (lengths.mean <= 1) return static_cast<double>(std::max<std::int64_t>(lengths.min, 1));
  const double log_q = std::log1p(-1 / lengths.mean);
  const auto power = [log_q](std::int64_t k) { return std::exp(log_q * static_cast<double>(k)); };
  return static_cast<double>(lengths.min) +
         (power(lengths.min) - power(lengths.max)) * lengths.mean;
}

}  // namespace

LengthSampler::LengthSampler(const Lengths& lengths)
    : distribution_(lengths.distribution),
      low_(static_cast<double>(lengths.min)),
      high_(static_cast<double>(lengths.max)) {
  switch (distribution_) {
    case Distribution::constant:
      low_ = high_ = lengths.mean;
      break;
    case Distribution::uniform:
      break;
    case Distribution::lognormal: {
      const LogMoments log = log_moments(lengths);
      location_ = log.mean;
      scale_ = log.deviation;
      break;
    }
    case Distribution::geometric:
      scale_ = geometric_scale(lengths.mean);
      break;
  }
  assert(low_ >= 1 && low_ <= high_);
}

double mean_tokens(const Lengths& lengths) {
  switch (lengths.distribution) {
    case Distribution::constant:
      break;
    case Distribution::uniform:
      return (static_cast<double>(lengths.min) + static_cast<double>(lengths.max)) / 2;
    case Distribution::lognormal:
      return lognormal_mean(lengths);
    case Distribution::geometric:
      return geometric_mean_tokens(lengths);
  }
  return lengths.mean;
}

std::int64_t largest_tokens(const Lengths& lengths) {
  if (lengths.distribution == Distribution::constant) {
    return static_cast<std::int64_t>(lengths.mean);
  }
  return lengths.max;
}

}  // namespace tokenlift
