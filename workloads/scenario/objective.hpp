#pragma once
// What a case of a suite promises: one figure of its report against a bound.

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "workloads/text/quantity.hpp"

namespace tokenlift {

enum class Relation { at_most, below, at_least, above, equal, unequal };

struct Objective {
  std::string text;  ///< as written: "ttft.p99_ms.after <= 500"
  std::string path;  ///< of the figure: "ttft.p99_ms.after"; whether there is one is not known here
  Relation relation = Relation::at_most;
  double bound = 0;  ///< finite
  bool operator==(const Objective&) const = default;
};

/// Objectives, constraints or figures that one key lists.
inline constexpr std::size_t kMostFigures = 100;

/// "PATH RELATION NUMBER": a relation is one of <=, <, >=, >, == and !=; spaces around it are free.
Quantity<Objective> parse_objective(std::string_view text);

/// What is wrong with the path of a figure, or with that bound to it; empty: nothing. The readers
/// know no figures. May be empty itself: then nothing is checked.
using FigureMistake =
    std::function<std::string(const std::string& path, std::optional<double> bound)>;

/// Whether the figure is as the objective wants it; never if it is not a number.
bool is_met(const Objective& objective, double figure);

}  // namespace tokenlift
