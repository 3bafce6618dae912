#include "reports/findings/tuning_tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "reports/findings/gains_table.hpp"
#include "reports/findings/reason_notes.hpp"
#include "reports/findings/tuning_words.hpp"
#include "reports/text/figure.hpp"
#include "reports/text/text_table.hpp"

namespace tokenlift {
namespace {

/// "attainment.before" of "attainment.before >= 0.9".
std::string path_of_constraint(const std::string& constraint) {
  return constraint.substr(0, constraint.find_first_of(" <>=!"));
}

std::string or_dash(const std::string& text) {
  return text.empty() ? kAbsent : text;
}

std::string range_text(const TunedParameter& parameter) {
  constexpr std::size_t kMostColumns = 24;
  if (parameter.choices.empty()) return parameter.lowest + " to " + parameter.highest;
  std::string all = listed(parameter.choices, "or");
  if (display_width(all) <= kMostColumns) return all;
  return fmt::format("{} choices", parameter.choices.size());
}

std::string tolerated_text(const TunedParameter& parameter) {
  if (parameter.tolerated_low.empty()) return kAbsent;
  if (parameter.tolerated_low == parameter.tolerated_high) return parameter.tolerated_low;
  return parameter.tolerated_low + " to " + parameter.tolerated_high;
}

/// What of a candidate a table of constraints shows; absent where it has none.
Cell constraint_cell(const TuningFigures& figures, std::size_t constraint) {
  if (constraint >= figures.constraints.size()) return {kAbsent};
  const ConstraintResult& result = figures.constraints[constraint];
  return {figure_or_absent(result.value), {}, result.met ? Ink::green : Ink::red};
}

Cell missed_cell(const TuningFigures& figures, std::size_t constraint) {
  if (constraint >= figures.constraints.size()) return {kAbsent};
  const ConstraintResult& result = figures.constraints[constraint];
  if (result.met) return {"met", {}, Ink::green};
  return {
      result.value ? "missed by " + violation_figure(result.violation) : "no value", {}, Ink::red};
}

/// Columns that no row has anything for, and the row of units where none is left.
void drop_absent_columns(Table& table) {
  const auto first = table.rows.begin() + static_cast<std::ptrdiff_t>(table.head_rows);
  for (std::size_t column = table.rows[0].size(); column-- > 0;) {
    const auto absent = [&](const std::vector<Cell>& row) { return row[column].text == kAbsent; };
    if (!std::all_of(first, table.rows.end(), absent)) continue;
    for (std::vector<Cell>& row : table.rows) {
      row.erase(row.begin() + static_cast<std::ptrdiff_t>(column));
    }
  }
  const std::vector<Cell>& units = table.rows[table.head_rows - 1];
  const bool idle =
      std::all_of(units.begin(), units.end(), [](const Cell& cell) { return cell.text.empty(); });
  if (!idle) return;
  table.rows.erase(table.rows.begin() + static_cast<std::ptrdiff_t>(--table.head_rows));
}

/// An estimate that its own error hides says nothing, and least of all that it is 0.
bool is_within_error(const TunedParameter& parameter) {
  return parameter.sensitivity && parameter.sensitivity_error &&
         *parameter.sensitivity <= *parameter.sensitivity_error;
}

bool has_errors(const TuningReport& report) {
  return std::any_of(
      report.parameters.begin(), report.parameters.end(),
      [](const TunedParameter& parameter) { return parameter.sensitivity_error.has_value(); });
}

/// "56 ± 9.1"
std::string matter_text(const TunedParameter& parameter) {
  if (is_within_error(parameter)) return kAbsent;
  if (!parameter.sensitivity || !parameter.sensitivity_error) {
    return figure_or_absent(parameter.sensitivity, 100);
  }
  return figure_with_error(100 * *parameter.sensitivity, 100 * *parameter.sensitivity_error);
}

Cell validity_cell(const VerifiedArm& arm) {
  if (!arm.validity.empty()) return {"not valid", {}, Ink::red};
  return {arm.measured ? "valid" : kAbsent};
}

Cell change_reading(const TuningChange& change) {
  if (!change.change.interval || !change.change.value) return {kAbsent};
  const double none = change.is_difference ? 0 : 1;
  if (change.change.interval->holds(none)) return {"not shown"};
  const bool better = (*change.change.value > none) == change.higher_is_better;
  return better ? Cell{"better", {}, Ink::green} : Cell{"worse", {}, Ink::red};
}

}  // namespace

std::vector<std::string> facts_of(const TuningReport& report) {
  std::vector<std::string> facts = {report.of_lift ? "search for how to lift"
                                                   : "search for settings"};
  if (!report.tokenlift_version.empty()) facts.push_back("tokenlift " + report.tokenlift_version);
  facts.push_back(fmt::format("seed {}", report.seed));
  if (!report.started_at.empty()) facts.push_back(report.started_at);
  return facts;
}

std::vector<std::string> task_sentences(const TuningReport& report) {
  std::string task = fmt::format("Searched for the {} {}", report.aim.maximize ? "most" : "least",
                                 report.aim.path);
  if (!report.constraints.empty()) task += " with " + listed(report.constraints, "and");
  task += fmt::format(", judged in the phase '{}'", report.phase);
  if (report.capacity_tokens_per_s) {
    task +=
        fmt::format(" of a fleet that makes {} tokens/s", figure(*report.capacity_tokens_per_s));
  }
  std::vector<std::string> sentences = {task + "."};
  if (!report.floors.empty()) {
    sentences.push_back(fmt::format(
        "Floors, so that nobody loses unasked (2 points below the present, or what chance "
        "does): {}. A constraint of your own on the attainment of the same tenant takes "
        "the place of its floor.",
        listed(report.floors, "and")));
  }
  if (report.candidates.empty()) return sentences;
  std::string effort =
      fmt::format("{} setting{} and {} requests simulated in {} s",
                  whole_figure(report.candidates.size()), report.candidates.size() == 1 ? "" : "s",
                  whole_figure(report.requests), figure(report.elapsed_s));
  if (report.budget_requests > 0) {
    effort += fmt::format(", of a budget of {} requests", whole_figure(report.budget_requests));
  }
  sentences.push_back(effort + ".");
  return sentences;
}

Table parameters_table(const TuningReport& report) {
  Table table;
  table.name = "parameters";
  table.title = "what was searched";
  if (report.parameters.empty()) return table;
  table.head_rows = 2;
  const bool refused = !report.recommended && report.best;
  table.rows = {{{""},
                 {"range"},
                 {"present"},
                 {refused ? "best found" : "recommended"},
                 {"as good"},
                 {"matters"}},
                {{""}, {""}, {""}, {""}, {"within 2 %"}, {"%"}}};
  ReasonNotes reasons;
  bool hidden = false;
  for (const TunedParameter& parameter : report.parameters) {
    const std::string label = parameter_label(parameter);
    const bool changed =
        !parameter.recommended.empty() && parameter.present != parameter.recommended;
    const std::string range = range_text(parameter);
    table.rows.push_back({{label},
                          {range},
                          {parameter.present.value_or(kAbsent)},
                          {or_dash(parameter.recommended), {}, changed ? Ink::bold : Ink::plain},
                          {tolerated_text(parameter)},
                          {matter_text(parameter)}});
    hidden = hidden || is_within_error(parameter);
    reasons.add(label, without_stop(parameter.reason));
    if (range.ends_with(" choices")) {
      reasons.add(label, "one of " + listed(parameter.choices, "or"));
    }
  }
  drop_absent_columns(table);
  table.notes = reasons.sentences("Range of", "Ranges", report.parameters.size());
  if (table.rows[0].back().text == "matters") {
    table.notes.push_back(
        fmt::format("What matters: the share of the variance of {} over the whole range that goes "
                    "with this parameter alone{}.",
                    report.aim.path, has_errors(report) ? ", ± its standard error" : ""));
    if (hidden) {
      table.notes.push_back(std::string(kAbsent) +
                            " of what matters: less than its error, so that it is not known.");
    }
  }
  return table;
}

Table changes_table(const TuningReport& report) {
  Table table;
  table.name = "changes";
  table.title = "recommended against present";
  table.left_columns = 2;
  if (report.changes.empty()) return table;
  if (!report.recommended) table.title = "best found against present";
  if (report.runs_of_changes > 0) {
    table.title += fmt::format(", {} of each", runs_figure(report.runs_of_changes));
  }
  table.head_rows = 1;
  table.rows = {{{""},
                 {""},
                 {"present"},
                 {report.recommended ? "recommended" : "best found"},
                 {"change"},
                 {"95 % interval"},
                 {"for users"}}};
  ReasonNotes bases;
  ReasonNotes reasons;
  for (const TuningChange& change : report.changes) {
    const ShownUnit unit = shown_unit(change.unit, change.present, change.recommended);
    table.rows.push_back({{change.name},
                          {unit.name},
                          {figure_or_absent(change.present, unit.scale)},
                          {figure_or_absent(change.recommended, unit.scale)},
                          {change_text(change.change, change.is_difference, unit.scale)},
                          {interval_text(change.change, change.is_difference, unit.scale)},
                          change_reading(change)});
    (change.change.interval ? bases : reasons)
        .add(change.name, change.change.interval ? change.change.basis : change.change.reason);
  }
  table.notes = bases.sentences("95 % intervals of", "95 % intervals",
                                bases.agree() ? 0 : report.changes.size());
  const std::string none = std::string(kAbsent) + " no interval";
  for (std::string& note : reasons.sentences(none + " of", none, report.changes.size())) {
    table.notes.push_back(std::move(note));
  }
  return table;
}

Table constraints_table(const TuningReport& report) {
  Table table;
  table.name = "constraints";
  table.title = "constraints";
  if (report.constraints.empty() || report.candidates.empty()) return table;
  std::vector<std::pair<std::string, std::size_t>> settings = {{"present", 0}};
  if (const std::optional<std::size_t> found = found_candidate(report); found && *found != 0) {
    settings.emplace_back(candidate_label(report, *found), *found);
  } else if (report.infeasible && report.infeasible->candidate != 0) {
    settings.emplace_back("nearest", report.infeasible->candidate);
  }
  table.head_rows = 1;
  table.rows = {{{""}}};
  for (const auto& [label, candidate] : settings) {
    table.rows[0].push_back({label});
    table.rows[0].push_back({""});
  }
  ReasonNotes reasons;
  for (std::size_t i = 0; i < report.constraints.size(); ++i) {
    std::vector<Cell> row = {{report.constraints[i]}};
    for (const auto& [label, candidate] : settings) {
      const TuningFigures& figures = report.candidates[candidate].figures;
      row.push_back(constraint_cell(figures, i));
      row.push_back(missed_cell(figures, i));
      if (i < figures.constraints.size() && !figures.constraints[i].value) {
        reasons.add(report.constraints[i], without_stop(figures.constraints[i].reason));
      }
    }
    table.rows.push_back(std::move(row));
  }
  table.notes = reasons.sentences("No value of", "No values", SIZE_MAX);
  return table;
}

Table verification_table(const TuningReport& report) {
  Table table;
  table.name = "verification";
  table.title = "on engine threads";
  if (!report.verification || report.verification->arms.empty()) return table;
  table.title += ": " + runs_figure(report.verification->runs) + " each";
  table.head_rows = 2;
  const ShownUnit unit = aim_unit(report.aim.path);
  table.rows = {{{"setting"},
                 {"predicted"},
                 {"measured"},
                 {"95 % interval"},
                 {"measured/"},
                 {"constraints"},
                 {"runs"}},
                {{""}, {unit.name}, {unit.name}, {unit.name}, {"predicted"}, {"met"}, {""}}};
  for (const VerifiedArm& arm : report.verification->arms) {
    const auto met = std::count_if(arm.constraints.begin(), arm.constraints.end(),
                                   [](const ConstraintResult& each) { return each.met; });
    const auto of = static_cast<std::ptrdiff_t>(arm.constraints.size());
    const bool compares = arm.predicted && *arm.predicted != 0 && arm.measured;
    const std::string interval = arm.interval ? figure(arm.interval->low * unit.scale) + " to " +
                                                    figure(arm.interval->high * unit.scale)
                                              : kAbsent;
    const std::string place = candidate_label(report, arm.candidate);
    table.rows.push_back({{arm.label + (place.starts_with('#') ? " (" + place + ")" : "")},
                          {figure_or_absent(arm.predicted, unit.scale)},
                          {figure_or_absent(arm.measured, unit.scale)},
                          {interval},
                          {compares ? change_figure(*arm.predicted, *arm.measured) : kAbsent},
                          {of == 0 ? kAbsent : fmt::format("{} of {}", met, of),
                           {},
                           met < of ? Ink::red : Ink::plain},
                          validity_cell(arm)});
    for (const std::string& line : arm.validity) table.notes.push_back(arm.label + ": " + line);
  }
  return table;
}

Table stages_table(const TuningReport& report) {
  Table table;
  table.name = "stages";
  table.title = "how it was searched";
  if (report.stages.empty()) return table;
  table.head_rows = 1;
  table.rows = {{{"stage"}, {"settings"}, {"runs"}, {"requests"}}};
  for (const TuningStage& stage : report.stages) {
    table.rows.push_back({{stage.name},
                          {whole_figure(stage.candidates)},
                          {whole_figure(stage.runs)},
                          {whole_figure(stage.requests)}});
  }
  return table;
}

std::string paste_title(const TuningReport& report) {
  return report.recommended ? "to paste into the scenario" : "what was found, but not recommended";
}

std::vector<std::string> remedy_sentences(const TuningReport& report) {
  if (!report.infeasible) return {};
  const Infeasible& infeasible = *report.infeasible;
  std::vector<std::string> sentences;
  for (const Remedy& remedy : infeasible.remedies) {
    const TuningCandidate& candidate = report.candidates[remedy.candidate];
    std::vector<std::string> values;
    for (std::size_t i = 0; i < candidate.values.size(); ++i) {
      values.push_back(report.parameters[i].key + "=" + candidate.values[i]);
    }
    sentences.push_back(fmt::format("With {} (and {}), {}: {} is {}.", remedy_words(remedy),
                                    values.empty() ? "the present setting" : listed(values, "and"),
                                    remedy.meets
                                        ? "all constraints are met with the seeds of the search"
                                        : "a constraint is missed",
                                    path_of_constraint(report.constraints[infeasible.constraint]),
                                    remedy.value ? figure(*remedy.value) : "without a value"));
  }
  return sentences;
}

}  // namespace tokenlift
