#include <oneapi/dnnl/dnnl_version.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>
#include <oneapi/dnnl/dnnl.hpp>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include "workloads/decoder/buffer.hpp"
#include "workloads/decoder/packed_weights.hpp"

// Debian's oneDNN threads by GNU OpenMP. Declared here because clang brings no omp.h of its own.
extern "C" void omp_set_num_threads(int);

namespace tokenlift {
namespace {

using dnnl::memory;

// The library would use every core for each call; here a core belongs to each caller. Per thread,
// so it is said before every call that computes.
void compute_on_this_thread_alone() {
  omp_set_num_threads(1);
}

// The library does not look whether there was memory for the code that it generates, and crashes.
// So there must be some left before it is asked for any: several times what it was seen to take.
void require_memory_to_spare() {
  constexpr std::size_t kSpareBytes = std::size_t{64} << 20;
  void* const spare = mmap(nullptr, kSpareBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (spare == MAP_FAILED) throw std::bad_alloc();
  munmap(spare, kSpareBytes);
}

memory::desc row_major(std::int64_t rows, std::int64_t columns, memory::data_type type) {
  return {{rows, columns}, type, memory::format_tag::ab};
}

// rows x inputs times the weights, into f32; added to what is there if `accumulate`. The scratchpad
// is the caller's: the library's own belongs to a thread, and a decoder may change threads.
dnnl::matmul::primitive_desc gemm(const dnnl::engine& engine, std::int64_t rows,
                                  const memory::desc& weights, bool accumulate) {
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
  const auto source = row_major(rows, dims[0], memory::data_type::bf16);
  const auto target = row_major(rows, dims[1], memory::data_type::f32);
#if DNNL_VERSION_MAJOR >= 3
  return {engine, source, weights, target, attributes};
#else
  return {{source, weights, target}, attributes, engine};
#endif
}

// Products are made in so many rows: 1, 2, 4, ... and `max_rows` itself. From 32 rows on time grows
// with the rows, padding included, so that there 48, 96, ... come between.
std::int64_t bucket_size(std::int64_t rows, std::int64_t max_rows) {
  const auto power = static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(rows)));
  const std::int64_t between = power / 4 * 3;
  return std::min(power >= 64 && rows <= between ? between : power, max_rows);
}

class OnednnWeights : public PackedWeights {
 public:
  OnednnWeights(const DecoderShape& shape, std::uint64_t seed)
      : shape_(shape), engine_(dnnl::engine::kind::cpu, 0) {
    require_memory_to_spare();
    for (std::size_t i = 0; i < kMultiplied; ++i) pack(static_cast<Matrix>(i), seed, packed_[i]);
  }

  const DecoderShape& shape() const { return shape_; }
  const dnnl::engine& engine() const { return engine_; }
  const memory& packed(Matrix matrix, std::int64_t layer) const {
    return packed_[static_cast<std::size_t>(matrix)].copies[static_cast<std::size_t>(layer)];
  }

  std::int64_t padded_rows(std::int64_t rows, std::int64_t max_rows) const override {
    return bucket_size(rows, max_rows);
  }
  std::unique_ptr<WeightProducts> products(const ProductBuffers& buffers, std::int64_t max_rows,
                                           std::int64_t max_logit_rows) const override;

 private:
  struct Packed {
    Buffer storage;
    std::vector<memory> copies;
  };

  // One layout for every number of rows: the one that the library wants for 16. (Asked for 1, 64 or
  // 512 it names the same one, in bf16 on AMX.)
  void pack(Matrix matrix, std::uint64_t seed, Packed& packed) {
    constexpr std::int64_t kRepresentativeRows = 16;
    const auto [inputs, outputs] = matrix_size(shape_, matrix);
    const memory::desc any{{inputs, outputs}, memory::data_type::bf16, memory::format_tag::any};
    const memory::desc blocked =
        gemm(engine_, kRepresentativeRows, any, adds_to_residual(matrix)).weights_desc();
    const std::int64_t copies = matrix_copies(shape_, matrix);
    const std::size_t bytes = (blocked.get_size() + 63) / 64 * 64;
    packed.storage = Buffer(bytes * static_cast<std::size_t>(copies));
    dnnl::stream stream(engine_);
    for (std::int64_t layer = 0; layer < copies; ++layer) {
      std::vector<float> values = random_matrix(shape_, seed, matrix, layer);
      memory plain(row_major(inputs, outputs, memory::data_type::f32), engine_, values.data());
      memory target(blocked, engine_, packed.storage.at(layer * static_cast<std::int64_t>(bytes)));
      dnnl::reorder(plain, target).execute(stream, plain, target);
      stream.wait();
      packed.copies.push_back(target);
    }
  }

  DecoderShape shape_;
  dnnl::engine engine_;
  std::array<Packed, kMultiplied> packed_;
};

class OnednnProducts : public WeightProducts {
 public:
  OnednnProducts(const OnednnWeights& weights, const ProductBuffers& buffers, std::int64_t max_rows,
                 std::int64_t max_logit_rows)
      : stream_(weights.engine()) {
    require_memory_to_spare();
    std::vector<memory> scratches;
    std::size_t scratch_bytes = 64;
    for (std::int64_t largest = 0; largest < max_rows;) {
      const std::int64_t rows = largest = bucket_size(largest + 1, max_rows);
      Bucket& bucket = buckets_.emplace_back();
      bucket_rows_.push_back(rows);
      for (std::size_t i = 0; i < kMultiplied; ++i) {
        const auto matrix = static_cast<Matrix>(i);
        if (matrix == Matrix::logits && rows > max_logit_rows) continue;
        const auto pd = gemm(weights.engine(), rows, weights.packed(matrix, 0).get_desc(),
                             adds_to_residual(matrix));
        const memory source(pd.src_desc(), weights.engine(), buffers.input);
        const memory result(pd.dst_desc(), weights.engine(), target_of(matrix, buffers));
        const memory scratch(pd.scratchpad_desc(), weights.engine(), nullptr);
        scratches.push_back(scratch);
        scratch_bytes = std::max(scratch_bytes, pd.scratchpad_desc().get_size());
        bucket.gemms[i].primitive = dnnl::matmul(pd);
        for (std::int64_t layer = 0; layer < matrix_copies(weights.shape(), matrix); ++layer) {
          bucket.gemms[i].arguments.push_back({{DNNL_ARG_SRC, source},
                                               {DNNL_ARG_WEIGHTS, weights.packed(matrix, layer)},
                                               {DNNL_ARG_DST, result},
                                               {DNNL_ARG_SCRATCHPAD, scratch}});
        }
      }
    }
    library_scratch_ = Buffer(scratch_bytes);
    for (memory& scratch : scratches) scratch.set_data_handle(library_scratch_.data());
  }

  void multiply(Matrix matrix, std::int64_t layer, std::int64_t rows) const override {
    const Gemm& gemm = bucket_for(rows).gemms[static_cast<std::size_t>(matrix)];
    compute_on_this_thread_alone();
    gemm.primitive.execute(stream_, gemm.arguments[static_cast<std::size_t>(layer)]);
  }

 private:
  // One matrix multiplication for one number of rows, with its arguments for each layer.
  struct Gemm {
    dnnl::matmul primitive;
    std::vector<std::unordered_map<int, memory>> arguments;
  };

  struct Bucket {
    std::array<Gemm, kMultiplied> gemms;
  };

  const Bucket& bucket_for(std::int64_t rows) const {
    const auto found = std::lower_bound(bucket_rows_.begin(), bucket_rows_.end(), rows);
    return buckets_[static_cast<std::size_t>(found - bucket_rows_.begin())];
  }

  dnnl::stream stream_;
  std::vector<std::int64_t> bucket_rows_;  // ascending
  std::vector<Bucket> buckets_;            // one for each
  Buffer library_scratch_;                 // the largest that any primitive asks for
};

std::unique_ptr<WeightProducts> OnednnWeights::products(const ProductBuffers& buffers,
                                                        std::int64_t max_rows,
                                                        std::int64_t max_logit_rows) const {
  compute_on_this_thread_alone();
  return std::make_unique<OnednnProducts>(*this, buffers, max_rows, max_logit_rows);
}

}  // namespace

std::unique_ptr<const PackedWeights> pack_for_onednn(const DecoderShape& shape,
                                                     std::uint64_t seed) {
  compute_on_this_thread_alone();
  try {
    return std::make_unique<const OnednnWeights>(shape, seed);
  } catch (const dnnl::error& error) {
    throw std::runtime_error(std::string("oneDNN cannot multiply bf16 on this CPU: ") +
                             error.what());
  }
}

}  // namespace tokenlift
