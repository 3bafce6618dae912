#include "workloads/scenario/cost_model.hpp"

namespace tokenlift {

std::optional<std::int64_t> StepPrice::longest_ps(std::int64_t max_batch,
                                                  std::int64_t max_step_tokens,
                                                  std::int64_t kv_tokens) const {
  // Coefficients are at most 2 * 10^15 and limits 10^12, so that the largest product, p2 * 2 kv *
  // step, is at most 2 * 10^15 * 2 * 10^12 * 10^9 = 4 * 10^36, and the sum below 2^127 = 1.7 *
  // 10^38.
  __extension__ using Wide = __int128;
  const auto batch = static_cast<Wide>(max_batch);
  const auto step = static_cast<Wide>(max_step_tokens);
  const auto kv = static_cast<Wide>(kv_tokens);
  const Wide decode = parts_.a_ps + parts_.b_ps * batch + parts_.c_ps * kv;
  // e^2 - s^2 = (e + s)(e - s) <= 2 kv (e - s) for each chunk [s, e) of a context within the cache.
  const Wide chunks =
      parts_.p0_ps * std::min(batch, step) + (parts_.p1_ps + 2 * kv * parts_.p2_ps) * step;
  // Chunks alone cost no more than with the decode part: p0 <= max(a, p0).
  const Wide law = decode + chunks_join_ps_ + chunks;
  const Wide floor = std::max<Wide>(floor_.weights_ps, floor_.token_ps * (step + batch));
  const Wide longest = std::max(law, overhead_ps_ + floor);
  if (longest > static_cast<Wide>(kLongestStepPs)) return std::nullopt;
  return static_cast<std::int64_t>(longest);
}

}  // namespace tokenlift
