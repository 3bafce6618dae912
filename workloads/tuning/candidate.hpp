#pragma once
// A candidate of a search: a point of the unit cube, and the words for --set that it stands for.

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// The value at `position` (0 .. 1) of the parameter's range, as --set takes it: of four
/// significant digits, "0.8123", "1.25s", "30/s", "12", "reject"; where the present value lies,
/// that one as it is written. What it says is what is run.
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

}  // namespace tokenlift
