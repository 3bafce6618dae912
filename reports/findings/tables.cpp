#include "reports/findings/tables.hpp"

#include <utility>

#include "reports/findings/checks_table.hpp"
#include "reports/findings/cost_table.hpp"
#include "reports/findings/fleet_table.hpp"
#include "reports/findings/gains_table.hpp"
#include "reports/findings/job_words.hpp"
#include "reports/findings/lift_table.hpp"
#include "reports/findings/ranks_table.hpp"
#include "reports/findings/split_table.hpp"
#include "reports/findings/tenants_table.hpp"
#include "reports/findings/throttles_table.hpp"
#include "reports/findings/verdict.hpp"
#include "reports/findings/wire_table.hpp"

namespace tokenlift {

std::vector<Table> tables_of(const TrialReport& trial) {
  const Run& run = trial.trial.lifted.pooled;
  std::vector<Table> all = {
      fleet_table(trial.phases, trial.lift ? trial.lift->gains : std::vector<Gain>())};
  if (trial.lift) {
    all.push_back(gains_table(trial.lift->gains, is_valid(trial.trial)));
    all.push_back(lift_table(*trial.lift));
    all.push_back(response_table(*trial.lift));
    all.push_back(effects_table(trial.lift->effects, is_valid(trial.trial)));
    if (!trial.lift->fleet.empty()) all.back().title = "with the change against without it";
  }
  all.push_back(cost_table(trial.costs, trial.marginal));
  all.push_back(jobs_table(trial.jobs));
  all.push_back(split_table(trial.split));
  all.push_back(tenants_table(run));
  all.push_back(throttles_table(run));
  all.push_back(failures_table(run));
  all.push_back(wire_table(run));
  all.push_back(ranks_table(run));
  all.push_back(checks_table(run));
  std::vector<Table> tables;
  for (Table& table : all) {
    if (!table.rows.empty()) tables.push_back(std::move(table));
  }
  return tables;
}

}  // namespace tokenlift
