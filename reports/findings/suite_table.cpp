#include "reports/findings/suite_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "reports/findings/gains_table.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

Cell status_cell(const CaseReport& report) {
  const bool well = report.status == CaseStatus::done;
  const bool bad = !well && report.status != CaseStatus::not_run;
  return {std::string(name_of(report.status)), "", bad ? Ink::red : Ink::plain};
}

Cell objectives_cell(const CaseReport& report) {
  if (report.objectives.empty()) return {kAbsent};
  // Of what did not end there is nothing to judge.
  if (report.status != CaseStatus::done && report.status != CaseStatus::invalid) return {kAbsent};
  const std::size_t missed = missed_objectives(report);
  return {fmt::format("{} of {}", report.objectives.size() - missed, report.objectives.size()), "",
          missed > 0 ? Ink::red : Ink::green};
}

std::vector<Cell> row_of(const CaseReport& report) {
  Cell gain = {kAbsent};
  std::string interval = kAbsent;
  if (report.goodput) {
    gain.text = change_text(report.goodput->change, report.goodput->is_difference, 1);
    if (report.goodput->shown()) gain.ink = report.goodput->better() ? Ink::green : Ink::red;
    interval = interval_text(report.goodput->change, report.goodput->is_difference, 1);
  }
  return {{report.name},
          status_cell(report),
          {before_after_figure(report, &CasePhase::goodput_tokens_per_s)},
          std::move(gain),
          {std::move(interval)},
          {before_after_figure(report, &CasePhase::attainment, 100)},
          {before_after_figure(report, &CasePhase::ttft_p50_ms)},
          {before_after_figure(report, &CasePhase::ttft_p99_ms)},
          {report.drain_s ? figure(*report.drain_s) : kAbsent},
          objectives_cell(report)};
}

void drop_empty_columns(Table& table) {
  for (std::size_t column = table.rows[0].size(); column-- > 0;) {
    const auto absent = [&](const std::vector<Cell>& row) { return row[column].text == kAbsent; };
    const auto first = table.rows.begin() + static_cast<std::ptrdiff_t>(table.head_rows);
    if (!std::all_of(first, table.rows.end(), absent)) continue;
    for (std::vector<Cell>& row : table.rows) {
      row.erase(row.begin() + static_cast<std::ptrdiff_t>(column));
    }
  }
}

}  // namespace

std::string before_after_figure(const CaseReport& report,
                                std::optional<double> CasePhase::*figure_of, double scale) {
  const auto [before, after] = shown_phases(report);
  const auto text = [&](const CasePhase* phase) -> std::string {
    if (phase == nullptr || !(phase->*figure_of)) return kAbsent;
    return figure(*(phase->*figure_of) * scale);
  };
  const std::string last = text(after);
  if (before == nullptr) return last;
  const std::string first = text(before);
  return first == kAbsent && last == kAbsent ? first : first + " -> " + last;
}

Table suite_table(std::span<const CaseReport> cases) {
  Table table;
  table.name = "cases";
  table.left_columns = 2;
  if (cases.empty()) return table;
  table.head_rows = 2;
  table.rows = {{{"case"},
                 {"status"},
                 {"goodput"},
                 {"change"},
                 {"95 % interval"},
                 {"attainment"},
                 {"TTFT p50"},
                 {"TTFT p99"},
                 {"drain"},
                 {"objectives"}},
                {{""}, {""}, {"tokens/s"}, {""}, {""}, {"%"}, {"ms"}, {"ms"}, {"s"}, {"met"}}};
  for (const CaseReport& each : cases) table.rows.push_back(row_of(each));
  drop_empty_columns(table);
  return table;
}

}  // namespace tokenlift
