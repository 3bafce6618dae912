// Chunked bodies. What is taken strictly means the same to who is lenient.

#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>

#include "bench/wire/body.hpp"
#include "tests/bench/wire/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tokenlift;
  const auto read = [](const Pieces& pieces, Body::Lines lines) {
    Body body(ResponseHead::Framing::chunked, 0, lines);
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
  };
  fuzz_splits(data, size, [&](const Pieces& pieces) {
    const auto lenient = read(pieces, Body::Lines::leniently);
    const auto strict = read(pieces, Body::Lines::strictly);
    fuzz_check(std::get<0>(strict) == Body::State::broken || strict == lenient);
    return std::tuple(lenient, strict);
  });
  return 0;
}
