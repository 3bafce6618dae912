#include "reports/findings/report.hpp"

#include <utility>

#include "reports/findings/cost_remarks.hpp"
#include "reports/findings/job_words.hpp"
#include "reports/findings/overview_table.hpp"
#include "reports/findings/ranks_table.hpp"
#include "reports/findings/tables.hpp"
#include "reports/findings/verdict.hpp"

namespace tokenlift {

TrialReport analyse(Trial trial) {
  TrialReport report{std::move(trial), {}, {}, {}, {}, {}, {}, {}};
  const Run& run = report.trial.lifted.pooled;
  report.phases = summarize_fleet(run);
  report.split = time_split(run);
  report.lift = analyse_lift(report.trial);
  report.costs = phase_costs(run);
  report.jobs = job_work(run);
  if (report.lift) report.marginal = marginal_cost(report.costs, report.lift->gains);
  return report;
}

Report make_report(std::vector<Trial> trials) {
  Report report;
  for (Trial& trial : trials) {
    TrialReport& each = report.trials.emplace_back(analyse(std::move(trial)));
    each.validity = validity(each.trial);
    each.verdict = verdict(each);
    each.remarks = remarks(each);
    for (std::string& remark : job_remarks(each.jobs, !each.costs.empty())) {
      each.remarks.push_back(std::move(remark));
    }
    for (std::string& remark : cost_remarks(each)) each.remarks.push_back(std::move(remark));
    std::string of_shares = remark_on_shares(each.trial.lifted.pooled);
    if (!of_shares.empty()) each.remarks.push_back(std::move(of_shares));
    each.tables = tables_of(each);
  }
  report.overview = overview_table(report.trials);
  return report;
}

}  // namespace tokenlift
