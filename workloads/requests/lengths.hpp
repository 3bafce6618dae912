#pragma once
// How many tokens a request has: drawing from a distribution of lengths, and its exact figures.

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "workloads/scenario/scenario.hpp"
#include "workloads/text/draw.hpp"

namespace tokenlift {

/// Draws whole tokens. Rounding is to nearest, then the value is clamped to [min, max].
class LengthSampler {
 public:
  explicit LengthSampler(const Lengths& lengths);

  std::int64_t draw(const Draws& draws, std::uint64_t n) const {
    switch (distribution_) {
      case Distribution::constant:
        break;
      case Distribution::uniform:
        return clamped(low_ + std::floor(draws.uniform(n) * (high_ - low_ + 1)));
      case Distribution::lognormal:
        return clamped(std::floor(std::exp(location_ + scale_ * draws.normal(n)) + 0.5));
      case Distribution::geometric:  // P(tokens > k) = (1 - 1/mean)^k
        return clamped(1 + std::floor(std::log(draws.uniform(n)) * scale_));
    }
    return static_cast<std::int64_t>(low_);
  }

 private:
  std::int64_t clamped(double tokens) const {
    return static_cast<std::int64_t>(std::clamp(tokens, low_, high_));
  }

  Distribution distribution_;
  double low_;  // bounds as doubles: whole and far below 2^53, so exact
  double high_;
  double location_ = 0;  // lognormal: mean of the logarithm
  double scale_ = 0;     // lognormal: its standard deviation; geometric: 1 / log(1 - 1/mean)
};

/// The mean of what LengthSampler draws, after rounding and clamping. Exact for constant, uniform
/// and geometric; within 0.02 % for lognormal (proof at the definition).
double mean_tokens(const Lengths& lengths);

/// The largest value that can be drawn.
std::int64_t largest_tokens(const Lengths& lengths);

}  // namespace tokenlift
