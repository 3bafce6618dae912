#pragma once
// How large a decoder is: what a profile says of it, and what the decoder is made by.

#include <cstdint>

namespace tokenlift {

/// The shape of the transformer; all sizes in elements. Valid if every size is positive, kv_heads
/// divides heads, heads divides d_model, and d_model / heads, d_ff and vocabulary are multiples
/// of 16.
struct DecoderShape {
  std::int64_t layers = 0;
  std::int64_t d_model = 0;
  std::int64_t heads = 0;     ///< query heads; d_model / heads elements each
  std::int64_t kv_heads = 0;  ///< key/value heads; divides heads
  std::int64_t d_ff = 0;      ///< SwiGLU's inner size
  std::int64_t vocabulary = 0;
  bool operator==(const DecoderShape&) const = default;
};

}  // namespace tokenlift
