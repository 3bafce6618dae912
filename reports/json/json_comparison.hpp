#pragma once
// comparison.json: a Comparison on disk, for programs. comparison.schema.json describes every
// field; its id is kComparisonSchema.

#include <string>
#include <string_view>

#include "reports/findings/comparison.hpp"

namespace tokenlift {

inline constexpr std::string_view kComparisonSchema = "tokenlift.comparison/2";

/// Every figure of every case, as UTF-8 text that is a function of the comparison alone. Invalid
/// UTF-8 in names is replaced.
std::string to_json(const Comparison& comparison);

}  // namespace tokenlift
