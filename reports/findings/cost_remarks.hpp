#pragma once
// What has to be known of power and money, a sentence each.

#include <string>
#include <vector>

#include "reports/findings/report.hpp"

namespace tokenlift {

/// What it cost before and after, what the change added at the margin, what is paid for and idle,
/// whether the contract pays, what a limit of power held back, and what is assumed. None where
/// nothing is stated of power and prices.
std::vector<std::string> cost_remarks(const TrialReport& report);

}  // namespace tokenlift
