#pragma once
// The report over a suite, a format each.

#include <string>

#include "reports/findings/suite_report.hpp"
#include "reports/text/text_table.hpp"

namespace tokenlift {

/// For terminals and pipes: the verdict, a row per case, and what failed or was not met.
std::string suite_text(const SuiteReport& suite, const TextStyle& style);

/// To paste into a pull request; what is not well stands open, the rest is folded where it is long.
std::string suite_markdown(const SuiteReport& suite);

/// One page that fetches nothing: a matrix of cases with small charts, each of which links to
/// FOLDER/report.html.
std::string suite_html(const SuiteReport& suite);

/// JUnit XML, as CI systems read it: a testsuite per case; a testcase for "is a valid measurement"
/// and one per objective. Objectives that are not met are failures, cases that failed or were
/// interrupted errors, cases that were not run skipped.
std::string suite_junit(const SuiteReport& suite);

}  // namespace tokenlift
