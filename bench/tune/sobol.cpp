#include "bench/tune/sobol.hpp"

#include <boost/random/sobol.hpp>
#include <cmath>

#include "workloads/text/draw.hpp"

namespace tokenlift {

struct SobolPoints::Engine {
  boost::random::sobol sequence;
};

SobolPoints::SobolPoints(std::size_t dimensions, std::uint64_t seed)
    : engine_(new Engine{boost::random::sobol(dimensions)}) {
  const Draws draws(seed, Purpose::tuning, 0);
  for (std::size_t i = 0; i < dimensions; ++i) shift_.push_back(draws.uniform(i));
}

SobolPoints::~SobolPoints() = default;

std::vector<double> SobolPoints::next() {
  std::vector<double> point;
  for (const double shift : shift_) {
    const double value = static_cast<double>(engine_->sequence()) * 0x1p-64 + shift;
    point.push_back(value - std::floor(value));
  }
  return point;
}

}  // namespace tokenlift
