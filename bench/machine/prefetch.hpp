#pragma once
// Memory that will be looked at soon, fetched ahead.

#include <cstddef>

namespace tokenlift {

inline constexpr std::size_t kCacheLine = 64;  ///< bytes

/// Asks for so many bytes, which need not be readable; waits for none.
inline void prefetch(const void* begin, std::size_t bytes) {
  const auto* const at = static_cast<const char*>(begin);
  for (std::size_t line = 0; line < bytes; line += kCacheLine) __builtin_prefetch(at + line);
}

}  // namespace tokenlift
