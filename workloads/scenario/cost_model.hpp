#pragma once
// What a step costs on engine `virtual`, in whole picoseconds. A step holds B sequences that
// decode, whose contexts are KV tokens in the KV cache when it begins, and chunks [s, e) of
// prompts:
//
//   separate   a + b B + c KV, if any sequence decodes, and for each chunk
//              p0 + p1 (e - s) + p2 (e^2 - s^2): each is a kernel call of its own, as on our CPUs
//   mixed      one pass over everything, as on accelerators: the fixed part is a, or p0, or the
//              larger of them where the step holds both kinds, then
//              b B + c KV + sum over the chunks of p1 (e - s) + p2 (e^2 - s^2)
//
// Integers, so that a run of steps has a closed form which is equal to stepping, and every machine
// computes the same.

#include <algorithm>
#include <cstdint>
#include <optional>

namespace tokenlift {

/// Whether the parts of a step are kernel calls of their own, or one pass.
enum class Pricing { separate, mixed };

/// The coefficients, as a profile states them.
struct CostModel {
  std::int64_t a_ps = 0;
  std::int64_t b_ps = 0;
  std::int64_t c_ps = 0;
  std::int64_t p0_ps = 0;
  std::int64_t p1_ps = 0;
  std::int64_t p2_ps = 0;
  Pricing pricing = Pricing::separate;

  /// A step in which sequences decode, and nothing else.
  std::int64_t decode_ps(std::int64_t sequences, std::int64_t kv_tokens) const {
    return a_ps + b_ps * sequences + c_ps * kv_tokens;
  }
  /// A step of one chunk, and nothing else.
  std::int64_t chunk_ps(std::int64_t begin, std::int64_t end) const {
    return p0_ps + (p1_ps + p2_ps * (end + begin)) * (end - begin);
  }
  bool operator==(const CostModel&) const = default;
};

/// The same where decoding and prompts take other times, in millionths: each coefficient is rounded
/// to whole ps.
inline CostModel at_pace(CostModel cost, std::int64_t decode_ppm, std::int64_t prefill_ppm) {
  const auto scaled = [](std::int64_t ps, std::int64_t ppm) {
    return static_cast<std::int64_t>((static_cast<__int128>(ps) * ppm + 500'000) / 1'000'000);
  };
  cost.a_ps = scaled(cost.a_ps, decode_ppm);
  cost.b_ps = scaled(cost.b_ps, decode_ppm);
  cost.c_ps = scaled(cost.c_ps, decode_ppm);
  cost.p0_ps = scaled(cost.p0_ps, prefill_ppm);
  cost.p1_ps = scaled(cost.p1_ps, prefill_ppm);
  cost.p2_ps = scaled(cost.p2_ps, prefill_ppm);
  return cost;
}

/// What physics asks of a step with prefill: max(weights_ps, token_ps * tokens computed). Of steps
/// that only decode the reader sees to it that no law asks less.
struct StepFloor {
  std::int64_t weights_ps = 0;  ///< one reading of the weights
  std::int64_t token_ps = 0;    ///< the arithmetic of one token
};

/// No step of a site may take longer: sums over the steps of a run stay within 64 bits.
inline constexpr std::int64_t kLongestStepPs = 1'000'000'000'000'000;  // 1000 s

/// Prices steps: the laws above, no lower than the floor, and the overhead on top. Coefficients,
/// overhead and floor are in [0, 2 kLongestStepPs].
class StepPrice {
 public:
  explicit StepPrice(const CostModel& cost, std::int64_t overhead_ps = 0,
                     const StepFloor& floor = {})
      : parts_(cost),
        chunks_join_ps_(
            cost.pricing == Pricing::mixed ? std::max<std::int64_t>(cost.p0_ps - cost.a_ps, 0) : 0),
        chunks_alone_ps_(cost.pricing == Pricing::mixed ? cost.p0_ps : 0),
        overhead_ps_(overhead_ps),
        floor_(floor) {
    parts_.a_ps += overhead_ps;
    if (cost.pricing == Pricing::mixed) parts_.p0_ps = 0;
  }

  /// A step in which `sequences` >= 1 decode, and nothing else.
  std::int64_t decode_ps(std::int64_t sequences, std::int64_t kv_tokens) const {
    return parts_.decode_ps(sequences, kv_tokens);
  }
  /// By how much such a step takes longer for each KV token.
  std::int64_t kv_token_ps() const { return parts_.c_ps; }

  /// What a chunk brings along to its step: the sum over all of them is the `chunks_ps` below.
  std::int64_t chunk_ps(std::int64_t begin, std::int64_t end) const {
    return parts_.chunk_ps(begin, end);
  }
  /// A step with chunks of `chunk_tokens` >= 1 in all, in which `sequences` >= 0 decode.
  std::int64_t prefill_ps(std::int64_t chunk_tokens, std::int64_t chunks_ps, std::int64_t sequences,
                          std::int64_t kv_tokens) const {
    const std::int64_t law_ps =
        chunks_ps + (sequences > 0 ? decode_ps(sequences, kv_tokens) + chunks_join_ps_
                                   : overhead_ps_ + chunks_alone_ps_);
    const std::int64_t floor_ps =
        std::max(floor_.weights_ps, floor_.token_ps * (chunk_tokens + sequences));
    return std::max(law_ps, overhead_ps_ + floor_ps);
  }

  /// No step that fits into these limits takes longer: a full batch that reads a full cache, and a
  /// full budget of prefill in as many chunks as sequences, each at the end of a full context.
  /// Nothing if that is more than kLongestStepPs; else no price of such a step leaves 64 bits. The
  /// limits are in [1, 10^12] (max_step_tokens up to 10^9).
  std::optional<std::int64_t> longest_ps(std::int64_t max_batch, std::int64_t max_step_tokens,
                                         std::int64_t kv_tokens) const;

 private:
  CostModel parts_;               // a with the overhead, p0 as each chunk pays it
  std::int64_t chunks_join_ps_;   // once, for chunks in a step that decodes
  std::int64_t chunks_alone_ps_;  // once, for chunks in a step that does not
  std::int64_t overhead_ps_;
  StepFloor floor_;
};

}  // namespace tokenlift
