#include "reports/findings/tuning_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "reports/findings/tuning_words.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

constexpr std::size_t kMostNamedSettings = 4;

/// "load of 'output_limit' to 0.83 and max wait of 'output_limit' to 2s": what is not as it was.
/// A lift that is one stroke has no length, though the search gave it one.
bool has_length(const TuningReport& report, const TuningCandidate& candidate) {
  const std::vector<std::string> shape = {"lift", "shape"};
  for (std::size_t i = 0; i < std::min(report.parameters.size(), candidate.values.size()); ++i) {
    if (report.parameters[i].words == shape) return candidate.values[i] != "at_once";
  }
  return true;
}

std::string changed_settings(const TuningReport& report, const TuningCandidate& candidate) {
  std::vector<std::string> words;
  const std::vector<std::string> length = {"lift", "over"};
  const std::size_t count = std::min(report.parameters.size(), candidate.values.size());
  for (std::size_t i = 0; i < count; ++i) {
    if (report.parameters[i].present == candidate.values[i]) continue;
    if (report.parameters[i].words == length && !has_length(report, candidate)) continue;
    words.push_back(parameter_label(report.parameters[i]) + " to " + candidate.values[i]);
  }
  if (words.size() > kMostNamedSettings) {
    const std::size_t others = words.size() - (kMostNamedSettings - 1);
    words.resize(kMostNamedSettings - 1);
    words.push_back(fmt::format("{} others", others));
  }
  return words.empty() ? "all as it is" : listed(words, "and");
}

/// "x1.74, 95 % interval x1.70 to x1.78"; without an interval of how many runs, where it is known.
std::string how_much(const TuningChange& change, const ShownUnit& unit, std::uint64_t runs) {
  const bool points = change.is_difference && unit.name == "%";
  std::string text = change_text(change.change, change.is_difference, unit.scale);
  if (points) text += " points";
  if (!change.change.interval) {
    return text + (runs > 0 ? " in " + runs_figure(runs) : "") + ", no interval";
  }
  return text + ", 95 % interval " + interval_text(change.change, change.is_difference, unit.scale);
}

bool is_shown(const TuningChange& change) {
  return !change.change.interval || !change.change.interval->holds(change.is_difference ? 0 : 1);
}

/// What the aim becomes: "raises goodput.before from 1,375 to 2,390 tokens/s (x1.74, ...)".
std::string effect_text(const TuningReport& report, const TuningCandidate& candidate) {
  const ShownUnit unit = aim_unit(report.aim.path);
  const TuningChange* const change = change_of_aim(report);
  std::optional<double> from = report.candidates[0].figures.objective;
  std::optional<double> to = candidate.figures.objective;
  if (change != nullptr && change->present && change->recommended) {
    from = change->present;
    to = change->recommended;
  }
  if (!to) return "gives no " + report.aim.path;
  if (!from) {
    const TuningFigures& present = report.candidates[0].figures;
    const std::string why = present.failure.empty() ? present.reason : present.failure;
    return fmt::format("gives {} of {}, of which the present setting has none{}", report.aim.path,
                       aim_figure(report.aim, to), why.empty() ? "" : " (" + as_clause(why) + ")");
  }
  const bool shown = change == nullptr || is_shown(*change);
  std::string text =
      fmt::format("{} {} from {} to {}",
                  !shown         ? "changes"
                  : *to >= *from ? "raises"
                                 : "lowers",
                  report.aim.path, figure(*from * unit.scale), aim_figure(report.aim, to));
  if (change == nullptr || !change->change.value) {
    return text + (*from > 0 ? " (" + change_figure(*from, *to) + ")" : "");
  }
  text += " (" + how_much(*change, unit, report.runs_of_changes) + ")";
  if (shown) return text;
  text += ", which is no more than chance may do";
  const auto its =
      std::find_if(report.finalists.begin(), report.finalists.end(),
                   [&](const Finalist& each) { return report.recommended == each.candidate; });
  const bool under_stress = is_only_as_good(report) && its != report.finalists.end() &&
                            its->outcome.find("under stress") != std::string::npos;
  return under_stress ? text + "; of those that are as good it does best under other conditions"
                      : text;
}

/// Which constraint it misses most: "'attainment.before >= 0.9' by 12 %".
std::string worst_missed(const TuningReport& report, const TuningFigures& figures) {
  std::size_t worst = report.constraints.size();
  const std::size_t count = std::min(report.constraints.size(), figures.constraints.size());
  for (std::size_t i = 0; i < count; ++i) {
    if (figures.constraints[i].met) continue;
    if (worst == report.constraints.size() ||
        figures.constraints[i].violation > figures.constraints[worst].violation) {
      worst = i;
    }
  }
  if (worst == report.constraints.size()) return "";
  const double violation = figures.constraints[worst].violation;
  return fmt::format("'{}' {}{}", report.constraints[worst], std::isfinite(violation) ? "by " : "",
                     violation_figure(violation));
}

/// "; on engine threads 5 runs measured 2,310 tokens/s"
std::string verified_text(const TuningReport& report) {
  if (!report.verification) return "";
  const VerifiedArm* const arm = confirming_arm(report);
  if (arm == nullptr) return "; engine threads have not confirmed it";
  return fmt::format("; on engine threads {} measured {}", runs_figure(report.verification->runs),
                     aim_figure(report.aim, arm->measured));
}

std::string recommendation(const TuningReport& report) {
  const TuningCandidate& candidate = report.candidates[*report.recommended];
  const std::string verified = verified_text(report);
  if (*report.recommended == 0) {
    return fmt::format(
               "the present setting is already the best: {} is {}, and none of {} other "
               "settings is worth a change",
               report.aim.path, aim_figure(report.aim, candidate.figures.objective),
               whole_figure(report.candidates.size() - 1)) +
           verified;
  }
  std::string losers;
  for (const std::string& each : report.losers) losers += "; " + each;
  const std::string missed = worst_missed(report, report.candidates[0].figures);
  return "setting " + changed_settings(report, candidate) + " " +
         (missed.empty()
              ? ""
              : "meets all constraints, of which the present setting misses " + missed + ", and ") +
         effect_text(report, candidate) + losers + verified;
}

std::string refusal(const TuningReport& report) {
  std::vector<std::string> reasons;
  if (report.verification) {
    for (const std::string& each : report.verification->refusals) {
      reasons.push_back(as_clause(each));
    }
  }
  std::string text = "nothing is recommended: ";
  if (report.best) {
    text += "the search found that setting " +
            changed_settings(report, report.candidates[*report.best]) + " would do, but ";
  }
  if (reasons.empty()) return text + "that was not confirmed";
  return text + "runs on engine threads do not confirm it: " + listed(reasons, "and");
}

std::string infeasibility(const TuningReport& report) {
  const std::size_t count = report.candidates.size();
  std::string text =
      count == 1 ? "the one setting that was tried does not meet all constraints"
                 : fmt::format("none of {} settings meets all constraints", whole_figure(count));
  if (!report.infeasible) return text;
  const Infeasible& infeasible = *report.infeasible;
  const TuningFigures& figures = report.candidates[infeasible.candidate].figures;
  if (!figures.failure.empty()) return text + ": " + as_clause(figures.failure);
  if (infeasible.constraint < figures.constraints.size() &&
      infeasible.constraint < report.constraints.size()) {
    const ConstraintResult& constraint = figures.constraints[infeasible.constraint];
    const std::string nearest =
        infeasible.candidate == 0
            ? "the present one"
            : changed_settings(report, report.candidates[infeasible.candidate]);
    text += fmt::format(": the one that comes nearest ({}) misses '{}' ", nearest,
                        report.constraints[infeasible.constraint]);
    text += std::isfinite(constraint.violation) ? "by " : "";
    text += violation_figure(constraint.violation);
    if (constraint.value) text += " (it is " + figure(*constraint.value) + ")";
  }
  const auto told = [](const Remedy& remedy) {
    return remedy_words(remedy) + (remedy.value && !remedy.meets
                                       ? fmt::format(", where it is {}", figure(*remedy.value))
                                       : "");
  };
  std::vector<std::string> enough, not_enough;
  for (const Remedy& each : infeasible.remedies) {
    (each.meets ? enough : not_enough).push_back(told(each));
  }
  // What just meets a constraint here may miss it with other seeds.
  constexpr const char* kSimulated = "; simulated with it, with the seeds of the search, ";
  if (!enough.empty()) text += kSimulated + ("all are met with " + listed(enough, "or with"));
  if (!not_enough.empty()) {
    text += (enough.empty() ? kSimulated + std::string("they are not met with ")
                            : std::string(", but not with ")) +
            listed(not_enough, "or with");
  }
  if (!infeasible.remedies.empty() || infeasible.reason.empty()) return text;
  return text + "; what would help is not known: " + as_clause(infeasible.reason);
}

std::string tuning_decision(const TuningReport& report) {
  if (report.interrupted) return "The search did not end: more may be found before it is decided.";
  if (!report.recommended) {
    return report.best || report.verification
               ? "Keep the present setting: what was found did not hold where it was measured."
               : "No setting alone will do: more has to be given, or less asked for.";
  }
  if (*report.recommended == 0) return "Keep the present setting.";
  std::string text = confirming_arm(report) != nullptr
                         ? "It was measured, too: under this load the setting can be taken"
                         : "It was only simulated: under this load the setting is worth a "
                           "measurement (--verify), and then a trial";
  if (!report.losers.empty()) {
    text += fmt::format(
        ", by whoever accepts that {} lose{}",
        report.losers.size() == 1 ? "one tenant" : whole_figure(report.losers.size()) + " tenants",
        report.losers.size() == 1 ? "s" : "");
  }
  return text + ".";
}

}  // namespace

bool TuningFigures::feasible() const {
  return objective && std::all_of(constraints.begin(), constraints.end(),
                                  [](const ConstraintResult& each) { return each.met; });
}

double TuningFigures::violation() const {
  if (!objective) return INFINITY;
  double sum = 0;
  for (const ConstraintResult& constraint : constraints) sum += constraint.violation;
  return sum;
}

std::vector<std::string> tuning_answer(const TuningReport& report) {
  if (report.candidates.size() < 2) return {};
  return {
      fmt::format("{} settings of {} parameter{} were tried in {} simulated requests, for the {} "
                  "{}{}.",
                  whole_figure(report.candidates.size()), whole_figure(report.parameters.size()),
                  report.parameters.size() == 1 ? "" : "s", whole_figure(report.requests),
                  report.aim.maximize ? "most" : "least", report.aim.path,
                  report.constraints.empty() ? "" : " with " + listed(report.constraints, "and")),
      tuning_verdict(report), tuning_decision(report)};
}

std::string tuning_verdict(const TuningReport& report) {
  const bool nothing_else = report.candidates.size() == 1 && !report.best && !report.infeasible;
  if (report.candidates.empty() || nothing_else) {
    if (report.interrupted) return "The search was stopped before anything was tried.";
    if (report.parameters.empty()) return "There is nothing to tune: no parameter is searched.";
    return "Nothing was tried.";
  }
  const bool refused =
      report.best || (report.verification && !report.verification->refusals.empty());
  std::string text = report.recommended ? recommendation(report)
                     : refused          ? refusal(report)
                                        : infeasibility(report);
  if (report.interrupted) {
    return fmt::format("The search was stopped before its end; {}: {}.",
                       report.recommended ? "the best so far" : "so far", text);
  }
  text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text + ".";
}

}  // namespace tokenlift
