#pragma once
// Lengths that are always the same.

#include <cstdint>

#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

inline Lengths constant(double tokens) {
  Lengths lengths;
  lengths.mean = tokens;
  lengths.max = static_cast<std::int64_t>(tokens);
  return lengths;
}

}  // namespace tokenlift
