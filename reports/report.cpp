#include "reports/report.hpp"

#include <utility>

#include "reports/overview_table.hpp"
#include "reports/tables.hpp"
#include "reports/verdict.hpp"

namespace tokenlift {

Report make_report(std::vector<Trial> trials) {
  Report report;
  for (Trial& trial : trials) {
    TrialReport& each =
        report.trials.emplace_back(TrialReport{std::move(trial), {}, {}, {}, {}, {}, {}, {}});
    const Run& run = each.trial.lifted.pooled;
    each.phases = summarize_fleet(run);
    each.split = time_split(run);
    each.lift = analyse_lift(each.trial);
    each.validity = validity(each.trial);
    each.verdict = verdict(each);
    each.remarks = remarks(each);
    each.tables = tables_of(each);
  }
  report.overview = overview_table(report.trials);
  return report;
}

}  // namespace tokenlift
