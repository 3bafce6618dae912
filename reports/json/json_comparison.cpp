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
          {"primary", figure.primary},
          {"higher_is_better", figure.higher_is_better},
          {"base", scaled(figure.base, scale)},
          {"contender", scaled(figure.contender, scale)},
          {"change_is", figure.is_difference ? "difference" : "ratio"},
          {"change", scaled(figure.change.value, change_scale)},
          {"interval_95", std::move(interval)},
          {"at_worst", scaled(figure.at_worst, change_scale)},
          {"p", or_null(figure.p)},
          {"shows", or_null(figure.shows)},
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

Json primary_of(const Comparison& comparison) {
  return {{"tests", comparison.tests},
          {"worse", comparison.primary(Reading::worse)},
          {"better", comparison.primary(Reading::better)},
          {"no_difference", comparison.primary(Reading::no_difference)},
          {"open", comparison.primary(Reading::open)}};
}

Json explored_of(const Comparison& comparison) {
  return {{"tests", comparison.explored},
          {"worse", comparison.explored_as(Reading::worse)},
          {"better", comparison.explored_as(Reading::better)},
          {"no_difference", comparison.explored_as(Reading::no_difference)},
          {"too_few_runs", comparison.explored_as(Reading::too_few_runs)}};
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
                   {"refused", comparison.refused},
                   {"primary", primary_of(comparison)},
                   {"explored", explored_of(comparison)},
                   {"runs_needed", or_null(comparison.runs_needed)},
                   {"base_only", comparison.base_only},
                   {"contender_only", comparison.contender_only},
                   {"cases", std::move(cases)}});
}

}  // namespace tokenlift
