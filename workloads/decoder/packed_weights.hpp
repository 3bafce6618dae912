#pragma once
// A decoder's weights as they are multiplied. In f32 by our own kernels, from panels: libraries
// pack f32 weights anew at every call on CPUs without AVX-512, and then a decode step costs the
// packing, whatever its batch. In bf16 by oneDNN, which knows the instructions for it.

#include <cstdint>
#include <memory>
#include <span>

#include "workloads/decoder/random_weights.hpp"

namespace tokenlift {

/// What one decoder's products read and write, all row-major: `input` as f32 or bf16 with the
/// matrix's inputs as columns, the rest f32 with its outputs as columns. The rows must have room
/// for padded_rows().
struct ProductBuffers {
  void* input = nullptr;
  float* residual = nullptr;  ///< attention_out and down are added to it
  float* wide = nullptr;      ///< what qkv and gate_up make
  float* logits = nullptr;
};

/// Where the product by a matrix goes.
inline float* target_of(Matrix matrix, const ProductBuffers& buffers) {
  if (matrix == Matrix::logits) return buffers.logits;
  return adds_to_residual(matrix) ? buffers.residual : buffers.wide;
}

/// The products of one decoder; one thread at a time.
class WeightProducts {
 public:
  virtual ~WeightProducts() = default;
  /// Multiplies the first `rows` rows of the input.
  virtual void multiply(Matrix matrix, std::int64_t layer, std::int64_t rows) const = 0;
};

/// All matrices of Matrix but the embedding. Immutable, shared by decoders.
class PackedWeights {
 public:
  virtual ~PackedWeights() = default;
  /// How many rows are computed for so many, in a decoder of at most `max_rows`; at least as many.
  /// Those past the end must hold something finite.
  virtual std::int64_t padded_rows(std::int64_t rows, std::int64_t max_rows) const = 0;
  /// For up to `max_rows` rows, `max_logit_rows` of logits (a count that padded_rows() gave). The
  /// weights and the buffers must outlive it.
  virtual std::unique_ptr<WeightProducts> products(const ProductBuffers& buffers,
                                                   std::int64_t max_rows,
                                                   std::int64_t max_logit_rows) const = 0;
};

/// For the kernels of this CPU, in f32.
std::unique_ptr<const PackedWeights> pack_in_panels(const DecoderShape& shape, std::uint64_t seed);

/// For oneDNN, in bf16. Throws std::runtime_error where this CPU cannot multiply that.
std::unique_ptr<const PackedWeights> pack_for_onednn(const DecoderShape& shape, std::uint64_t seed);

/// A row-major matrix as VectorKernels::multiply reads it, which takes as many floats.
void pack_panels(std::span<const float> values, const MatrixSize& size, float* panels);

}  // namespace tokenlift
