#pragma once
// A figure that changed, as a tile: what it was, what it is, and how sure the change is.

#include <optional>
#include <string>

#include "reports/analysis/interval.hpp"
#include "reports/page/page.hpp"

namespace tokenlift {

struct ChangedFigure {
  std::string label;
  std::string unit;       ///< as of Gain
  std::string base_name;  ///< what `base` is called: "before", "present"
  std::optional<double> base;
  std::optional<double> value;
  Estimate change;
  bool is_difference = false;
  bool higher_is_better = true;
  bool valid = true;  ///< it was measured: a check that failed may have made the change
};

/// The change is "better" or "worse" where its interval leaves no change out and it is valid.
Tile change_tile(const ChangedFigure& figure);

}  // namespace tokenlift
