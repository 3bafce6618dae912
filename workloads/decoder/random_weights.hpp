#pragma once
// The shapes of a decoder's weight matrices and the seeded values in them, before they are packed
// for multiplication.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "workloads/decoder/decoder.hpp"

namespace tokenlift {

struct MatrixSize {
  std::int64_t inputs = 0;   ///< rows
  std::int64_t outputs = 0;  ///< columns
};

/// Throws std::invalid_argument, saying which rule of DecoderShape is broken.
void check_shape(const DecoderShape& shape);

MatrixSize matrix_size(const DecoderShape& shape, Matrix matrix);

/// The matrices that are multiplied: those of Matrix before the embedding.
inline constexpr std::size_t kMultiplied = static_cast<std::size_t>(Matrix::embedding);

/// Whether its product is added to the residual stream.
constexpr bool adds_to_residual(Matrix matrix) {
  return matrix == Matrix::attention_out || matrix == Matrix::down;
}

/// How many there are of it: one per layer, or one.
std::int64_t matrix_copies(const DecoderShape& shape, Matrix matrix);

/// Row-major [inputs][outputs], uniform with mean 0 and variance 1 / inputs, so that a product with
/// a row of variance one has variance one. What is added to the residual stream (attention_out,
/// down) has 1 / (2 layers) of that variance, which keeps the stream of order one at any depth;
/// the embedding has variance 1.
std::vector<float> random_matrix(const DecoderShape& shape, std::uint64_t seed, Matrix matrix,
                                 std::int64_t layer);

/// The bf16 value nearest to a finite one, ties to even.
float rounded_to_bf16(float value);

}  // namespace tokenlift
