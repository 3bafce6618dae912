#include "bench/fleet/site_power.hpp"

#include <cassert>
#include <cmath>

namespace tokenlift {

SitePower::SitePower(const Accelerator& accelerator, std::int64_t max_batch) {
  assert(accelerator.power && "the reader saw to it");
  const AcceleratorPower& power = *accelerator.power;
  const std::int64_t idle_mw = std::llround(power.idle_w * 1e3);
  const auto above_mw = [&](double watts) {
    return accelerator.count * std::max<std::int64_t>(std::llround(watts * 1e3) - idle_mw, 0);
  };
  prompt_mw_ = above_mw(power.prompt_w);
  decode_mw_.push_back(0);
  for (std::int64_t batch = 1; batch <= std::min(max_batch, kMostTabulated); ++batch) {
    decode_mw_.push_back(above_mw(power.decode_w(batch)));
  }
}

}  // namespace tokenlift
