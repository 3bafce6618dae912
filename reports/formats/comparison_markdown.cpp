#include "reports/findings/comparison_tables.hpp"
#include "reports/formats/comparison_text.hpp"
#include "reports/text/markdown_text.hpp"

namespace tokenlift {
namespace {

std::string item(const std::string& sentence) {
  return "- " + markdown_escaped(sentence) + "\n";
}

}  // namespace

std::string comparison_markdown(const Comparison& comparison, bool all) {
  const bool alone = comparison.cases.size() == 1;
  std::string out;
  if (const std::string problem = problems(comparison); !problem.empty()) {
    out += "**" + markdown_escaped(problem) + "**\n\n";
  }
  out += "**" + markdown_escaped(verdict(comparison)) + "**\n\n";
  for (const std::string& sentence : method(comparison)) out += item(sentence);
  out += "\n";
  const Table cases = cases_table(comparison, all);
  if (!alone && !cases.rows.empty()) out += markdown_titled(cases);
  for (const CaseComparison& one : comparison.cases) {
    const Table figures = figures_table(one, all || alone);
    std::string content;
    for (const std::string& remark : one.remarks) content += item(remark);
    if (!content.empty()) content += "\n";
    if (!figures.rows.empty()) content += markdown_table(figures);
    if (!content.empty()) out += markdown_folded(figures.title, content);
  }
  out.pop_back();  // one newline ends it
  return out;
}

}  // namespace tokenlift
