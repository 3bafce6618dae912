// Which of the compiled kernel sets this CPU can run. Apart from vector_kernels.cpp, since this
// code runs on every CPU.

#include <array>
#include <cstddef>

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

std::size_t usable_sets() {
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return 1;
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
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

std::span<const VectorKernels* const> float_kernels() {
  return std::span(kFloatKernels).first(usable_sets());
}

std::span<const VectorKernels* const> bf16_kernels() {
  return std::span(kBf16Kernels).first(usable_sets());
}

}  // namespace tokenlift
