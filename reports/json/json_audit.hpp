#pragma once
// An audit as JSON, for programs.

#include <string>

#include "reports/findings/audit.hpp"

namespace tokenlift {

inline constexpr const char* kAuditSchema = "tokenlift.audit/1";

/// Times are in ms. What was not compared is null.
std::string to_json(const Audit& audit);

}  // namespace tokenlift
