// Event streams.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/wire/event_stream.hpp"
#include "tests/bench/wire/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tokenlift;
  fuzz_splits(data, size, [size](const Pieces& pieces) {
    EventStream stream;
    EventStream::Event event;
    std::vector<std::string> events;
    const auto note = [&events, &event] {
      events.emplace_back(event.name);
      events.emplace_back(event.data);
    };
    read_pieces(pieces, [&](std::string_view bytes) {
      while (stream.next(bytes, event)) note();
      fuzz_check(bytes.empty());
      fuzz_check(stream.held_bytes() <= size);
    });
    while (stream.finish(event)) note();
    fuzz_check(stream.held_bytes() == 0);
    return events;
  });
  return 0;
}
