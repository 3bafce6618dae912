#pragma once
// The decoder's work: attention over a KV cache, products with f32 weights and the elementwise
// parts. Compiled once per instruction set from vector_kernels.cpp; kernel_choice.cpp picks.
//
// "Element" is the type of what feeds a matrix multiplication and of the KV cache: float, or the
// upper half of one (bf16, rounded to nearest even). Everything else, and all arithmetic, is float.
// Pointers need no alignment; a cache aligned to 64 bytes is fastest.
//
// The cache of one sequence in one layer is a row of blocks of kCacheBlock positions. A block
// holds, for each key/value head in turn, the keys as [head_size][kCacheBlock] (so that scores
// vectorise over positions, without a reduction) and then the values as [kCacheBlock][head_size].
// It grows by appending blocks. Positions past the end may hold anything finite.

#include <cstdint>
#include <span>

namespace tokenlift {

inline constexpr std::int64_t kCacheBlock = 16;

/// Heads of one layer; head_size is a multiple of 16 and kv_heads divides heads.
struct AttentionShape {
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;
  std::int64_t head_size = 0;
};

// `static`: each compilation of vector_kernels.cpp keeps its own copy (see there).

/// Elements of one cache block.
static constexpr std::int64_t cache_block_elements(const AttentionShape& shape) {
  return shape.kv_heads * shape.head_size * kCacheBlock * 2;
}

/// Floats of scratch that `attend` needs for a context of so many positions: scores of four query
/// heads, each padded to whole pairs of blocks.
static constexpr std::int64_t attention_scratch_floats(std::int64_t positions) {
  return 4 * ((positions + 2 * kCacheBlock - 1) / (2 * kCacheBlock) * (2 * kCacheBlock));
}

// A matrix of weights is multiplied from panels: its rows (the inputs) in pieces of kPanelDepth,
// the last of what is left; of each piece, for every kPanelColumns columns in turn, these columns
// of its rows, row by row. So a product reads all weights once, in the order in which they lie in
// memory, and finds a panel's piece (16 KB) in the first-level cache again for all rows that it
// multiplies.
inline constexpr std::int64_t kPanelColumns = 16;
inline constexpr std::int64_t kPanelDepth = 256;

/// What is multiplied; inputs and outputs are multiples of 16.
struct MatrixProduct {
  const float* values = nullptr;  ///< [rows][inputs]
  std::int64_t rows = 0;          ///< >= 1
  const float* panels = nullptr;  ///< [inputs][outputs], in panels
  std::int64_t inputs = 0;
  std::int64_t outputs = 0;
  float* out = nullptr;  ///< [rows][outputs]
  bool accumulate = false;
};

/// The kernels of one instruction set for one element type. All counts in elements; `count`,
/// `head_size` are multiples of 16.
struct VectorKernels {
  const char* instruction_set;
  std::int64_t element_bytes;

  /// out[i] = row[i] / sqrt(mean(row^2) + 1e-5). (RMSNorm: arXiv 1910.07467, with gain one.)
  void (*rms_norm)(const float* row, std::int64_t count, void* out);

  /// out[i] = silu(gate[i]) * up[i], silu(x) = x / (1 + exp(-x)). (SwiGLU: arXiv 2002.05202.)
  void (*silu_multiply)(const float* gate, const float* up, std::int64_t count, void* out);

  /// Rotary positions (arXiv 2104.09864) on `heads` adjacent heads, in place: pairs are
  /// (i, i + head_size/2), `angles` holds head_size/2 cosines, then as many sines.
  void (*rotate)(float* row, std::int64_t heads, std::int64_t head_size, const float* angles);

  /// Writes key and value, [kv_heads][head_size] each, into the cache at `position`.
  void (*append)(const AttentionShape& shape, void* cache, std::int64_t position, const float* key,
                 const float* value);

  /// out = softmax(q k / sqrt(head_size)) v over the first `positions` >= 1 of the cache; query
  /// and out are [heads][head_size], query head h reads key/value head h / (heads / kv_heads).
  void (*attend)(const AttentionShape& shape, const void* cache, std::int64_t positions,
                 const float* query, float* scratch, void* out);

  /// out = values times the matrix, added to what is there if `accumulate`. Floats for either
  /// element type. What comes out for a row depends, by rounding, on how many rows there are.
  void (*multiply)(const MatrixProduct& product);

  /// Index of the largest value, the lowest one on ties; no NaN.
  std::int64_t (*argmax)(const float* values, std::int64_t count);

  /// out[i] = exp(in[i]) as used by softmax and silu: relative error at most 3e-7 for in[i] in
  /// [-87, 88]; beyond, the value at the bound.
  void (*exponential)(const float* in, std::int64_t count, float* out);
};

/// The kernels this CPU can run, slowest instruction set first; never empty.
std::span<const VectorKernels* const> float_kernels();
std::span<const VectorKernels* const> bf16_kernels();

}  // namespace tokenlift
