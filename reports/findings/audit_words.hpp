#pragma once
// An audit in sentences, and as tables.

#include <string>
#include <vector>

#include "reports/findings/audit.hpp"
#include "reports/text/table.hpp"

namespace tokenlift {

/// What its figures mean. Each holds of them, and none is said of what was not compared.
std::vector<std::string> audit_sentences(const Audit& audit, const AuditedClient& client,
                                         const AuditedServer& server);

/// "The client's figures agree with what happened." or which do not.
std::string audit_verdict(const Audit& audit);

Table audit_figures_table(const Audit& audit);
/// Without rows where nothing was compared request by request.
Table audit_delays_table(const Audit& audit);

}  // namespace tokenlift
