#include "reports/formats/html_charts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "reports/charts/charts.hpp"
#include "reports/charts/heatmap.hpp"
#include "reports/charts/time_chart.hpp"
#include "reports/text/figure.hpp"
#include "reports/text/html_text.hpp"

namespace tokenlift {
namespace {

/// What the picture shows, for who cannot see it.
std::string spoken(const Chart& chart) {
  std::vector<std::string> labels;
  for (const Line& line : chart.lines) labels.push_back(line.label);
  std::string text = fmt::format("{}. {} of {}; vertical: {}", chart.title,
                                 chart.categories.empty() ? "Line chart" : "Bar chart",
                                 listed(labels, "and"), chart.y.label);
  if (chart.right) text += ", right: " + chart.right->label;
  if (!chart.x.label.empty()) text += "; horizontal: " + chart.x.label;
  text += ".";
  for (const Mark& mark : chart.marks) text += " Marked: " + mark.label + ".";
  return text + " The numbers are in the table that follows.";
}

std::string numbers_html(const std::string& title, const std::vector<Table>& tables) {
  std::string out = fmt::format(
      "<details class=\"numbers\"><summary>Numbers<span class=\"hidden\"> of {}</span></summary>\n",
      escaped(title));
  for (const Table& table : tables) out += table_html(table, title);
  return out + "</details>\n";
}

std::string chart_html(const Chart& chart) {
  std::string out = fmt::format(
      "<article class=\"chart\" id=\"{0}\">\n<h3>{1}</h3>\n<p class=\"explanation\">{2}</p>\n"
      "<div class=\"legend\" data-legend=\"{0}\"></div>\n"
      "<div class=\"plot{3}\"><canvas data-chart=\"{0}\" role=\"img\" tabindex=\"0\" "
      "aria-label=\"{4}\"></canvas></div>\n"
      "<p class=\"readout hidden\" aria-live=\"polite\"></p>\n",
      chart.id, escaped(chart.title), escaped(chart.explanation),
      chart.categories.empty() ? "" : " bars", escaped(spoken(chart)));
  return out + numbers_html(chart.title, chart.numbers) + "</article>\n";
}

Table slices_table(const Run& run) {
  Groups groups = slices_of(run, kMostPoints);
  while (groups.size() > kMostRows) ++groups.per_group;
  const std::vector<Histogram> slices = merged_slices(run, groups);
  std::vector<TimeColumn> columns = {
      {"requests", {}}, {"least (ms)", {}}, {"p50 (ms)", {}}, {"p90 (ms)", {}}, {"most (ms)", {}}};
  for (const Histogram& slice : slices) {
    const auto add = [&](std::size_t column, bool known, auto&& ns) {
      columns[column].values.push_back(known ? std::optional(static_cast<double>(ns()) / 1e6)
                                             : std::nullopt);
    };
    columns[0].values.emplace_back(static_cast<double>(slice.count()));
    add(1, !slice.empty(), [&] { return slice.min_ns(); });
    add(2, slice.count() >= samples_needed(500), [&] { return slice.value_at(0.5); });
    add(3, slice.count() >= samples_needed(900), [&] { return slice.value_at(0.9); });
    add(4, !slice.empty(), [&] { return slice.max_ns(); });
  }
  Table table = time_table("", groups, columns);
  table.notes = {fmt::format("Each row covers {} s. {} fewer than 10 requests lie beyond it.",
                             figure(groups.length_s(0)), kAbsent)};
  return table;
}

std::string heatmap_html(const ArmOfTrial& arm, std::size_t number) {
  const std::string title = line_label(arm, "TTFT over time, all requests");
  const std::string id = fmt::format("heatmap-{}", number);
  const std::string svg = heatmap_svg(
      *arm.run, id + "-picture",
      title + ": a heatmap of the share of each slice's requests by time to first token");
  if (svg.empty()) return {};
  std::string out = fmt::format(
      "<article class=\"chart\" id=\"{}\">\n<h3>{}</h3>\n<p class=\"explanation\">Each column is "
      "a slice of time and sums to 100 % of the requests that were due in it and completed. Two "
      "bands are two kinds of requests, which a percentile would hide.</p>\n",
      id, escaped(title));
  out += "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"" + escaped(title) +
         "\">" + svg + "</div>\n";
  return out + numbers_html(title, {slices_table(*arm.run)}) + "</article>\n";
}

std::string heatmaps_html(const Report& report) {
  std::string out;
  std::size_t number = 0;
  for (const ArmOfTrial& arm : arms_of(report)) out += heatmap_html(arm, ++number);
  return out;
}

/// One for all charts whose colours are trials.
std::string trial_legend(const Report& report) {
  if (report.trials.size() == 1) return {};
  const bool controlled =
      std::any_of(report.trials.begin(), report.trials.end(),
                  [](const TrialReport& each) { return each.trial.control.has_value(); });
  std::string out = "<div class=\"trials-legend\"><div class=\"legend\" data-trials=\"";
  // The script makes the buttons; their names stand in the summaries above for who has none.
  out += std::to_string(report.trials.size()) + "\">";
  for (std::size_t i = 0; i < report.trials.size(); ++i) {
    out +=
        fmt::format("<span data-trial=\"{}\">{}</span>", i, escaped(report.trials[i].trial.label));
  }
  out += "</div>";
  if (controlled) out += "<p>Dashed: the same without the lift.</p>";
  return out + "</div>\n";
}

}  // namespace

std::string section_id(const std::string& section) {
  std::string id;
  for (const char c : section) {
    id += c == ' ' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return id;
}

std::string charts_html(const Report& report, const std::vector<Chart>& charts) {
  std::string out = trial_legend(report);
  for (std::size_t i = 0; i < charts.size(); ++i) {
    const std::string& section = charts[i].section;
    if (i == 0 || charts[i - 1].section != section) {
      out += fmt::format("<section>\n<h2 id=\"{}\">{}</h2>\n", section_id(section), section);
    }
    out += chart_html(charts[i]);
    if (i + 1 < charts.size() && charts[i + 1].section == section) continue;
    if (section == kLatencySection) out += heatmaps_html(report);
    out += "</section>\n";
  }
  return out;
}

}  // namespace tokenlift
