#include "reports/findings/cost_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

/// What was added, for those figures that are of a token.
std::optional<double> added(const CostFigure& figure, const std::optional<MarginalCost>& marginal) {
  if (!marginal) return std::nullopt;
  if (figure.value == &PhaseCost::usd_per_m_output_tokens) return marginal->usd_per_m_output_tokens;
  if (figure.value == &PhaseCost::usd_per_m_goodput_tokens) {
    return marginal->usd_per_m_goodput_tokens;
  }
  if (figure.value == &PhaseCost::j_per_output_token) return marginal->j_per_output_token;
  return std::nullopt;
}

bool knows(const std::vector<PhaseCost>& costs, std::optional<double> PhaseCost::*value) {
  return std::any_of(costs.begin(), costs.end(),
                     [&](const PhaseCost& cost) { return (cost.*value).has_value(); });
}

}  // namespace

Table cost_table(const std::vector<PhaseCost>& costs, const std::optional<MarginalCost>& marginal) {
  Table table;
  table.name = "cost";
  table.title = "power and cost";
  table.left_columns = 2;
  if (costs.empty()) return table;
  const PhaseCost* const before = find_cost(costs, "before");
  const PhaseCost* const after = find_cost(costs, "after");
  const bool compares = before != nullptr && after != nullptr;
  table.head_rows = 1;
  table.rows = {{{""}, {""}}};
  for (const PhaseCost& cost : costs) table.rows[0].push_back({cost.name});
  if (compares) table.rows[0].push_back({"after/before"});
  if (marginal) table.rows[0].push_back({"added"});
  for (const CostFigure& row : kCostFigures) {
    if (!knows(costs, row.value)) continue;
    std::vector<Cell> cells = {{std::string(row.label)}, {std::string(row.unit)}};
    for (const PhaseCost& cost : costs) {
      cells.push_back({figure_or_absent(cost.*row.value, row.scale)});
    }
    if (compares) {
      const std::optional<double>& base = before->*row.value;
      const std::optional<double>& value = after->*row.value;
      cells.push_back({base && value && !row.is_sum
                           ? change_figure(*base * row.scale, *value * row.scale)
                           : kAbsent});
    }
    if (marginal) cells.push_back({figure_or_absent(added(row, marginal), row.scale)});
    table.rows.push_back(std::move(cells));
  }
  if (marginal) {
    table.notes.push_back(
        marginal->reason.empty()
            ? "Added: what after costs more than before, for each token that it makes more."
            : fmt::format("Added: absent, since {}.", marginal->reason));
  }
  if (knows(costs, &PhaseCost::on_demand_usd_per_hour)) {
    table.notes.emplace_back(
        "The same on demand: as many accelerators as were used, at full batches, and no longer "
        "than "
        "they were. The contract includes electricity where that is paid for.");
  }
  return table;
}

}  // namespace tokenlift
