// JSON of events, replies and errors. One reader serves all inputs, as it serves all streams.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "bench/wire/delta.hpp"
#include "tests/bench/wire/fuzz.hpp"
#include "workloads/text/utf8.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tokenlift;
  static DeltaReader openai(Api::openai_chat);
  static DeltaReader anthropic(Api::anthropic_messages);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (DeltaReader* reader : {&openai, &anthropic}) {
    std::string kept;
    for (const auto& delta :
         {reader->event("", text, &kept), reader->event("error", text), reader->reply(text)}) {
      if (!delta) continue;
      fuzz_check(delta->has_text || !delta->has_output);
      fuzz_check(!delta->error || delta->error->size() <= 200);
      fuzz_check(!delta->usage || delta->usage->output_tokens >= -1);
    }
    // What is read in one pass says what the general reader says, to whom a tab at the end leaves
    // it.
    std::string general;
    std::string usual;
    const auto by_general = reader->event("", std::string(text) + '\t', &general);
    const auto by_usual = reader->event("", text, &usual);
    fuzz_check(by_general.has_value() == by_usual.has_value() && general == usual);
    if (by_usual) {
      fuzz_check(by_general->has_text == by_usual->has_text);
      fuzz_check(by_general->has_output == by_usual->has_output);
      fuzz_check(by_general->error.has_value() == by_usual->error.has_value());
      fuzz_check(by_general->usage.has_value() == by_usual->usage.has_value());
    }
    // It is sent back within a JSON string.
    fuzz_check(find_not_utf8(kept) == std::string_view::npos);
    fuzz_check(std::ranges::none_of(kept, [](unsigned char c) { return c < 0x20; }));
    const std::string words = reader->error_text(text);
    fuzz_check(words.size() <= 200 && find_not_utf8(words) == std::string_view::npos);
  }
  return 0;
}
