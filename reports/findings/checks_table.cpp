#include "reports/findings/checks_table.hpp"

#include <utility>

#include "reports/text/figure.hpp"

namespace tokenlift {

Table checks_table(const Run& run) {
  Table table;
  table.name = "checks";
  table.title = "checks";
  for (const Check& check : run.checks) {
    Cell outcome{"failed", {}, Ink::red};
    if (check.passed) outcome = check.value ? Cell{"ok", {}, Ink::green} : Cell{"not checked"};
    table.rows.push_back({{check.name},
                          {check.value ? limit_figure(*check.value) : kAbsent},
                          {"limit " + limit_figure(check.limit)},
                          std::move(outcome)});
  }
  return table;
}

}  // namespace tokenlift
