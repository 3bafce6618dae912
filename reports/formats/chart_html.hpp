#pragma once
// A chart's place in an HTML page: its title, what draws it, and the numbers beside it.

#include <string>

#include "reports/page/page.hpp"

namespace tokenlift {

/// A canvas that page.js draws on. Its numbers are there without a script, too.
std::string chart_html(const Chart& chart);

/// What is ready as SVG, with the key to what colours and shapes mean.
std::string picture_html(const Picture& picture);

}  // namespace tokenlift
