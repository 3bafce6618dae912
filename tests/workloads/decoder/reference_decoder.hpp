#pragma once
// The decoder's transformer once more, for one sequence, as plain loops in double: what the tests
// hold the real one against. It reads the same weights, as rounded, and rounds nothing itself.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "workloads/decoder/decoder.hpp"

namespace tokenlift {

class ReferenceDecoder {
 public:
  ReferenceDecoder(const DecoderWeights& weights, const DecoderShape& shape)
      : shape_(shape),
        head_size_(shape.d_model / shape.heads),
        embedding_(weight_values(weights, Matrix::embedding, 0)),
        unembedding_(weight_values(weights, Matrix::logits, 0)) {
    for (std::int64_t layer = 0; layer < shape.layers; ++layer) {
      layers_.push_back({weight_values(weights, Matrix::qkv, layer),
                         weight_values(weights, Matrix::attention_out, layer),
                         weight_values(weights, Matrix::gate_up, layer),
                         weight_values(weights, Matrix::down, layer),
                         {},
                         {}});
    }
  }

  void reset() {
    tokens_ = 0;
    for (Layer& layer : layers_) layer.keys.clear(), layer.values.clear();
  }

  /// Appends a token to the context; returns the logits that follow it.
  std::vector<double> append(std::int32_t token) {
    std::vector<double> residual(size(shape_.d_model));
    for (std::size_t i = 0; i < residual.size(); ++i) {
      residual[i] = embedding_[size(token) * residual.size() + i];
    }
    for (Layer& layer : layers_) {
      add(residual, multiply(attention(layer, multiply(normalised(residual), layer.qkv)),
                             layer.attention_out));
      add(residual, multiply(gated(multiply(normalised(residual), layer.gate_up)), layer.down));
    }
    ++tokens_;
    return multiply(normalised(residual), unembedding_);
  }

 private:
  using Vector = std::vector<double>;

  struct Layer {
    std::vector<float> qkv, attention_out, gate_up, down;
    std::vector<Vector> keys, values;  // by position; [kv_heads][head size]
  };

  static std::size_t size(std::int64_t count) { return static_cast<std::size_t>(count); }

  static void add(Vector& to, const Vector& what) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] += what[i];
  }

  static Vector multiply(const Vector& row, const std::vector<float>& matrix) {
    Vector out(matrix.size() / row.size());
    for (std::size_t i = 0; i < row.size(); ++i) {
      for (std::size_t j = 0; j < out.size(); ++j) out[j] += row[i] * matrix[i * out.size() + j];
    }
    return out;
  }

  static Vector normalised(const Vector& row) {
    double squares = 0;
    for (const double x : row) squares += x * x;
    Vector out(row);
    for (double& x : out) x /= std::sqrt(squares / static_cast<double>(row.size()) + 1e-5);
    return out;
  }

  static Vector gated(const Vector& gate_up) {
    Vector out(gate_up.size() / 2);
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = gate_up[i] / (1 + std::exp(-gate_up[i])) * gate_up[out.size() + i];
    }
    return out;
  }

  // One head's rotary position: pairs (i, i + half), angle position * 10000^(-i / half).
  void rotate(double* head) const {
    const std::size_t half = size(head_size_ / 2);
    for (std::size_t i = 0; i < half; ++i) {
      const double exponent = -static_cast<double>(i) / static_cast<double>(half);
      const double angle = static_cast<double>(tokens_) * std::pow(10000.0, exponent);
      const double x = head[i], y = head[half + i];
      head[i] = x * std::cos(angle) - y * std::sin(angle);
      head[half + i] = x * std::sin(angle) + y * std::cos(angle);
    }
  }

  Vector attention(Layer& layer, Vector qkv) const {
    const std::size_t heads = size(shape_.heads), kv_heads = size(shape_.kv_heads);
    const std::size_t width = size(head_size_);
    for (std::size_t head = 0; head < heads + kv_heads; ++head) rotate(&qkv[head * width]);
    const auto keys = qkv.begin() + std::ptrdiff_t(heads * width);
    const auto values = keys + std::ptrdiff_t(kv_heads * width);
    layer.keys.emplace_back(keys, values);
    layer.values.emplace_back(values, qkv.end());
    Vector out(heads * width);
    for (std::size_t head = 0; head < heads; ++head) {
      const std::size_t from = head / (heads / kv_heads) * width;  // the key/value head's place
      Vector weights;
      double sum = 0;
      for (const Vector& key : layer.keys) {
        double score = 0;
        for (std::size_t d = 0; d < width; ++d) score += qkv[head * width + d] * key[from + d];
        weights.push_back(std::exp(score / std::sqrt(static_cast<double>(width))));
        sum += weights.back();
      }
      for (std::size_t p = 0; p < weights.size(); ++p) {
        for (std::size_t d = 0; d < width; ++d) {
          out[head * width + d] += weights[p] / sum * layer.values[p][from + d];
        }
      }
    }
    return out;
  }

  DecoderShape shape_;
  std::int64_t head_size_;
  std::vector<float> embedding_, unembedding_;
  std::vector<Layer> layers_;
  std::int64_t tokens_ = 0;
};

}  // namespace tokenlift
