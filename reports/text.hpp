#pragma once
// A run as text, for a terminal or a pipe: is it valid, what happened, what it means.

#include <string>
#include <vector>

#include "reports/report.hpp"
#include "reports/run.hpp"
#include "reports/text_table.hpp"

namespace tokenlift {

/// UTF-8, ends with a newline. In order: valid or not and why; what was run; the table, a row per
/// figure and a column per phase, with after / before where the run has both; its footnotes; a
/// table per tenant where there are several; what the throttles did; the reading in one sentence,
/// and the backlog in clients' back-off where there was one; the checks. Figures are
/// those of summary.hpp: what the sample does not support is a dash with a footnote.
std::string to_text(const Run& run, const TextStyle& style);

/// The same form of a whole report: each trial's validity, verdict and remarks, what was run, and
/// its tables. With several trials these come one after the other, each under its label, and the
/// overview comes first.
std::string to_text(const Report& report, const TextStyle& style);

/// What was run, on what: the parts of a title line. The name comes first.
std::vector<std::string> title_parts(const Run& run);

}  // namespace tokenlift
