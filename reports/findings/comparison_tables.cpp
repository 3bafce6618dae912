#include "reports/findings/comparison_tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "reports/analysis/significance.hpp"
#include "reports/findings/gains_table.hpp"
#include "reports/findings/least_changes.hpp"
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

/// "x1.50" or "+12.3", with as many digits as it takes to tell it from the limit.
std::string change_beside(double change, double limit, bool is_difference, double scale) {
  const std::string text = figure_beside(change * scale, limit * scale);
  if (!is_difference) return "x" + text;
  return (change < 0 ? "" : "+") + text;
}

/// A change by `share`, up or down, as that of the figure is given.
double limit_of(const ComparedFigure& figure, double share, bool up) {
  if (!figure.is_difference) return up ? 1 + share : 1 / (1 + share);
  return (up ? share : -share) * figure.unit_of_change;
}

/// Never as large as the threshold where it is called, for that is none.
std::string change_of(const ComparedFigure& figure, const ComparisonRules& rules) {
  const ShownUnit unit = unit_of(figure);
  const double scale = figure.is_difference ? unit.scale : 1;
  if (!figure.change.value || !has_changed(figure)) {
    return change_text(figure.change, figure.is_difference, unit.scale);
  }
  const bool up = *figure.change.value > (figure.is_difference ? 0 : 1);
  return change_beside(*figure.change.value, limit_of(figure, rules.threshold, up),
                       figure.is_difference, scale);
}

std::string worst_of(const ComparedFigure& figure, const ComparisonRules& rules) {
  if (!figure.at_worst) return kAbsent;
  const double scale = figure.is_difference ? unit_of(figure).scale : 1;
  return change_beside(*figure.at_worst, limit_of(figure, rules.detect, !figure.higher_is_better),
                       figure.is_difference, scale);
}

/// "TTFT p99 in after of lift/rate=1 (x1.10), ... and 4 others"; the largest changes first.
std::string named(const Comparison& comparison, Reading reading, bool primary) {
  std::vector<std::pair<const ComparedFigure*, const CaseComparison*>> found;
  for (const CaseComparison& one : comparison.cases) {
    for (const ComparedFigure& figure : one.figures) {
      if (figure.reading == reading && figure.primary == primary) found.emplace_back(&figure, &one);
    }
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return size_of(*a.first) > size_of(*b.first);
  });
  std::vector<std::string> words;
  for (std::size_t i = 0; i < std::min(found.size(), kMostNamedChanges); ++i) {
    const ComparedFigure& figure = *found[i].first;
    std::string word = name_in_phase(figure);
    if (comparison.cases.size() > 1) word += " of " + found[i].second->name;
    if (has_changed(figure)) {
      word += " (" + change_of(figure, comparison.rules);
      if (figure.is_difference) word += " " + unit_of(figure).name;
      word += ")";
    }
    words.push_back(std::move(word));
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

std::string change_size(double share) {
  return limit_figure(share * 100) + " %";
}

/// Of what is no measurement nothing is better in green.
Cell reading_cell(const ComparedFigure& figure, bool valid) {
  std::string text(name_of(figure.reading));
  switch (figure.reading) {
    case Reading::better:
      return {text, {}, valid ? Ink::green : Ink::plain};
    case Reading::worse:
      return {text, {}, Ink::red};
    case Reading::no_difference:
      return {figure.identical ? "identical" : text};
    case Reading::open:
    case Reading::too_few_runs:
      if (!figure.runs_needed && !figure.reason.empty()) return {text};
      if (figure.lacks_estimate) {
        return {fmt::format("{} ({} at least)", text, needed_text(figure.runs_needed))};
      }
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

/// "1 of 90 is worse: ...", "None of 90 is worse."
std::string worse_text(const Comparison& comparison, std::size_t all, bool primary,
                       std::string_view what) {
  const std::size_t worse =
      primary ? comparison.primary(Reading::worse) : comparison.explored_as(Reading::worse);
  std::string text = fmt::format("{} of {} {} {} worse", worse == 0 ? "None" : whole_figure(worse),
                                 whole_figure(all), what, worse > 1 ? "are" : "is");
  return text + (worse > 0 ? ": " + named(comparison, Reading::worse, primary) + "." : ".");
}

std::string gate_text(const Comparison& comparison) {
  const auto count = [&](Reading reading) { return comparison.primary(reading); };
  const std::size_t better = count(Reading::better);
  const std::size_t same = count(Reading::no_difference);
  const std::size_t open = count(Reading::open);
  const std::size_t all = count(Reading::worse) + better + same + open;
  if (all == 0) return "No primary figure could be compared: nothing is gated.";
  if (open == all && comparison.lacks_estimate && comparison.runs_needed) {
    return fmt::format("Nothing can be said of {} yet: it takes {} on either side at least.",
                       all == 1 ? "the primary figure" : whole_figure(all) + " primary figures",
                       runs_figure(*comparison.runs_needed));
  }
  std::string text =
      worse_text(comparison, all, true, all == 1 ? "primary figure" : "primary figures");
  if (better > 0) {
    text += fmt::format(" {} better: {}.", are(better), named(comparison, Reading::better, true));
  }
  if (same > 0) {
    text += fmt::format(" {} no difference, and a worsening of {} is excluded.",
                        same == 1 ? "1 shows" : whole_figure(same) + " show",
                        change_size(comparison.rules.detect));
  }
  if (open == 0) return text;
  text += fmt::format(" {} open, for a worsening of {} is not excluded: {}.", are(open),
                      change_size(comparison.rules.detect), named(comparison, Reading::open, true));
  if (!comparison.runs_needed) {
    return text + fmt::format(" Not even {} runs on either side would decide all.",
                              whole_figure(kMostRunsNeeded));
  }
  if (comparison.lacks_estimate) {
    return text + fmt::format(" It takes {} on either side at least to tell anything.",
                              runs_figure(*comparison.runs_needed));
  }
  return text + fmt::format(" About {} on either side would decide all.",
                            runs_figure(*comparison.runs_needed));
}

std::string explored_text(const Comparison& comparison) {
  const auto count = [&](Reading reading) { return comparison.explored_as(reading); };
  const std::size_t better = count(Reading::better);
  const std::size_t same = count(Reading::no_difference);
  const std::size_t few = count(Reading::too_few_runs);
  const std::size_t all = count(Reading::worse) + better + same + few;
  if (all == 0) return "";
  if (few == all) {
    return fmt::format(" Explored, outside the gate: of {} other figure{} too few runs were made.",
                       whole_figure(all), all == 1 ? "" : "s");
  }
  std::string text =
      " Explored, outside the gate: " +
      worse_text(comparison, all, false, all == 1 ? "other figure" : "other figures");
  if (better > 0) {
    text += fmt::format(" {} better: {}.", are(better), named(comparison, Reading::better, false));
  }
  if (same > 0)
    text += fmt::format(" {} no difference.", same == 1 ? "1 shows" : whole_figure(same) + " show");
  if (few > 0) text += fmt::format(" Of {} too few runs were made.", whole_figure(few));
  return text;
}

}  // namespace

std::string problems(const Comparison& comparison) {
  std::vector<std::string> words;
  for (const CaseComparison& one : comparison.cases) {
    for (const std::string& problem : one.problems) {
      words.push_back(comparison.cases.size() > 1 ? "of " + one.name + " " + problem : problem);
    }
  }
  if (!comparison.refused.empty()) return "NOT COMPARED: " + comparison.refused;
  if (words.empty()) return "";
  return "NOT VALID as a comparison: " + listed(words, "and") + ".";
}

std::string verdict(const Comparison& comparison) {
  if (!comparison.refused.empty()) return "";
  return gate_text(comparison) + explored_text(comparison);
}

namespace {

/// "4 runs on either side, paired by seed"; of several cases the fewest.
std::string effort_text(const Comparison& comparison) {
  std::size_t fewest = SIZE_MAX;
  bool alike = true;
  bool paired = true;
  for (const CaseComparison& one : comparison.cases) {
    const std::size_t runs = std::min(one.base_runs, one.contender_runs);
    alike = alike && (fewest == SIZE_MAX || runs == fewest) && one.base_runs == one.contender_runs;
    fewest = std::min(fewest, runs);
    paired = paired && one.paired;
  }
  return fmt::format("{}{} on either side{}", runs_figure(fewest), alike ? "" : " or more",
                     paired ? ", with the same arrivals" : "");
}

std::string outcome_text(const Comparison& comparison) {
  const auto count = [&](Reading reading) { return comparison.primary(reading); };
  const std::size_t better = count(Reading::better);
  const std::size_t open = count(Reading::open);
  const std::size_t same = count(Reading::no_difference);
  const std::size_t all = count(Reading::worse) + better + same + open;
  if (all == 0) return "No primary figure could be compared.";
  const char* const figures = all == 1 ? "primary figure" : "primary figures";
  std::string text = worse_text(comparison, all, true, figures);
  text.pop_back();
  if (better > 0) {
    text += fmt::format(", {} better: {}", are(better), named(comparison, Reading::better, true));
  }
  if (count(Reading::worse) + better > 0 && comparison.tests > 0) {
    text += fmt::format(
        "; that is more than chance, which alone makes one such comparison in {} say so",
        whole_figure(static_cast<std::uint64_t>(std::llround(1 / kComparisonLevel))));
  }
  if (open > 0) {
    text +=
        fmt::format("; of {} so few runs do not exclude that {} worse by {}", whole_figure(open),
                    open == 1 ? "it is" : "they are", change_size(comparison.rules.detect));
  } else if (same > 0) {
    text +=
        fmt::format("; that {} worse by {} is excluded{}",
                    same == all ? all == 1 ? "it is" : "any is"
                    : same == 1 ? "the other one is"
                                : "any other is",
                    change_size(comparison.rules.detect),
                    comparison.tests > 0 ? fmt::format(", with {} % confidence for all together",
                                                       limit_figure(100 * (1 - kExclusionLevel)))
                                         : "");
  }
  return text + ".";
}

std::string decision_text(const Comparison& comparison) {
  const auto count = [&](Reading reading) { return comparison.primary(reading); };
  if (!comparison.valid()) {
    return "Not every set of runs is a valid measurement: nothing can be decided by them until all "
           "pass.";
  }
  if (count(Reading::worse) > 0) {
    return count(Reading::better) > 0
               ? "Under this load the contender gives one thing for another: whether that is "
                 "wanted "
                 "is the decision."
               : "Under this load the contender does harm: this speaks against it.";
  }
  if (count(Reading::open) > 0 && comparison.runs_needed && comparison.lacks_estimate) {
    return fmt::format("This decides nothing: it takes {} on either side at least.",
                       runs_figure(*comparison.runs_needed));
  }
  if (count(Reading::open) > 0) {
    return comparison.runs_needed
               ? fmt::format("This decides nothing yet: about {} on either side would.",
                             runs_figure(*comparison.runs_needed))
               : fmt::format("This decides nothing, and {} on either side would not do so.",
                             runs_figure(kMostRunsNeeded));
  }
  if (count(Reading::better) > 0) {
    return "Under this load the contender is for the better, and nothing that is gated speaks "
           "against it.";
  }
  if (count(Reading::no_difference) == 0) return "Nothing can be decided by it.";
  return "Under this load nothing that is gated speaks against the contender, and nothing for it.";
}

}  // namespace

std::vector<std::string> answer(const Comparison& comparison) {
  if (!comparison.refused.empty() || comparison.cases.empty()) return {};
  const std::string what = comparison.cases.size() == 1
                               ? fmt::format("The contender was compared with the base in '{}'",
                                             comparison.cases[0].name)
                               : fmt::format("The contender was compared with the base in {} cases",
                                             whole_figure(comparison.cases.size()));
  return {what + ": " + effort_text(comparison) + ".", outcome_text(comparison),
          decision_text(comparison)};
}

namespace {

bool has_repetitions(const Comparison& comparison) {
  return std::any_of(
      comparison.cases.begin(), comparison.cases.end(),
      [](const CaseComparison& one) { return std::max(one.base_runs, one.contender_runs) > 1; });
}

/// For how many tests p values are corrected; nothing where there are none.
std::string correction_text(const Comparison& comparison) {
  if (comparison.tests + comparison.explored == 0) return "";
  std::string of =
      comparison.tests == 0
          ? "of explored figures are corrected"
          : fmt::format("are corrected for {} test{} of primary figures",
                        whole_figure(comparison.tests), comparison.tests == 1 ? "" : "s");
  of += comparison.tests == 0 ? fmt::format(" for {} (Holm)", whole_figure(comparison.explored))
        : comparison.explored == 0 ? " (Holm)"
                                   : fmt::format(" (Holm), those of explored figures for {}",
                                                 whole_figure(comparison.explored));
  return fmt::format(" p values {}{}; intervals are not.", of,
                     comparison.tests > 0 ? ", and so is what is \"at worst\"" : "");
}

}  // namespace

std::vector<std::string> method(const Comparison& comparison) {
  if (!comparison.refused.empty()) return {};
  std::vector<std::string> sentences = {
      fmt::format("Runs are compared, not requests{}.{} A change of up to {} counts as none.",
                  has_repetitions(comparison)
                      ? ": a percentile is the mean of each run's own, where a report pools their "
                        "requests"
                      : "",
                  correction_text(comparison), change_size(comparison.rules.threshold))};
  const std::string shown = shown_text(least_changes(comparison));
  if (!shown.empty()) sentences.push_back(shown);
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

namespace {

/// "7", or "3 at least" where that is all that is known.
std::string need_of(const CaseComparison& one) {
  const bool lacks_estimate =
      std::any_of(one.figures.begin(), one.figures.end(), [](const ComparedFigure& figure) {
        return figure.reading == Reading::open && figure.lacks_estimate;
      });
  return needed_text(one.runs_needed()) + (lacks_estimate ? " at least" : "");
}

}  // namespace

Table cases_table(const Comparison& comparison, bool all) {
  Table table;
  table.name = "cases";
  table.head_rows = 1;
  table.rows = {{{"case"}, {"runs"}, {"worse"}, {"better"}, {"open"}, {"no difference"}, {"need"}}};
  std::size_t left_out = 0;
  const Ink good = comparison.valid() ? Ink::green : Ink::plain;
  const auto counted = [](const CaseComparison& one, Reading reading, Ink ink) {
    const std::size_t count = one.primary(reading);
    return Cell{whole_figure(count), {}, count > 0 ? ink : Ink::plain};
  };
  for (const CaseComparison& one : comparison.cases) {
    const std::size_t open = one.primary(Reading::open);
    if (!all && one.primary(Reading::worse) + one.primary(Reading::better) + open == 0) {
      ++left_out;
      continue;
    }
    table.rows.push_back({{one.name},
                          {fmt::format("{} : {}", one.base_runs, one.contender_runs)},
                          counted(one, Reading::worse, Ink::red),
                          counted(one, Reading::better, good),
                          counted(one, Reading::open, Ink::plain),
                          counted(one, Reading::no_difference, Ink::plain),
                          {open > 0 ? need_of(one) : kAbsent}});
  }
  if (left_out > 0) {
    table.notes = {fmt::format("In {} case{} no primary figure is better, worse or open.",
                               whole_figure(left_out), left_out == 1 ? "" : "s")};
  }
  if (table.rows.size() == 1) table.rows.clear();
  return table;
}

namespace {

/// Those of one kind that are shown.
Table table_of(const Comparison& comparison, const CaseComparison& one, bool primary, bool all) {
  Table table;
  table.left_columns = 3;
  table.head_rows = 1;
  table.rows = {{{""}, {""}, {""}, {"base"}, {"contender"}, {"change"}, {"95 % interval"}}};
  if (primary) table.rows[0].push_back({"at worst"});
  table.rows[0].push_back({"p"});
  table.rows[0].push_back({"for users"});
  ReasonNotes reasons;
  std::string phase;
  bool unserved = false;
  for (const ComparedFigure& each : one.figures) {
    if (each.primary != primary) continue;
    if (!all && !has_changed(each) && each.reading != Reading::open) continue;
    const ShownUnit unit = unit_of(each);
    std::vector<Cell> row = {
        {each.phase == phase ? "" : each.phase},
        {gain_label(each.name)},
        {unit.name},
        {figure_or_absent(each.base, unit.scale), each.unserved ? "*" : ""},
        {figure_or_absent(each.contender, unit.scale), each.unserved ? "*" : ""},
        {change_of(each, comparison.rules)},
        {interval_text(each.change, each.is_difference, unit.scale)}};
    if (primary) row.push_back({worst_of(each, comparison.rules)});
    row.push_back({p_text(each.p)});
    row.push_back(reading_cell(each, comparison.valid()));
    table.rows.push_back(std::move(row));
    phase = each.phase;
    unserved = unserved || each.unserved;
    const bool undecidable = each.reading == Reading::open && !each.runs_needed;
    if (each.reading == Reading::not_comparable || (undecidable && !each.reason.empty())) {
      reasons.add(name_in_phase(each), each.reason);
    }
  }
  if (table.rows.size() == 1) table.rows.clear();
  table.notes = reasons.sentences("No comparison of", "No comparison", SIZE_MAX);
  if (unserved) {
    table.notes.emplace_back(
        "* so many requests went unserved on one side that this percentile looks better than what "
        "users saw: look at attainment.");
  }
  return table;
}

}  // namespace

Table figures_table(const Comparison& comparison, const CaseComparison& one, bool all) {
  Table table = table_of(comparison, one, true, all);
  table.name = "comparison";
  table.title = one.name + ": " + runs_text(one);
  return table;
}

Table explored_table(const Comparison& comparison, const CaseComparison& one, bool all) {
  Table table = table_of(comparison, one, false, all);
  table.name = "explored";
  table.title = "explored, outside the gate";
  return table;
}

}  // namespace tokenlift
