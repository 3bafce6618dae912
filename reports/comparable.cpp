#include "reports/comparable.hpp"

#include <fmt/format.h>

#include <string_view>

#include "reports/figure.hpp"
#include "reports/json_run.hpp"

namespace tokenlift {
namespace {

/// Words that change nothing; and the engine, which has its own sentence.
bool is_aside(std::string_view path) {
  if (path == "/name" || path == "/description" || path == "/run/engine") return true;
  return path.starts_with("/profile/") &&
         (path.ends_with("/description") || path.ends_with("/source"));
}

std::string or_nothing(const std::string& value) {
  return value.empty() ? "nothing" : value;
}

std::string sentence(std::string_view what, const std::string& base, const std::string& contender) {
  return fmt::format("{}: {} -> {}", what, or_nothing(base), or_nothing(contender));
}

void add(std::vector<std::string>& sentences, std::string_view what, const std::string& base,
         const std::string& contender) {
  if (base != contender) sentences.push_back(sentence(what, base, contender));
}

/// Loads become rates by the capacity: where each side has measured its own, no two are the same.
bool measured_anew(const Run& base, const Run& contender) {
  return base.capacity_source == "measured" && contender.capacity_source == "measured" &&
         base.capacity_tokens_per_s != contender.capacity_tokens_per_s;
}

}  // namespace

Differences what_differs(const Run& base, const Run& contender) {
  Differences differences;
  add(differences.forbidding, "engine", base.engine, contender.engine);
  bool other_scenario = false;
  for (const ScenarioDifference& one : scenario_differences(base, contender)) {
    if (is_aside(one.path)) continue;
    other_scenario = true;
    differences.forbidding.push_back(sentence("scenario " + one.path, one.one, one.other));
  }
  if (other_scenario && measured_anew(base, contender)) {
    differences.forbidding.push_back(
        fmt::format("the capacity, by which loads become rates, was measured anew, {} -> {} "
                    "tokens/s: run both with the same --set fleet.capacity",
                    figure(base.capacity_tokens_per_s.value_or(0)),
                    figure(contender.capacity_tokens_per_s.value_or(0))));
  }

  const Environment& one = base.environment;
  const Environment& other = contender.environment;
  add(differences.told, "tokenlift", one.tokenlift_version, other.tokenlift_version);
  add(differences.told, "precision of the decoder", one.decoder_precision, other.decoder_precision);
  if (base.engine == "virtual" && contender.engine == "virtual") return differences;
  add(differences.told, "CPU", one.cpu, other.cpu);
  add(differences.told, "cores", fmt::format("{}", one.cores), fmt::format("{}", other.cores));
  add(differences.told, "system", one.os, other.os);
  add(differences.told, "compiler", one.compiler, other.compiler);
  add(differences.told, "build", one.build_type, other.build_type);
  return differences;
}

}  // namespace tokenlift
