#include "workloads/decoder/decoder.hpp"

#include <oneapi/dnnl/dnnl_version.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <oneapi/dnnl/dnnl.hpp>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <utility>

#include "workloads/decoder/random_weights.hpp"
#include "workloads/decoder/vector_kernels.hpp"

#if defined(__linux__)
#include <sys/mman.h>
#endif

// Debian's oneDNN threads by GNU OpenMP. Declared here because clang brings no omp.h of its own.
extern "C" void omp_set_num_threads(int);

namespace tokenlift {
namespace {

using dnnl::memory;

// The library would use every core for each call; here a core belongs to each caller. Per thread,
// so it is said at the start of every call that computes.
void compute_on_this_thread_alone() {
  omp_set_num_threads(1);
}

// The matrices that are multiplied: those of Matrix before the embedding.
constexpr std::size_t kGemms = static_cast<std::size_t>(Matrix::embedding);

std::size_t index_of(Matrix matrix) {
  return static_cast<std::size_t>(matrix);
}

// Bytes aligned to a cache line, zero at first; large ones in huge pages where the system has
// them, since a decode step reads every weight once and would miss the TLB at every small page.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t bytes) : bytes_(bytes) {
    const std::size_t unit = bytes >= kHugePage ? kHugePage : 64;
    const std::size_t whole = (bytes + unit - 1) / unit * unit;
    data_.reset(static_cast<std::byte*>(std::aligned_alloc(unit, whole)));
    if (!data_) throw std::bad_alloc();
#if defined(__linux__)
    // Only advice: where it is refused, the pages are small.
    if (unit == kHugePage) madvise(data_.get(), whole, MADV_HUGEPAGE);
#endif
    std::memset(data_.get(), 0, whole);
  }

  std::size_t bytes() const {
    return bytes_;
  }
  void* data() const {
    return data_.get();
  }
  float* floats() const {
    return reinterpret_cast<float*>(data_.get());
  }
  std::byte* at(std::int64_t offset_bytes) const {
    return data_.get() + offset_bytes;
  }

 private:
  static constexpr std::size_t kHugePage = std::size_t{2} << 20;
  struct Release {
    void operator()(std::byte* data) const { std::free(data); }
  };
  std::unique_ptr<std::byte, Release> data_;
  std::size_t bytes_ = 0;
};

memory::data_type data_type(Precision precision) {
  return precision == Precision::bf16 ? memory::data_type::bf16 : memory::data_type::f32;
}

memory::desc row_major(std::int64_t rows, std::int64_t columns, memory::data_type type) {
  return {{rows, columns}, type, memory::format_tag::ab};
}

// rows x inputs times the weights, into f32; added to what is there if `accumulate`. The scratchpad
// is the caller's: the library's own belongs to a thread, and a decoder may change threads.
dnnl::matmul::primitive_desc gemm(const dnnl::engine& engine, std::int64_t rows,
                                  const memory::desc& weights, Precision precision,
                                  bool accumulate) {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (accumulate) {
    dnnl::post_ops sum;
    sum.append_sum(1.0f);
    attributes.set_post_ops(sum);
  }
#if DNNL_VERSION_MAJOR >= 3
  const auto dims = weights.get_dims();
#else
  const auto dims = weights.dims();
#endif
  const auto source = row_major(rows, dims[0], data_type(precision));
  const auto target = row_major(rows, dims[1], memory::data_type::f32);
#if DNNL_VERSION_MAJOR >= 3
  return {engine, source, weights, target, attributes};
#else
  return {{source, weights, target}, attributes, engine};
#endif
}

bool accumulates(Matrix matrix) {
  return matrix == Matrix::attention_out || matrix == Matrix::down;
}

}  // namespace

Precision fastest_precision() {
#if defined(__x86_64__)
  // Instruction sets are bit sets: a later one contains the bits of those it extends.
  constexpr auto kBf16 = static_cast<unsigned>(dnnl::cpu_isa::avx512_core_bf16);
  const auto effective = static_cast<unsigned>(dnnl::get_effective_cpu_isa());
  if ((effective & kBf16) == kBf16) return Precision::bf16;
#endif
  return Precision::f32;
}

class DecoderWeights {
 public:
  DecoderWeights(const DecoderShape& shape, std::uint64_t seed, Precision precision)
      : shape_(shape),
        seed_(seed),
        precision_(precision),
        engine_(dnnl::engine::kind::cpu, 0),
        embedding_(random_matrix(shape, seed, Matrix::embedding, 0)) {
    for (std::size_t i = 0; i < kGemms; ++i) pack(static_cast<Matrix>(i), packed_[i]);
  }

  const DecoderShape& shape() const { return shape_; }
  std::uint64_t seed() const { return seed_; }
  Precision precision() const { return precision_; }
  const dnnl::engine& engine() const { return engine_; }
  const float* embedding(std::int32_t token) const {
    return embedding_.data() + token * shape_.d_model;
  }
  const memory& packed(Matrix matrix, std::int64_t layer) const {
    return packed_[index_of(matrix)].copies[static_cast<std::size_t>(layer)];
  }

 private:
  struct Packed {
    Buffer storage;
    std::vector<memory> copies;
  };

  // One layout for every number of rows: the one that the library wants for 16. (Asked for 1, 64 or
  // 512 it names the same one, in bf16 on AMX and in f32 on AVX-512.)
  void pack(Matrix matrix, Packed& packed) {
    constexpr std::int64_t kRepresentativeRows = 16;
    const auto [inputs, outputs] = matrix_size(shape_, matrix);
    const memory::desc any{{inputs, outputs}, data_type(precision_), memory::format_tag::any};
    const memory::desc blocked =
        gemm(engine_, kRepresentativeRows, any, precision_, accumulates(matrix)).weights_desc();
    const std::int64_t copies = matrix_copies(shape_, matrix);
    const std::size_t bytes = (blocked.get_size() + 63) / 64 * 64;
    packed.storage = Buffer(bytes * static_cast<std::size_t>(copies));
    dnnl::stream stream(engine_);
    for (std::int64_t layer = 0; layer < copies; ++layer) {
      std::vector<float> values = random_matrix(shape_, seed_, matrix, layer);
      memory plain(row_major(inputs, outputs, memory::data_type::f32), engine_, values.data());
      memory target(blocked, engine_, packed.storage.at(layer * static_cast<std::int64_t>(bytes)));
      dnnl::reorder(plain, target).execute(stream, plain, target);
      stream.wait();
      packed.copies.push_back(target);
    }
  }

  DecoderShape shape_;
  std::uint64_t seed_;
  Precision precision_;
  dnnl::engine engine_;
  std::vector<float> embedding_;
  std::array<Packed, kGemms> packed_;
};

std::shared_ptr<const DecoderWeights> make_weights(const DecoderShape& shape, std::uint64_t seed,
                                                   Precision precision) {
  check_shape(shape);
  compute_on_this_thread_alone();
  try {
    return std::make_shared<const DecoderWeights>(shape, seed, precision);
  } catch (const dnnl::error& error) {
    throw std::runtime_error(std::string("oneDNN cannot multiply in this precision: ") +
                             error.what());
  }
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

  // One matrix multiplication for one number of rows, with its arguments for each layer.
  struct Gemm {
    dnnl::matmul primitive;
    std::vector<std::unordered_map<int, memory>> arguments;
  };

  struct Bucket {
    std::int64_t rows = 0;
    std::array<Gemm, kGemms> gemms;
  };

  State(std::shared_ptr<const DecoderWeights> shared, std::int64_t slots, std::int64_t max_rows);
  void make_buckets();
  const Bucket& bucket_for(std::int64_t rows) const;
  void multiply(const Bucket& bucket, Matrix matrix, std::int64_t layer) const;
  void reserve(Sequence& sequence, std::int64_t positions);
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
  const std::vector<std::int64_t> bucket_rows;  // ascending; the last is max_rows
  // A decode step has at most one row per slot, and no other needs more than one row of logits.
  const std::int64_t max_logit_rows;

  dnnl::stream stream;
  std::vector<Bucket> buckets;  // as bucket_rows
  Buffer residual;              // f32 [rows][d_model]
  Buffer input;                 // elements [rows][d_model or d_ff]: what is multiplied
  Buffer wide;                  // f32 [rows][qkv or 2 d_ff]: what comes out, if not the residual
  Buffer logits;                // f32 [logit rows][vocabulary]
  Buffer library_scratch;       // the largest that any primitive asks for
  std::vector<float> scores;    // attention's scratch
  std::vector<float> angles;    // [position][head size / 2 cosines, then sines]
  std::vector<Sequence> sequences;
  std::vector<Row> rows;        // of the current call
  std::int64_t logit_rows = 0;  // of the last call
};

namespace {

const VectorKernels& best_kernels(Precision precision) {
  return precision == Precision::bf16 ? *bf16_kernels().back() : *float_kernels().back();
}

// 1, 2, 4, ... and `max_rows` itself. From 32 rows on time grows with the rows, padding included,
// so that there 48, 96, ... come between.
std::vector<std::int64_t> bucket_sizes(std::int64_t max_rows) {
  std::vector<std::int64_t> sizes;
  for (std::int64_t rows = 1; rows < max_rows; rows *= 2) {
    sizes.push_back(rows);
    if (rows >= 32 && rows / 2 * 3 < max_rows) sizes.push_back(rows / 2 * 3);
  }
  sizes.push_back(max_rows);
  return sizes;
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
                      std::int64_t max_rows)
    : weights(std::move(shared)),
      shape(weights->shape()),
      heads{shape.heads, shape.kv_heads, shape.d_model / shape.heads},
      kernels(best_kernels(weights->precision())),
      bucket_rows(bucket_sizes(max_rows)),
      max_logit_rows(
          *std::lower_bound(bucket_rows.begin(), bucket_rows.end(), std::min(slots, max_rows))),
      stream(weights->engine()),
      residual(bytes_for(max_rows * shape.d_model, sizeof(float))),
      input(bytes_for(max_rows * std::max(shape.d_model, shape.d_ff), kernels.element_bytes)),
      wide(bytes_for(max_rows * std::max(matrix_size(shape, Matrix::qkv).outputs, 2 * shape.d_ff),
                     sizeof(float))),
      logits(bytes_for(max_logit_rows * shape.vocabulary, sizeof(float))),
      sequences(static_cast<std::size_t>(slots)) {
  for (Sequence& sequence : sequences) {
    sequence.caches.resize(static_cast<std::size_t>(shape.layers));
  }
  rows.reserve(static_cast<std::size_t>(max_rows));
  make_buckets();
}

void Decoder::State::make_buckets() {
  const dnnl::engine& engine = weights->engine();
  std::vector<memory> scratches;
  std::size_t scratch_bytes = 64;
  for (const std::int64_t count : bucket_rows) {
    Bucket& bucket = buckets.emplace_back();
    bucket.rows = count;
    for (std::size_t i = 0; i < kGemms; ++i) {
      const auto matrix = static_cast<Matrix>(i);
      if (matrix == Matrix::logits && count > max_logit_rows) continue;
      const auto pd = gemm(engine, count, weights->packed(matrix, 0).get_desc(),
                           weights->precision(), accumulates(matrix));
      void* target = matrix == Matrix::logits ? logits.data()
                     : accumulates(matrix)    ? residual.data()
                                              : wide.data();
      const memory source(pd.src_desc(), engine, input.data());
      const memory result(pd.dst_desc(), engine, target);
      const memory scratch(pd.scratchpad_desc(), engine, nullptr);
      scratches.push_back(scratch);
      scratch_bytes = std::max(scratch_bytes, pd.scratchpad_desc().get_size());
      bucket.gemms[i].primitive = dnnl::matmul(pd);
      for (std::int64_t layer = 0; layer < matrix_copies(shape, matrix); ++layer) {
        bucket.gemms[i].arguments.push_back({{DNNL_ARG_SRC, source},
                                             {DNNL_ARG_WEIGHTS, weights->packed(matrix, layer)},
                                             {DNNL_ARG_DST, result},
                                             {DNNL_ARG_SCRATCHPAD, scratch}});
      }
    }
  }
  library_scratch = Buffer(scratch_bytes);
  for (memory& scratch : scratches) scratch.set_data_handle(library_scratch.data());
}

const Decoder::State::Bucket& Decoder::State::bucket_for(std::int64_t count) const {
  return *std::find_if(buckets.begin(), buckets.end(),
                       [count](const Bucket& bucket) { return bucket.rows >= count; });
}

void Decoder::State::multiply(const Bucket& bucket, Matrix matrix, std::int64_t layer) const {
  const Gemm& gemm = bucket.gemms[index_of(matrix)];
  gemm.primitive.execute(stream, gemm.arguments[static_cast<std::size_t>(layer)]);
}

// Makes room for so many positions in all layers' caches, at least doubling what there is.
void Decoder::State::reserve(Sequence& sequence, std::int64_t positions) {
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
  const Bucket& bucket = bucket_for(count);
  for (std::int64_t i = 0; i < count; ++i) {
    const Row& row = rows[static_cast<std::size_t>(i)];
    reserve(sequence_in(row.slot), row.position + 1);
    prepare_positions(row.position + 1);
    std::copy_n(weights->embedding(row.token), shape.d_model, residual_row(i));
  }
  // The bucket's other rows are computed and ignored; from zero, they stay finite.
  std::fill(residual_row(count), residual_row(bucket.rows), 0.0f);
  for (std::int64_t layer = 0; layer < shape.layers; ++layer) {
    normalise(0, count);
    multiply(bucket, Matrix::qkv, layer);
    attend(layer);
    multiply(bucket, Matrix::attention_out, layer);
    normalise(0, count);
    multiply(bucket, Matrix::gate_up, layer);
    for (std::int64_t i = 0; i < count; ++i) {
      const float* gate = wide_row(i, 2 * shape.d_ff);
      kernels.silu_multiply(gate, gate + shape.d_ff, shape.d_ff, input_row(i, shape.d_ff));
    }
    multiply(bucket, Matrix::down, layer);
  }
  for (const Row& row : rows) ++sequence_in(row.slot).tokens;
}

void Decoder::State::compute_logits(std::int64_t first_row, std::int64_t count) {
  normalise(first_row, count);
  multiply(bucket_for(count), Matrix::logits, 0);
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
  compute_on_this_thread_alone();
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
  assert(!tokens.empty() && std::ssize(tokens) <= state.bucket_rows.back());
  compute_on_this_thread_alone();
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
  assert(!slots.empty() && std::ssize(slots) <= state.bucket_rows.back());
  assert(tokens.size() == slots.size() && next.size() == slots.size());
  compute_on_this_thread_alone();
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
