// Status lines and header fields, with what rate limits are made of them.

#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "bench/wire/rate_limits.hpp"
#include "bench/wire/response_head.hpp"
#include "tests/bench/wire/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tokenlift;
  fuzz_splits(data, size, [](const Pieces& pieces) {
    ResponseHead head;
    ResponseHead::State state = ResponseHead::State::more;
    std::string rest;
    read_pieces(pieces, [&](std::string_view bytes) {
      if (state == ResponseHead::State::more) state = head.feed(bytes);
      if (state == ResponseHead::State::done) rest += bytes;
    });
    std::vector<std::string> fields;
    std::vector<LimitReading> limits;
    if (state == ResponseHead::State::done) {
      fuzz_check(head.status() >= 0 && head.status() <= 999);
      head.for_each_field([&fields](std::string_view name, std::string_view value) {
        fields.emplace_back(name);
        fields.emplace_back(value);
      });
      limits = rate_limits(head, 784'111'777);
      const auto wait_ns = retry_after_ns(head, 784'111'777);
      fuzz_check(!wait_ns || *wait_ns >= 0);
      fields.push_back(std::to_string(wait_ns.value_or(-1)));
      fields.push_back(std::to_string(static_cast<int>(head.framing())));
      fields.push_back(std::to_string(head.content_length() + (head.keep_alive() ? 1 : 0)));
    }
    return std::tuple(state, rest, fields, limits);
  });
  return 0;
}
