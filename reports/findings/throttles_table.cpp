#include "reports/findings/throttles_table.hpp"

#include <algorithm>
#include <utility>

#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

bool is_shadow(const ThrottleRecord& throttle) {
  return throttle.mode == "shadow";
}

bool refused_any(const ThrottleRecord& throttle) {
  return std::any_of(throttle.phases.begin(), throttle.phases.end(),
                     [](const ThrottleCounts& counts) { return counts.rejected > 0; });
}

}  // namespace

Table throttles_table(const Run& run) {
  const std::vector<ThrottleRecord>& throttles = run.throttles;
  const bool any_shadow = std::any_of(throttles.begin(), throttles.end(), is_shadow);
  const bool any_refused = std::any_of(throttles.begin(), throttles.end(), refused_any);
  if (throttles.size() < 2 && !any_shadow && !any_refused) return {};
  Table table;
  table.name = "throttles";
  table.left_columns = 3;
  table.head_rows = 1;
  std::vector<Cell> heading;
  for (const char* name : {"attempts at", "kind", "phase", "admitted", "held", "rejected"}) {
    heading.push_back({name});
  }
  if (any_shadow) heading.push_back({"would hold"});
  table.rows.push_back(std::move(heading));
  for (const ThrottleRecord& throttle : throttles) {
    for (std::size_t i = 0; i < run.phases.size(); ++i) {
      const ThrottleCounts& counts = throttle.phases.at(i);
      std::vector<Cell> row = {{i == 0 ? throttle.name : ""},
                               {i == 0 ? throttle.kind : ""},
                               {run.phases[i].name},
                               {whole_figure(counts.admitted)}};
      // What a throttle cannot do is left blank: a 0 would look like something measured.
      row.push_back({is_shadow(throttle) ? "" : whole_figure(counts.held)});
      row.push_back({is_shadow(throttle) ? "" : whole_figure(counts.rejected)});
      if (is_shadow(throttle)) row.push_back({whole_figure(counts.shadowed)});
      table.rows.push_back(std::move(row));
    }
  }
  if (any_shadow) {
    table.notes.emplace_back(
        "A throttle in shadow mode holds and refuses nothing: \"would hold\" counts the attempts "
        "that it would have held or refused.");
  }
  return table;
}

}  // namespace tokenlift
