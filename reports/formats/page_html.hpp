#pragma once
// A page as one HTML file: everything is in it, and nothing is ever fetched.

#include <string>

#include "reports/page/page.hpp"

namespace tokenlift {

/// A whole HTML document in UTF-8, a function of the page alone. Verdict, tables and SVG need no
/// script; other charts are drawn by one that the file carries. Its policy (CSP) allows no request
/// at all. Every text is escaped, but for SVG and cards, which are ready.
std::string to_html(const Page& page);

}  // namespace tokenlift
