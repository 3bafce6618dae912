#pragma once
// What the lines of a comparison are tested for, and with how many runs: together, as they lend
// each other what they know of how much runs vary, and are corrected for their number.

#include <cstddef>
#include <vector>

#include "reports/findings/compared_line.hpp"

namespace tokenlift {

using ComparedLines = std::vector<ComparedLine*>;

/// Of lines that are tested: those of like figures of the cases lend each other what they know of
/// their variance.
void moderate(const ComparedLines& lines);

/// A shift of up to this is none.
double negligible(const ComparedLine& line, const ComparisonRules& rules);

/// A worsening of `detect` is excluded where the line's shift is sure to be less than this.
double excluded(const ComparedLine& line, const ComparisonRules& rules);

/// Of so many tests the smallest p value is held to this: what is sure to be found is found by it.
double first_level(std::size_t tests);

/// The smallest change (0.1: a tenth) that so many runs on either side show, of a line among so
/// many that are tested.
double least_change(const ComparedLine& line, std::size_t runs, std::size_t tests,
                    const ComparisonRules& rules);

/// What is to be decided of each. ComparedLines are put into the order in which worsenings are
/// excluded, the easiest first.
std::vector<GatedShift> gated_shifts(ComparedLines& lines, const ComparisonRules& rules);

}  // namespace tokenlift
