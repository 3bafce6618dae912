#include "reports/page/tuning_page.hpp"

#include <algorithm>

#include "reports/charts/tuning_charts.hpp"
#include "reports/findings/tuning_tables.hpp"
#include "reports/findings/tuning_words.hpp"
#include "reports/page/change_tile.hpp"
#include "reports/record/run.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

/// The page names more settings than these only as long as they are among the best.
constexpr std::size_t kMostSettings = 600;
/// Of the Pareto set, where there is little room.
constexpr std::size_t kFewSettings = 12;
constexpr const char* kReportFile = "tune.json";

using Key = std::vector<std::pair<std::string, std::string>>;

struct State {
  bool well = false;
  std::string words;
};

State state_of(const TuningReport& report) {
  if (report.candidates.empty()) return {false, "Nothing was tried"};
  if (report.interrupted) return {false, "Stopped before its end"};
  if (report.recommended) {
    const std::string found = *report.recommended == 0  ? "The present setting is the best"
                              : is_only_as_good(report) ? "A setting that is as good was found"
                                                        : "A better setting was found";
    if (!report.verification) return {true, found};
    const bool holds = confirming_arm(report) != nullptr;
    return {holds, found + (holds ? ", and holds on engine threads" : ", but is not confirmed")};
  }
  if (report.best || report.verification) return {false, "Not confirmed on engine threads"};
  return {false, "No setting meets all constraints"};
}

/// Of what was refused there are none: they would promise what was only simulated.
std::vector<Tile> tiles_of(const TuningReport& report) {
  std::vector<Tile> tiles;
  if (!report.recommended) return tiles;
  for (const TuningChange& change : report.changes) {
    if (change.name != "goodput" && change.name != "attainment" && change.name != "unserved" &&
        change.name != "TTFT p99") {
      continue;
    }
    tiles.push_back(
        change_tile({change.name, change.unit, "present", change.present, change.recommended,
                     change.change, change.is_difference, change.higher_is_better}));
  }
  return tiles;
}

Summary summary_of(const TuningReport& report) {
  const State state = state_of(report);
  Summary summary;
  summary.title = report.scenario;
  summary.facts = facts_of(report);
  summary.description = report.description;
  summary.status = state.words;
  summary.tone = state.well ? Tone::good : Tone::bad;
  if (report.verification) summary.problems = report.verification->refusals;
  summary.verdict = tuning_verdict(report);
  summary.answer = tuning_answer(report);
  summary.tiles = tiles_of(report);
  summary.remarks = task_sentences(report);
  return summary;
}

/// "recommended", or "best found" where it is not.
std::string found_words(const TuningReport& report) {
  return report.recommended ? "recommended" : "best found";
}

Section charts_of_tries(const TuningReport& report) {
  Key dots;
  Key lines;
  const auto is_feasible = [](const TuningCandidate& each) { return each.figures.feasible(); };
  if (std::any_of(report.candidates.begin(), report.candidates.end(), is_feasible)) {
    dots = {{"best", "of the Pareto set"}, {"met", "meets all constraints"}};
    lines = {{"thread best", "the best tenth"}, {"thread met", "meets all constraints"}};
  }
  if (!std::all_of(report.candidates.begin(), report.candidates.end(), is_feasible)) {
    dots.emplace_back("missed", "misses a constraint");
    lines.emplace_back("thread missed", "misses a constraint");
  }
  dots.emplace_back("present", "present");
  lines.emplace_back("thread present", "present");
  if (found_candidate(report).value_or(0) != 0) {
    dots.emplace_back("found", found_words(report));
    lines.emplace_back("thread found", found_words(report));
  }
  Section section{"What was tried", {}, Place::html_only, false, {}};
  add_block(section.blocks,
            {Picture{"What users get, and how long they wait",
                     "A dot is a setting that was tried; up and left is better, and the larger a "
                     "dot, the more requests went unserved. The line connects the settings that "
                     "none surpasses in all three.",
                     dots,
                     pareto_svg(report),
                     {}},
             Place::html_only});
  add_block(section.blocks,
            {Picture{"Which values do it",
                     "A line is a setting that was tried: across each parameter where its value "
                     "lies, and last across what came of it.",
                     lines,
                     parallel_svg(report),
                     {}},
             Place::html_only});
  return section;
}

Table response_table(const TuningReport& report, const TunedParameter& parameter) {
  const ShownUnit unit = aim_unit(report.aim.path);
  Table table;
  table.head_rows = 1;
  table.rows = {{{"value"}, {"constraints"}, {report.aim.path}}};
  for (const ResponsePoint& point : parameter.response) {
    table.rows.push_back({{point.value},
                          {point.feasible ? "met" : "missed"},
                          {figure_or_absent(point.objective, unit.scale)}});
  }
  return table;
}

Section parameters_section(const TuningReport& report) {
  Section section{"Parameters", {}, Place::open, true, {}};
  add_block(section.blocks, {parameters_table(report)});
  std::vector<Block> charts;
  for (std::size_t i = 0; i < report.parameters.size(); ++i) {
    const TunedParameter& parameter = report.parameters[i];
    add_block(charts, {Picture{parameter_label(parameter),
                               "",
                               {},
                               response_svg(report, i),
                               {response_table(report, parameter)},
                               true},
                       Place::html_only});
  }
  if (charts.empty()) return section;
  const std::string unit = aim_unit(report.aim.path).name;
  section.blocks.push_back(
      {Paragraph{report.aim.path + (unit.empty() ? "" : " (" + unit + ")") +
                 " along the range of each parameter, the others as " + found_words(report) +
                 ". Hollow: misses a constraint. Shaded: within 2 % of the best."},
       Place::html_only});
  for (Block& chart : charts) section.blocks.push_back(std::move(chart));
  return section;
}

/// A row per step of time, a column per setting.
Table series_table(const TuningReport& report, const std::string& unit,
                   CaseLine TuningSeries::*line_of) {
  Table table;
  table.left_columns = 0;
  table.head_rows = 2;
  table.rows = {{{"from"}}, {{"s"}}};
  for (const TuningSeries& series : report.series) {
    const CaseLine& line = series.*line_of;
    table.rows[0].push_back({series.label});
    table.rows[1].push_back({unit});
    for (std::size_t i = 0; i < line.values.size(); ++i) {
      if (table.rows.size() < i + 3) {
        table.rows.push_back({{figure(static_cast<double>(i) * line.step_s)}});
      }
      table.rows[i + 2].resize(table.rows[0].size() - 1, {kAbsent});
      table.rows[i + 2].push_back({figure_or_absent(line.values[i])});
    }
  }
  return table;
}

Section series_section(const TuningReport& report) {
  Section section{"Over time", {}, Place::html_only, false, {}};
  Key key;
  for (const TuningSeries& series : report.series) {
    key.emplace_back(key.empty() ? "line present" : "line found", series.label);
  }
  add_block(section.blocks,
            {Picture{"Goodput",
                     "Output tokens of requests that met their objective, as they came.",
                     key,
                     goodput_series_svg(report),
                     {series_table(report, "tokens/s", &TuningSeries::goodput_line)}},
             Place::html_only});
  add_block(section.blocks, {Picture{"TTFT p50",
                                     "By when requests were due.",
                                     key,
                                     ttft_series_svg(report),
                                     {series_table(report, "ms", &TuningSeries::ttft_line)}},
                             Place::html_only});
  return section;
}

Section verification_section(const TuningReport& report) {
  Section section{"On engine threads", {}, Place::open, true, {}};
  add_block(section.blocks, {Picture{"Predicted and measured",
                                     "Hollow: as simulated. Full: as measured, with its 95 % "
                                     "interval.",
                                     {},
                                     verification_svg(report),
                                     {}},
                             Place::html_only});
  add_block(section.blocks, {verification_table(report)});
  return section;
}

Section settings_section(const TuningReport& report) {
  Section section{"Settings", {}, Place::open, true, {}};
  add_block(section.blocks, {finalists_table(report)});
  add_block(section.blocks, {stress_table(report)});
  Table pareto = candidates_table(report, pareto_candidates(report));
  pareto.title = "Pareto set: no other has more goodput, less TTFT p99 and fewer unserved";
  pareto.few_rows = kFewSettings;
  pareto.rest_is_in = kReportFile;
  add_block(section.blocks, {std::move(pareto)});
  std::vector<std::size_t> ranked = ranked_candidates(report);
  const std::size_t all = ranked.size();
  if (all > kMostSettings) ranked.resize(kMostSettings);
  Table every = candidates_table(report, ranked);
  every.title = "all settings that were tried (" + whole_figure(all) + "), the best first";
  if (all > kMostSettings) {
    every.notes.push_back(whole_figure(all - kMostSettings) + " more are in " + kReportFile + ".");
  }
  add_block(section.blocks, {std::move(every), Place::html_only});
  return section;
}

Section list_section(const std::string& heading, const std::vector<std::string>& sentences) {
  Section section{heading, {}, Place::open, false, {}};
  add_block(section.blocks, {list_of(sentences)});
  return section;
}

}  // namespace

Page tuning_page(const TuningReport& report) {
  Page page;
  page.window_title = report.scenario + ", tuned";
  page.tokenlift_version = report.tokenlift_version;
  page.summary = summary_of(report);
  add_block(page.highlights, {Code{paste_title(report), report.toml}});
  Section changes{
      report.changes.empty() ? "Constraints" : "What changes", {}, Place::open, true, {}};
  add_block(changes.blocks, {changes_table(report)});
  add_block(changes.blocks, {constraints_table(report)});
  add_section(page.sections, std::move(changes));
  add_section(page.sections, list_section("What holds it back", report.binding));
  add_section(page.sections, list_section("What would help", remedy_sentences(report)));
  add_section(page.sections, verification_section(report));
  add_section(page.sections, charts_of_tries(report));
  add_section(page.sections, parameters_section(report));
  add_section(page.sections, series_section(report));
  add_section(page.sections, settings_section(report));
  Section origin{"How it was searched", {}, Place::open, true, {}};
  add_block(origin.blocks, {stages_table(report)});
  const std::string command = shell_command(report.command);
  add_block(origin.blocks,
            {Code{"to repeat it", command.empty() ? "" : command + "\n"}, Place::appendix});
  add_section(page.sections, std::move(origin));
  return page;
}

}  // namespace tokenlift
