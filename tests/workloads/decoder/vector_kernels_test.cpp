#include "workloads/decoder/vector_kernels.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "workloads/decoder/packed_weights.hpp"

namespace tokenlift::vector_kernels_test {
namespace {

// Every kernel set that this CPU can run, for both element types.
std::vector<const VectorKernels*> all_kernels() {
  std::vector<const VectorKernels*> all;
  for (const auto sets : {float_kernels(), bf16_kernels()}) {
    all.insert(all.end(), sets.begin(), sets.end());
  }
  return all;
}

TEST(KernelChoiceTest, TheInstructionSetOfSmallerCpusIsAllThatIsUsedThere) {
  const char* variable = std::getenv("ONEDNN_MAX_CPU_ISA");
  const std::string limit = variable == nullptr ? "" : variable;
  for (const VectorKernels* kernels : all_kernels()) {
    const std::string set = kernels->instruction_set;
    if (limit == "SSE41") {
      EXPECT_EQ(set, "baseline");
    } else if (limit == "AVX2") {
      EXPECT_NE(set, "avx512");
    }
  }
}

class VectorKernelsTest : public testing::TestWithParam<const VectorKernels*> {
 protected:
  static const VectorKernels& kernels() { return *GetParam(); }
  static bool is_bf16() { return kernels().element_bytes == 2; }

  // Room for `count` elements, and their values.
  static std::vector<std::byte> elements(std::int64_t count) {
    return std::vector<std::byte>(static_cast<std::size_t>(count * kernels().element_bytes));
  }
  static float value_of(const std::vector<std::byte>& of, std::int64_t i) {
    std::uint32_t bits = 0;
    const auto bytes = static_cast<std::size_t>(kernels().element_bytes);
    std::memcpy(&bits, of.data() + static_cast<std::size_t>(i) * bytes, bytes);
    if (is_bf16()) bits <<= 16;
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }
  // Half a unit in the last of an element's 8 or 24 bits, relative.
  static double rounding() { return is_bf16() ? 1.0 / 256 : 1.0 / 16777216; }
};

INSTANTIATE_TEST_SUITE_P(Each, VectorKernelsTest, testing::ValuesIn(all_kernels()),
                         [](const auto& instance) {
                           return std::string(instance.param->instruction_set) +
                                  (instance.param->element_bytes == 2 ? "_bf16" : "_f32");
                         });

// Multiples of 1/128 in [-1, 1], which bf16 represents exactly.
std::vector<float> random_floats(std::int64_t count, std::uint64_t seed) {
  std::vector<float> values(static_cast<std::size_t>(count));
  std::uint64_t state = seed * 2654435761u + 99u;
  for (float& value : values) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    value = static_cast<float>(static_cast<int>((state >> 33) % 257) - 128) / 128.0f;
  }
  return values;
}

TEST_P(VectorKernelsTest, ExponentialIsWithinItsStatedError) {
  // A float of every 997 in [-87, 88], of either sign, and the bounds.
  std::vector<float> in = {0.0f, -0.0f, -87.0f, 88.0f};
  for (std::uint32_t bits = 0x20000000u; bits < 0x42b00000u; bits += 997) {
    float x;
    std::memcpy(&x, &bits, sizeof x);
    in.push_back(x);
    if (x <= 87.0f) in.push_back(-x);
  }
  in.resize(in.size() / 16 * 16);
  std::vector<float> out(in.size());
  kernels().exponential(in.data(), std::ssize(in), out.data());
  double worst = 0;
  for (std::size_t i = 0; i < in.size(); ++i) {
    const double exact = std::exp(static_cast<double>(in[i]));
    worst = std::max(worst, std::abs(static_cast<double>(out[i]) - exact) / exact);
  }
  EXPECT_LE(worst, 3e-7);
  RecordProperty("worst_relative_error", std::to_string(worst * 1e9) + "e-9");
}

TEST_P(VectorKernelsTest, ExponentialHoldsItsBounds) {
  std::vector<float> in(16, -1e30f), out(16), bounds(16, -87.0f), at_bounds(16);
  in[1] = 1e30f, bounds[1] = 88.0f;
  kernels().exponential(in.data(), 16, out.data());
  kernels().exponential(bounds.data(), 16, at_bounds.data());
  EXPECT_EQ(out, at_bounds);
}

TEST_P(VectorKernelsTest, RmsNormBringsTheMeanSquareToOne) {
  for (const std::int64_t count : {16, 48, 256, 1008}) {
    const auto row = random_floats(count, 3);
    auto out = elements(count);
    kernels().rms_norm(row.data(), count, out.data());
    double squares = 0;
    for (const float x : row) squares += static_cast<double>(x) * x;
    const double root = std::sqrt(squares / static_cast<double>(count) + 1e-5);
    for (std::int64_t i = 0; i < count; ++i) {
      const double expected = row[static_cast<std::size_t>(i)] / root;
      ASSERT_NEAR(value_of(out, i), expected, std::abs(expected) * (rounding() + 1e-6));
    }
  }
}

TEST_P(VectorKernelsTest, AppendStoresFloatsAsTheyAreAndRoundsBf16ToNearestTiesToEven) {
  // Values are cached as they are: 1 + k / 1024, where bf16 has steps of 1 / 128 (8 k's).
  const AttentionShape shape{1, 1, 16};
  std::vector<float> values(16);
  for (std::size_t k = 0; k < 16; ++k) values[k] = 1.0f + static_cast<float>(k) / 1024.0f;
  auto cache = elements(cache_block_elements(shape));
  kernels().append(shape, cache.data(), 0, values.data(), values.data());
  const std::vector<float> nearest = {0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2};
  for (std::int64_t k = 0; k < 16; ++k) {
    const auto i = static_cast<std::size_t>(k);
    const float expected = is_bf16() ? 1.0f + nearest[i] / 128.0f : values[i];
    EXPECT_EQ(value_of(cache, k * kCacheBlock), expected) << "key " << k;
    EXPECT_EQ(value_of(cache, 16 * kCacheBlock + k), expected) << "value " << k;
  }
}

TEST_P(VectorKernelsTest, SiluMultiplyAgreesWithItsFormula) {
  constexpr std::int64_t kCount = 2048;
  auto gate = random_floats(kCount, 4), up = random_floats(kCount, 5);
  for (float& x : gate) x *= 100;
  auto out = elements(kCount);
  kernels().silu_multiply(gate.data(), up.data(), kCount, out.data());
  for (std::int64_t i = 0; i < kCount; ++i) {
    const double x = gate[static_cast<std::size_t>(i)];
    const double expected = x / (1 + std::exp(-x)) * up[static_cast<std::size_t>(i)];
    // Below -88 the exponential is held at its bound: off by less than 1e-35.
    ASSERT_NEAR(value_of(out, i), expected, std::abs(expected) * (rounding() + 1e-6) + 1e-35);
  }
}

TEST_P(VectorKernelsTest, RotateTurnsEachPairByItsAngle) {
  for (const std::int64_t head_size : {16, 48, 64}) {
    const std::int64_t half = head_size / 2;
    std::vector<float> angles;
    for (std::int64_t i = 0; i < half; ++i) angles.push_back(std::cos(static_cast<float>(i)));
    for (std::int64_t i = 0; i < half; ++i) angles.push_back(std::sin(static_cast<float>(i)));
    const auto before = random_floats(3 * head_size, 6);
    auto row = before;
    kernels().rotate(row.data(), 3, head_size, angles.data());
    for (std::int64_t i = 0; i < 3 * head_size; ++i) {
      const std::int64_t d = i % head_size, pair = d % half;
      const double x = before[static_cast<std::size_t>(i - d + pair)];
      const double y = before[static_cast<std::size_t>(i - d + pair + half)];
      const double c = std::cos(static_cast<double>(pair)), s = std::sin(static_cast<double>(pair));
      ASSERT_NEAR(row[static_cast<std::size_t>(i)], d < half ? x * c - y * s : x * s + y * c, 1e-6);
    }
  }
}

TEST_P(VectorKernelsTest, ArgmaxIsTheLowestIndexOfTheLargest) {
  EXPECT_TRUE(rc::check([] {
    const auto count = *rc::gen::inRange(1, 20) * 16;
    // Few distinct values, so that ties are common.
    const auto values = *rc::gen::container<std::vector<float>>(
        static_cast<std::size_t>(count),
        rc::gen::map(rc::gen::inRange(-3, 4), [](int x) { return static_cast<float>(x); }));
    RC_ASSERT(kernels().argmax(values.data(), count) ==
              std::max_element(values.begin(), values.end()) - values.begin());
  }));
}

TEST_P(VectorKernelsTest, MultiplyAgreesWithAPlainLoopForAnyShape) {
  EXPECT_TRUE(rc::check([] {
    // Rows of one tile, of some, of two blocks of them; inputs of up to three pieces; an odd number
    // of panels, too.
    const auto rows = *rc::gen::oneOf(rc::gen::inRange<std::int64_t>(1, 40),
                                      rc::gen::inRange<std::int64_t>(90, 110));
    const MatrixSize size{16 * *rc::gen::inRange<std::int64_t>(1, 40),
                          16 * *rc::gen::inRange<std::int64_t>(1, 12)};
    const bool accumulate = *rc::gen::arbitrary<bool>();
    const auto values = random_floats(rows * size.inputs, 8);
    const auto weights = random_floats(size.inputs * size.outputs, 9);
    std::vector<float> panels(weights.size());
    pack_panels(weights, size, panels.data());
    const auto before = random_floats(rows * size.outputs, 10);
    auto out = before;
    // Beyond its rows nothing is written.
    out.insert(out.end(), 16, 5.0f);
    kernels().multiply(
        {values.data(), rows, panels.data(), size.inputs, size.outputs, out.data(), accumulate});
    for (std::int64_t row = 0; row < rows; ++row) {
      for (std::int64_t column = 0; column < size.outputs; ++column) {
        const auto at = static_cast<std::size_t>(row * size.outputs + column);
        double expected = accumulate ? before[at] : 0;
        for (std::int64_t k = 0; k < size.inputs; ++k) {
          expected += static_cast<double>(values[std::size_t(row * size.inputs + k)]) *
                      weights[std::size_t(k * size.outputs + column)];
        }
        // Products of multiples of 1/128 are multiples of 2^-14, and sums of them below 2^10 are
        // exact in 24 bits.
        RC_ASSERT(static_cast<double>(out[at]) == expected);
      }
    }
    RC_ASSERT(std::all_of(out.end() - 16, out.end(), [](float x) { return x == 5.0f; }));
  }));
}

TEST_P(VectorKernelsTest, AttendAgreesWithAPlainLoopForAnyShapeAndContext) {
  EXPECT_TRUE(rc::check([] {
    AttentionShape shape;
    shape.kv_heads = *rc::gen::inRange<std::int64_t>(1, 4);
    shape.heads = shape.kv_heads * *rc::gen::inRange<std::int64_t>(1, 7);
    shape.head_size = 16 * *rc::gen::inRange<std::int64_t>(1, 6);
    const auto positions = *rc::gen::inRange<std::int64_t>(1, 120);
    const std::int64_t width = shape.kv_heads * shape.head_size;
    const std::int64_t blocks = (positions + kCacheBlock - 1) / kCacheBlock;
    // Stale content, as left by a sequence that was reset.
    auto cache = elements(blocks * cache_block_elements(shape));
    const auto stale = random_floats(width, 1000);
    for (std::int64_t p = 0; p < blocks * kCacheBlock; ++p) {
      kernels().append(shape, cache.data(), p, stale.data(), stale.data());
    }
    std::vector<std::vector<float>> keys, values;
    for (std::int64_t p = 0; p < positions; ++p) {
      keys.push_back(random_floats(width, static_cast<std::uint64_t>(2 * p)));
      values.push_back(random_floats(width, static_cast<std::uint64_t>(2 * p + 1)));
      kernels().append(shape, cache.data(), p, keys.back().data(), values.back().data());
    }
    auto query = random_floats(shape.heads * shape.head_size, 77);
    for (float& x : query) x *= 3;
    std::vector<float> scratch(static_cast<std::size_t>(attention_scratch_floats(positions)));
    auto out = elements(shape.heads * shape.head_size);
    kernels().attend(shape, cache.data(), positions, query.data(), scratch.data(), out.data());

    for (std::int64_t head = 0; head < shape.heads; ++head) {
      const std::int64_t from = head / (shape.heads / shape.kv_heads) * shape.head_size;
      std::vector<double> weights;
      double sum = 0;
      for (const auto& key : keys) {
        double score = 0;
        for (std::int64_t d = 0; d < shape.head_size; ++d) {
          score += static_cast<double>(query[std::size_t(head * shape.head_size + d)]) *
                   key[std::size_t(from + d)];
        }
        weights.push_back(std::exp(score / std::sqrt(static_cast<double>(shape.head_size))));
        sum += weights.back();
      }
      for (std::int64_t d = 0; d < shape.head_size; ++d) {
        double expected = 0;
        for (std::size_t p = 0; p < weights.size(); ++p) {
          expected += weights[p] / sum * values[p][std::size_t(from + d)];
        }
        // Weights sum to one and values are at most one: f32 errs by some 2^-24 per operation.
        const double allowed = 3e-6 + std::abs(expected) * rounding();
        const double actual = value_of(out, head * shape.head_size + d);
        RC_ASSERT(std::abs(actual - expected) <= allowed);
      }
    }
  }));
}

}  // namespace
}  // namespace tokenlift::vector_kernels_test
