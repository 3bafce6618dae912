#pragma once
// What changed, and how sure that is, as tables: after against before, with the lift against
// without it.

#include <optional>
#include <string>
#include <vector>

#include "reports/analysis/gain.hpp"
#include "reports/text/table.hpp"

namespace tokenlift {

/// A figure's name (Gain::name) as people read it: "ttft p99" is "TTFT p99".
std::string gain_label(const std::string& name);

/// How a figure is shown: in percent, and in the unit of time that suits it and what stands beside.
struct ShownUnit {
  std::string name;
  double scale = 1;  ///< of a value in the figure's own unit
};
ShownUnit shown_unit(const std::string& unit, const std::optional<double>& one,
                     const std::optional<double>& other);

/// "x1.50" or, of a difference, "+12.3", scaled; a dash where it is absent.
std::string change_text(const Estimate& estimate, bool is_difference, double scale);
/// "x1.42 to x1.58"; a dash where there is no interval.
std::string interval_text(const Estimate& estimate, bool is_difference, double scale);

/// A row per gain: before, after, their ratio (or difference) with its 95 % interval, and whether
/// users are better off. Why there is no interval stands in the notes, and so does what each rests
/// on. Gains without any figure are left out, with the reason in a note. Without `valid` nothing is
/// called better or worse. No rows without gains.
Table gains_table(const std::vector<Gain>& gains, bool valid);

/// The same of each phase with the lift against without it. No rows without a control.
Table effects_table(const std::vector<Effect>& effects, bool valid);

}  // namespace tokenlift
