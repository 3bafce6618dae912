// Heads of requests: what is taken is taken once all of it is there, and not before.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "bench/serve/request_head.hpp"
#include "tests/bench/wire/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tokenlift;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const HeadReading whole = read_request_head(text);
  fuzz_check(whole.bytes <= size && (whole.bytes == 0 || !whole.mistake));
  if (whole.bytes == 0) return 0;
  fuzz_check(whole.head.content_length >= 0 && whole.head.path.starts_with('/'));
  for (std::size_t bytes = 0; bytes < whole.bytes; ++bytes) {
    const HeadReading part = read_request_head(text.substr(0, bytes));
    fuzz_check(part.bytes == 0 && !part.mistake);
  }
  return 0;
}
