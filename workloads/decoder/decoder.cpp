#include "workloads/decoder/decoder.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <memory>
#include <utility>

#include "workloads/decoder/buffer.hpp"
#include "workloads/decoder/packed_weights.hpp"
#include "workloads/decoder/random_weights.hpp"
#include "workloads/decoder/vector_kernels.hpp"

namespace tokenlift {

class DecoderWeights {
 public:
  DecoderWeights(const DecoderShape& shape, std::uint64_t seed, Precision precision)
      : shape_(shape),
        seed_(seed),
        precision_(precision),
        embedding_(random_matrix(shape, seed, Matrix::embedding, 0)),
        packed_(precision == Precision::bf16 ? pack_for_onednn(shape, seed)
                                             : pack_in_panels(shape, seed)) {}

  const DecoderShape& shape() const { return shape_; }
  std::uint64_t seed() const { return seed_; }
  Precision precision() const { return precision_; }
  const float* embedding(std::int32_t token) const {
    return embedding_.data() + token * shape_.d_model;
  }
  const PackedWeights& packed() const { return *packed_; }

 private:
  DecoderShape shape_;
  std::uint64_t seed_;
  Precision precision_;
  std::vector<float> embedding_;
  std::unique_ptr<const PackedWeights> packed_;
};

std::shared_ptr<const DecoderWeights> make_weights(const DecoderShape& shape, std::uint64_t seed,
                                                   Precision precision) {
  check_shape(shape);
  return std::make_shared<const DecoderWeights>(shape, seed, precision);
}

std::vector<float> weight_values(const DecoderWeights& weights, Matrix matrix, std::int64_t layer) {
  assert(layer >= 0 && layer < matrix_copies(weights.shape(), matrix));
  auto values = random_matrix(weights.shape(), weights.seed(), matrix, layer);
  if (weights.precision() == Precision::bf16 && matrix != Matrix::embedding) {
    for (float& value : values) value = rounded_to_bf16(value);
  }
  return values;
}

struct Decoder::State {
  // One token to compute: where it goes and what it is.
  struct Row {
    std::int64_t slot;
    std::int64_t position;
    std::int32_t token;
  };

  struct Sequence {
    std::int64_t tokens = 0;
    std::int64_t capacity = 0;   // positions that the caches hold
    std::vector<Buffer> caches;  // per layer
  };

  State(std::shared_ptr<const DecoderWeights> shared, std::int64_t slots, std::int64_t most_rows);
  std::int64_t padded_rows(std::int64_t count) const {
    return weights->packed().padded_rows(count, max_rows);
  }
  void reserve(Sequence& sequence, std::int64_t positions) const;
  void prepare_positions(std::int64_t positions);
  void add_row(std::int64_t slot, std::int64_t position, std::int32_t token);
  void attend(std::int64_t layer);
  void normalise(std::int64_t first_row, std::int64_t count) const;
  void forward();
  void compute_logits(std::int64_t first_row, std::int64_t count);
  std::int32_t greedy_token(std::int64_t row) const;

  // One block of a cache.
  std::int64_t block_bytes() const { return cache_block_elements(heads) * kernels.element_bytes; }
  Sequence& sequence_in(std::int64_t slot) {
    assert(slot >= 0 && slot < std::ssize(sequences));
    return sequences[static_cast<std::size_t>(slot)];
  }
  float* residual_row(std::int64_t row) const { return residual.floats() + row * shape.d_model; }
  float* wide_row(std::int64_t row, std::int64_t columns) const {
    return wide.floats() + row * columns;
  }
  // A row of a matrix multiplication's input, which has so many columns.
  void* input_row(std::int64_t row, std::int64_t columns) const {
    return input.at(row * columns * kernels.element_bytes);
  }

  const std::shared_ptr<const DecoderWeights> weights;
  const DecoderShape shape;
  const AttentionShape heads;
  const VectorKernels& kernels;
  const std::int64_t max_rows;
  // A decode step has at most one row per slot, and no other needs more than one row of logits.
  const std::int64_t max_logit_rows;

  Buffer residual;  // f32 [rows][d_model]
  Buffer input;     // elements [rows][d_model or d_ff]: what is multiplied
  Buffer wide;      // f32 [rows][qkv or 2 d_ff]: what comes out, if not the residual
  Buffer logits;    // f32 [logit rows][vocabulary]
  std::unique_ptr<WeightProducts> products;  // on these
  std::vector<float> scores;                 // attention's scratch
  std::vector<float> angles;                 // [position][head size / 2 cosines, then sines]
  std::vector<Sequence> sequences;
  std::vector<Row> rows;        // of the current call
  std::int64_t logit_rows = 0;  // of the last call
};

namespace {

const VectorKernels& best_kernels(Precision precision) {
  return precision == Precision::bf16 ? *bf16_kernels().back() : *float_kernels().back();
}

// Blocks of a cache that hold so many positions.
std::int64_t blocks_for(std::int64_t positions) {
  return (positions + kCacheBlock - 1) / kCacheBlock;
}

std::size_t bytes_for(std::int64_t count, std::int64_t element_bytes) {
  return static_cast<std::size_t>(count * element_bytes);
}

}  // namespace

Decoder::State::State(std::shared_ptr<const DecoderWeights> shared, std::int64_t slots,
                      std::int64_t most_rows)
    : weights(std::move(shared)),
      shape(weights->shape()),
      heads{shape.heads, shape.kv_heads, shape.d_model / shape.heads},
      kernels(best_kernels(weights->precision())),
      max_rows(most_rows),
      max_logit_rows(padded_rows(std::min(slots, max_rows))),
      residual(bytes_for(max_rows * shape.d_model, sizeof(float))),
      input(bytes_for(max_rows * std::max(shape.d_model, shape.d_ff), kernels.element_bytes)),
      wide(bytes_for(max_rows * std::max(matrix_size(shape, Matrix::qkv).outputs, 2 * shape.d_ff),
                     sizeof(float))),
      logits(bytes_for(max_logit_rows * shape.vocabulary, sizeof(float))),
      products(weights->packed().products(
          {input.data(), residual.floats(), wide.floats(), logits.floats()}, max_rows,
          max_logit_rows)),
      sequences(static_cast<std::size_t>(slots)) {
  for (Sequence& sequence : sequences) {
    sequence.caches.resize(static_cast<std::size_t>(shape.layers));
  }
  rows.reserve(static_cast<std::size_t>(max_rows));
}

// Makes room for so many positions in all layers' caches, at least doubling what there is.
void Decoder::State::reserve(Sequence& sequence, std::int64_t positions) const {
  if (positions <= sequence.capacity) return;
  constexpr std::int64_t kFirstPositions = 64;
  const std::int64_t wanted = std::max({positions, 2 * sequence.capacity, kFirstPositions});
  const std::int64_t blocks = blocks_for(wanted);
  for (Buffer& cache : sequence.caches) {
    Buffer larger(static_cast<std::size_t>(blocks * block_bytes()));
    if (cache.bytes() > 0) std::memcpy(larger.data(), cache.data(), cache.bytes());
    cache = std::move(larger);
  }
  sequence.capacity = blocks * kCacheBlock;
}

// Rotary angles position * 10000^(-2i / head size), and room for attention's scores.
void Decoder::State::prepare_positions(std::int64_t positions) {
  const std::int64_t half = heads.head_size / 2;
  const std::int64_t known = static_cast<std::int64_t>(angles.size()) / heads.head_size;
  if (positions <= known) return;
  const std::int64_t wanted = std::max(positions, 2 * known);
  angles.resize(static_cast<std::size_t>(wanted * heads.head_size));
  for (std::int64_t position = known; position < wanted; ++position) {
    float* row = angles.data() + position * heads.head_size;
    for (std::int64_t i = 0; i < half; ++i) {
      const double exponent = -static_cast<double>(i) / static_cast<double>(half);
      const double angle = static_cast<double>(position) * std::pow(10000.0, exponent);
      row[i] = static_cast<float>(std::cos(angle));
      row[half + i] = static_cast<float>(std::sin(angle));
    }
  }
  scores.resize(static_cast<std::size_t>(attention_scratch_floats(wanted)));
}

// From `wide` (queries, keys, values) to `input`, through the caches.
void Decoder::State::attend(std::int64_t layer) {
  const std::int64_t columns = matrix_size(shape, Matrix::qkv).outputs;
  const auto cache_of = [this, layer](const Row& row) {
    return sequence_in(row.slot).caches[static_cast<std::size_t>(layer)].data();
  };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    float* query = wide_row(static_cast<std::int64_t>(i), columns);
    float* key = query + shape.d_model;
    const float* value = key + heads.kv_heads * heads.head_size;
    kernels.rotate(query, heads.heads + heads.kv_heads, heads.head_size,
                   angles.data() + rows[i].position * heads.head_size);
    kernels.append(heads, cache_of(rows[i]), rows[i].position, key, value);
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto row = static_cast<std::int64_t>(i);
    kernels.attend(heads, cache_of(rows[i]), rows[i].position + 1, wide_row(row, columns),
                   scores.data(), input_row(row, shape.d_model));
  }
}

void Decoder::State::normalise(std::int64_t first_row, std::int64_t count) const {
  for (std::int64_t i = 0; i < count; ++i) {
    kernels.rms_norm(residual_row(first_row + i), shape.d_model, input_row(i, shape.d_model));
  }
}

// Computes `rows` up to the residual stream after the last layer.
void Decoder::State::forward() {
  const auto count = static_cast<std::int64_t>(rows.size());
  for (std::int64_t i = 0; i < count; ++i) {
    const Row& row = rows[static_cast<std::size_t>(i)];
    reserve(sequence_in(row.slot), row.position + 1);
    prepare_positions(row.position + 1);
    std::copy_n(weights->embedding(row.token), shape.d_model, residual_row(i));
  }
  // Rows of padding are computed and ignored; from zero, they stay finite.
  std::fill(residual_row(count), residual_row(padded_rows(count)), 0.0f);
  for (std::int64_t layer = 0; layer < shape.layers; ++layer) {
    normalise(0, count);
    products->multiply(Matrix::qkv, layer, count);
    attend(layer);
    products->multiply(Matrix::attention_out, layer, count);
    normalise(0, count);
    products->multiply(Matrix::gate_up, layer, count);
    for (std::int64_t i = 0; i < count; ++i) {
      const float* gate = wide_row(i, 2 * shape.d_ff);
      kernels.silu_multiply(gate, gate + shape.d_ff, shape.d_ff, input_row(i, shape.d_ff));
    }
    products->multiply(Matrix::down, layer, count);
  }
  for (const Row& row : rows) ++sequence_in(row.slot).tokens;
}

void Decoder::State::compute_logits(std::int64_t first_row, std::int64_t count) {
  normalise(first_row, count);
  products->multiply(Matrix::logits, 0, count);
  logit_rows = count;
}

std::int32_t Decoder::State::greedy_token(std::int64_t row) const {
  const float* values = logits.floats() + row * shape.vocabulary;
  return static_cast<std::int32_t>(kernels.argmax(values, shape.vocabulary));
}

void Decoder::State::add_row(std::int64_t slot, std::int64_t position, std::int32_t token) {
  assert(token >= 0 && token < shape.vocabulary);
  rows.push_back({slot, position, token});
}

Decoder::Decoder(std::shared_ptr<const DecoderWeights> weights, std::int64_t slots,
                 std::int64_t max_rows) {
  assert(weights && slots > 0 && max_rows > 0);
  state_ = std::make_unique<State>(std::move(weights), slots, max_rows);
}

Decoder::~Decoder() = default;
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;

const DecoderShape& Decoder::shape() const {
  return state_->shape;
}

void Decoder::reset(std::int64_t slot) {
  state_->sequence_in(slot).tokens = 0;
}

std::int64_t Decoder::context_tokens(std::int64_t slot) const {
  return state_->sequence_in(slot).tokens;
}

// A unit of what is saved is a block of the cache.
static_assert(Decoder::kKvUnit == kCacheBlock);

std::int64_t Decoder::kv_bytes_per_token() const {
  return state_->shape.layers * state_->block_bytes() / kCacheBlock;
}

KvPart Decoder::save(std::int64_t slot, std::int64_t begin, std::int64_t end) const {
  assert(begin % kKvUnit == 0 && begin < end && end <= context_tokens(slot));
  KvPart part;
  part.begin_ = begin;
  part.tokens_ = end - begin;
  const std::int64_t offset = begin / kCacheBlock * state_->block_bytes();
  const std::int64_t bytes = blocks_for(part.tokens_) * state_->block_bytes();
  const std::vector<Buffer>& caches = state_->sequence_in(slot).caches;
  part.bytes_.reserve(caches.size() * static_cast<std::size_t>(bytes));
  for (const Buffer& cache : caches) {
    part.bytes_.insert(part.bytes_.end(), cache.at(offset), cache.at(offset + bytes));
  }
  return part;
}

void Decoder::append(std::int64_t slot, const KvPart& part, std::int64_t tokens) {
  State::Sequence& sequence = state_->sequence_in(slot);
  assert(sequence.tokens == part.begin() && tokens >= 1 && tokens <= part.tokens());
  state_->reserve(sequence, part.begin() + tokens);
  const std::int64_t offset = part.begin() / kCacheBlock * state_->block_bytes();
  const std::int64_t saved = blocks_for(part.tokens()) * state_->block_bytes();
  const std::int64_t wanted = blocks_for(tokens) * state_->block_bytes();
  const std::byte* from = part.bytes_.data();
  for (const Buffer& cache : sequence.caches) {
    std::memcpy(cache.at(offset), from, static_cast<std::size_t>(wanted));
    from += saved;
  }
  sequence.tokens += tokens;
}

std::int32_t Decoder::prefill(std::int64_t slot, std::span<const std::int32_t> tokens) {
  State& state = *state_;
  assert(!tokens.empty() && std::ssize(tokens) <= state.max_rows);
  state.rows.clear();
  const std::int64_t begin = context_tokens(slot);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    state.add_row(slot, begin + static_cast<std::int64_t>(i), tokens[i]);
  }
  state.forward();
  state.compute_logits(std::ssize(tokens) - 1, 1);
  return state.greedy_token(0);
}

void Decoder::decode(std::span<const std::int64_t> slots, std::span<const std::int32_t> tokens,
                     std::span<std::int32_t> next) {
  State& state = *state_;
  assert(!slots.empty() && std::ssize(slots) <= state.max_rows);
  assert(tokens.size() == slots.size() && next.size() == slots.size());
  state.rows.clear();
  for (std::size_t i = 0; i < slots.size(); ++i) {
    assert(std::find(slots.begin(), slots.begin() + std::ptrdiff_t(i), slots[i]) ==
           slots.begin() + std::ptrdiff_t(i));
    state.add_row(slots[i], context_tokens(slots[i]), tokens[i]);
  }
  state.forward();
  state.compute_logits(0, std::ssize(slots));
  for (std::size_t i = 0; i < next.size(); ++i) {
    next[i] = state.greedy_token(static_cast<std::int64_t>(i));
  }
}

std::span<const float> Decoder::logits(std::int64_t row) const {
  assert(row >= 0 && row < state_->logit_rows);
  const auto vocabulary = static_cast<std::size_t>(state_->shape.vocabulary);
  return {state_->logits.floats() + row * state_->shape.vocabulary, vocabulary};
}

}  // namespace tokenlift
