// What is searched: [tune] and [sweep], behind a scenario that is right.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "tests/fuzzing.hpp"
#include "workloads/reader/scenario_reader.hpp"
#include "workloads/writer/scenario_writer.hpp"

namespace {

const std::string kScenario = R"(name = "demo"
run = { engine = "virtual", duration = "40s", warmup = "3s" }
[fleet]
capacity = "5000/s"
site = [ { name = "here", profile = "h100-8b" } ]
[[tenant]]
name = "users"
arrivals = { process = "poisson", rate = "5/s" }
prompt_tokens = { distribution = "constant", value = 100 }
output_tokens = { distribution = "uniform", min = 16, max = 64 }
[[throttle]]
name = "limit"
kind = "token_bucket"
unit = "output_tokens"
rate = "300/s"
burst = 1000
[[event]]
at = "15s"
lift = "limit"
)";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tokenlift;
  const auto figure_mistake = [](const std::string& path, std::optional<double>) {
    return std::string(path.find('.') == std::string::npos ? "no figure" : "");
  };
  try {
    const Scenario scenario = parse_scenario(kScenario + std::string(as_text(data, size)),
                                             "any.toml", "", {}, {}, figure_mistake);
    fuzz_check(parse_scenario(to_toml(scenario), "back.toml", "", {}, {}, figure_mistake) ==
               scenario);
  } catch (const ScenarioError& error) {
    fuzz_check(!error.mistakes().empty() && error.mistakes().front().source != "back.toml");
  }
  return 0;
}
