#pragma once
// tune.json: a TuningReport on disk, for programs. tuning.schema.json describes every field; its id
// is kTuningSchema.

#include <string>
#include <string_view>

#include "reports/findings/tuning_report.hpp"

namespace tokenlift {

inline constexpr std::string_view kTuningSchema = "tokenlift.tuning/2";

/// All of it, as UTF-8 text that is a function of the report alone. Numbers that are absent or not
/// finite are null; invalid UTF-8 in names is replaced.
std::string to_json(const TuningReport& report);

}  // namespace tokenlift
