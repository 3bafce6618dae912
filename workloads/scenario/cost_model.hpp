#pragma once
// What a step costs on engine `virtual`, in whole picoseconds:
//
//   the decode part, if any sequence decodes   a + b * sequences + c * kv_tokens
//   each prefill chunk [begin, end)            p0 + p1 * (end - begin) + p2 * (end^2 - begin^2)
//
// kv_tokens are the contexts that the decode part reads: the tokens in the KV cache of the decoding
// sequences when the step begins. Integers, so that a run of steps has a closed form which is equal
// to stepping, and every machine computes the same.

#include <cstdint>
#include <optional>

namespace tokenlift {

struct CostModel {
  std::int64_t a_ps = 0;
  std::int64_t b_ps = 0;
  std::int64_t c_ps = 0;
  std::int64_t p0_ps = 0;
  std::int64_t p1_ps = 0;
  std::int64_t p2_ps = 0;

  std::int64_t decode_ps(std::int64_t sequences, std::int64_t kv_tokens) const {
    return a_ps + b_ps * sequences + c_ps * kv_tokens;
  }
  std::int64_t chunk_ps(std::int64_t begin, std::int64_t end) const {
    return p0_ps + (p1_ps + p2_ps * (end + begin)) * (end - begin);
  }
  bool operator==(const CostModel&) const = default;
};

/// No step of a site may take longer: sums over the steps of a run stay within 64 bits.
inline constexpr std::int64_t kLongestStepPs = 1'000'000'000'000'000;  // 1000 s

/// No step that fits into these limits takes longer: a full batch that reads a full cache, and a
/// full budget of prefill in as many chunks as sequences, each at the end of a full context.
/// Nothing if that is more than kLongestStepPs. The coefficients are in [0, kLongestStepPs], the
/// limits in [1, 10^12] (max_step_tokens up to 10^9).
std::optional<std::int64_t> longest_step_ps(const CostModel& cost, std::int64_t max_batch,
                                            std::int64_t max_step_tokens, std::int64_t kv_tokens);

}  // namespace tokenlift
