#pragma once
// What a search has simulated so far, a line of JSON each, on disk while it goes on: what is there
// need not be simulated again.

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "reports/findings/tuning_report.hpp"

namespace tokenlift {

/// What the search is of: two journals with different ones have nothing in common.
struct JournalHead {
  std::string scenario;  ///< TOML, with profiles and what is tuned
  std::optional<double> capacity_tokens_per_s;
  bool of_lift = false;
  bool operator==(const JournalHead&) const = default;
};

/// One line, with its end.
std::string journal_line(const JournalHead& head);
/// `attempt` names what was simulated.
std::string journal_line(std::string_view attempt, const TuningFigures& figures);

/// Throw RunFileError; `source` names the file, and the line in it.
JournalHead read_journal_head(std::string_view line, const std::string& source);
std::pair<std::string, TuningFigures> read_journal_line(std::string_view line,
                                                        const std::string& source);

}  // namespace tokenlift
