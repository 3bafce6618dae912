#include "reports/page/suite_page.hpp"

#include "reports/charts/case_cards.hpp"
#include "reports/findings/suite_table.hpp"
#include "reports/record/run.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

/// More rows than these are folded in markdown.
constexpr std::size_t kMostOpenRows = 20;

List problems_of(const SuiteReport& suite) {
  List list;
  for (CaseMessage& message : messages_of(suite)) {
    list.items.push_back({std::move(message.name), std::move(message.lines)});
  }
  return list;
}

/// What came out of each case that is a sweep.
List sweeps_of(const SuiteReport& suite) {
  List list;
  for (const CaseReport& each : suite.cases) {
    if (each.sweep && !each.sweep->sentences.empty()) {
      list.items.push_back({each.name, each.sweep->sentences});
    }
  }
  return list;
}

Table cases_of(const SuiteReport& suite) {
  Table table = suite_table(suite.cases, suite.columns);
  if (suite.cases.size() > kMostOpenRows) table.title = whole_figure(suite.cases.size()) + " cases";
  table.rest_is_in = "suite.json";
  return table;
}

}  // namespace

Page suite_page(const SuiteReport& suite) {
  Page page;
  page.window_title = suite.name;
  page.tokenlift_version = suite.tokenlift_version;
  page.summary.title = suite.name;
  page.summary.facts = {"suite"};
  for (std::string& fact : facts_of(suite)) page.summary.facts.push_back(std::move(fact));
  page.summary.description = suite.description;
  page.summary.status = suite_verdict(suite);
  page.summary.answer = suite_answer(suite);
  page.summary.remarks = suite.remarks;
  page.summary.tone = counts_of(suite).all_well() ? Tone::good : Tone::bad;

  Section problems{"What is not well", {}, Place::open, false, {}};
  add_block(problems.blocks, {problems_of(suite)});
  add_section(page.sections, std::move(problems));
  Section sweeps{"Sweeps", {}, Place::open, false, {}};
  add_block(sweeps.blocks, {sweeps_of(suite)});
  add_section(page.sections, std::move(sweeps));
  Section cards{"Cases", {}, Place::html_only, false, {}};
  add_block(cards.blocks, {Cards{case_cards_html(suite)}, Place::html_only});
  add_section(page.sections, std::move(cards));
  Section table{"All cases", {}, Place::open, true, {}};
  add_block(table.blocks,
            {cases_of(suite), suite.cases.size() > kMostOpenRows ? Place::folded : Place::open});
  add_section(page.sections, std::move(table));
  const std::string command = shell_command(suite.command);
  Section origin{"To repeat it", {}, Place::html_only, false, {}};
  add_block(origin.blocks, {Code{"", command.empty() ? "" : command + "\n"}});
  add_section(page.sections, std::move(origin));
  return page;
}

}  // namespace tokenlift
