// Whole responses, from the status line to what their stream or body says.

#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>

#include "bench/wire/answer.hpp"
#include "tests/bench/wire/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tokenlift;
  static DeltaReader reader(Api::openai_chat);
  fuzz_splits(data, size, [](const Pieces& pieces) {
    Answer answer;
    read_pieces(pieces, [&answer](std::string_view bytes) {
      if (!answer.is_whole()) answer.read(bytes, 5, 784'111'777, reader);
    });
    if (!answer.is_whole()) answer.close(true, "", 5, reader);
    fuzz_check(answer.outcome() != Answer::Outcome::open);
    const Reply& reply = answer.reply();
    fuzz_check(answer.outcome() != Answer::Outcome::completed ||
               (answer.first_token_ns() == 5 && answer.last_token_ns() == 5));
    return std::tuple(answer.outcome(), std::string(reply.failure), answer.example(), reply.status,
                      reply.deltas, reply.output_tokens, reply.prompt_tokens, reply.cached_tokens,
                      reply.retry_at_ns, reply.should_retry, reply.first_output_ns);
  });
  return 0;
}
