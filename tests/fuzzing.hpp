#pragma once
// What all fuzz targets share.

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace tokenlift {

/// Aborts, which libFuzzer reports with the input.
inline void fuzz_check(bool holds) {
  if (!holds) std::abort();
}

inline std::string_view as_text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// The name of a file in memory that holds the text, until the next one is asked for.
inline const std::string& file_with(std::string_view text) {
  static const int file = memfd_create("input", MFD_CLOEXEC);
  static const std::string name = "/proc/self/fd/" + std::to_string(file);
  fuzz_check(ftruncate(file, 0) == 0 &&
             pwrite(file, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
  return name;
}

}  // namespace tokenlift
