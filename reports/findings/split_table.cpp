#include "reports/findings/split_table.hpp"

#include <utility>

#include "reports/text/figure.hpp"

namespace tokenlift {
Table split_table(const std::vector<TimeSplit>& split) {
  Table table;
  table.name = "split";
  table.title = "mean TTFT, by where the time went";
  table.left_columns = 2;
  std::vector<double> means_ns;
  for (const TimeSplit& phase : split) {
    if (phase.requests > 0) means_ns.push_back(phase.ttft_ns);
  }
  if (means_ns.empty()) return table;
  const DurationUnit unit = duration_unit(means_ns);
  table.head_rows = 1;
  table.rows = {{{""}, {""}, {"requests"}, {"TTFT"}}};
  const std::vector<TimePart> parts = shown_parts(split);
  for (const TimePart& part : parts) {
    const bool lag = part.ns == &TimeSplit::generator_lag_ns;  // its column is narrow
    table.rows[0].push_back({lag ? "lag" : part.name});
  }
  for (const TimeSplit& phase : split) {
    if (phase.requests == 0) continue;
    std::vector<Cell> times = {{phase.phase},
                               {std::string(unit.name)},
                               {whole_figure(phase.requests)},
                               {figure(phase.ttft_ns / unit.ns)}};
    std::vector<Cell> shares = {{""}, {"%"}, {""}, {""}};
    for (const TimePart& part : parts) {
      times.push_back({figure(phase.*part.ns / unit.ns)});
      shares.push_back(
          {phase.ttft_ns > 0 ? figure(100 * (phase.*part.ns) / phase.ttft_ns) : kAbsent});
    }
    table.rows.push_back(std::move(times));
    table.rows.push_back(std::move(shares));
  }
  return table;
}

}  // namespace tokenlift
