#include "reports/json/comparable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>
#include <system_error>

#include "reports/json/json_run.hpp"
#include "reports/json/json_value.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

/// Words that change nothing; and the engine, which has its own sentence.
bool may_differ(std::string_view path) {
  if (path == "/name" || path == "/description" || path == "/run/engine") return true;
  return path.starts_with("/profile/") &&
         (path.ends_with("/description") || path.ends_with("/source"));
}

/// What the fleet is made of, or what it costs: it changes what is measured, not what is asked.
bool is_profile(std::string_view path) {
  return path.starts_with("/profile/") ||
         (path.starts_with("/fleet/site/") && path.ends_with("/profile"));
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

std::optional<double> number_of(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// What a trace is, where both runs say it, goes before where its file lies.
bool is_known_trace(std::string_view path, const Run& base, const Run& contender) {
  constexpr std::string_view kTenants = "/tenant/";
  if (!path.starts_with(kTenants) || !path.ends_with("/arrivals/file")) return false;
  std::size_t tenant = 0;
  const char* const begin = path.data() + kTenants.size();
  const auto [end, error] = std::from_chars(begin, path.data() + path.size(), tenant);
  return error == std::errc() && end - begin > 0 && tenant < base.tenants.size() &&
         tenant < contender.tenants.size() && base.tenants[tenant].trace &&
         contender.tenants[tenant].trace;
}

std::string words_of(const TraceRecord& trace) {
  return fmt::format("{} with {} rows", trace.digest,
                     trace.rows_used + trace.rows_skipped + trace.rows_failed);
}

void compare_traces(const Run& base, const Run& contender, std::vector<std::string>& forbidding) {
  for (std::size_t i = 0; i < std::min(base.tenants.size(), contender.tenants.size()); ++i) {
    const std::optional<TraceRecord>& one = base.tenants[i].trace;
    const std::optional<TraceRecord>& other = contender.tenants[i].trace;
    if (!one || !other) continue;
    add(forbidding, fmt::format("trace of tenant '{}'", base.tenants[i].name), words_of(*one),
        words_of(*other));
  }
}

/// A load became a rate by the capacity, and that differs so much.
bool follows_capacity(const ScenarioDifference& difference, const Run& base, const Run& contender) {
  const std::optional<double> one = number_of(difference.one);
  const std::optional<double> other = number_of(difference.other);
  if (!one || !other || *one == 0) return false;
  constexpr double kWritten = 1e-9;  // rates are written with as many digits
  const double ratio = *contender.capacity_tokens_per_s / *base.capacity_tokens_per_s;
  return std::abs(*other / *one / ratio - 1) < kWritten;
}

/// It was computed from the profile: where loads are no shares of it, nothing else follows.
bool is_computed_capacity(std::string_view path, const Run& base, const Run& contender) {
  return path == "/fleet/capacity" && base.capacity_source == "computed" &&
         contender.capacity_source == "computed";
}

/// Where each side has measured its own capacity no two are the same.
bool measured_anew(const Run& base, const Run& contender) {
  return base.capacity_source == "measured" && contender.capacity_source == "measured" &&
         base.capacity_tokens_per_s && contender.capacity_tokens_per_s &&
         base.capacity_tokens_per_s != contender.capacity_tokens_per_s;
}

}  // namespace

Differences what_differs(const Run& base, const Run& contender) {
  Differences differences;
  add(differences.forbidding, "engine", base.engine, contender.engine);
  const bool anew = measured_anew(base, contender);
  bool followed = false;
  for (const ScenarioDifference& one : scenario_differences(base, contender)) {
    if (may_differ(one.path) || is_known_trace(one.path, base, contender)) continue;
    if (anew && follows_capacity(one, base, contender)) {
      followed = true;
    } else if (is_profile(one.path) || is_computed_capacity(one.path, base, contender)) {
      differences.noted.push_back(sentence("scenario " + one.path, one.one, one.other));
    } else {
      differences.forbidding.push_back(sentence("scenario " + one.path, one.one, one.other));
    }
  }
  compare_traces(base, contender, differences.forbidding);
  if (followed) {
    differences.noted.push_back(
        fmt::format("capacity, measured anew, and the loads that are shares of it: {} -> {} "
                    "tokens/s (the same --set fleet.capacity=... offers the same to both)",
                    figure(*base.capacity_tokens_per_s), figure(*contender.capacity_tokens_per_s)));
  }

  const Environment& one = base.environment;
  const Environment& other = contender.environment;
  add(differences.noted, "tokenlift", one.tokenlift_version, other.tokenlift_version);
  add(differences.noted, "precision of the decoder", one.decoder_precision,
      other.decoder_precision);
  if (is_simulated(base) && is_simulated(contender)) return differences;
  add(differences.noted, "CPU", one.cpu, other.cpu);
  add(differences.noted, "cores", fmt::format("{}", one.cores), fmt::format("{}", other.cores));
  add(differences.noted, "system", one.os, other.os);
  add(differences.noted, "compiler", one.compiler, other.compiler);
  add(differences.noted, "build", one.build_type, other.build_type);
  return differences;
}

namespace {

/// The element of an array of tables that has this name, or stands at this place.
Json* element_of(Json& array, const std::string& name) {
  for (Json& element : array) {
    if (element.is_object() && element.contains("name") && element["name"] == name) {
      return &element;
    }
  }
  const std::optional<double> place = number_of(name);
  const bool is_place = place && *place >= 0 && *place < static_cast<double>(array.size());
  return is_place ? &array[static_cast<std::size_t>(*place)] : nullptr;
}

/// The scenario without what stands at the key.
void erase_key(Json& scenario, const std::vector<std::string>& names) {
  Json* at = &scenario;
  for (std::size_t i = 0; i + 1 < names.size(); ++i) {
    if (at->is_array()) {
      at = element_of(*at, names[i]);
    } else {
      at = at->is_object() && at->contains(names[i]) ? &(*at)[names[i]] : nullptr;
    }
    if (at == nullptr) return;
  }
  if (at->is_object()) at->erase(names.back());
}

Run scenario_run(const SweepReport& report, const std::vector<std::vector<std::string>>& keys) {
  Run run;
  run.engine = report.engine;
  run.environment.tokenlift_version = report.tokenlift_version;
  Json scenario = Json::parse(report.scenario_json, nullptr, false);
  if (!scenario.is_object()) scenario = Json::object();
  for (const std::vector<std::string>& names : keys) erase_key(scenario, names);
  run.scenario_json = scenario.dump();
  return run;
}

}  // namespace

Differences what_differs(const SweepReport& base, const SweepReport& contender,
                         const std::vector<std::vector<std::string>>& keys) {
  return what_differs(scenario_run(base, keys), scenario_run(contender, keys));
}

}  // namespace tokenlift
