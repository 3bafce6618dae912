#pragma once
// The charts of a search for better settings, as SVG. Each is empty where there is nothing to draw.

#include <cstddef>
#include <string>

#include "reports/findings/tuning_report.hpp"

namespace tokenlift {

/// Goodput against p99 TTFT of all that was tried; the larger a dot, the more went unserved.
std::string pareto_svg(const TuningReport& report);

/// An axis for each parameter and one for the objective, and a line for each setting.
std::string parallel_svg(const TuningReport& report);

/// The objective along the range of one parameter, the others as recommended.
std::string response_svg(const TuningReport& report, std::size_t parameter);

/// Goodput, and TTFT p50, of the present setting and the recommended one along the run.
std::string goodput_series_svg(const TuningReport& report);
std::string ttft_series_svg(const TuningReport& report);

/// Predicted against measured, of what ran on engine threads.
std::string verification_svg(const TuningReport& report);

}  // namespace tokenlift
