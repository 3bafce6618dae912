#pragma once
// What a search expects of points that it has not tried: a Gaussian process over those that it has
// (Rasmussen, Williams: "Gaussian Processes for Machine Learning", 2006, algorithm 2.1), with a
// Matérn kernel of smoothness 5/2, a length for each dimension, and noise that falls with the runs
// of a point. Lengths and noise are those of the largest marginal likelihood, of a coarse grid.

#include <cstddef>
#include <span>
#include <vector>

namespace tokenlift {

/// What a point of the unit cube was worth; larger is better.
struct Observation {
  std::vector<double> point;
  double value = 0;
  double runs = 1;  ///< whose mean the value is, > 0
};

struct Expectation {
  double mean = 0;
  double deviation = 0;  ///< of the mean; what runs add is not in it
};

class Surrogate {
 public:
  /// At least one, all of as many dimensions. Takes n^3 / 3 multiplications, some 30 times.
  explicit Surrogate(std::vector<Observation> observations);

  Expectation at(std::span<const double> point) const;

  /// Of the points so many, by their index, the most promising first: each time that of the largest
  /// expected improvement over the best of what was observed (Jones, Schonlau, Welch: "Efficient
  /// global optimization of expensive black-box functions", 1998), as if those before it had turned
  /// out as expected. So a batch does not lie in one place. The last of several is where least is
  /// known: a model of few points may be sure of what is not so.
  std::vector<std::size_t> most_promising(const std::vector<std::vector<double>>& points,
                                          std::size_t count) const;

 private:
  struct Solved {
    std::vector<double> row;  // factor^-1 kernel(point, observations)
    double mean = 0;
    double variance = 1;  // to that of the process
  };
  double kernel(const double* one, const double* other) const;
  Solved solved(std::span<const double> point) const;
  double fit();
  void append(std::size_t row);

  std::vector<Observation> observations_;
  std::vector<double> lengths_;  // of each dimension
  double noise_ = 1e-2;          // of a single run, to the variance of the process
  double centre_ = 0;            // of the values
  double scale_ = 1;             // deviation of the process
  // The Cholesky factor of the kernel matrix, a triangle row by row, and what it makes of the
  // values.
  std::vector<double> factor_;
  std::vector<double> forward_;  // factor^-1 values
};

}  // namespace tokenlift
