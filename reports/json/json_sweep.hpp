#pragma once
// sweep.json: a SweepReport on disk, for programs, for who resumes the sweep or lays it over
// another. sweep.schema.json describes every field; its id is kSweepSchema.

#include <string>
#include <string_view>

#include "reports/findings/sweep_report.hpp"

namespace tokenlift {

inline constexpr std::string_view kSweepSchema = "tokenlift.sweep/1";

/// All of it, as UTF-8 text that is a function of the report alone. Numbers that are absent or not
/// finite are null; invalid UTF-8 in names is replaced.
std::string to_json(const SweepReport& report);

/// What to_json() wrote. Throws RunFileError, with the place, whatever the text. `source` is what
/// errors call it: its file name.
SweepReport read_sweep(std::string_view text, const std::string& source);

}  // namespace tokenlift
