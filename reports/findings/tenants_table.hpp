#pragma once
// The tenants side by side, as a table.

#include "reports/record/run.hpp"
#include "reports/text/table.hpp"

namespace tokenlift {

/// A row per tenant and phase: who was served, and how well. No rows where there is but one tenant.
Table tenants_table(const Run& run);

}  // namespace tokenlift
