#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "reports/findings/reason_notes.hpp"
#include "reports/findings/tuning_tables.hpp"
#include "reports/findings/tuning_words.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

constexpr const char* kNoneMissed = "none";

/// One of the columns behind the parameters.
struct FigureColumn {
  std::string name;
  std::string unit;
  std::function<Cell(const TuningFigures&)> cell;
};

/// "missed" counts: a candidate that is no scenario, or has no objective, says so.
Cell missed_cell(const TuningFigures& figures) {
  if (!figures.failure.empty()) return {"failed", {}, Ink::red};
  if (figures.feasible()) return {kNoneMissed};
  if (!figures.objective && !misses_constraints(figures)) return {"no value", {}, Ink::red};
  return {std::isfinite(figures.violation()) ? violation_figure(figures.violation()) : "all",
          {},
          Ink::red};
}

std::vector<FigureColumn> columns_of(const TuningReport& report) {
  const ShownUnit unit = aim_unit(report.aim.path);
  std::vector<FigureColumn> columns;
  columns.push_back({report.aim.path, unit.name, [unit](const TuningFigures& figures) {
                       return Cell{figure_or_absent(figures.objective, unit.scale)};
                     }});
  const auto add = [&](const char* name, const char* unit_name,
                       std::optional<double> TuningFigures::*value, double scale) {
    columns.push_back({name, unit_name, [value, scale](const TuningFigures& figures) {
                         return Cell{figure_or_absent(figures.*value, scale)};
                       }});
  };
  add("goodput", "tokens/s", &TuningFigures::goodput_tokens_per_s, 1);
  add("TTFT p99", "ms", &TuningFigures::ttft_p99_ms, 1);
  add("unserved", "%", &TuningFigures::unserved, 100);
  add("attained", "%", &TuningFigures::attainment, 100);
  if (!report.constraints.empty()) columns.push_back({"missed", "", missed_cell});
  columns.push_back({"runs", "x length", [](const TuningFigures& figures) {
                       return Cell{fmt::format("{} x {}", whole_figure(figures.runs),
                                               limit_figure(figures.length_share))};
                     }});
  return columns;
}

/// All are of one throttle, or of the lift: then it is no news in each column.
bool have_one_owner(const std::vector<TunedParameter>& parameters) {
  return std::all_of(parameters.begin(), parameters.end(), [&](const TunedParameter& parameter) {
    return parameter_name(parameter).whose == parameter_name(parameters[0]).whose;
  });
}

/// Columns behind `first` that say what it says, or nothing, are left out.
void drop_idle_columns(Table& table, std::size_t first) {
  const auto says_nothing = [&](std::size_t column) {
    return std::all_of(table.rows.begin() + 2, table.rows.end(), [&](const auto& row) {
      const std::string& text = row[column].text;
      return text == kAbsent || text == kNoneMissed || text == row[first].text;
    });
  };
  for (std::size_t column = table.rows[0].size(); column-- > first + 1;) {
    if (!says_nothing(column)) continue;
    for (std::vector<Cell>& row : table.rows) {
      row.erase(row.begin() + static_cast<std::ptrdiff_t>(column));
    }
  }
}

std::vector<Cell> row_of(const TuningReport& report, std::size_t candidate, std::size_t parameters,
                         const std::vector<FigureColumn>& columns) {
  const TuningCandidate& each = report.candidates[candidate];
  const bool known = candidate == 0 || found_candidate(report) == candidate;
  std::vector<Cell> row = {
      {candidate_label(report, candidate), {}, known ? Ink::bold : Ink::plain}};
  for (std::size_t i = 0; i < parameters; ++i) {
    row.push_back({i < each.values.size() ? each.values[i] : kAbsent});
  }
  for (const FigureColumn& column : columns) row.push_back(column.cell(each.figures));
  return row;
}

}  // namespace

Table candidates_table(const TuningReport& report, std::span<const std::size_t> candidates) {
  Table table;
  table.name = "candidates";
  if (candidates.empty()) return table;
  const std::size_t parameters = report.parameters.size();
  const std::vector<FigureColumn> columns = columns_of(report);
  table.head_rows = 2;
  table.rows = {{{"setting"}}, {{""}}};
  const bool one_owner = have_one_owner(report.parameters);
  for (std::size_t i = 0; i < parameters; ++i) {
    const ParameterName name = parameter_name(report.parameters[i]);
    table.rows[0].push_back({name.what});
    table.rows[1].push_back({one_owner ? "" : name.whose});
  }
  for (const FigureColumn& column : columns) {
    table.rows[0].push_back({column.name});
    table.rows[1].push_back({column.unit});
  }
  for (const std::size_t candidate : candidates) {
    table.rows.push_back(row_of(report, candidate, parameters, columns));
  }
  drop_idle_columns(table, 1 + parameters);
  table.first_spare = 1;
  for (const TunedParameter& parameter : report.parameters) {
    table.spare_names.push_back(parameter_label(parameter));
  }
  return table;
}

std::vector<std::size_t> pareto_candidates(const TuningReport& report) {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < report.candidates.size(); ++i) {
    if (report.candidates[i].pareto) found.push_back(i);
  }
  std::stable_sort(found.begin(), found.end(), [&](std::size_t a, std::size_t b) {
    return report.candidates[a].figures.goodput_tokens_per_s.value_or(-1) >
           report.candidates[b].figures.goodput_tokens_per_s.value_or(-1);
  });
  return found;
}

std::vector<std::size_t> ranked_candidates(const TuningReport& report) {
  std::vector<std::size_t> ranked(report.candidates.size());
  for (std::size_t i = 0; i < ranked.size(); ++i) ranked[i] = i;
  const auto key = [&](std::size_t candidate) {
    const TuningFigures& figures = report.candidates[candidate].figures;
    const double objective = figures.objective.value_or(0);
    return figures.feasible() ? std::pair(0.0, report.aim.maximize ? -objective : objective)
                              : std::pair(1 + figures.violation(), 0.0);
  };
  std::stable_sort(ranked.begin(), ranked.end(),
                   [&](std::size_t a, std::size_t b) { return key(a) < key(b); });
  return ranked;
}

Table finalists_table(const TuningReport& report) {
  Table table;
  table.name = "finalists";
  table.title = "finalists";
  if (report.finalists.empty()) return table;
  table.left_columns = 2;
  table.head_rows = 2;
  table.rows = {
      {{"setting"}, {"outcome"}, {report.aim.path}, {"runs"}, {"to the best"}, {"95 % interval"}},
      {{""}, {""}, {aim_unit(report.aim.path).name}, {""}, {""}, {""}}};
  ReasonNotes reasons;
  for (const Finalist& finalist : report.finalists) {
    const TuningFigures& figures = report.candidates[finalist.candidate].figures;
    const std::string label = candidate_label(report, finalist.candidate);
    table.rows.push_back({{label},
                          {finalist.outcome},
                          {figure_or_absent(figures.objective, aim_unit(report.aim.path).scale)},
                          {whole_figure(figures.runs)},
                          {change_text(finalist.to_best, false, 1)},
                          {interval_text(finalist.to_best, false, 1)}});
    if (!finalist.to_best.interval) reasons.add(label, without_stop(finalist.to_best.reason));
  }
  table.notes = reasons.sentences("No interval of", "No intervals", report.finalists.size());
  return table;
}

namespace {

/// Where conditions were judged by different numbers of runs: by how many each.
std::string runs_note(const TuningReport& report) {
  std::vector<std::string> words;
  bool differ = false;
  std::uint64_t first = 0;
  for (const Finalist& finalist : report.finalists) {
    for (const StressResult& result : finalist.stress) {
      const std::string word = result.name + ": " + runs_figure(result.runs);
      if (result.runs == 0 || std::find(words.begin(), words.end(), word) != words.end()) continue;
      first = words.empty() ? result.runs : first;
      differ = differ || result.runs != first;
      words.push_back(word);
    }
  }
  return differ ? fmt::format("Runs differ: {}.", fmt::join(words, ", ")) : "";
}

}  // namespace

Table stress_table(const TuningReport& report) {
  Table table;
  table.name = "stress";
  const ShownUnit unit = aim_unit(report.aim.path);
  table.title = "finalists under other conditions: " + report.aim.path +
                (unit.name.empty() ? "" : ", " + unit.name);
  table.head_rows = 1;
  table.rows = {{{""}}};
  bool missed = false;
  for (const Finalist& finalist : report.finalists) {
    if (finalist.stress.empty()) continue;
    table.rows[0].push_back({candidate_label(report, finalist.candidate)});
    for (std::size_t i = 0; i < finalist.stress.size(); ++i) {
      const StressResult& result = finalist.stress[i];
      if (table.rows.size() < i + 2) table.rows.push_back({{result.name}});
      std::vector<Cell>& row = table.rows[i + 1];
      row.resize(table.rows[0].size() - 1, {kAbsent});
      const bool misses = result.violation > 0;
      row.push_back({figure_or_absent(result.objective, unit.scale), misses ? "*" : "",
                     misses ? Ink::red : Ink::plain});
      missed = missed || misses;
    }
  }
  if (table.rows.size() == 1) table.rows.clear();
  if (missed) table.notes.emplace_back("* misses a constraint.");
  if (std::string runs = runs_note(report); !runs.empty() && !table.rows.empty()) {
    table.notes.push_back(std::move(runs));
  }
  return table;
}

}  // namespace tokenlift
