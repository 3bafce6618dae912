#pragma once
// Keyed random draws: the value depends on (seed, purpose, tenant, number) and on nothing else.
//
// Request n of a tenant draws the same gap and the same lengths whatever the throttle does, so two
// arms of an experiment differ by the policy alone (common random numbers). A stream that is drawn
// from one after the other can't promise that: one retry more would shift everything behind it.
// The distributions are written out here because those of <random> give other values on every
// standard library.

#include <cmath>
#include <cstdint>

namespace tokenlift {

/// What a draw is for. Draws for different purposes are independent.
enum class Purpose : std::uint64_t {
  gap = 1,
  prompt_tokens = 2,
  output_tokens = 3,
  trace_sample = 4,
  route = 5,
  prompt_content = 6,
  weights = 7,
  user = 8,
  turns = 9,
  think = 10,
  patience = 11,
  retry = 12,
  shape = 13,
  tuning = 14,
  trace_block = 15,
  failure = 16,
  repair = 17,
  failed_replicas = 18,
  slowed_replicas = 19,
  prompt_block = 20,
};

/// The output function of SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number
/// generators", OOPSLA 2014; variant 13 of Stafford's mixers). A bijection on 64 bits.
constexpr std::uint64_t finalise(std::uint64_t bits) {
  bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9U;
  bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebU;
  return bits ^ (bits >> 31);
}

/// The draws of one purpose and one tenant: SplitMix64 from a base of its own, read at any index.
/// All streams are windows of one sequence of 2^64 values at pseudo-random places: two streams of n
/// draws overlap with probability n / 2^63.
class Draws {
 public:
  constexpr Draws(std::uint64_t seed, Purpose purpose, std::uint64_t tenant)
      : base_(finalise(
            finalise(finalise(seed + kGolden) + static_cast<std::uint64_t>(purpose) * kGolden) +
            tenant * kGolden)) {}

  /// 64 uniform bits; `sub` numbers the values that one draw `n` needs several of.
  constexpr std::uint64_t bits(std::uint64_t n) const { return finalise(base_ + n * kGolden); }
  constexpr std::uint64_t bits(std::uint64_t n, std::uint64_t sub) const {
    return finalise(bits(n) + (sub + 1) * kGolden);
  }

  /// Uniform in (0, 1), both ends excluded: (k + 1/2) / 2^52 with k < 2^52 needs 53 bits, so it is
  /// exact, and logarithms of it are finite and negative.
  constexpr double uniform(std::uint64_t n) const { return to_unit(bits(n)); }
  constexpr double uniform(std::uint64_t n, std::uint64_t sub) const {
    return to_unit(bits(n, sub));
  }

  /// Exponential with mean 1.
  double exponential(std::uint64_t n) const { return -std::log(uniform(n)); }

  /// Standard normal (Box-Muller), from the values `sub` and `sub + 1`.
  double normal(std::uint64_t n, std::uint64_t sub = 0) const {
    const double radius = std::sqrt(-2 * std::log(uniform(n, sub)));
    return radius * std::cos(2 * kPi * uniform(n, sub + 1));
  }

  /// Gamma with the given shape and scale 1, so with mean `shape` (Marsaglia, Tsang: "A simple
  /// method for generating gamma variables", TOMS 26, 2000). Accepts with probability > 0.95.
  double gamma(std::uint64_t n, double shape) const {
    if (shape < 1) {  // G(shape) = G(shape + 1) * U^(1 / shape)
      return gamma(n, shape + 1) * std::exp(std::log(uniform(n, kBoost)) / shape);
    }
    const double d = shape - 1.0 / 3;
    const double c = 1 / std::sqrt(9 * d);
    for (std::uint64_t sub = 0;; sub += 3) {
      const double x = normal(n, sub);
      const double root = 1 + c * x;
      if (root <= 0) continue;
      const double v = root * root * root;
      if (std::log(uniform(n, sub + 2)) < 0.5 * x * x + d * (1 - v + std::log(v))) return d * v;
    }
  }

  /// What is left of a gamma (as above) at an instant that does not know of it: the density of the
  /// rest is in proportion to the probability that the whole is longer (the equilibrium
  /// distribution of renewal theory). An instant falls into long ones more often, in proportion to
  /// their length, which makes a gamma of shape + 1 of them, and anywhere within.
  double rest_of_gamma(std::uint64_t n, double shape) const {
    return gamma(n, shape + 1) * uniform(n, kBoost);
  }

 private:
  static constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15U;  // 2^64 / golden ratio, odd
  static constexpr std::uint64_t kBoost = 1U << 31;              // a `sub` no rejection reaches
  static constexpr double kPi = 3.14159265358979323846;

  static constexpr double to_unit(std::uint64_t bits) {
    return (static_cast<double>(bits >> 12) + 0.5) * 0x1p-52;
  }

  std::uint64_t base_;
};

}  // namespace tokenlift
