#pragma once
// What a search for better settings may change, and what it is to achieve: [tune] of a scenario.
// Where the scenario leaves things out, they follow from first principles (tuning/defaults).
//
// A candidate is a point of the unit cube, a coordinate for each parameter; it stands for words as
// given to --set, so that whatever was tried can be run by hand.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "workloads/scenario/objective.hpp"

namespace tokenlift {

struct Scenario;

/// How the values of a parameter lie between its ends.
enum class ParameterScale {
  linear,
  log,          ///< equal ratios; both ends above 0
  integer,      ///< whole numbers
  log_integer,  ///< whole numbers, about equal ratios; both ends 1 or more
  choice,       ///< one of some words
};
/// What its values are.
enum class ParameterForm { number, duration, rate, word };

struct Parameter {
  std::string key;  ///< as for --set, or one of kLiftKeys
  ParameterScale scale = ParameterScale::linear;
  ParameterForm form = ParameterForm::number;
  double min = 0;                    ///< durations in ns, rates per s
  double max = 0;                    ///< more than min
  std::vector<std::string> choices;  ///< as --set takes them; two at least, all different
  std::string reason;                ///< why this range; empty where the scenario says it
  bool operator==(const Parameter&) const = default;
};
inline constexpr std::size_t kMostParameters = 16;
inline constexpr std::size_t kMostChoices = 64;

struct Aim {
  std::string path;  ///< of a figure: "goodput_tokens_per_s.before"
  bool maximize = true;
  bool operator==(const Aim&) const = default;
};

struct Tuning {
  bool lift = false;  ///< searched is how the measured event happens, not the throttle before it
  std::vector<Parameter> parameters;  ///< empty: those of first principles
  std::optional<Aim> objective;
  std::vector<Objective> constraints;
  std::optional<std::int64_t> budget_requests;  ///< simulated ones, of all runs together
  bool operator==(const Tuning&) const = default;
};

/// How a lift happens: "at_once", "linear", or in equal steps, "2_steps", "4_steps", "8_steps"; how
/// long that takes; what becomes of the throttle's state. They are no keys of the language, but
/// settings() knows what they stand for.
inline constexpr const char* kLiftShape = "lift.shape";
inline constexpr const char* kLiftLength = "lift.over";
inline constexpr const char* kLiftInherit = "lift.inherit";

/// The value at `position` (0 .. 1) of the parameter's range, as --set takes it: of four
/// significant digits, "0.8123", "1.25s", "30/s", "12", "reject". What it says is what is run.
std::string value_at(const Parameter& parameter, double position);

/// Where a value (as --set takes it) lies, 0 .. 1; nothing where it is outside of the range, or
/// none of the choices.
std::optional<double> position_of(const Parameter& parameter, const std::string& value);

/// The words for --set that make the scenario (as parsed, its rates not yet resolved) the candidate
/// at `point`, a position for each parameter. Words that say `when_full` come last of those for a
/// key: a throttle that rejects has no `max_wait`.
///
/// With lift parameters the measured event is replaced, and where more is to be done at its end an
/// event is appended. Its transition then ends when that of the slowest possible lift does, so that
/// all candidates are judged over the same time: run.settle after it, or with the run. Give the
/// scenario the `settle` of the resolved one: without any it is with the run. The limit of a lift
/// that takes time goes to the whole capacity, so that it may need one where the scenario does not.
std::vector<std::string> settings(const Scenario& scenario,
                                  const std::vector<Parameter>& parameters,
                                  std::span<const double> point);

/// What the scenario itself has there, as --set takes it; nothing where it does not say.
std::optional<std::string> present_value(const Scenario& scenario, const Parameter& parameter);

/// The tuning with everything that it leaves out: parameters (empty only where there is nothing to
/// tune; of more than kMostParameters the first ones, the measured event's throttle before all
/// others), the objective and, of a lift without one, a constraint. `resolved` is the scenario with
/// absolute rates; its form (load or rate) is that of `scenario`, which has the same keys.
Tuning complete_tuning(const Tuning& tuning, const Scenario& scenario, const Scenario& resolved);

/// The phase that is judged: in which the throttle is as written ("before", or "steady" where no
/// event divides the run); of a lift its "transition".
std::string judged_phase(const Tuning& tuning, const Scenario& scenario);

}  // namespace tokenlift
