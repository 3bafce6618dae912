#pragma once
// A small scenario as text, for tests of what is read of it.

#include <string>
#include <vector>

#include "tests/workloads/reader/mistakes.hpp"
#include "workloads/reader/scenario_reader.hpp"

namespace tokenlift {

// Line numbers in the tests below are of this text.
inline const std::string kText = R"(name = "demo"
[run]
duration = "40s"
warmup = "3s"

[fleet]
capacity = "5000/s"
[[fleet.site]]
name = "commodity"
replicas = 2

[[tenant]]
name = "users"
arrivals = { process = "poisson", load = 0.7 }
prompt_tokens = { distribution = "lognormal", mean = 128, cv = 0.6, max = 1024 }
output_tokens = { distribution = "uniform", min = 16, max = 64 }

[[throttle]]
name = "output limit"
kind = "token_bucket"
unit = "output_tokens"
load = 0.4
burst = "1s"

[[event]]
at = "15s"
lift = "output limit"
)";

inline Scenario parse(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return parse_scenario(text, "demo.toml", "", overrides);
}

inline std::vector<Mistake> mistakes_in(const std::string& text,
                                        const std::vector<std::string>& overrides = {}) {
  return mistakes_of([&] { parse(text, overrides); });
}

}  // namespace tokenlift
