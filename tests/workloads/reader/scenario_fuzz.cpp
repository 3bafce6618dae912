// Scenarios, with the words of --set that comments in them say (#--set KEY=VALUE): whatever the
// text, a scenario that reads back equal, or mistakes at lines of the text.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/fuzzing.hpp"
#include "workloads/reader/scenario_reader.hpp"
#include "workloads/writer/scenario_writer.hpp"

namespace {

std::vector<std::string> overrides_in(std::string_view text) {
  constexpr std::string_view kMark = "#--set ";
  std::vector<std::string> words;
  while (!text.empty() && words.size() < 4) {
    const std::string_view line = text.substr(0, text.find('\n'));
    if (line.starts_with(kMark)) words.emplace_back(line.substr(kMark.size()));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  return words;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tokenlift;
  const std::string text(as_text(data, size));
  try {
    const Scenario scenario = parse_scenario(text, "any.toml", "", overrides_in(text));
    fuzz_check(parse_scenario(to_toml(scenario), "back.toml", "", {}) == scenario);
  } catch (const ScenarioError& error) {
    const auto lines = std::count(text.begin(), text.end(), '\n') + 1;
    fuzz_check(!error.mistakes().empty());
    for (const Mistake& mistake : error.mistakes()) {
      fuzz_check(mistake.line >= 0 && mistake.column >= 0 && !mistake.message.empty());
      fuzz_check(mistake.source != "any.toml" || mistake.line <= lines);
      fuzz_check(mistake.source != "back.toml");
    }
  }
  return 0;
}
