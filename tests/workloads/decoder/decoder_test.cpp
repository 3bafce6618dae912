#include "workloads/decoder/decoder.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/workloads/decoder/reference_decoder.hpp"

namespace tokenlift::decoder_test {
namespace {

using Tokens = std::vector<std::int32_t>;

// Small, and each awkward in its own way: groups of 2, 3, 1 and 5 query heads, head sizes of 16,
// 32, 48 and 64, inner sizes that are no power of two.
const std::vector<DecoderShape> kShapes = {{2, 64, 4, 2, 96, 128},
                                           {3, 96, 3, 1, 160, 80},
                                           {1, 64, 1, 1, 48, 64},
                                           {2, 240, 5, 1, 304, 192},
                                           {2, 256, 4, 2, 704, 1024}};

std::vector<Precision> precisions() {
  if (fastest_precision() == Precision::bf16) return {Precision::f32, Precision::bf16};
  return {Precision::f32};
}

Tokens random_tokens(std::int64_t vocabulary, std::size_t count, std::uint64_t seed) {
  Tokens tokens(count);
  std::uint64_t state = seed * 2654435761u + 12345u;
  for (std::int32_t& token : tokens) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    token = static_cast<std::int32_t>((state >> 33) % static_cast<std::uint64_t>(vocabulary));
  }
  return tokens;
}

template <class Values>
double root_mean_square(const Values& values) {
  double squares = 0;
  for (const auto value : values) squares += static_cast<double>(value) * value;
  return std::sqrt(squares / static_cast<double>(values.size()));
}

// What two right computations of the same logits may differ by, as a share of the logits' root
// mean square.
//
// f32: 1e-4 (measured at most 3e-6: sums of a few hundred terms at 2^-24 each).
//
// bf16: a rounding to 8 bits errs by at most 2^-8 of a value, by 0.41 * 2^-8 in root mean square
// (uniform in a unit in the last place, significands log-uniform), independently for each element,
// and a product with a random matrix keeps the ratio of error to value. A layer rounds six times
// (the inputs of its four products, keys, values), the logits once more; the errors add in squares.
// Of the some 10^5 logits that a test compares a few err by 4.5 standard deviations; the tolerance
// is six (measured against the reference: at most 2.5).
double tolerance(const DecoderShape& shape, Precision precision) {
  if (precision == Precision::f32) return 1e-4;
  const auto roundings = static_cast<double>(6 * shape.layers + 1);
  return 6 * 0.41 / 256 * std::sqrt(roundings);
}

template <class Logits>
double largest_difference(std::span<const float> actual, const Logits& expected) {
  double largest = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(actual[i]) - expected[i]));
  }
  return largest / root_mean_square(expected);
}

// Whether `token` may be the greedy choice, given logits known to `tolerance` (as a share of their
// root mean square): the best is not better by more than both may be off.
template <class Logits>
bool may_be_greedy(std::int32_t token, const Logits& logits, double tolerance) {
  const double best = *std::max_element(logits.begin(), logits.end());
  const double margin = best - logits[static_cast<std::size_t>(token)];
  return margin <= 2 * tolerance * root_mean_square(logits);
}

std::vector<float> copied(std::span<const float> values) {
  return {values.begin(), values.end()};
}

class DecoderTest : public testing::TestWithParam<Precision> {
 protected:
  static std::shared_ptr<const DecoderWeights> weights(const DecoderShape& shape) {
    return make_weights(shape, 7, GetParam());
  }
};

INSTANTIATE_TEST_SUITE_P(Each, DecoderTest, testing::ValuesIn(precisions()),
                         [](const auto& instance) {
                           return instance.param == Precision::bf16 ? "bf16" : "f32";
                         });

TEST_P(DecoderTest, AgreesWithAPlainReferenceInPrefillAndDecode) {
  for (const DecoderShape& shape : kShapes) {
    const auto shared = weights(shape);
    Decoder decoder(shared, 1, 64);
    ReferenceDecoder reference(*shared, shape);
    // Past the first block boundaries and the first growth of the cache.
    const Tokens prompt = random_tokens(shape.vocabulary, 37, 1);
    std::vector<double> expected;
    for (const std::int32_t token : prompt) expected = reference.append(token);
    std::int32_t next = decoder.prefill(0, prompt);
    for (int step = 0; step < 50; ++step) {
      ASSERT_LE(largest_difference(decoder.logits(0), expected), tolerance(shape, GetParam()))
          << "d_model " << shape.d_model << ", step " << step;
      ASSERT_TRUE(may_be_greedy(next, expected, tolerance(shape, GetParam())));
      expected = reference.append(next);
      const std::int64_t slot = 0;
      const std::int32_t token = next;
      decoder.decode({&slot, 1}, {&token, 1}, {&next, 1});
    }
    EXPECT_EQ(decoder.context_tokens(0), 37 + 50);
  }
}

TEST_P(DecoderTest, GreedyTokenIsTheLargestLogit) {
  Decoder decoder(weights(kShapes[4]), 1, 16);
  const Tokens prompt = random_tokens(1024, 16, 2);
  const std::int32_t next = decoder.prefill(0, prompt);
  const auto logits = decoder.logits(0);
  EXPECT_EQ(next, std::max_element(logits.begin(), logits.end()) - logits.begin());
}

TEST_P(DecoderTest, PrefillInOneChunkEqualsPrefillInSeveral) {
  const DecoderShape shape = kShapes[0];
  Decoder decoder(weights(shape), 2, 100);
  const double allowed = tolerance(shape, GetParam());
  EXPECT_TRUE(rc::check([&] {
    const auto chunks =
        *rc::gen::nonEmpty(rc::gen::container<std::vector<int>>(rc::gen::inRange(1, 34)));
    Tokens prompt;
    decoder.reset(0);
    decoder.reset(1);
    std::int32_t in_several = 0;
    for (const int chunk : chunks) {
      const auto tokens =
          random_tokens(shape.vocabulary, static_cast<std::size_t>(chunk), prompt.size());
      if (prompt.size() + tokens.size() > 100) break;
      prompt.insert(prompt.end(), tokens.begin(), tokens.end());
      in_several = decoder.prefill(0, tokens);
    }
    const auto expected = copied(decoder.logits(0));
    const std::int32_t in_one = decoder.prefill(1, prompt);
    RC_ASSERT(decoder.context_tokens(0) == decoder.context_tokens(1));
    RC_ASSERT(largest_difference(decoder.logits(0), expected) <= allowed);
    RC_ASSERT(may_be_greedy(in_one, expected, allowed));
    RC_ASSERT(in_several == std::max_element(expected.begin(), expected.end()) - expected.begin());
  }));
}

TEST_P(DecoderTest, BatchedDecodeEqualsOneByOne) {
  const DecoderShape shape = kShapes[1];
  const auto shared = weights(shape);
  constexpr std::int64_t kSlots = 11;
  Decoder batched(shared, kSlots, 64), alone(shared, kSlots, 64);
  const double allowed = tolerance(shape, GetParam());
  EXPECT_TRUE(rc::check([&] {
    // Any of the slots in any order, with contexts of any length.
    std::vector<std::int64_t> slots;
    Tokens tokens;
    for (std::int64_t slot = 0; slot < kSlots; ++slot) {
      batched.reset(slot);
      alone.reset(slot);
      const auto length = *rc::gen::inRange<std::size_t>(1, 50);
      const Tokens prompt = random_tokens(shape.vocabulary, length, std::uint64_t(slot));
      batched.prefill(slot, prompt);
      alone.prefill(slot, prompt);
      const auto at = *rc::gen::inRange<std::ptrdiff_t>(0, std::ssize(slots) + 1);
      if (slot == 4 || *rc::gen::inRange(0, 4) > 0) slots.insert(slots.begin() + at, slot);
    }
    tokens = random_tokens(shape.vocabulary, slots.size(), 99);
    Tokens next(slots.size());
    batched.decode(slots, tokens, next);
    for (std::size_t i = 0; i < slots.size(); ++i) {
      std::int32_t one = 0;
      alone.decode({&slots[i], 1}, {&tokens[i], 1}, {&one, 1});
      const auto expected = copied(alone.logits(0));
      const auto row = static_cast<std::int64_t>(i);
      RC_ASSERT(largest_difference(batched.logits(row), expected) <= allowed);
      RC_ASSERT(may_be_greedy(next[i], expected, allowed));
    }
  }));
}

TEST_P(DecoderTest, SlotsAreIndependentAndResetForgets) {
  const DecoderShape shape = kShapes[0];
  const auto shared = weights(shape);
  const Tokens prompt = random_tokens(shape.vocabulary, 21, 5);
  Decoder fresh(shared, 1, 64);
  fresh.prefill(0, prompt);
  const auto expected = copied(fresh.logits(0));

  Decoder used(shared, 3, 64);
  for (std::int64_t slot = 0; slot < 3; ++slot) {
    used.prefill(slot, random_tokens(shape.vocabulary, 60, 10 + std::uint64_t(slot)));
    used.prefill(slot, random_tokens(shape.vocabulary, 60, 20 + std::uint64_t(slot)));
  }
  used.reset(1);
  EXPECT_EQ(used.context_tokens(0), 120);
  EXPECT_EQ(used.context_tokens(1), 0);
  used.prefill(1, prompt);
  // The same chunk by the same kernels: the same bits, whatever the slot held before.
  EXPECT_EQ(copied(used.logits(0)), expected);
}

TEST_P(DecoderTest, PreemptedSequenceRecomputedContinuesTheSame) {
  const DecoderShape shape = kShapes[4];
  Decoder decoder(weights(shape), 1, 128);
  const double allowed = tolerance(shape, GetParam());
  Tokens sequence = random_tokens(shape.vocabulary, 30, 8);
  const std::int64_t slot = 0;
  std::int32_t next = decoder.prefill(slot, sequence);
  for (int step = 0; step < 40; ++step) {
    const auto expected = copied(decoder.logits(0));
    if (step % 10 == 9) {
      decoder.reset(slot);
      const std::int32_t recomputed = decoder.prefill(slot, sequence);
      ASSERT_LE(largest_difference(decoder.logits(0), expected), allowed);
      ASSERT_TRUE(may_be_greedy(recomputed, expected, allowed));
    }
    sequence.push_back(next);
    const std::int32_t token = next;
    decoder.decode({&slot, 1}, {&token, 1}, {&next, 1});
  }
}

/// Decodes greedily from `next` on; every logit on the way.
std::vector<float> continue_with(Decoder& decoder, std::int64_t slot, std::int32_t next,
                                 int steps) {
  std::vector<float> all;
  for (int step = 0; step < steps; ++step) {
    const std::int32_t token = next;
    decoder.decode({&slot, 1}, {&token, 1}, {&next, 1});
    all.insert(all.end(), decoder.logits(0).begin(), decoder.logits(0).end());
  }
  return all;
}

// Of a prompt and an answer as much is put into another decoder's slot as there are such beginnings
// of it: at block boundaries and next to them, beyond the first growth of a cache, in one part and
// in several.
TEST_P(DecoderTest, AContextThatWasSavedContinuesToTheLastBit) {
  for (const DecoderShape& shape : {kShapes[1], kShapes[4]}) {
    const auto shared = weights(shape);
    const Tokens prompt = random_tokens(shape.vocabulary, 75, 3);
    const Tokens more = random_tokens(shape.vocabulary, 9, 4);
    Decoder first(shared, 1, 128);
    continue_with(first, 0, first.prefill(0, prompt), 10);
    ASSERT_EQ(first.context_tokens(0), 85);
    const KvPart whole = first.save(0, 0, 85);
    EXPECT_EQ(whole.bytes(), static_cast<std::size_t>(96 * first.kv_bytes_per_token()));
    const KvPart head = first.save(0, 0, 48);
    const KvPart tail = first.save(0, 48, 85);

    const auto expected_token = first.prefill(0, more);
    auto expected = copied(first.logits(0));
    const auto decoded = continue_with(first, 0, expected_token, 5);
    expected.insert(expected.end(), decoded.begin(), decoded.end());
    for (const bool in_parts : {false, true}) {
      Decoder second(shared, 3, 128);
      second.prefill(1, random_tokens(shape.vocabulary, 100, 5));  // what the slot held before
      second.reset(1);
      if (in_parts) {
        second.append(1, head, 48);
        second.append(1, tail, 37);
      } else {
        second.append(1, whole, 85);
      }
      EXPECT_EQ(second.context_tokens(1), 85);
      const auto next = second.prefill(1, more);
      EXPECT_EQ(next, expected_token);
      auto actual = copied(second.logits(0));
      const auto continued = continue_with(second, 1, next, 5);
      actual.insert(actual.end(), continued.begin(), continued.end());
      EXPECT_EQ(actual, expected);
    }
  }
}

TEST_P(DecoderTest, AnyBeginningOfWhatWasSavedStandsForComputingIt) {
  const DecoderShape shape = kShapes[4];
  const auto shared = weights(shape);
  const double allowed = tolerance(shape, GetParam());
  const Tokens prompt = random_tokens(shape.vocabulary, 80, 6);
  Decoder decoder(shared, 2, 128);
  const std::int32_t computed = decoder.prefill(0, prompt);
  const auto expected = copied(decoder.logits(0));
  const KvPart part = decoder.save(0, 0, 80);
  for (const std::int64_t tokens : {1, 15, 16, 17, 48, 64, 79}) {
    decoder.reset(1);
    decoder.append(1, part, tokens);
    const std::int32_t next =
        decoder.prefill(1, std::span(prompt).subspan(static_cast<std::size_t>(tokens)));
    EXPECT_LE(largest_difference(decoder.logits(0), expected), allowed) << tokens;
    EXPECT_TRUE(may_be_greedy(next, expected, allowed)) << tokens;
    if (GetParam() == Precision::f32) {
      EXPECT_EQ(next, computed) << tokens;
    }
  }
}

// Prefill and greedy decode of `slots` sequences; every logit on the way.
std::vector<float> script(Decoder& decoder, std::int64_t slots, int steps) {
  std::vector<float> all;
  std::vector<std::int64_t> numbers;
  Tokens tokens;
  for (std::int64_t slot = 0; slot < slots; ++slot) {
    numbers.push_back(slot);
    const auto prompt = random_tokens(decoder.shape().vocabulary, 13 + 5 * std::size_t(slot), 3);
    decoder.reset(slot);
    tokens.push_back(decoder.prefill(slot, prompt));
  }
  Tokens next(tokens.size());
  for (int step = 0; step < steps; ++step) {
    decoder.decode(numbers, tokens, next);
    tokens = next;
    for (std::int64_t row = 0; row < slots; ++row) {
      const auto logits = decoder.logits(row);
      all.insert(all.end(), logits.begin(), logits.end());
    }
  }
  return all;
}

TEST_P(DecoderTest, SeveralThreadsWithTheirOwnDecodersGetTheSameBits) {
  const auto shared = weights(kShapes[0]);
  Decoder single(shared, 5, 64);
  const std::vector<float> expected = script(single, 5, 20);
  constexpr std::size_t kThreads = 4;
  std::vector<Decoder> decoders;  // made here, used there
  for (std::size_t i = 0; i < kThreads; ++i) decoders.emplace_back(shared, 5, 64);
  std::vector<std::vector<float>> results(kThreads);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] { results[i] = script(decoders[i], 5, 20); });
    }
  }
  for (const auto& result : results) EXPECT_EQ(result, expected);
}

TEST_P(DecoderTest, MayMoveFromThreadToThreadBetweenCalls) {
  const auto shared = weights(kShapes[0]);
  const Tokens prompt = random_tokens(128, 40, 6);
  Decoder stays(shared, 1, 64), moves(shared, 1, 64);
  for (std::size_t begin = 0; begin < prompt.size(); begin += 8) {
    const auto chunk = std::span(prompt).subspan(begin, 8);
    stays.prefill(0, chunk);
    std::jthread([&] { moves.prefill(0, chunk); }).join();
  }
  EXPECT_EQ(copied(moves.logits(0)), copied(stays.logits(0)));
}

TEST_P(DecoderTest, LogitsStayOfOrderOneAtAnyDepth) {
  for (const std::int64_t layers : {1, 4, 48}) {
    const DecoderShape shape{layers, 64, 4, 2, 96, 512};
    Decoder decoder(weights(shape), 1, 32);
    decoder.prefill(0, random_tokens(shape.vocabulary, 32, 4));
    // 512 logits of variance one: their root mean square is within 0.03 of one; the bounds are
    // 10 standard deviations away.
    EXPECT_NEAR(root_mean_square(decoder.logits(0)), 1.0, 0.3) << layers;
  }
}

TEST_P(DecoderTest, RowsOfAnyCountUpToTheLimitAreComputed) {
  const DecoderShape shape = kShapes[2];
  constexpr std::int64_t kMaxRows = 23;  // no power of two
  Decoder decoder(weights(shape), 2, kMaxRows);
  const Tokens tokens = random_tokens(shape.vocabulary, kMaxRows, 12);
  for (std::size_t rows = 1; rows <= tokens.size(); ++rows) {
    decoder.reset(0);
    decoder.reset(1);
    decoder.prefill(0, std::span(tokens).first(rows));
    const auto expected = copied(decoder.logits(0));
    for (std::size_t i = 0; i < rows; ++i) decoder.prefill(1, std::span(tokens).subspan(i, 1));
    EXPECT_LE(largest_difference(decoder.logits(0), expected), tolerance(shape, GetParam()));
  }
}

TEST_P(DecoderTest, WeightsAreAFunctionOfTheSeed) {
  const DecoderShape shape = kShapes[4];
  const auto a = make_weights(shape, 1, GetParam()), b = make_weights(shape, 1, GetParam());
  const auto c = make_weights(shape, 2, GetParam());
  for (const Matrix matrix : {Matrix::qkv, Matrix::attention_out, Matrix::gate_up, Matrix::down,
                              Matrix::logits, Matrix::embedding}) {
    EXPECT_EQ(weight_values(*a, matrix, 0), weight_values(*b, matrix, 0));
    EXPECT_NE(weight_values(*a, matrix, 0), weight_values(*c, matrix, 0));
  }
  EXPECT_NE(weight_values(*a, Matrix::qkv, 0), weight_values(*a, Matrix::qkv, 1));
}

TEST_P(DecoderTest, WeightsHaveTheVarianceThatKeepsProductsAtOne) {
  const DecoderShape shape = kShapes[4];
  const auto shared = weights(shape);
  const auto check = [&](Matrix matrix, double variance) {
    const auto values = weight_values(*shared, matrix, 0);
    double sum = 0;
    for (const float value : values) sum += value;
    // At least 65,536 uniform draws: mean and root mean square are within 5 standard errors
    // (1/sqrt(n) = 0.4 % and half of that), a false alarm in 10^6; the seed is fixed.
    EXPECT_NEAR(sum / static_cast<double>(values.size()), 0, 0.02 * std::sqrt(variance));
    EXPECT_NEAR(root_mean_square(values), std::sqrt(variance), 0.01 * std::sqrt(variance));
  };
  check(Matrix::qkv, 1.0 / 256);
  check(Matrix::attention_out, 1.0 / 256 / 4);
  check(Matrix::gate_up, 1.0 / 256);
  check(Matrix::down, 1.0 / 704 / 4);
  check(Matrix::logits, 1.0 / 256);
  check(Matrix::embedding, 1.0);
}

TEST(DecoderShapeTest, InvalidShapesAreRefused) {
  const DecoderShape good{2, 64, 4, 2, 96, 128};
  EXPECT_NO_THROW(make_weights(good, 1, Precision::f32));
  const auto refused = [&good](std::int64_t DecoderShape::*size, std::int64_t value) {
    DecoderShape shape = good;
    shape.*size = value;
    EXPECT_THROW(make_weights(shape, 1, Precision::f32), std::invalid_argument) << value;
  };
  refused(&DecoderShape::layers, 0);
  refused(&DecoderShape::d_model, -64);
  refused(&DecoderShape::d_model, 72);  // heads of 18
  refused(&DecoderShape::d_model, 66);  // not a multiple of heads
  refused(&DecoderShape::kv_heads, 3);  // does not divide 4
  refused(&DecoderShape::d_ff, 100);
  refused(&DecoderShape::vocabulary, 1000);
}

TEST(DecoderPrecisionTest, PrecisionThatTheCpuLacksIsRefused) {
  const DecoderShape shape{1, 64, 4, 2, 96, 128};
  EXPECT_NO_THROW(make_weights(shape, 1, fastest_precision()));
  const char* variable = std::getenv("ONEDNN_MAX_CPU_ISA");
  const std::string limit = variable == nullptr ? "" : variable;
  if (limit == "SSE41" || limit == "AVX2") {
    EXPECT_EQ(fastest_precision(), Precision::f32);
    EXPECT_THROW(make_weights(shape, 1, Precision::bf16), std::runtime_error);
  }
}

#ifndef NDEBUG
TEST(DecoderDeathTest, MisuseIsCaught) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Decoder decoder(make_weights({1, 64, 4, 2, 96, 128}, 1, Precision::f32), 2, 4);
  const Tokens five(5, 1);
  Tokens next(2);
  EXPECT_DEATH(decoder.reset(2), "");
  EXPECT_DEATH(decoder.reset(-1), "");
  EXPECT_DEATH(decoder.prefill(0, five), "");
  EXPECT_DEATH(decoder.prefill(0, {}), "");
  EXPECT_DEATH(decoder.prefill(0, Tokens{128}), "");
  EXPECT_DEATH(decoder.decode(std::vector<std::int64_t>{0, 0}, Tokens{1, 1}, next), "");
  EXPECT_DEATH(decoder.decode(std::vector<std::int64_t>{0}, Tokens{1}, next), "");
  EXPECT_DEATH(static_cast<void>(decoder.logits(0)), "");
  EXPECT_DEATH(decoder.save(0, 0, 1), "") << "there is nothing";
  decoder.prefill(0, Tokens{1, 2});
  EXPECT_DEATH(decoder.save(0, 1, 2), "");
  const KvPart part = decoder.save(0, 0, 2);
  EXPECT_DEATH(decoder.append(0, part, 2), "") << "the context has these tokens already";
  EXPECT_DEATH(decoder.append(1, part, 3), "");
}
#endif

}  // namespace
}  // namespace tokenlift::decoder_test
