#pragma once
// The tenants side by side, as a table: part of the text report.

#include <string>

#include "reports/run.hpp"
#include "reports/text_table.hpp"

namespace tokenlift {

/// A row per tenant and phase: who was served, and how well.
std::string tenants_table(const Run& run, const TextStyle& style);

}  // namespace tokenlift
