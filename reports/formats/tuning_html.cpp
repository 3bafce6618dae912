#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reports/charts/tuning_charts.hpp"
#include "reports/findings/tuning_tables.hpp"
#include "reports/findings/tuning_words.hpp"
#include "reports/formats/tuning_formats.hpp"
#include "reports/json/json_run.hpp"
#include "reports/page/page_assets.hpp"
#include "reports/text/figure.hpp"
#include "reports/text/html_text.hpp"

namespace tokenlift {
namespace {

/// The page names more settings than this only as long as they are among the best.
constexpr std::size_t kMostRows = 600;

std::string list_html(const std::vector<std::string>& sentences) {
  if (sentences.empty()) return "";
  std::string out = "<ul class=\"remarks\">\n";
  for (const std::string& each : sentences) out += "<li>" + prose_html(each) + "</li>\n";
  return out + "</ul>\n";
}

std::string panel_html(const Table& table, std::string_view caption) {
  if (table.rows.empty()) return "";
  Table titled = table;
  if (!titled.title.empty() && titled.title[0] >= 'a' && titled.title[0] <= 'z') {
    titled.title[0] = static_cast<char>(titled.title[0] - 'a' + 'A');
  }
  return "<div class=\"table\">\n" + table_html(titled, caption) + "</div>\n";
}

std::string header_part(const TuningReport& report) {
  std::string out = "<header>\n<p class=\"brand\">tokenlift</p>\n<h1>" + escaped(report.scenario) +
                    "</h1>\n<p class=\"facts\">";
  std::string separator;
  for (const std::string& fact : facts_of(report)) {
    out += separator + escaped(fact);
    separator = " · ";
  }
  out += "</p>\n";
  if (!report.description.empty()) out += "<p>" + prose_html(report.description) + "</p>\n";
  return out + "</header>\n";
}

struct State {
  bool well = false;
  std::string words;
};

State state_of(const TuningReport& report) {
  if (report.candidates.empty()) return {false, "Nothing was tried"};
  if (report.interrupted) return {false, "Stopped before its end"};
  if (report.recommended) {
    const std::string found =
        *report.recommended == 0 ? "The present setting is the best" : "A better setting was found";
    if (!report.verification) return {true, found};
    const bool holds = confirming_arm(report) != nullptr;
    return {holds, found + (holds ? ", and holds on engine threads" : ", but is not confirmed")};
  }
  if (report.best || report.verification) return {false, "Not confirmed on engine threads"};
  return {false, "No setting meets all constraints"};
}

std::string tile_html(const TuningChange& change) {
  const ShownUnit unit = shown_unit(change.unit, change.present, change.recommended);
  const auto shown = [&](const std::optional<double>& value) {
    return value ? figure(*value * unit.scale) : std::string(kAbsent);
  };
  const Estimate& estimate = change.change;
  const double none = change.is_difference ? 0 : 1;
  const bool is_shown = estimate.value && estimate.interval && !estimate.interval->holds(none);
  const bool better = is_shown && (*estimate.value > none) == change.higher_is_better;
  std::string words = change_text(estimate, change.is_difference, unit.scale);
  if (estimate.value && change.is_difference) {
    words += unit.name == "%" ? " points" : " " + unit.name;
  }
  if (is_shown) words += better ? " better" : " worse";
  const std::string interval =
      estimate.interval ? "95 %: " + interval_text(estimate, change.is_difference, unit.scale)
                        : "no interval";
  return fmt::format(
      "<div class=\"tile\"><dt>{}</dt><dd><span class=\"value\">{}<span class=\"unit\"> {}</span>"
      "</span><span class=\"change {}\">{}</span><span class=\"detail\">present: {}; {}</span>"
      "</dd></div>\n",
      escaped(change.name), shown(change.recommended), escaped(unit.name),
      !is_shown ? ""
      : better  ? "good"
                : "bad",
      escaped(words), shown(change.present), interval);
}

std::string summary_part(const TuningReport& report) {
  const State state = state_of(report);
  std::string out = fmt::format(
      "<section class=\"summary\" aria-label=\"Verdict\">\n<div class=\"validity {}\"{}><p>{}</p>",
      state.well ? "ok" : "fail", state.well ? "" : " role=\"alert\"", state.words);
  if (report.verification) out += list_html(report.verification->refusals);
  out += "</div>\n<p class=\"verdict\">" + prose_html(tuning_verdict(report)) + "</p>\n";
  std::string tiles;
  for (const TuningChange& change : report.changes) {
    // Of what was refused they would promise what was only simulated.
    const bool is_main = change.name == "goodput" || change.name == "attainment" ||
                         change.name == "unserved" || change.name == "TTFT p99";
    if (is_main && report.recommended) tiles += tile_html(change);
  }
  if (!tiles.empty()) out += "<dl class=\"tiles\">\n" + tiles + "</dl>\n";
  if (!report.toml.empty()) {
    std::string title = paste_title(report);
    title[0] = static_cast<char>(title[0] - 'a' + 'A');
    out += "<h4 id=\"paste\">" + title + "</h4>\n<pre tabindex=\"0\"><code>" +
           escaped(report.toml) + "</code></pre>\n";
  }
  return out + list_html(infeasible_sentences(report)) + "</section>\n";
}

std::string section_html(std::string_view id, std::string_view title, const std::string& inside) {
  if (inside.empty()) return "";
  return fmt::format("<section>\n<h2 id=\"{}\">{}</h2>\n{}</section>\n", id, title, inside);
}

std::string chart_html(std::string_view title, std::string_view explanation,
                       const std::string& inside) {
  if (inside.empty()) return "";
  return fmt::format(
      "<article class=\"chart\">\n<h3>{}</h3>\n<p class=\"explanation\">{}</p>\n"
      "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{}\">\n{}</div>\n"
      "</article>\n",
      escaped(title), escaped(explanation), escaped(title), inside);
}

/// What the classes of a chart look like, in words: colours repeat what shapes say.
std::string key_html(const std::vector<std::pair<std::string_view, std::string>>& entries) {
  std::string out = "<ul class=\"key\">\n";
  for (const auto& [css_class, words] : entries) {
    const bool line = css_class.starts_with("line") || css_class.starts_with("thread");
    const std::string shape =
        line ? fmt::format("<path class=\"{}\" d=\"M1 7H25\"/>", css_class)
        : css_class == "present"
            ? "<path class=\"present\" d=\"M13 1l6 6l-6 6l-6-6z\"/>"
            : fmt::format("<circle class=\"{}\" cx=\"13\" cy=\"7\" r=\"5.5\"/>", css_class);
    out += fmt::format(
        "<li><svg class=\"plot-svg\" viewBox=\"0 0 26 14\" aria-hidden=\"true\">{}</svg>{}</li>\n",
        shape, escaped(words));
  }
  return out + "</ul>\n";
}

/// "recommended", or "best found" where it is not.
std::string found_words(const TuningReport& report) {
  return report.recommended ? "recommended" : "best found";
}

std::string tried_part(const TuningReport& report) {
  using Entries = std::vector<std::pair<std::string_view, std::string>>;
  Entries dots;
  Entries lines;
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
  std::string scatter = pareto_svg(report);
  if (!scatter.empty()) scatter = key_html(dots) + scatter;
  std::string parallel = parallel_svg(report);
  if (!parallel.empty()) parallel = key_html(lines) + parallel;
  return chart_html("What users get, and how long they wait",
                    "A dot is a setting that was tried; up and left is better, and the larger a "
                    "dot, the more requests went unserved. The line connects the settings that "
                    "none surpasses in all three.",
                    scatter) +
         chart_html("Which values do it",
                    "A line is a setting that was tried: across each parameter where its value "
                    "lies, and last across what came of it.",
                    parallel);
}

std::string response_part(const TuningReport& report) {
  std::string charts;
  for (std::size_t i = 0; i < report.parameters.size(); ++i) {
    const std::string svg = response_svg(report, i);
    if (svg.empty()) continue;
    const TunedParameter& parameter = report.parameters[i];
    Table table;
    table.left_columns = 1;
    table.head_rows = 1;
    table.rows = {{{"value"}, {"constraints"}, {report.aim.path}}};
    for (const ResponsePoint& point : parameter.response) {
      const ShownUnit unit = aim_unit(report.aim.path);
      table.rows.push_back({{point.value},
                            {point.feasible ? "met" : "missed"},
                            {point.objective ? figure(*point.objective * unit.scale) : kAbsent}});
    }
    const std::string label = parameter_label(parameter.key);
    charts += "<article class=\"chart\">\n<h3>" + escaped(label) +
              "</h3>\n<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"" +
              escaped(label) + "\">\n" + svg +
              "</div>\n<details class=\"numbers\"><summary>Numbers</summary>\n" +
              table_html(table, "Response of " + label) + "</details>\n</article>\n";
  }
  if (charts.empty()) return "";
  const std::string unit = aim_unit(report.aim.path).name;
  return "<p class=\"explanation\">" + escaped(report.aim.path) +
         (unit.empty() ? "" : " (" + unit + ")") +
         " along the range of each parameter, the others as " + found_words(report) +
         ". Hollow: misses a constraint. Shaded: within 2 % of the best.</p>\n"
         "<div class=\"responses\">\n" +
         charts + "</div>\n";
}

Table series_table(const TuningReport& report) {
  Table table;
  table.left_columns = 0;
  table.head_rows = 2;
  table.rows = {{{"from"}}, {{"s"}}};
  const CaseLine& times = report.series[0].goodput_line;
  for (std::size_t i = 0; i < times.values.size(); ++i) {
    table.rows.push_back({{figure(static_cast<double>(i) * times.step_s)}});
  }
  const auto add = [&](const std::string& label, const char* unit, const CaseLine& line) {
    table.rows[0].push_back({label});
    table.rows[1].push_back({unit});
    for (std::size_t i = 0; i + 2 < table.rows.size(); ++i) {
      const bool known = i < line.values.size() && line.values[i];
      table.rows[i + 2].push_back({known ? figure(*line.values[i]) : kAbsent});
    }
  };
  for (const TuningSeries& series : report.series) {
    add("goodput, " + series.label, "tokens/s", series.goodput_line);
    add("TTFT p50, " + series.label, "ms", series.ttft_line);
  }
  return table;
}

std::string series_part(const TuningReport& report) {
  const std::string goodput = goodput_series_svg(report);
  const std::string ttft = ttft_series_svg(report);
  if (goodput.empty() && ttft.empty()) return "";
  std::vector<std::pair<std::string_view, std::string>> lines;
  for (const TuningSeries& series : report.series) {
    lines.emplace_back(lines.empty() ? "line present" : "line found", series.label);
  }
  return chart_html("Goodput", "Output tokens of requests that met their objective, as they came.",
                    goodput.empty() ? "" : key_html(lines) + goodput) +
         chart_html("TTFT p50", "By when requests were due.",
                    ttft.empty() ? "" : key_html(lines) + ttft) +
         "<details class=\"numbers\"><summary>Numbers of both charts</summary>\n" +
         table_html(series_table(report), "Over time") + "</details>\n";
}

std::string verification_part(const TuningReport& report) {
  const std::string svg = verification_svg(report);
  return chart_html("Predicted and measured",
                    "Hollow: as simulated. Full: as measured, with its 95 % interval.", svg) +
         panel_html(verification_table(report), "On engine threads");
}

std::string candidates_part(const TuningReport& report) {
  const std::vector<std::size_t> pareto = pareto_candidates(report);
  Table table = candidates_table(report, pareto, report.parameters.size());
  table.title = "Pareto set: no other has more goodput, less TTFT p99 and fewer unserved";
  std::string out = panel_html(table, "");
  std::vector<std::size_t> ranked = ranked_candidates(report);
  if (ranked.empty()) return out;
  const std::size_t all = ranked.size();
  if (all > kMostRows) ranked.resize(kMostRows);
  Table every = candidates_table(report, ranked, report.parameters.size());
  if (all > kMostRows) {
    every.notes.push_back(whole_figure(all - kMostRows) + " more are in tune.json.");
  }
  return out + fmt::format(
                   "<details class=\"numbers\"><summary>All settings that were tried "
                   "({}), the best first</summary>\n{}</details>\n",
                   whole_figure(all), table_html(every, "All settings"));
}

std::string navigation_html(const std::string& page) {
  constexpr std::string_view kHeading = "<h2 id=\"";
  std::string out = "<nav aria-label=\"Sections\"><ul>\n";
  for (auto at = page.find(kHeading); at != std::string::npos; at = page.find(kHeading, at + 1)) {
    const std::size_t id = at + kHeading.size();
    const std::size_t words = page.find("\">", id) + 2;
    out += fmt::format("<li><a href=\"#{}\">{}</a></li>\n", page.substr(id, words - 2 - id),
                       page.substr(words, page.find("</h2>", words) - words));
  }
  return out + "</ul></nav>\n";
}

std::string origin_part(const TuningReport& report) {
  std::string out;
  for (const std::string& sentence : task_sentences(report)) {
    out += "<p>" + prose_html(sentence) + "</p>\n";
  }
  out += panel_html(stages_table(report), "How it was searched");
  if (report.command.empty()) return out;
  return out + "<h4>To repeat it</h4>\n<pre tabindex=\"0\"><code>" +
         escaped(shell_command(report.command)) + "</code></pre>\n";
}

}  // namespace

std::string tuning_html(const TuningReport& report) {
  std::string sections =
      section_html("changes", report.changes.empty() ? "Constraints" : "What changes",
                   panel_html(changes_table(report), "Changes") +
                       panel_html(constraints_table(report), "Constraints")) +
      section_html("binding", "What holds it back", list_html(report.binding)) +
      section_html("verification", "On engine threads", verification_part(report)) +
      section_html("tried", "What was tried", tried_part(report)) +
      section_html("parameters", "Parameters",
                   panel_html(parameters_table(report), "Parameters") + response_part(report)) +
      section_html("series", "Over time", series_part(report)) +
      section_html("tables", "Settings",
                   panel_html(finalists_table(report), "Finalists") +
                       panel_html(stress_table(report), "Stress") + candidates_part(report)) +
      section_html("origin", "How it was searched", origin_part(report));
  return page_head(report.scenario + ", tuned",
                   std::string(kPageStyle) + std::string(kTuningStyle)) +
         "<body>\n<a class=\"skip\" href=\"#main\">Skip to the verdict</a>\n" +
         header_part(report) + "<main id=\"main\">\n" + summary_part(report) +
         navigation_html(sections) + sections + "</main>\n" + page_foot(report.tokenlift_version) +
         "</body>\n</html>\n";
}

}  // namespace tokenlift
