#pragma once
// What a search for better settings speaks of, in words: parameters, figures, candidates.

#include <cstddef>
#include <optional>
#include <string>

#include "reports/findings/gains_table.hpp"
#include "reports/findings/tuning_report.hpp"

namespace tokenlift {

/// What a parameter sets and whose that is: {"max wait", "output_limit"} of
/// throttle.output_limit.max_wait.
struct ParameterName {
  std::string what;
  std::string whose;  ///< "the lift" of lift.shape; empty where the key is all there is to say
};
ParameterName parameter_name(const TunedParameter& parameter);

/// "load of 'output_limit'", "shape of the lift", or the key.
std::string parameter_label(const TunedParameter& parameter);

/// How the figure of that path is shown: a share in percent, all else in the unit that it has.
ShownUnit aim_unit(const std::string& path);
/// "1,375 tokens/s", scaled; a dash where it is absent.
std::string aim_figure(const TuningAim& aim, const std::optional<double>& value);

/// The change of the figure that the search was for; nullptr where the report has none.
const TuningChange* change_of_aim(const TuningReport& report);

/// Something else than the present setting is recommended that is no better by what was searched
/// for than chance may do, and the present one misses no constraint.
bool is_only_as_good(const TuningReport& report);

/// What is recommended or, where that was refused, what the search found.
std::optional<std::size_t> found_candidate(const TuningReport& report);

/// What engine threads measured of the recommended setting; nullptr where they did not, or where
/// verification refused it or is no measurement.
const VerifiedArm* confirming_arm(const TuningReport& report);

/// "present", "recommended" (refused: "best found"), else by its place: "#17".
std::string candidate_label(const TuningReport& report, std::size_t candidate);

/// Whether it misses any that it was judged by.
bool misses_constraints(const TuningFigures& figures);

/// "2.1 times the fleet (17 replicas)", "2 times what 'user_limit' lets through"
std::string remedy_words(const Remedy& remedy);

/// "12 %", of a bound that is missed; "by an unknown amount" where nothing was measured.
std::string violation_figure(double violation);

/// A sentence to go on after: without its full stop.
std::string without_stop(std::string sentence);
/// The same inside another sentence: it begins small.
std::string as_clause(std::string sentence);

}  // namespace tokenlift
