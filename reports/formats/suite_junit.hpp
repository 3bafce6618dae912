#pragma once
// A suite as JUnit XML, as CI systems read it.

#include <string>

#include "reports/findings/comparison.hpp"
#include "reports/findings/suite_report.hpp"

namespace tokenlift {

/// A testsuite per case; a testcase for "is a valid measurement" and one per objective. Objectives
/// that are not met are failures, cases that failed or were interrupted errors, cases that were not
/// run skipped. With a comparison of the suite with a base also one for "is no worse than the
/// base": primary figures that are worse or open are a failure.
std::string suite_junit(const SuiteReport& suite, const Comparison* comparison = nullptr);

}  // namespace tokenlift
