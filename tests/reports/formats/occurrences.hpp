#pragma once
// How often a part stands in a text.

#include <cstddef>
#include <string_view>

namespace tokenlift {

inline std::size_t occurrences(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string_view::npos;
       at = text.find(part, at + part.size())) {
    ++count;
  }
  return count;
}

}  // namespace tokenlift
