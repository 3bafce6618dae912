#include "reports/formats/comparison_text.hpp"

#include "reports/findings/comparison_tables.hpp"

namespace tokenlift {

std::string comparison_text(const Comparison& comparison, const TextStyle& style, bool all) {
  const bool alone = comparison.cases.size() == 1;
  std::string out;
  if (const std::string problem = problems(comparison); !problem.empty()) {
    out += inked(wrapped(problem, style.width, 2), Ink::red, style);
  }
  out += wrapped(verdict(comparison), style.width, 2);
  for (const std::string& sentence : method(comparison)) out += wrapped(sentence, style.width, 2);
  const Table cases = cases_table(comparison, all);
  if (!alone && !cases.rows.empty()) out += "\n" + to_text(cases, style);
  for (const CaseComparison& one : comparison.cases) {
    const Table figures = figures_table(one, all || alone);
    if (figures.rows.empty() && one.remarks.empty()) continue;
    out += "\n";
    if (figures.rows.empty()) out += inked(figures.title, Ink::bold, style) + "\n";
    if (!figures.rows.empty()) out += to_text(figures, style);
    for (const std::string& remark : one.remarks) {
      out += wrapped("  " + remark, style.width, 4);
    }
  }
  return out;
}

}  // namespace tokenlift
