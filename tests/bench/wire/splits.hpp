#pragma once
// The ways in which a text can be cut into pieces.

#include <rapidcheck/gtest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/wire/pieces.hpp"

namespace tokenlift {

/// All ways to cut it into two, whole and single bytes as well.
inline std::vector<Pieces> splits(std::string_view text) {
  std::vector<Pieces> all = {whole(text), single_bytes(text)};
  for (std::size_t at = 1; at < text.size(); ++at) {
    all.push_back({std::string(text.substr(0, at)), std::string(text.substr(at))});
  }
  return all;
}

/// Cut anywhere: mostly into a few pieces, sometimes into many.
inline rc::Gen<Pieces> any_split(std::string text) {
  const auto sizes = rc::gen::container<std::vector<std::size_t>>(
      rc::gen::oneOf(rc::gen::inRange<std::size_t>(1, 8), rc::gen::inRange<std::size_t>(1, 300)));
  return rc::gen::map(sizes, [text](const std::vector<std::size_t>& cuts) {
    Pieces pieces;
    std::string_view rest = text;
    for (const std::size_t size : cuts) {
      if (rest.empty()) break;
      pieces.emplace_back(rest.substr(0, size));
      rest.remove_prefix(pieces.back().size());
    }
    if (!rest.empty() || pieces.empty()) pieces.emplace_back(rest);
    return pieces;
  });
}

}  // namespace tokenlift
