#pragma once
// What the parts of steps took, apart by what was computed in them: by this the speed of the
// machine at one time can be told from its speed at another, whatever was asked of it meanwhile.

#include <cmath>
#include <compare>
#include <cstdint>
#include <map>

namespace tokenlift {

/// What a replica did before a step. Prompts leave its caches full of something else than what
/// decoding reads.
enum class StepBefore : std::uint8_t { none, decoding, prompts };

/// Parts of steps that cost the same while the machine stays the same.
struct StepKind {
  std::uint32_t site = 0;
  bool prompts = false;                 ///< it computes chunks of prompts; else it decodes
  StepBefore after = StepBefore::none;  ///< of decoding; prompts cost the same after anything
  /// Sequences that decode, or chunks: exact up to 16, then in classes of an eighth of an octave.
  std::int32_t size = 0;
  /// Prompt tokens to compute, in classes of a quarter of an octave; 0 of decoding.
  std::int32_t tokens = 0;
  /// Tokens in the KV caches that it reads, in classes of half an octave.
  std::int32_t context = 0;
  /// Workers that had a replica to compute when the step began, in eighths of all, rounded up: they
  /// share caches and memory, and often a core.
  std::int32_t busy = 0;

  // clang-tidy 14 sees a 0 for nullptr in what the compiler generates.
  auto operator<=>(const StepKind&) const = default;  // NOLINT(modernize-use-nullptr)
};

/// The class of a number >= 0 where an octave has `per_octave` of them.
inline std::int32_t octave_class(std::int64_t number, int per_octave) {
  if (number <= 0) return 0;
  return 1 + static_cast<std::int32_t>(per_octave * std::log2(static_cast<double>(number)));
}

inline StepKind decode_kind(std::uint32_t site, std::int64_t sequences, std::int64_t context_tokens,
                            std::int32_t busy, StepBefore after) {
  constexpr std::int64_t kExact = 16;
  constexpr std::int64_t kClassesUpToIt = std::int64_t{8} * 4;  // 16 is four octaves
  const auto size = static_cast<std::int32_t>(
      sequences <= kExact ? sequences : kExact + octave_class(sequences, 8) - kClassesUpToIt);
  return {site, false, after, size, 0, octave_class(context_tokens, 2), busy};
}

inline StepKind prompt_kind(std::uint32_t site, std::int64_t chunks, std::int64_t tokens,
                            std::int64_t context_tokens, std::int32_t busy) {
  StepKind kind = decode_kind(site, chunks, context_tokens, busy, StepBefore::none);
  kind.prompts = true;
  kind.tokens = octave_class(tokens, 4);
  return kind;
}

/// Of the parts of one kind: how many, what they took, and the sum of the squares of that.
struct PartCosts {
  std::int64_t count = 0;
  double ns = 0;
  double square_ns2 = 0;
};

struct StepCosts {
  std::map<StepKind, PartCosts> kinds;

  void add(const StepKind& kind, std::int64_t took_ns) {
    const auto ns = static_cast<double>(took_ns);
    add(kind, PartCosts{1, ns, ns * ns});
  }
  void add(const StepKind& kind, const PartCosts& costs) {
    PartCosts& mine = kinds[kind];
    mine.count += costs.count;
    mine.ns += costs.ns;
    mine.square_ns2 += costs.square_ns2;
  }
  StepCosts& operator+=(const StepCosts& other) {
    for (const auto& [kind, costs] : other.kinds) add(kind, costs);
    return *this;
  }
};

}  // namespace tokenlift
