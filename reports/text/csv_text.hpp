#pragma once
// Names as CSV.

#include <string>

namespace tokenlift {

/// A name as one field: quoted where RFC 4180 wants it. Before = + - @, a tab or the end of a line
/// at its begin goes an apostrophe, as OWASP advises: a spreadsheet would take the name for a
/// formula and compute it. Controls but tabs and ends of lines (LF) are made visible().
std::string csv_name(const std::string& name);

}  // namespace tokenlift
