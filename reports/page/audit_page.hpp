#pragma once
// The page of an audit.

#include "reports/findings/audit.hpp"
#include "reports/page/page.hpp"

namespace tokenlift {

Page audit_page(const Audit& audit);

}  // namespace tokenlift
