#pragma once
// A small scenario as text, for tests of what can be searched of it.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "workloads/reader/scenario_reader.hpp"
#include "workloads/scenario/tuning.hpp"

namespace tokenlift {

// Line numbers in the tests below are of this text; [tune] begins in line 36.
inline const std::string kTunedText = R"(name = "demo"
[run]
engine = "virtual"
duration = "40s"
warmup = "3s"
settle = "8s"

[[fleet.site]]
name = "commodity"
replicas = 2
max_batch = 16

[[tenant]]
name = "users"
arrivals = { process = "poisson", load = 0.7 }
prompt_tokens = { distribution = "constant", value = 128 }
output_tokens = { distribution = "constant", value = 64 }
slo = { ttft = "2s" }

[[throttle]]
name = "output limit"
kind = "token_bucket"
unit = "output_tokens"
load = 0.4
burst = "1s"
max_wait = "2s"

[[event]]
at = "25s"
set = { throttle = "output limit", load = 0.9 }

[[event]]
at = "15s"
lift = "output limit"

)";

inline std::string figure_mistake(const std::string& path, std::optional<double> bound) {
  const bool known =
      path == "goodput_tokens_per_s.before" || path == "goodput_tokens_per_s.transition" ||
      path == "ttft.p99_ms.before" || path == "ttft.p99_ms.transition" || path == "lift.length_s" ||
      path == "tenants.usres.attainment.before" || path == "throttles.limit.binding.before";
  if (!known) return "there is no figure \"" + path + "\"";
  return bound && *bound < 0 ? "no figure is negative" : "";
}

inline Scenario parse_tuned(const std::string& text, const std::vector<std::string>& words = {}) {
  return parse_scenario(text, "demo.toml", "", words, {}, figure_mistake);
}

inline Tuning tuning_of(const std::string& tune) {
  return parse_tuned(kTunedText + tune).tuning.value();
}

inline Parameter choice(const std::string& key, std::vector<std::string> choices) {
  return {key, ParameterScale::choice, ParameterForm::word, 0, 0, std::move(choices), ""};
}

}  // namespace tokenlift
