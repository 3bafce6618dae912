#include "reports/json/json_comparison.hpp"

#include <utility>

#include "reports/findings/comparison_tables.hpp"
#include "reports/json/json_value.hpp"

namespace tokenlift {
namespace {

/// Durations are given in ms, like the latencies of run.json.
double scale_of(const ComparedFigure& figure) {
  return figure.unit == "ns" ? 1e-6 : 1;
}

Json json_of(const ComparedFigure& figure) {
  const double scale = scale_of(figure);
  const double change_scale = figure.is_difference ? scale : 1;
  Json interval = nullptr;
  if (figure.change.interval) {
    interval = {{"low", scaled(figure.change.interval->low, change_scale)},
                {"high", scaled(figure.change.interval->high, change_scale)}};
  }
  return {{"phase", figure.phase},
          {"name", figure.name},
          {"unit", figure.unit == "ns" ? "ms" : figure.unit},
          {"higher_is_better", figure.higher_is_better},
          {"base", scaled(figure.base, scale)},
          {"contender", scaled(figure.contender, scale)},
          {"change_is", figure.is_difference ? "difference" : "ratio"},
          {"change", scaled(figure.change.value, change_scale)},
          {"interval_95", std::move(interval)},
          {"p", or_null(figure.p)},
          {"reading", name_of(figure.reading)},
          {"identical", figure.identical},
          {"runs_needed", or_null(figure.runs_needed)},
          {"reason", figure.reason},
          {"hides_unserved", figure.unserved}};
}

Json json_of(const CaseComparison& one) {
  Json figures = Json::array();
  for (const ComparedFigure& figure : one.figures) figures.push_back(json_of(figure));
  return {{"name", one.name},
          {"base_runs", one.base_runs},
          {"contender_runs", one.contender_runs},
          {"paired", one.paired},
          {"problems", one.problems},
          {"remarks", one.remarks},
          {"figures", std::move(figures)}};
}

}  // namespace

std::string to_json(const Comparison& comparison) {
  Json cases = Json::array();
  for (const CaseComparison& one : comparison.cases) cases.push_back(json_of(one));
  return document({{"schema", kComparisonSchema},
                   {"valid", comparison.valid()},
                   {"verdict", verdict(comparison)},
                   {"threshold", comparison.rules.threshold},
                   {"detect", comparison.rules.detect},
                   {"tests", comparison.tests},
                   {"worse", comparison.count(Reading::worse)},
                   {"better", comparison.count(Reading::better)},
                   {"no_difference", comparison.count(Reading::no_difference)},
                   {"too_few_runs", comparison.count(Reading::too_few_runs)},
                   {"base_only", comparison.base_only},
                   {"contender_only", comparison.contender_only},
                   {"cases", std::move(cases)}});
}

}  // namespace tokenlift
