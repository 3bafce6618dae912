#include "workloads/scenario/power.hpp"

#include <cmath>

namespace tokenlift {

double AcceleratorPower::decode_w(std::int64_t sequences) const {
  const double above_middle = std::log2(static_cast<double>(sequences)) - decode_middle_log2;
  return decode_low_w + (decode_high_w - decode_low_w) / (1 + std::exp(-above_middle));
}

}  // namespace tokenlift
