#pragma once
// Series of noise for the statistical tests: seeds are fixed, and so is every draw, whatever the
// standard library.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace tokenlift {

/// Normal draws by Box and Muller from the engine's own bits: std::normal_distribution differs from
/// library to library.
class Noise {
 public:
  explicit Noise(std::uint64_t seed) : engine_(seed) {}

  double uniform() {  // in (0, 1)
    return (static_cast<double>(engine_() >> 11) + 0.5) * 0x1p-53;
  }
  double normal() {
    return std::sqrt(-2 * std::log(uniform())) * std::cos(6.283185307179586 * uniform());
  }
  /// How many arrive in a unit of time at this rate.
  double count(double rate) {
    double arrived = 0;
    double at = -std::log(uniform()) / rate;
    while (at < 1) {
      ++arrived;
      at -= std::log(uniform()) / rate;
    }
    return arrived;
  }
  /// x_i = phi x_(i-1) + a standard normal draw, from its stationary distribution on, around
  /// `level`: its autocorrelation time is (1 + phi) / (1 - phi).
  std::vector<double> autoregressive(std::size_t length, double phi, double level = 0) {
    std::vector<double> values;
    double x = normal() / std::sqrt(1 - phi * phi);
    for (std::size_t i = 0; i < length; ++i) {
      values.push_back(level + x);
      x = phi * x + normal();
    }
    return values;
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace tokenlift
