#include "reports/findings/tuning_words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <utility>

#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

std::string spaced(std::string_view words) {
  std::string out(words);
  std::replace(out.begin(), out.end(), '_', ' ');
  return out;
}

/// A figure's name among TuningReport::changes, by how its path begins.
std::string_view change_name(std::string_view path) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kNames = {
      {{"goodput.", "goodput"},
       {"goodput_tokens_per_s.", "goodput"},
       {"throughput.", "throughput"},
       {"throughput_tokens_per_s.", "throughput"},
       {"attainment.", "attainment"},
       {"unserved.", "unserved"},
       {"ttft.p50_ms.", "TTFT p50"},
       {"ttft.p99_ms.", "TTFT p99"}}};
  for (const auto& [beginning, name] : kNames) {
    // A gain compares phases, and is no figure of one.
    if (path.starts_with(beginning) && !path.substr(beginning.size()).starts_with("gain")) {
      return name;
    }
  }
  return {};
}

}  // namespace

ParameterName parameter_name(const TunedParameter& parameter) {
  const std::vector<std::string>& words = parameter.words;
  if (words.size() == 3 && words[0] == "throttle") return {spaced(words[2]), words[1]};
  if (words.size() == 2 && words[0] == "lift") {
    const std::string shown = words[1] == "over"      ? "length"
                              : words[1] == "inherit" ? "inheritance"
                                                      : spaced(words[1]);
    return {shown, "the lift"};
  }
  return {parameter.key, ""};
}

std::string parameter_label(const TunedParameter& parameter) {
  const auto [what, whose] = parameter_name(parameter);
  if (whose.empty()) return what;
  if (parameter.words.front() == "lift") return what + " of " + whose;
  return fmt::format("{} of '{}'", what, whose);
}

ShownUnit aim_unit(const std::string& path) {
  const auto has = [&](std::string_view part) { return path.find(part) != std::string::npos; };
  if (has(".gain")) return {"", 1};
  if (has("requests_per_s")) return {"requests/s", 1};
  if (has("goodput") || has("throughput") || has("tokens_per_s")) return {"tokens/s", 1};
  if (has("_ms")) return {"ms", 1};
  if (has("attainment") || has("unserved") || has("share") || has("utilisation") || has("_fill") ||
      has("kv_used") || has("headroom") || has("prefix_hits"))
    return {"%", 100};
  if (has("_s.") || path.ends_with("_s")) return {"s", 1};
  return {"", 1};
}

std::string aim_figure(const TuningAim& aim, const std::optional<double>& value) {
  if (!value) return kAbsent;
  const ShownUnit unit = aim_unit(aim.path);
  return figure(*value * unit.scale) + (unit.name.empty() ? "" : " " + unit.name);
}

const TuningChange* change_of_aim(const TuningReport& report) {
  const auto found = std::find_if(
      report.changes.begin(), report.changes.end(),
      [&](const TuningChange& change) { return change.name == change_name(report.aim.path); });
  return found == report.changes.end() ? nullptr : &*found;
}

bool is_only_as_good(const TuningReport& report) {
  if (!report.recommended || *report.recommended == 0) return false;
  if (!report.candidates[0].figures.feasible()) return false;
  const TuningChange* const change = change_of_aim(report);
  return change != nullptr && change->change.interval &&
         change->change.interval->holds(change->is_difference ? 0 : 1);
}

std::optional<std::size_t> found_candidate(const TuningReport& report) {
  return report.recommended ? report.recommended : report.best;
}

const VerifiedArm* confirming_arm(const TuningReport& report) {
  if (!report.recommended || !report.verification) return nullptr;
  const Verification& verification = *report.verification;
  if (!verification.valid || !verification.refusals.empty()) return nullptr;
  const auto found = std::find_if(
      verification.arms.begin(), verification.arms.end(),
      [&](const VerifiedArm& arm) { return arm.candidate == report.recommended && arm.measured; });
  return found == verification.arms.end() ? nullptr : &*found;
}

std::string candidate_label(const TuningReport& report, std::size_t candidate) {
  if (candidate == 0) return "present";
  if (report.recommended == candidate) return "recommended";
  if (found_candidate(report) == candidate) return "best found";
  return fmt::format("#{}", candidate);
}

bool misses_constraints(const TuningFigures& figures) {
  return std::any_of(figures.constraints.begin(), figures.constraints.end(),
                     [](const ConstraintResult& constraint) { return !constraint.met; });
}

std::string violation_figure(double violation) {
  if (!std::isfinite(violation)) return "by an unknown amount";
  return limit_figure(violation * 100) + " %";
}

std::string remedy_words(const Remedy& remedy) {
  std::vector<std::string> words;
  if (remedy.fleet != 1) {
    words.push_back(fmt::format("{} times the fleet ({} replicas)", limit_figure(remedy.fleet),
                                whole_figure(static_cast<std::uint64_t>(remedy.replicas))));
  }
  if (remedy.limits != 1) {
    const std::string whose =
        remedy.throttle.empty() ? "all throttles let" : "'" + remedy.throttle + "' lets";
    words.push_back(fmt::format("{} times what {} through", limit_figure(remedy.limits), whose));
  }
  return listed(words, "and");
}

std::string as_clause(std::string sentence) {
  sentence = without_stop(std::move(sentence));
  const auto within = [&](std::size_t i, char low, char high) {
    return i < sentence.size() && low <= sentence[i] && sentence[i] <= high;
  };
  // "TTFT" stays as it is.
  if (within(0, 'A', 'Z') && within(1, 'a', 'z')) {
    sentence[0] = static_cast<char>(sentence[0] - 'A' + 'a');
  }
  return sentence;
}

std::string without_stop(std::string sentence) {
  while (!sentence.empty() && (sentence.back() == '.' || sentence.back() == ' ')) {
    sentence.pop_back();
  }
  return sentence;
}

}  // namespace tokenlift
