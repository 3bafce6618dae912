#pragma once
// A small decoder-only transformer with seeded random weights, computed for real: embedding,
// RMSNorm, rotary positions, grouped-query attention over each sequence's KV cache, SwiGLU, logits,
// greedy token. The token-generation work of one replica on commodity hardware.
//
// Weights, inputs of the matrix multiplications and the KV cache are f32 or bf16; accumulation, the
// residual stream and everything else is f32.
//
// Not thread-safe: one thread at a time per Decoder (any thread; several Decoders share weights).
// Each call computes on the calling thread alone; in bf16 it sets that thread's OpenMP thread count
// to one.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "workloads/scenario/decoder_shape.hpp"

namespace tokenlift {

enum class Precision { f32, bf16 };

/// bf16 where the CPU multiplies it natively, else f32.
Precision fastest_precision();

/// Seeded random weights, shared by decoders, immutable. RMSNorm has gain one: any other would be
/// a scaling of the next matrix's rows.
class DecoderWeights;

/// Throws std::invalid_argument for an invalid shape, std::runtime_error where this CPU cannot
/// multiply in `precision` at all.
std::shared_ptr<const DecoderWeights> make_weights(const DecoderShape& shape, std::uint64_t seed,
                                                   Precision precision);

/// The weight matrices [inputs][outputs]; all but the last multiply a row vector from the right.
enum class Matrix {
  qkv,            ///< [d_model][d_model + 2 kv_heads head size]: queries, keys, values
  attention_out,  ///< [d_model][d_model]
  gate_up,        ///< [d_model][2 d_ff]: SwiGLU's gate, then what it multiplies
  down,           ///< [d_ff][d_model]
  logits,         ///< [d_model][vocabulary], one for the decoder
  embedding  ///< [vocabulary][d_model], one for the decoder, f32 in either precision; looked up
};

/// A copy of one weight matrix, row-major, as rounded to the precision in use. `layer` is 0 where
/// there is one for the decoder.
std::vector<float> weight_values(const DecoderWeights& weights, Matrix matrix, std::int64_t layer);

/// Keys and values of consecutive tokens of one sequence, in all layers: taken out of one context,
/// to go into another at the same place. Takes kv_bytes_per_token() for each of its tokens, rounded
/// up to whole units of Decoder::kKvUnit.
class KvPart {
 public:
  KvPart() = default;
  std::int64_t begin() const { return begin_; }
  std::int64_t tokens() const { return tokens_; }
  std::size_t bytes() const { return bytes_.size(); }

 private:
  friend class Decoder;
  std::int64_t begin_ = 0;
  std::int64_t tokens_ = 0;
  std::vector<std::byte> bytes_;  // layer by layer
};

class Decoder {
 public:
  /// `slots`: sequences that may be resident at once, numbered from 0. `max_rows`: tokens in one
  /// call at most (the larger of the batch and the prefill chunk). Memory for both is made here,
  /// that of KV caches when contexts first grow; nothing is given back before destruction.
  Decoder(std::shared_ptr<const DecoderWeights> weights, std::int64_t slots, std::int64_t max_rows);
  ~Decoder();
  Decoder(Decoder&&) noexcept;
  Decoder& operator=(Decoder&&) noexcept;

  const DecoderShape& shape() const;
  /// Of keys and values in all layers.
  std::int64_t kv_bytes_per_token() const;

  /// Forgets the sequence in `slot`; its context becomes empty.
  void reset(std::int64_t slot);
  /// Tokens in the KV cache of `slot`.
  std::int64_t context_tokens(std::int64_t slot) const;

  /// Copies the keys and values of tokens [begin, end) of `slot`; begin is a multiple of kKvUnit.
  KvPart save(std::int64_t slot, std::int64_t begin, std::int64_t end) const;
  /// Appends the first `tokens` (>= 1) of what was saved to the context of `slot`, which must end
  /// where that began. The decoder that saved it must have the same weights. What is computed after
  /// is, to the last bit, what would have been computed in the slot that it was saved from.
  void append(std::int64_t slot, const KvPart& part, std::int64_t tokens);
  /// Keys and values are copied in units of so many tokens.
  static constexpr std::int64_t kKvUnit = 16;

  /// Appends a chunk of a prompt to the context of `slot`; returns the greedy token that follows
  /// its last token.
  std::int32_t prefill(std::int64_t slot, std::span<const std::int32_t> tokens);

  /// One decode step: appends tokens[i] to the context of slots[i], all distinct, and writes the
  /// greedy token that follows to next[i].
  void decode(std::span<const std::int64_t> slots, std::span<const std::int32_t> tokens,
              std::span<std::int32_t> next);

  /// Logits of the last call's row i (a decode step's sequence i; 0 for a prefill chunk).
  std::span<const float> logits(std::int64_t row) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tokenlift
