#include "bench/fleet/site_model.hpp"

#include <algorithm>
#include <cassert>

namespace tokenlift {

namespace {

constexpr std::int64_t kMostPs = std::int64_t{1} << 61;

}  // namespace

SiteModel::SiteModel(const ReplicaLimits& site_limits, const StepPrice& site_price)
    : limits(site_limits), price(site_price) {
  const std::optional<std::int64_t> longest_ps =
      price.longest_ps(limits.max_batch, limits.max_step_tokens, limits.kv_tokens);
  assert(longest_ps && *longest_ps > 0 && "the reader saw to it");
  most_steps = std::max<std::int64_t>(1, kMostPs / *longest_ps);
}

std::int64_t SiteModel::least_decode_ns(std::int64_t steps) const {
  const std::int64_t least_ps = price.decode_ps(1, 0);
  return std::min(steps, kMostPs / least_ps) * least_ps / kPsPerNs;
}

std::int64_t SiteModel::least_service_ns(std::int64_t prompt_tokens,
                                         std::int64_t output_tokens) const {
  // A prefill costs no less the more of it there is, so the last token alone is the least of all.
  const std::int64_t begin = limits.prefix_cache_tokens > 0 ? prompt_tokens - 1 : 0;
  const std::int64_t first_chunk = std::min(prompt_tokens, begin + limits.max_step_tokens);
  // Alone in its step, or in several, each of which costs no less than its own.
  const std::int64_t prefill_ps =
      price.prefill_ps(first_chunk - begin, price.chunk_ps(begin, first_chunk), 0, 0);
  return prefill_ps / kPsPerNs + least_decode_ns(output_tokens - 1);
}

}  // namespace tokenlift
