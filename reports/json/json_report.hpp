#pragma once
// report.json: a Report on disk, for programs. report.schema.json describes every field; its id is
// kReportSchema.

#include <string>
#include <string_view>

#include "reports/findings/report.hpp"

namespace tokenlift {

inline constexpr std::string_view kReportSchema = "tokenlift.report/1";

/// Everything that the report concludes, as UTF-8 text that is a function of the report alone; what
/// was recorded (histograms, series) stays in run.json. Invalid UTF-8 in names is replaced.
std::string to_json(const Report& report);

}  // namespace tokenlift
