#pragma once
// What a search for better settings may change, and what it is to achieve: [tune] of a scenario.
// Where the scenario leaves things out, they follow from first principles (tuning/defaults).
//
// A candidate is a point of the unit cube, a coordinate for each parameter; it stands for words as
// given to --set, so that whatever was tried can be run by hand.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "workloads/scenario/objective.hpp"

namespace tokenlift {

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
  /// The value that the scenario has, as it is written there; a search fills it in.
  std::optional<std::string> present = {};
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
/// settings() (tuning/candidate.hpp) knows what they stand for.
inline constexpr const char* kLiftShape = "lift.shape";
inline constexpr const char* kLiftLength = "lift.over";
inline constexpr const char* kLiftInherit = "lift.inherit";

}  // namespace tokenlift
