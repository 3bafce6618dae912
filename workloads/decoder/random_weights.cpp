#include "workloads/decoder/random_weights.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <string>

#include "workloads/text/draw.hpp"

namespace tokenlift {
namespace {

void require(bool condition, const char* what) {
  if (!condition) throw std::invalid_argument(std::string("decoder shape: ") + what);
}

}  // namespace

void check_shape(const DecoderShape& shape) {
  require(std::min({shape.layers, shape.d_model, shape.heads, shape.kv_heads, shape.d_ff,
                    shape.vocabulary}) > 0,
          "every size must be positive");
  require(shape.heads % shape.kv_heads == 0, "kv_heads must divide heads");
  require(shape.d_model % shape.heads == 0, "heads must divide d_model");
  require(shape.d_model / shape.heads % 16 == 0, "d_model / heads must be a multiple of 16");
  require(shape.d_ff % 16 == 0, "d_ff must be a multiple of 16");
  require(shape.vocabulary % 16 == 0, "vocabulary must be a multiple of 16");
}

MatrixSize matrix_size(const DecoderShape& shape, Matrix matrix) {
  switch (matrix) {
    case Matrix::qkv: {
      const std::int64_t head_size = shape.d_model / shape.heads;
      return {shape.d_model, shape.d_model + 2 * shape.kv_heads * head_size};
    }
    case Matrix::attention_out:
      return {shape.d_model, shape.d_model};
    case Matrix::gate_up:
      return {shape.d_model, 2 * shape.d_ff};
    case Matrix::down:
      return {shape.d_ff, shape.d_model};
    case Matrix::logits:
      return {shape.d_model, shape.vocabulary};
    case Matrix::embedding:
      break;
  }
  return {shape.vocabulary, shape.d_model};
}

std::int64_t matrix_copies(const DecoderShape& shape, Matrix matrix) {
  return matrix == Matrix::embedding || matrix == Matrix::logits ? 1 : shape.layers;
}

std::vector<float> random_matrix(const DecoderShape& shape, std::uint64_t seed, Matrix matrix,
                                 std::int64_t layer) {
  const auto [inputs, outputs] = matrix_size(shape, matrix);
  double variance = matrix == Matrix::embedding ? 1.0 : 1.0 / static_cast<double>(inputs);
  if (adds_to_residual(matrix)) {
    variance /= 2.0 * static_cast<double>(shape.layers);
  }
  // Uniform on (-a, a) has variance a^2 / 3. Four weights of 16 bits from one draw.
  const auto step = static_cast<float>(std::sqrt(3.0 * variance) / 32768.0);
  const Draws draws(seed, Purpose::weights,
                    static_cast<std::uint64_t>(matrix) + 8 * static_cast<std::uint64_t>(layer));
  std::vector<float> values(static_cast<std::size_t>(inputs * outputs));
  for (std::size_t i = 0; i < values.size(); i += 4) {  // outputs are multiples of 16
    const std::uint64_t bits = draws.bits(i / 4);
    for (std::size_t j = 0; j < 4; ++j) {
      const auto draw = static_cast<std::int32_t>((bits >> (16 * j)) & 0xffffu);
      values[i + j] = (static_cast<float>(draw) - 32767.5f) * step;
    }
  }
  return values;
}

float rounded_to_bf16(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  bits = (bits + 0x7fffu + ((bits >> 16) & 1u)) & 0xffff0000u;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

}  // namespace tokenlift
