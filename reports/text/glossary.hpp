#pragma once
// What the figures of a report mean, a line each: for tooltips, and for the end of a page. The
// README's "What the numbers mean" says the same at length.

#include <span>
#include <string>
#include <string_view>

namespace tokenlift {

struct Term {
  std::string_view name;     ///< as a table has it, without percentile and phase
  std::string_view meaning;  ///< ends with a full stop
};

/// All, by name: without regard to capitals.
std::span<const Term> glossary();

/// The term of a row or column, whatever percentile, unit or phase its label adds ("TTFT p99",
/// "attempts, before", "goodput after", "starvation of batch"). nullptr where there is none.
const Term* find_term(std::string_view label);

}  // namespace tokenlift
