// Suites of built-in scenarios: cases whose names differ, or mistakes.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "tests/fuzzing.hpp"
#include "workloads/scenario/suite.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tokenlift;
  const auto figure_mistake = [](const std::string& path, std::optional<double>) {
    return std::string(path.find('.') == std::string::npos ? "no figure" : "");
  };
  try {
    const Suite suite = parse_suite(as_text(data, size), "any.toml", "", {}, {}, figure_mistake);
    std::set<std::string> names;
    for (const SuiteCase& made : suite.cases) {
      fuzz_check(!made.name.empty() && made.repetitions >= 1 && names.insert(made.name).second);
    }
    fuzz_check(!names.empty() && names.size() <= kMostCases);
  } catch (const ScenarioError& error) {
    fuzz_check(!error.mistakes().empty());
  }
  return 0;
}
