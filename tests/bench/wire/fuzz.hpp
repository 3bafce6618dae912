#pragma once
// What fuzz targets of the wire check beside that nothing breaks: that pieces make no difference.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tests/bench/wire/pieces.hpp"
#include "tests/fuzzing.hpp"
#include "workloads/text/draw.hpp"

namespace tokenlift {

/// Pieces whose sizes follow from the text alone, so that inputs are what came over the wire.
inline Pieces drawn_pieces(std::string_view text) {
  std::uint64_t state = text.size();
  for (const char c : text) state = finalise(state + static_cast<unsigned char>(c));
  Pieces pieces;
  while (!text.empty()) {
    state = finalise(state + 1);
    const std::size_t size = 1 + state % (state >> 60 < 12 ? 8 : 200);
    pieces.emplace_back(text.substr(0, size));
    text.remove_prefix(std::min(size, text.size()));
  }
  return pieces;
}

/// Checks that `read(pieces)` is the same of all pieces.
template <typename Read>
void fuzz_splits(const std::uint8_t* data, std::size_t size, Read&& read) {
  const std::string_view text = as_text(data, size);
  const auto expected = read(whole(text));
  fuzz_check(read(drawn_pieces(text)) == expected);
  fuzz_check(read(single_bytes(text)) == expected);
}

}  // namespace tokenlift
