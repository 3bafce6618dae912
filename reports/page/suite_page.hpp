#pragma once
// The page of a suite.

#include "reports/findings/suite_report.hpp"
#include "reports/page/page.hpp"

namespace tokenlift {

/// How many cases are done and objectives met; what is not well; the cases, as cards and as a
/// table; how to repeat it.
Page suite_page(const SuiteReport& suite);

}  // namespace tokenlift
