#include "reports/findings/comparison_tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "reports/analysis/significance.hpp"
#include "reports/findings/gains_table.hpp"
#include "reports/findings/reason_notes.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

constexpr std::size_t kMostNamedChanges = 3;

bool has_changed(const ComparedFigure& figure) {
  return figure.reading == Reading::better || figure.reading == Reading::worse;
}

/// "TTFT p99 in after", "drain time"
std::string name_in_phase(const ComparedFigure& figure) {
  const std::string label = gain_label(figure.name);
  return figure.phase == "lift" ? label : label + " in " + figure.phase;
}

ShownUnit unit_of(const ComparedFigure& figure) {
  return shown_unit(figure.unit, figure.base, figure.contender);
}

/// How far a change is from none, so that lines of all kinds can be put in an order.
double size_of(const ComparedFigure& figure) {
  if (!figure.change.value) return 0;
  if (!figure.is_difference) return std::abs(std::log(*figure.change.value));
  const double larger = std::max(figure.base.value_or(0), figure.contender.value_or(0));
  return std::abs(*figure.change.value) / (figure.unit == "share" ? 1 : std::max(larger, 1e-300));
}

/// "TTFT p99 in after of lift/rate=1 (x1.10), ... and 4 others"; the largest changes first.
std::string named(const Comparison& comparison, Reading reading) {
  std::vector<std::pair<const ComparedFigure*, const CaseComparison*>> found;
  for (const CaseComparison& one : comparison.cases) {
    for (const ComparedFigure& figure : one.figures) {
      if (figure.reading == reading) found.emplace_back(&figure, &one);
    }
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return size_of(*a.first) > size_of(*b.first);
  });
  std::vector<std::string> words;
  for (std::size_t i = 0; i < std::min(found.size(), kMostNamedChanges); ++i) {
    const ComparedFigure& figure = *found[i].first;
    const ShownUnit unit = unit_of(figure);
    words.push_back(fmt::format("{}{} ({}{})", name_in_phase(figure),
                                comparison.cases.size() > 1 ? " of " + found[i].second->name : "",
                                change_text(figure.change, figure.is_difference, unit.scale),
                                figure.is_difference ? " " + unit.name : ""));
  }
  if (found.size() > kMostNamedChanges) {
    words.push_back(fmt::format("{} other{}", found.size() - kMostNamedChanges,
                                found.size() == kMostNamedChanges + 1 ? "" : "s"));
  }
  return listed(words, "and");
}

std::string are(std::size_t count) {
  return count == 1 ? "1 is" : whole_figure(count) + " are";
}

std::string needed_text(const std::optional<std::size_t>& runs) {
  return runs ? whole_figure(*runs) : "more than " + whole_figure(kMostRunsNeeded);
}

/// "17 runs" or "17 to 841 runs": from the figure that is nearest to the one that is farthest.
std::string range_needed(const Comparison& comparison) {
  std::size_t least = kMostRunsNeeded + 1;
  std::size_t most = 0;
  for (const CaseComparison& one : comparison.cases) {
    for (const ComparedFigure& figure : one.figures) {
      if (figure.reading != Reading::too_few_runs) continue;
      const std::size_t runs = figure.runs_needed.value_or(kMostRunsNeeded + 1);
      least = std::min(least, runs);
      most = std::max(most, runs);
    }
  }
  const auto text = [](std::size_t runs) {
    return needed_text(runs > kMostRunsNeeded ? std::nullopt : std::optional(runs));
  };
  return (least == most ? "" : text(least) + " to ") + text(most) + " runs";
}

std::string change_size(double share) {
  return limit_figure(share * 100) + " %";
}

Cell reading_cell(const ComparedFigure& figure) {
  std::string text(name_of(figure.reading));
  switch (figure.reading) {
    case Reading::better:
      return {text, {}, Ink::green};
    case Reading::worse:
      return {text, {}, Ink::red};
    case Reading::no_difference:
      return {figure.identical ? "identical" : text};
    case Reading::too_few_runs:
      return {text + " (need about " + needed_text(figure.runs_needed) + ")"};
    case Reading::not_comparable:
    case Reading::not_judged:
      break;
  }
  return {text};
}

std::string p_text(const std::optional<double>& p) {
  if (!p) return kAbsent;
  return *p < 0.001 ? "<0.001" : fmt::format("{:.3f}", *p);
}

}  // namespace

std::string problems(const Comparison& comparison) {
  std::vector<std::string> words;
  for (const CaseComparison& one : comparison.cases) {
    for (const std::string& problem : one.problems) {
      words.push_back(comparison.cases.size() > 1 ? "of " + one.name + " " + problem : problem);
    }
  }
  if (words.empty()) return "";
  return "NOT VALID as a comparison: " + listed(words, "and") + ".";
}

std::string verdict(const Comparison& comparison) {
  const std::size_t worse = comparison.count(Reading::worse);
  const std::size_t better = comparison.count(Reading::better);
  const std::size_t same = comparison.count(Reading::no_difference);
  const std::size_t open = comparison.count(Reading::too_few_runs);
  const std::size_t all = worse + better + same + open;
  std::string text =
      fmt::format("{} of {} comparisons {} worse", worse == 0 ? "None" : whole_figure(worse),
                  whole_figure(all), worse > 1 ? "are" : "is");
  text += worse > 0 ? ": " + named(comparison, Reading::worse) + "." : ".";
  if (better > 0) {
    text += fmt::format(" {} better: {}.", are(better), named(comparison, Reading::better));
  }
  if (same > 0) {
    text += fmt::format(" {} no difference, and one of {} would have shown.",
                        same == 1 ? "1 shows" : whole_figure(same) + " show",
                        change_size(comparison.rules.detect));
  }
  if (open > 0) {
    text += fmt::format(" {} undecided: about {} on either side would decide.", are(open),
                        range_needed(comparison));
  }
  return text;
}

std::vector<std::string> method(const Comparison& comparison) {
  std::vector<std::string> sentences = {fmt::format(
      "Runs are compared, not requests. p values are corrected for {} tests (Holm), intervals are "
      "not. A change of up to {} counts as none.",
      whole_figure(comparison.tests), change_size(comparison.rules.threshold))};
  for (const auto& [side, names] : {std::pair("base", &comparison.base_only),
                                    std::pair("contender", &comparison.contender_only)}) {
    if (names->empty()) continue;
    sentences.push_back(fmt::format("Only in the {}: {}.", side, listed(*names, "and")));
  }
  return sentences;
}

std::string runs_text(const CaseComparison& one) {
  return fmt::format("{} against {}{}", one.base_runs, runs_figure(one.contender_runs),
                     one.paired ? ", paired by seed" : ", seeds differ");
}

Table cases_table(const Comparison& comparison, bool all) {
  Table table;
  table.name = "cases";
  table.head_rows = 1;
  table.rows = {
      {{"case"}, {"runs"}, {"worse"}, {"better"}, {"no difference"}, {"too few runs"}, {"need"}}};
  std::size_t left_out = 0;
  const auto counted = [](const CaseComparison& one, Reading reading, Ink ink) {
    const std::size_t count = one.count(reading);
    return Cell{whole_figure(count), {}, count > 0 ? ink : Ink::plain};
  };
  for (const CaseComparison& one : comparison.cases) {
    if (!all && one.count(Reading::worse) + one.count(Reading::better) == 0) {
      ++left_out;
      continue;
    }
    const bool open = one.count(Reading::too_few_runs) > 0;
    table.rows.push_back({{one.name},
                          {fmt::format("{} : {}", one.base_runs, one.contender_runs)},
                          counted(one, Reading::worse, Ink::red),
                          counted(one, Reading::better, Ink::green),
                          counted(one, Reading::no_difference, Ink::plain),
                          counted(one, Reading::too_few_runs, Ink::plain),
                          {open ? needed_text(one.runs_needed()) : kAbsent}});
  }
  if (left_out > 0) {
    table.notes = {fmt::format("In {} case{} nothing is better or worse.", whole_figure(left_out),
                               left_out == 1 ? "" : "s")};
  }
  if (table.rows.size() == 1) table.rows.clear();
  return table;
}

Table figures_table(const CaseComparison& one, bool all) {
  Table table;
  table.name = "comparison";
  table.title = one.name + ": " + runs_text(one);
  table.left_columns = 3;
  table.head_rows = 1;
  table.rows = {{{""},
                 {""},
                 {""},
                 {"base"},
                 {"contender"},
                 {"change"},
                 {"95 % interval"},
                 {"p"},
                 {"for users"}}};
  ReasonNotes reasons;
  std::string phase;
  bool unserved = false;
  for (const ComparedFigure& each : one.figures) {
    if (!all && !has_changed(each)) continue;
    const ShownUnit unit = unit_of(each);
    table.rows.push_back({{each.phase == phase ? "" : each.phase},
                          {gain_label(each.name)},
                          {unit.name},
                          {figure_or_absent(each.base, unit.scale), each.unserved ? "*" : ""},
                          {figure_or_absent(each.contender, unit.scale), each.unserved ? "*" : ""},
                          {change_text(each.change, each.is_difference, unit.scale)},
                          {interval_text(each.change, each.is_difference, unit.scale)},
                          {p_text(each.p)},
                          reading_cell(each)});
    phase = each.phase;
    unserved = unserved || each.unserved;
    if (each.reading == Reading::not_comparable) reasons.add(name_in_phase(each), each.reason);
  }
  if (table.rows.size() == 1) table.rows.clear();
  table.notes = reasons.sentences("No comparison of", "No comparison", SIZE_MAX);
  if (unserved) {
    table.notes.push_back(
        "* so many requests went unserved on one side that this percentile looks better than what "
        "users saw: look at attainment.");
  }
  return table;
}

}  // namespace tokenlift
