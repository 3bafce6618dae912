#pragma once
// Points that fill the unit cube evenly, however many are taken: a Sobol sequence (Boost.Random),
// shifted by a seed.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace tokenlift {

class SobolPoints {
 public:
  /// `dimensions` >= 1. Sequences of two seeds are the same but for where they begin: every
  /// coordinate is moved by a random amount, modulo 1 (Cranley, Patterson: "Randomization of number
  /// theoretic methods for multiple integration", 1976).
  SobolPoints(std::size_t dimensions, std::uint64_t seed);
  ~SobolPoints();

  /// Coordinates are in [0, 1).
  std::vector<double> next();

 private:
  struct Engine;  // Boost's header is a large one
  std::unique_ptr<Engine> engine_;
  std::vector<double> shift_;
};

}  // namespace tokenlift
