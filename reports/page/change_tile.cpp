#include "reports/page/change_tile.hpp"

#include "reports/findings/gains_table.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {

Tile change_tile(const ChangedFigure& changed) {
  const ShownUnit unit = shown_unit(changed.unit, changed.base, changed.value);
  const Estimate& change = changed.change;
  const double none = changed.is_difference ? 0 : 1;
  const bool shown =
      changed.valid && change.value && change.interval && !change.interval->holds(none);
  const bool better = shown && (*change.value > none) == changed.higher_is_better;
  Tile tile;
  tile.label = changed.label;
  tile.value = figure_or_absent(changed.value, unit.scale);
  tile.unit = unit.name;
  if (change.value) {
    tile.change = change_text(change, changed.is_difference, unit.scale);
    // A difference of shares is one of points.
    if (changed.is_difference) tile.change += unit.name == "%" ? " points" : " " + unit.name;
    if (shown) tile.change += better ? " better" : " worse";
  }
  if (shown) tile.tone = better ? Tone::good : Tone::bad;
  tile.detail = changed.base_name + ": " + figure_or_absent(changed.base, unit.scale);
  if (changed.base && !unit.name.empty()) tile.detail += " " + unit.name;
  tile.detail += change.interval
                     ? "; 95 %: " + interval_text(change, changed.is_difference, unit.scale)
                     : "; no interval";
  return tile;
}

}  // namespace tokenlift
