// Bodies of requests, and events. One reader serves all inputs, as it serves all clients.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>

#include "bench/serve/api_request.hpp"
#include "tests/bench/wire/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tokenlift;
  static ApiReader reader;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const Dialect dialect :
       {Dialect::openai_chat, Dialect::openai_completions, Dialect::anthropic}) {
    const auto read = reader.read(dialect, text);
    if (const auto* request = std::get_if<ApiRequest>(&read)) {
      fuzz_check(request->prompt_tokens >= 1 && request->max_tokens.value_or(1) >= 1);
      fuzz_check(!request->model.empty());
    } else {
      fuzz_check(!std::get<ApiMistake>(read).text.empty());
    }
  }
  const auto table = reader.event_table(text);
  if (const auto* said = std::get_if<std::string>(&table)) fuzz_check(said->starts_with("{ "));
  return 0;
}
