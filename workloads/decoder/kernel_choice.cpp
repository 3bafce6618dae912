// What this CPU computes fastest with: which of the compiled kernel sets it can run, and which
// precision. Apart from vector_kernels.cpp, since this code runs on every CPU.
//
// oneDNN's limit of the instruction set (ONEDNN_MAX_CPU_ISA) holds for all of them, so that a
// decoder can be tested as it computes on a smaller CPU.

#include <array>
#include <cstddef>
#include <oneapi/dnnl/dnnl.hpp>

#include "workloads/decoder/decoder.hpp"
#include "workloads/decoder/vector_kernels.hpp"

namespace tokenlift {

// Their names are put together from the instruction set's.
// NOLINTBEGIN(readability-identifier-naming)
extern const VectorKernels float_kernels_baseline, bf16_kernels_baseline;
#if defined(TOKENLIFT_X86_KERNELS)
extern const VectorKernels float_kernels_avx2, bf16_kernels_avx2;
extern const VectorKernels float_kernels_avx512, bf16_kernels_avx512;
#endif
// NOLINTEND(readability-identifier-naming)

namespace {

#if defined(TOKENLIFT_X86_KERNELS)
constexpr std::array<const VectorKernels*, 3> kFloatKernels = {
    &float_kernels_baseline, &float_kernels_avx2, &float_kernels_avx512};
constexpr std::array<const VectorKernels*, 3> kBf16Kernels = {
    &bf16_kernels_baseline, &bf16_kernels_avx2, &bf16_kernels_avx512};

// Of instruction sets as oneDNN has them: a later one contains the bits of those it extends.
bool allowed(dnnl::cpu_isa instructions) {
  const auto wanted = static_cast<unsigned>(instructions);
  return (static_cast<unsigned>(dnnl::get_effective_cpu_isa()) & wanted) == wanted;
}

std::size_t usable_sets() {
  if (!allowed(dnnl::cpu_isa::avx2) || !__builtin_cpu_supports("avx2") ||
      !__builtin_cpu_supports("fma")) {
    return 1;
  }
  const bool avx512 = allowed(dnnl::cpu_isa::avx512_core) && __builtin_cpu_supports("avx512f") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vl");
  return avx512 ? 3 : 2;
}
#else
constexpr std::array<const VectorKernels*, 1> kFloatKernels = {&float_kernels_baseline};
constexpr std::array<const VectorKernels*, 1> kBf16Kernels = {&bf16_kernels_baseline};

std::size_t usable_sets() {
  return 1;
}
#endif

}  // namespace

Precision fastest_precision() {
#if defined(TOKENLIFT_X86_KERNELS)
  if (allowed(dnnl::cpu_isa::avx512_core_bf16)) return Precision::bf16;
#endif
  return Precision::f32;
}

std::span<const VectorKernels* const> float_kernels() {
  return std::span(kFloatKernels).first(usable_sets());
}

std::span<const VectorKernels* const> bf16_kernels() {
  return std::span(kBf16Kernels).first(usable_sets());
}

}  // namespace tokenlift
