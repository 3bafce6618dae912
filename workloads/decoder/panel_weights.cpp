#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <vector>

#include "workloads/decoder/buffer.hpp"
#include "workloads/decoder/packed_weights.hpp"
#include "workloads/decoder/vector_kernels.hpp"

namespace tokenlift {
namespace {

class PanelWeights : public PackedWeights {
 public:
  PanelWeights(const DecoderShape& shape, std::uint64_t seed) : shape_(shape) {
    for (std::size_t i = 0; i < kMultiplied; ++i) {
      const auto matrix = static_cast<Matrix>(i);
      const MatrixSize size = matrix_size(shape, matrix);
      const std::int64_t copies = matrix_copies(shape, matrix);
      panels_[i] =
          Buffer(static_cast<std::size_t>(copies * size.inputs * size.outputs) * sizeof(float));
      for (std::int64_t layer = 0; layer < copies; ++layer) {
        pack_panels(random_matrix(shape, seed, matrix, layer), size, panels(matrix, layer));
      }
    }
  }

  const DecoderShape& shape() const { return shape_; }
  float* panels(Matrix matrix, std::int64_t layer) const {
    const auto [inputs, outputs] = matrix_size(shape_, matrix);
    return panels_[static_cast<std::size_t>(matrix)].floats() + layer * inputs * outputs;
  }

  std::int64_t padded_rows(std::int64_t rows, std::int64_t) const override { return rows; }
  std::unique_ptr<WeightProducts> products(const ProductBuffers& buffers, std::int64_t,
                                           std::int64_t) const override;

 private:
  DecoderShape shape_;
  std::array<Buffer, kMultiplied> panels_;
};

class PanelProducts : public WeightProducts {
 public:
  PanelProducts(const PanelWeights& weights, const ProductBuffers& buffers)
      : weights_(weights), buffers_(buffers), kernels_(*float_kernels().back()) {}

  void multiply(Matrix matrix, std::int64_t layer, std::int64_t rows) const override {
    const auto [inputs, outputs] = matrix_size(weights_.shape(), matrix);
    kernels_.multiply({static_cast<const float*>(buffers_.input), rows,
                       weights_.panels(matrix, layer), inputs, outputs, target_of(matrix, buffers_),
                       adds_to_residual(matrix)});
  }

 private:
  const PanelWeights& weights_;
  ProductBuffers buffers_;
  const VectorKernels& kernels_;
};

std::unique_ptr<WeightProducts> PanelWeights::products(const ProductBuffers& buffers, std::int64_t,
                                                       std::int64_t) const {
  return std::make_unique<PanelProducts>(*this, buffers);
}

}  // namespace

void pack_panels(std::span<const float> values, const MatrixSize& size, float* panels) {
  assert(size.outputs % kPanelColumns == 0);
  for (std::int64_t begin = 0; begin < size.inputs; begin += kPanelDepth) {
    const std::int64_t end = std::min(begin + kPanelDepth, size.inputs);
    for (std::int64_t column = 0; column < size.outputs; column += kPanelColumns) {
      for (std::int64_t input = begin; input < end; ++input) {
        panels = std::copy_n(values.data() + input * size.outputs + column, kPanelColumns, panels);
      }
    }
  }
}

std::unique_ptr<const PackedWeights> pack_in_panels(const DecoderShape& shape, std::uint64_t seed) {
  return std::make_unique<const PanelWeights>(shape, seed);
}

}  // namespace tokenlift
