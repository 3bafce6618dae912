// Files of prompts: what is taken is no empty text, and stands in JSON as it was.

#include <simdjson.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bench/wire/prompt.hpp"
#include "tests/fuzzing.hpp"
#include "workloads/text/mistake.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tokenlift;
  const std::string& file = file_with(as_text(data, size));
  std::vector<std::string> read;
  try {
    read = read_prompts(file);
  } catch (const ScenarioError& error) {
    fuzz_check(!error.mistakes().empty() && !error.mistakes().front().message.empty());
    return 0;
  }
  fuzz_check(!read.empty());
  Prompts prompts;
  prompts.kind = PromptKind::file;
  prompts.file = file;
  const PromptSource source(prompts, 1, 0);
  simdjson::dom::parser parser;
  std::vector<std::string> asked;  // in turn, from some line on
  for (std::size_t i = 0; i < read.size(); ++i) {
    std::string json = "\"";
    source.append_text(i, 5, json);
    json += '"';
    std::string_view back;
    fuzz_check(parser.parse(json).get(back) == simdjson::SUCCESS && !back.empty());
    asked.emplace_back(back);
  }
  std::ranges::sort(read);
  std::ranges::sort(asked);
  fuzz_check(read == asked);
  return 0;
}
