#include "reports/page/comparison_page.hpp"

#include "reports/charts/comparison_chart.hpp"
#include "reports/findings/comparison_tables.hpp"

namespace tokenlift {
namespace {

Summary summary_of(const Comparison& comparison) {
  Summary summary;
  summary.title =
      comparison.cases.size() == 1 ? comparison.cases[0].name + ", compared" : comparison.title;
  summary.facts = {"contender against base"};
  if (comparison.cases.size() == 1) summary.facts.push_back(runs_text(comparison.cases[0]));
  summary.verdict = verdict(comparison);
  summary.answer = answer(comparison);
  summary.status = problems(comparison);
  if (!summary.status.empty()) {
    summary.status_word = comparison.refused.empty() ? "NOT VALID" : "NOT COMPARED";
    summary.tone = Tone::bad;
  } else if (comparison.primary(Reading::worse) > 0) {
    summary.status = "worse than the base";
    summary.tone = Tone::bad;
  } else if (comparison.primary(Reading::open) > 0) {
    summary.status = "open: too few runs to say that nothing is worse";
  } else if (comparison.primary(Reading::better) > 0) {
    summary.status = "better than the base, and nothing is worse";
    summary.tone = Tone::good;
  }
  summary.remarks = method(comparison);
  return summary;
}

Section figures_of(const Comparison& comparison, const CaseComparison& one, bool all) {
  Section section{one.name + ": " + runs_text(one), {}, Place::folded, false, {}};
  Table table = figures_table(comparison, one, all);
  table.title.clear();
  add_block(section.blocks, {list_of(one.remarks)});
  add_block(section.blocks,
            {Picture{"Changes",
                     "Contender as a multiple of the base, with its 95 % interval. Dots are better "
                     "for users, squares worse; hollow: no change was shown.",
                     {},
                     comparison_svg(one, all, comparison.valid()),
                     {}},
             Place::html_only});
  add_block(section.blocks, {std::move(table)});
  add_block(section.blocks, {explored_table(comparison, one, all)});
  return section;
}

}  // namespace

Page comparison_page(const Comparison& comparison, bool all) {
  const bool alone = comparison.cases.size() == 1;
  Page page;
  page.summary = summary_of(comparison);
  page.window_title = page.summary.title;
  Section cases{"Cases", {}, Place::open, true, {}};
  if (!alone) add_block(cases.blocks, {cases_table(comparison, all)});
  add_section(page.sections, std::move(cases));
  Section figures{"Figures", {}, Place::open, true, {}};
  for (const CaseComparison& one : comparison.cases) {
    add_section(figures.parts, figures_of(comparison, one, all || alone));
  }
  add_section(page.sections, std::move(figures));
  return page;
}

}  // namespace tokenlift
