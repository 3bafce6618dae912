#pragma once
// What a sweep says of money.

#include <string>

#include "reports/findings/sweep_report.hpp"

namespace tokenlift {

/// "What was found costs $12.40 an hour ..."; empty where no price is stated.
std::string cost_sentence(const SweepReport& report);

/// Where the contract begins or ceases to be the cheaper one; empty where prices on demand are not
/// stated.
std::string contract_sentence(const SweepReport& report);

}  // namespace tokenlift
