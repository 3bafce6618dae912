// Compiled several times, each with the flags of one instruction set and its name in
// TOKENLIFT_KERNELS. It must define nothing that the linker could merge with another file's code
// (it might keep the copy made for the wider instruction set): no standard library functions, no
// inline functions outside the unnamed namespace.

#include "workloads/decoder/vector_kernels.hpp"

#include <cstdint>

#if defined(__AVX2__)
#include <immintrin.h>  // its functions are always inlined
#endif

namespace tokenlift {
namespace {

#if defined(__AVX512F__)
constexpr std::int64_t kLanes = 16;
#elif defined(__AVX2__)
constexpr std::int64_t kLanes = 8;
#else
constexpr std::int64_t kLanes = 4;
#endif

// Vectors of the CPU's own width, in the notation that g++ and clang share.
using Vec = float __attribute__((vector_size(kLanes * 4)));
using Ints = std::int32_t __attribute__((vector_size(kLanes * 4)));
using Words = std::uint32_t __attribute__((vector_size(kLanes * 4)));
using Halves = std::uint16_t __attribute__((vector_size(kLanes * 2)));

struct Bf16 {
  std::uint16_t bits;
};

template <class Vector, class Element>
inline Vector load_as(const Element* from) {
  Vector vector;
  __builtin_memcpy(&vector, from, sizeof vector);
  return vector;
}

inline Vec load(const float* from) {
  return load_as<Vec>(from);
}
inline Vec load(const Bf16* from) {
  // g++ 12 makes five instructions of the conversion that one instruction does. (The form with a
  // mask, here of ones, spares its header's warning of an uninitialised variable.)
#if defined(__AVX512F__)
  const auto words = (Words)_mm512_maskz_cvtepu16_epi32(0xffff, load_as<__m256i>(from));
#elif defined(__AVX2__)
  const auto words = (Words)_mm256_cvtepu16_epi32(load_as<__m128i>(from));
#else
  const auto words = __builtin_convertvector(load_as<Halves>(from), Words);
#endif
  return (Vec)(words << 16);
}

inline void store(float* to, Vec value) {
  __builtin_memcpy(to, &value, sizeof value);
}
inline void store(Bf16* to, Vec value) {
  const auto bits = (Words)value;
  const Words rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;  // to nearest, ties to even
  const Halves halves = __builtin_convertvector(rounded, Halves);
  __builtin_memcpy(to, &halves, sizeof halves);
}

inline void store_one(float* to, float value) {
  *to = value;
}
inline void store_one(Bf16* to, float value) {
  std::uint32_t bits;
  __builtin_memcpy(&bits, &value, sizeof bits);
  to->bits = static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

inline Vec broadcast(float value) {
  return Vec{} + value;
}
inline Vec larger(Vec a, Vec b) {
  return a > b ? a : b;
}
inline Vec smaller(Vec a, Vec b) {
  return a < b ? a : b;
}

inline float sum_of(Vec values) {
  float sum = 0;
  for (int lane = 0; lane < kLanes; ++lane) sum += values[lane];
  return sum;
}

inline float largest_of(Vec values) {
  float largest = values[0];
  for (int lane = 1; lane < kLanes; ++lane)
    largest = values[lane] > largest ? values[lane] : largest;
  return largest;
}

// exp(x) = 2^n exp(r), n = round(x / ln 2), |r| <= ln(2)/2. The polynomial is that of Cephes' expf
// (relative error 2e-8 on that range); float rounding makes it 3e-7 at most (tested). With x in
// [-87, 88], n is in [-126, 127]: 2^n is a normal float, made from its exponent alone.
inline Vec exponential(Vec x) {
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it leaves n in the lowest bits
  x = smaller(larger(x, broadcast(-87.0f)), broadcast(88.0f));
  const Vec shifted = x * 1.44269504f + kRound;
  const Vec n = shifted - kRound;
  // ln 2 in two parts; n times the first is exact, as it has 9 significant bits.
  const Vec r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  Vec p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  const Vec power = (Vec)(((Words)shifted << 23) + 0x3f800000u);
  return p * power;
}

void exponential_all(const float* in, std::int64_t count, float* out) {
  for (std::int64_t i = 0; i < count; i += kLanes) store(out + i, exponential(load(in + i)));
}

template <class Element>
void rms_norm(const float* row, std::int64_t count, void* out) {
  Vec squares[2] = {};  // two chains, to overlap the latency of the additions
  for (std::int64_t i = 0; i < count; i += kLanes) {
    const Vec x = load(row + i);
    squares[i / kLanes % 2] += x * x;
  }
  const float mean = sum_of(squares[0] + squares[1]) / static_cast<float>(count);
  const float factor = 1.0f / __builtin_sqrtf(mean + 1e-5f);
  auto* to = static_cast<Element*>(out);
  for (std::int64_t i = 0; i < count; i += kLanes) store(to + i, load(row + i) * factor);
}

template <class Element>
void silu_multiply(const float* gate, const float* up, std::int64_t count, void* out) {
  auto* to = static_cast<Element*>(out);
  for (std::int64_t i = 0; i < count; i += kLanes) {
    const Vec x = load(gate + i);
    store(to + i, x / (exponential(-x) + 1.0f) * load(up + i));
  }
}

void rotate(float* row, std::int64_t heads, std::int64_t head_size, const float* angles) {
  const std::int64_t half = head_size / 2;  // a multiple of 8, not always of kLanes: a plain loop
  for (std::int64_t head = 0; head < heads; ++head) {
    float* first = row + head * head_size;
    float* second = first + half;
    for (std::int64_t i = 0; i < half; ++i) {
      const float x = first[i], y = second[i];
      first[i] = x * angles[i] - y * angles[half + i];
      second[i] = x * angles[half + i] + y * angles[i];
    }
  }
}

template <class Element>
void append(const AttentionShape& shape, void* cache, std::int64_t position, const float* key,
            const float* value) {
  const std::int64_t within = position % kCacheBlock;
  auto* block = static_cast<Element*>(cache) + position / kCacheBlock * cache_block_elements(shape);
  for (std::int64_t head = 0; head < shape.kv_heads; ++head) {
    for (std::int64_t d = 0; d < shape.head_size; ++d) {
      store_one(block + d * kCacheBlock + within, key[d]);
    }
    Element* values = block + (kCacheBlock + within) * shape.head_size;
    for (std::int64_t d = 0; d < shape.head_size; d += kLanes) store(values + d, load(value + d));
    block += 2 * kCacheBlock * shape.head_size;
    key += shape.head_size;
    value += shape.head_size;
  }
}

// One key/value head's share of a cache, as seen by up to four query heads that read it.
template <class Element>
struct HeadView {
  const Element* first_block;
  std::int64_t block_stride;
  std::int64_t head_size;
  std::int64_t positions;
  std::int64_t padded;  // floats per row of scores: whole pairs of blocks
};

// scores[q][p] = query[q] . key[p], two vectors of positions at a time. Each loaded key vector
// serves all queries. Where an odd block is left over (two vectors are a pair of blocks on 16
// lanes), the last block is read twice; the surplus scores are masked afterwards. Caches of many
// sequences come from memory, in pieces too short for the CPU's own prefetching: the keys and
// values two blocks ahead are asked for here (a quarter less time, measured at 64 contexts of 150).
template <int kQueries, class Element>
void dot_keys(const HeadView<Element>& view, const float* query, float* scores) {
  constexpr int kLevel2 = 2;  // of the caches, for __builtin_prefetch
  const std::int64_t last_block = (view.positions - 1) / kCacheBlock;
  for (std::int64_t p = 0; p < view.positions; p += 2 * kLanes) {
    const Element* keys[2];
    const Element* later[2];
    for (int v = 0; v < 2; ++v) {
      const std::int64_t at = p + v * kLanes;
      const std::int64_t block = at / kCacheBlock < last_block ? at / kCacheBlock : last_block;
      const std::int64_t ahead = block + 2 < last_block ? block + 2 : last_block;
      keys[v] = view.first_block + block * view.block_stride + at % kCacheBlock;
      later[v] = view.first_block + ahead * view.block_stride;
    }
    Vec sums[kQueries][2] = {};
    for (std::int64_t d = 0; d < view.head_size; ++d) {
      for (const Element* ahead : later) {
        __builtin_prefetch(ahead + d * kCacheBlock, 0, kLevel2);
        __builtin_prefetch(ahead + (view.head_size + d) * kCacheBlock, 0, kLevel2);
      }
      const Vec key0 = load(keys[0] + d * kCacheBlock);
      const Vec key1 = load(keys[1] + d * kCacheBlock);
      for (int q = 0; q < kQueries; ++q) {
        const float x = query[q * view.head_size + d];
        sums[q][0] += key0 * x;
        sums[q][1] += key1 * x;
      }
    }
    for (int q = 0; q < kQueries; ++q) {
      store(scores + q * view.padded + p, sums[q][0]);
      store(scores + q * view.padded + p + kLanes, sums[q][1]);
    }
  }
}

// Replaces one row of scores by exp(scale * (score - largest)); returns 1 / their sum. The masked
// tail becomes exp(-87) < 1e-37 each, which cannot change a sum that is at least 1.
inline float exponentiate(float* scores, std::int64_t positions, float scale) {
  const std::int64_t end = (positions + 2 * kLanes - 1) / (2 * kLanes) * (2 * kLanes);
  for (std::int64_t p = positions; p < end; ++p) scores[p] = -3e38f;
  Vec largest = load(scores);
  for (std::int64_t p = kLanes; p < end; p += kLanes) largest = larger(largest, load(scores + p));
  const float offset = largest_of(largest) * scale;
  Vec sum = {};
  for (std::int64_t p = 0; p < end; p += kLanes) {
    const Vec weight = exponential(load(scores + p) * scale - offset);
    store(scores + p, weight);
    sum += weight;
  }
  return 1.0f / sum_of(sum);
}

// out[q][d..] = factor[q] * sum over p of weights[q][p] * value[p][d..], kVectors vectors of d.
template <int kQueries, int kVectors, class Element>
void mix_values(const HeadView<Element>& view, std::int64_t d, const float* weights,
                const float* factors, Element* out) {
  Vec sums[kQueries][kVectors] = {};
  for (std::int64_t begin = 0; begin < view.positions; begin += kCacheBlock) {
    const Element* values = view.first_block + begin / kCacheBlock * view.block_stride +
                            kCacheBlock * view.head_size + d;
    const std::int64_t left = view.positions - begin;
    const std::int64_t count = left < kCacheBlock ? left : kCacheBlock;
    for (std::int64_t p = 0; p < count; ++p) {
      Vec value[kVectors];
      for (int v = 0; v < kVectors; ++v) value[v] = load(values + p * view.head_size + v * kLanes);
      for (int q = 0; q < kQueries; ++q) {
        const float weight = weights[q * view.padded + begin + p];
        for (int v = 0; v < kVectors; ++v) sums[q][v] += value[v] * weight;
      }
    }
  }
  for (int q = 0; q < kQueries; ++q) {
    for (int v = 0; v < kVectors; ++v) {
      store(out + q * view.head_size + d + v * kLanes, sums[q][v] * factors[q]);
    }
  }
}

template <int kQueries, class Element>
void attend_queries(const HeadView<Element>& view, const float* query, float* scores,
                    Element* out) {
  dot_keys<kQueries>(view, query, scores);
  const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(view.head_size));
  float factors[kQueries];
  for (int q = 0; q < kQueries; ++q) {
    factors[q] = exponentiate(scores + q * view.padded, view.positions, scale);
  }
  std::int64_t d = 0;
  for (; d + 2 * kLanes <= view.head_size; d += 2 * kLanes) {
    mix_values<kQueries, 2>(view, d, scores, factors, out);
  }
  if (d < view.head_size) mix_values<kQueries, 1>(view, d, scores, factors, out);
}

template <class Element>
void attend(const AttentionShape& shape, const void* cache, std::int64_t positions,
            const float* query, float* scratch, void* out) {
  const std::int64_t group = shape.heads / shape.kv_heads;
  auto* to = static_cast<Element*>(out);
  for (std::int64_t head = 0; head < shape.kv_heads; ++head) {
    const HeadView<Element> view{
        static_cast<const Element*>(cache) + head * 2 * kCacheBlock * shape.head_size,
        cache_block_elements(shape), shape.head_size, positions,
        attention_scratch_floats(positions) / 4};
    for (std::int64_t left = group; left > 0;) {
      const std::int64_t queries = left < 4 ? left : 4;
      switch (queries) {
        case 4:
          attend_queries<4>(view, query, scratch, to);
          break;
        case 3:
          attend_queries<3>(view, query, scratch, to);
          break;
        case 2:
          attend_queries<2>(view, query, scratch, to);
          break;
        default:
          attend_queries<1>(view, query, scratch, to);
          break;
      }
      query += queries * shape.head_size;
      to += queries * shape.head_size;
      left -= queries;
    }
  }
}

// A product is summed in tiles of at most so many rows and panels: as many as keep their sums in
// registers.
#if defined(__AVX512F__)
constexpr int kTileRows = 12;
constexpr int kTilePanels = 2;
#elif defined(__AVX2__)
constexpr int kTileRows = 6;
constexpr int kTilePanels = 1;
#else
constexpr int kTileRows = 3;
constexpr int kTilePanels = 1;
#endif
// Rows are multiplied in blocks: what more of them read and write would not stay in the
// second-level cache, which takes longer than to read the weights again.
constexpr std::int64_t kBlockRows = 96;
constexpr int kPanelVectors = kPanelColumns / kLanes;

// Where a tile is, in pieces of panels that are `piece` floats long and follow each other.
struct Tile {
  const float* values;
  const float* weights;
  std::int64_t depth;  // inputs that are multiplied
  std::int64_t piece;
  float* out;
  const float* ahead;       // of the pieces that come next, what this tile asks for
  std::int64_t ahead_step;  // the floats of that for each input
};

// Adds a tile to what is in `out`. Sums of few rows are divided into chains, to overlap the latency
// of the additions. Weights come from memory, and its latency would add to what multiplying takes:
// the next pieces are asked for while this one is multiplied (a step then takes little more than
// the longer of the two, not their sum).
template <int kRows, int kPanels>
void add_tile(const MatrixProduct& product, const Tile& tile) {
  constexpr int kLevel1 = 3;  // of the caches, for __builtin_prefetch
  constexpr int kVectors = kPanels * kPanelVectors;
  constexpr int kWanted = 8 / (kRows * kVectors);
  constexpr int kChains = kWanted >= 4 ? 4 : kWanted >= 2 ? 2 : 1;
  Vec sums[kChains][kRows][kVectors];
  for (int chain = 0; chain < kChains; ++chain) {
    for (int row = 0; row < kRows; ++row) {
      for (int v = 0; v < kVectors; ++v) sums[chain][row][v] = Vec{};
    }
  }
  for (int row = 0; row < kRows; ++row) {
    for (int panel = 0; panel < kPanels; ++panel) {
      const float* to = tile.out + row * product.outputs + panel * kPanelColumns;
      __builtin_prefetch(to, 1, kLevel1);
    }
  }
  for (std::int64_t begin = 0; begin < tile.depth; begin += kChains) {
    for (int chain = 0; chain < kChains; ++chain) {
      const std::int64_t k = begin + chain;
      Vec weights[kVectors];
      for (int panel = 0; panel < kPanels; ++panel) {
        const float* from = tile.weights + panel * tile.piece + k * kPanelColumns;
        for (int v = 0; v < kPanelVectors; ++v) {
          weights[panel * kPanelVectors + v] = load(from + v * kLanes);
        }
        __builtin_prefetch(tile.ahead + panel * tile.piece + k * tile.ahead_step, 0, kLevel1);
      }
      for (int row = 0; row < kRows; ++row) {
        const float x = tile.values[row * product.inputs + k];
        for (int v = 0; v < kVectors; ++v) sums[chain][row][v] += weights[v] * x;
      }
    }
  }
  for (int row = 0; row < kRows; ++row) {
    for (int v = 0; v < kVectors; ++v) {
      float* const to = tile.out + row * product.outputs + v * kLanes;
      Vec sum = load(to);
      for (int chain = 0; chain < kChains; ++chain) sum += sums[chain][row][v];
      store(to, sum);
    }
  }
}

// The tile that has so many rows, at most kRows.
template <int kRows, int kPanels>
void add_tile_of(std::int64_t rows, const MatrixProduct& product, const Tile& tile) {
  if constexpr (kRows > 1) {
    if (rows < kRows) {
      add_tile_of<kRows - 1, kPanels>(rows, product, tile);
      return;
    }
  }
  add_tile<kRows, kPanels>(product, tile);
}

// All rows times kPanels pieces that begin at `weights`, in tiles of rows as equal as can be.
template <int kPanels>
void add_pieces(const MatrixProduct& product, const float* weights, std::int64_t begin,
                std::int64_t depth, std::int64_t column) {
  const std::int64_t piece = depth * kPanelColumns;
  const std::int64_t tiles = (product.rows + kTileRows - 1) / kTileRows;
  const float* const next = weights + kPanels * piece;
  for (std::int64_t tile = 0; tile < tiles; ++tile) {
    const std::int64_t first = product.rows * tile / tiles;
    const std::int64_t rows = product.rows * (tile + 1) / tiles - first;
    add_tile_of<kTileRows, kPanels>(
        rows, product,
        {product.values + first * product.inputs + begin, weights, depth, piece,
         product.out + first * product.outputs + column, next + piece * tile / tiles,
         (kPanelColumns + tiles - 1) / tiles});
  }
}

// A product of at most kBlockRows rows.
void multiply_block(const MatrixProduct& product) {
  if (!product.accumulate) {
    const std::int64_t count = product.rows * product.outputs;
    for (std::int64_t i = 0; i < count; i += kLanes) store(product.out + i, Vec{});
  }
  // Of one or two rows memory is all that counts, and one piece after the other comes faster.
  const int panels = product.rows <= 2 ? 1 : kTilePanels;
  const float* weights = product.panels;
  for (std::int64_t begin = 0; begin < product.inputs; begin += kPanelDepth) {
    const std::int64_t left = product.inputs - begin;
    const std::int64_t depth = left < kPanelDepth ? left : kPanelDepth;
    for (std::int64_t column = 0; column < product.outputs;) {
      std::int64_t columns = panels * kPanelColumns;
      if (panels == kTilePanels && column + columns <= product.outputs) {
        add_pieces<kTilePanels>(product, weights, begin, depth, column);
      } else {
        columns = kPanelColumns;
        add_pieces<1>(product, weights, begin, depth, column);
      }
      column += columns;
      weights += columns * depth;
    }
  }
}

void multiply(const MatrixProduct& product) {
  for (std::int64_t row = 0; row < product.rows; row += kBlockRows) {
    MatrixProduct block = product;
    const std::int64_t left = product.rows - row;
    block.rows = left < kBlockRows ? left : kBlockRows;
    block.values += row * product.inputs;
    block.out += row * product.outputs;
    multiply_block(block);
  }
}

std::int64_t argmax(const float* values, std::int64_t count) {
  Vec best = load(values);
  Ints best_at = {};
  Ints at = {};
  // Strictly greater: each lane keeps its first best.
  for (std::int64_t i = kLanes; i < count; i += kLanes) {
    at += 1;
    const Vec x = load(values + i);
    const Ints better = x > best;
    best = better ? x : best;
    best_at = better ? at : best_at;
  }
  const float largest = largest_of(best);
  std::int64_t lowest = count;
  for (int lane = 0; lane < kLanes; ++lane) {
    const std::int64_t index = std::int64_t{best_at[lane]} * kLanes + lane;
    if (best[lane] == largest && index < lowest) lowest = index;
  }
  return lowest;
}

template <class Element>
constexpr VectorKernels kernels_of(const char* instruction_set) {
  return {instruction_set, sizeof(Element), rms_norm<Element>, silu_multiply<Element>,
          rotate,          append<Element>, attend<Element>,   multiply,
          argmax,          exponential_all};
}

}  // namespace

#define TOKENLIFT_JOIN_AGAIN(a, b) a##b
#define TOKENLIFT_JOIN(a, b) TOKENLIFT_JOIN_AGAIN(a, b)
#define TOKENLIFT_TEXT_AGAIN(a) #a
#define TOKENLIFT_TEXT(a) TOKENLIFT_TEXT_AGAIN(a)

extern const VectorKernels TOKENLIFT_JOIN(float_kernels_, TOKENLIFT_KERNELS);
const VectorKernels TOKENLIFT_JOIN(float_kernels_, TOKENLIFT_KERNELS) =
    kernels_of<float>(TOKENLIFT_TEXT(TOKENLIFT_KERNELS));
extern const VectorKernels TOKENLIFT_JOIN(bf16_kernels_, TOKENLIFT_KERNELS);
const VectorKernels TOKENLIFT_JOIN(bf16_kernels_, TOKENLIFT_KERNELS) =
    kernels_of<Bf16>(TOKENLIFT_TEXT(TOKENLIFT_KERNELS));

}  // namespace tokenlift
