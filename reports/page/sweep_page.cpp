#include "reports/page/sweep_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "reports/findings/sweep_tables.hpp"
#include "reports/record/run.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

/// Over two axes: what the maps show.
constexpr std::array<std::string_view, 6> kMapped = {"throughput_tokens_per_s",
                                                     "goodput_tokens_per_s",
                                                     "attainment",
                                                     "ttft.p50_ms",
                                                     "ttft.p99_ms",
                                                     "tpot.p50_ms"};

std::string effort_of(const SweepReport& report) {
  if (report.requests == 0) return "";
  return fmt::format(
      "{} requests in {} s; {} repetition{} of each point, figures of the phase '{}'.",
      whole_figure(report.requests), figure(report.elapsed_s), report.repetitions,
      report.repetitions == 1 ? "" : "s", report.phase);
}

void add_charts(const std::vector<NamedSweep>& sweeps, Page& page) {
  for (Chart& chart : sweep_charts(sweeps)) {
    const std::string heading = chart.section;
    if (page.sections.empty() || page.sections.back().heading != heading) {
      page.sections.push_back({heading, {}, Place::html_only, false, {}});
    }
    page.sections.back().blocks.push_back({std::move(chart), Place::html_only});
  }
}

Section maps_section(const SweepPanel& panel) {
  const SweepReport& report = panel.report;
  Section section{panel.label.empty() ? "Over both axes" : "Over both axes, at " + panel.label,
                  {},
                  Place::html_only,
                  false,
                  {}};
  for (const std::string_view what : kMapped) {
    for (const SweepFigure& figure : sweep_figures()) {
      if (figure.what != what) continue;
      add_block(section.blocks, {Picture{fmt::format("{} ({})", figure.label, figure.unit),
                                         "",
                                         {},
                                         sweep_heatmap_svg(report, what),
                                         {},
                                         true},
                                 Place::html_only});
    }
  }
  return section;
}

Section origin_section(const SweepReport& report) {
  Section section{"To repeat it", {}, Place::html_only, false, {}};
  const std::string command = shell_command(report.command);
  add_block(section.blocks, {Code{"", command.empty() ? "" : command + "\n"}});
  return section;
}

}  // namespace

Page sweep_page(const SweepReport& report) {
  Page page;
  page.window_title =
      fmt::format("{}, {}", report.scenario, report.points.empty() ? "searched" : "swept");
  page.tokenlift_version = report.tokenlift_version;
  Summary& summary = page.summary;
  summary.title = report.scenario;
  summary.facts = facts_of(report);
  summary.description = report.description;
  summary.status = sweep_status(report);
  summary.tone = all_well(report) ? Tone::good : Tone::bad;
  std::vector<std::string> sentences = sweep_sentences(report);
  if (!sentences.empty()) {
    summary.verdict = sentences.front();
    sentences.erase(sentences.begin());
  }
  summary.remarks = std::move(sentences);
  summary.remarks.insert(summary.remarks.end(), report.remarks.begin(), report.remarks.end());
  if (std::string effort = effort_of(report); !effort.empty()) {
    summary.remarks.push_back(std::move(effort));
  }
  Section found{"What was found", {}, Place::open, true, {}};
  add_block(found.blocks, {finds_table(report)});
  add_section(page.sections, std::move(found));
  add_charts({{"", &report}}, page);
  const std::vector<SweepPanel> panels = panels_of(report);
  for (const SweepPanel& panel : panels) add_section(page.sections, maps_section(panel));
  Section points{"Points", {}, Place::open, true, {}};
  for (const SweepPanel& panel : panels) {
    Table table = points_table(panel.report);
    if (!panel.label.empty()) table.title = "points at " + panel.label;
    add_block(points.blocks, {std::move(table)});
  }
  add_section(page.sections, std::move(points));
  Section tries{"Values tried", {}, Place::open, true, {}};
  for (const SweepFind& find : report.finds) add_block(tries.blocks, {tries_table(report, find)});
  add_section(page.sections, std::move(tries));
  add_section(page.sections, origin_section(report));
  return page;
}

Page overlay_page(const std::vector<NamedSweep>& sweeps) {
  Page page;
  std::vector<std::string> names;
  for (const NamedSweep& sweep : sweeps) names.push_back(sweep.label);
  page.summary.title = listed(names, "and");
  page.window_title = page.summary.title;
  page.tokenlift_version = sweeps[0].report->tokenlift_version;
  page.summary.facts = {"sweeps over " + sweeps[0].report->axes[0].key};
  for (const NamedSweep& sweep : sweeps) {
    page.summary.remarks.push_back(fmt::format("{} ({} on engine {}): {}.", sweep.label,
                                               sweep.report->scenario, sweep.report->engine,
                                               sweep_status(*sweep.report)));
    for (const std::string& sentence : sweep_sentences(*sweep.report)) {
      page.summary.remarks.push_back(sweep.label + ": " + sentence);
    }
  }
  add_charts(sweeps, page);
  Section points{"Points", {}, Place::open, true, {}};
  for (const NamedSweep& sweep : sweeps) {
    Table table = points_table(*sweep.report);
    table.title = sweep.label + ": points";
    add_block(points.blocks, {std::move(table)});
  }
  add_section(page.sections, std::move(points));
  return page;
}

}  // namespace tokenlift
