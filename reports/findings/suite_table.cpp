#include "reports/findings/suite_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
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
          missed > 0                          ? Ink::red
          : report.status == CaseStatus::done ? Ink::green
                                              : Ink::plain};
}

Cell change_cell(const CaseReport& report) {
  Cell cell = {kAbsent};
  if (!report.goodput) return cell;
  cell.text = change_text(report.goodput->change, report.goodput->is_difference, 1);
  if (!report.goodput->shown()) return cell;
  const bool valid = report.status == CaseStatus::done;
  cell.ink = !report.goodput->better() ? Ink::red : valid ? Ink::green : Ink::plain;
  return cell;
}

Cell interval_cell(const CaseReport& report) {
  if (!report.goodput) return {kAbsent};
  return {interval_text(report.goodput->change, report.goodput->is_difference, 1)};
}

template <std::optional<double> CasePhase::*kFigure, int kScale = 1>
Cell figure_cell(const CaseReport& report) {
  return {before_after_figure(report, kFigure, kScale)};
}

Cell drain_cell(const CaseReport& report) {
  return {report.drain_s ? figure(*report.drain_s) : kAbsent};
}

struct CaseColumn {
  const char* key;  ///< as users choose it
  const char* head;
  const char* unit;
  Cell (*cell)(const CaseReport& report);
  bool usual;
};
constexpr std::array<CaseColumn, 13> kColumns = {{
    {"throughput", "throughput", "tokens/s", figure_cell<&CasePhase::throughput_tokens_per_s>,
     false},
    {"goodput", "goodput", "tokens/s", figure_cell<&CasePhase::goodput_tokens_per_s>, true},
    {"change", "change", "", change_cell, true},
    {"interval", "95 % interval", "", interval_cell, true},
    {"attainment", "attainment", "%", figure_cell<&CasePhase::attainment, 100>, true},
    {"ttft_p50", "TTFT p50", "ms", figure_cell<&CasePhase::ttft_p50_ms>, true},
    {"ttft_p99", "TTFT p99", "ms", figure_cell<&CasePhase::ttft_p99_ms>, true},
    {"tpot_p50", "TPOT p50", "ms", figure_cell<&CasePhase::tpot_p50_ms>, false},
    {"tpot_p99", "TPOT p99", "ms", figure_cell<&CasePhase::tpot_p99_ms>, false},
    {"itl_p99", "ITL p99", "ms", figure_cell<&CasePhase::itl_p99_ms>, false},
    {"drain", "drain", "s", drain_cell, true},
    {"objectives", "objectives", "met", objectives_cell, true},
    {"runs", "runs", "", [](const CaseReport& report) { return Cell{whole_figure(report.runs)}; },
     false},
}};

std::vector<const CaseColumn*> chosen(std::span<const std::string> keys) {
  std::vector<const CaseColumn*> columns;
  if (keys.empty()) {
    for (const CaseColumn& each : kColumns) {
      if (each.usual) columns.push_back(&each);
    }
  }
  for (const std::string& key : keys) {
    for (const CaseColumn& each : kColumns) {
      if (key == each.key) columns.push_back(&each);
    }
  }
  return columns;
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
  std::string last = text(after);
  if (before == nullptr) return last;
  const std::string first = text(before);
  return first == kAbsent && last == kAbsent ? first : first + " -> " + last;
}

std::vector<std::string> suite_columns() {
  std::vector<std::string> keys;
  for (const CaseColumn& each : kColumns) keys.emplace_back(each.key);
  return keys;
}

Table suite_table(std::span<const CaseReport> cases, std::span<const std::string> columns) {
  Table table;
  table.name = "cases";
  table.left_columns = 2;
  if (cases.empty()) return table;
  const std::vector<const CaseColumn*> shown = chosen(columns);
  table.head_rows = 2;
  table.rows = {{{"case"}, {"status"}}, {{""}, {""}}};
  for (const CaseColumn* const each : shown) {
    table.rows[0].push_back({each->head});
    table.rows[1].push_back({each->unit});
  }
  for (const CaseReport& report : cases) {
    table.rows.push_back({{report.name}, status_cell(report)});
    for (const CaseColumn* const each : shown) table.rows.back().push_back(each->cell(report));
  }
  drop_empty_columns(table);
  return table;
}

}  // namespace tokenlift
