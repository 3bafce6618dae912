// Chunked bodies.

#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>

#include "bench/wire/body.hpp"
#include "tests/bench/wire/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tokenlift;
  fuzz_splits(data, size, [](const Pieces& pieces) {
    Body body(ResponseHead::Framing::chunked, 0);
    Body::State state = Body::State::more;
    std::string content;
    std::string rest;
    read_pieces(pieces, [&](std::string_view bytes) {
      std::string_view piece;
      while (!bytes.empty() && state == Body::State::more) {
        const std::size_t before = bytes.size();
        state = body.feed(bytes, piece);
        fuzz_check(bytes.size() < before);
        content += piece;
      }
      if (state == Body::State::done) rest += bytes;
    });
    return std::tuple(state, body.close(), content, rest);
  });
  return 0;
}
