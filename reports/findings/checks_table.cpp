#include "reports/findings/checks_table.hpp"

#include <utility>

#include "reports/text/figure.hpp"

namespace tokenlift {

std::string check_figure(const Check& check) {
  const std::string text = limit_figure(*check.value);
  return text == limit_figure(check.limit) ? figure_beside(*check.value, check.limit) : text;
}

Table checks_table(const Run& run) {
  Table table;
  table.name = "checks";
  table.title = "checks";
  for (const Check& check : run.checks) {
    Cell outcome{"failed", {}, Ink::red};
    if (check.passed) outcome = check.value ? Cell{"ok", {}, Ink::green} : Cell{"not checked"};
    table.rows.push_back({{check.name},
                          {check.value ? check_figure(check) : kAbsent},
                          {"limit " + limit_figure(check.limit)},
                          std::move(outcome)});
  }
  return table;
}

}  // namespace tokenlift
