#pragma once
// Bytes as they come off a socket: in pieces of any size, in memory that holds others afterwards.

#include <string>
#include <string_view>
#include <vector>

namespace tokenlift {

using Pieces = std::vector<std::string>;

inline Pieces whole(std::string_view text) {
  return {std::string(text)};
}

inline Pieces single_bytes(std::string_view text) {
  Pieces pieces;
  for (const char c : text) pieces.emplace_back(1, c);
  return pieces;
}

/// Calls `read(bytes)` with a view into each piece, whose memory then holds something else.
template <typename Read>
void read_pieces(const Pieces& pieces, Read&& read) {
  for (const std::string& piece : pieces) {
    std::string buffer = piece;
    read(std::string_view(buffer));
    buffer.assign(buffer.size(), '#');
  }
}

}  // namespace tokenlift
