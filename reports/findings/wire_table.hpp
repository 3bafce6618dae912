#pragma once
// What was seen on the wire, as tables. Both are empty where the fleet is no endpoint.

#include <optional>

#include "reports/record/run.hpp"
#include "reports/text/table.hpp"

namespace tokenlift {

/// Attempts that failed, by kind, with an example of each; empty where none did.
Table failures_table(const Run& run);

/// Tokens that were asked for and that came, chunks and reads, connections, and the harness's own
/// share of a core.
Table wire_table(const Run& run);

/// Output tokens in a chunk with text, on average (chunks of replies that broke count, and their
/// tokens do not); absent where none came.
std::optional<double> tokens_per_chunk(const WireRecord& wire);

}  // namespace tokenlift
