#include "reports/page/report_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "reports/charts/charts.hpp"
#include "reports/charts/heatmap.hpp"
#include "reports/charts/time_chart.hpp"
#include "reports/findings/answer.hpp"
#include "reports/findings/gains_table.hpp"
#include "reports/findings/verdict.hpp"
#include "reports/json/json_run.hpp"
#include "reports/page/change_tile.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

const Run& run_of(const TrialReport& trial) {
  return trial.trial.lifted.pooled;
}

/// Absent where there is none.
std::optional<std::string> capacity_of(const Run& run) {
  if (!run.capacity_tokens_per_s) return std::nullopt;
  return run.capacity_error_tokens_per_s
             ? figure_with_error(*run.capacity_tokens_per_s, *run.capacity_error_tokens_per_s)
             : figure(*run.capacity_tokens_per_s);
}

/// What was run, on what.
std::vector<std::string> facts_of(const Run& run) {
  std::vector<std::string> facts = {
      "engine " + run.engine,
      run.runs > 1 ? fmt::format("seeds from {}", run.seed) : fmt::format("seed {}", run.seed),
      run.runs > 1 ? fmt::format("{} runs pooled", run.runs)
                   : fmt::format("repetition {}", run.repetition)};
  if (!run.environment.cpu.empty()) {
    facts.push_back(fmt::format("{}, {} cores", run.environment.cpu, run.environment.cores));
  }
  if (const auto figure = capacity_of(run)) {
    facts.push_back(fmt::format("capacity {} tokens/s{}{}", *figure,
                                run.fleet.compositions.size() > 1 ? " at the start" : "",
                                run.capacity_source.empty() ? "" : ", " + run.capacity_source));
  }
  return facts;
}

std::vector<Tile> lift_tiles(const LiftReport& lift, bool valid) {
  std::vector<Tile> tiles;
  const auto add = [&](std::string_view name) {
    const Gain* const gain = find_gain(lift.gains, name);
    if (gain == nullptr || !(gain->before || gain->after)) return false;
    tiles.push_back(change_tile({gain_label(gain->name) + " after", gain->unit, "before",
                                 gain->before, gain->after, gain->change, gain->is_difference,
                                 gain->higher_is_better, valid}));
    return true;
  };
  for (const char* name : {"throughput", "goodput", "attainment"}) add(name);
  if (!add("ttft p99")) add("ttft p50");
  return tiles;
}

/// Without a lift: the figures of the last phase.
std::vector<Tile> phase_tiles(const PhaseSummary& phase) {
  std::vector<Tile> tiles;
  const auto add = [&](std::string label, const std::optional<double>& value, double scale,
                       std::string unit) {
    if (value) tiles.push_back({std::move(label), figure(*value * scale), std::move(unit), "", ""});
  };
  add("throughput", phase.rates.throughput_tokens_per_s, 1, "tokens/s");
  add("goodput", phase.rates.goodput_tokens_per_s, 1, "tokens/s");
  add("attainment", phase.rates.attainment, 100, "%");
  for (const int permille : {990, 500}) {
    const std::optional<std::int64_t> ns = phase.of(Metric::ttft).at(permille);
    if (!ns) continue;
    const auto exact = static_cast<double>(*ns);
    const DurationUnit unit = duration_unit({&exact, 1});
    add(fmt::format("TTFT {}", percentile_name(permille)), exact, 1 / unit.ns,
        std::string(unit.name));
    break;
  }
  return tiles;
}

/// What a million tokens cost, where there are prices.
void add_cost_tile(const TrialReport& trial, std::vector<Tile>& tiles) {
  const PhaseCost* const before = find_cost(trial.costs, "before");
  const PhaseCost* const after = find_cost(trial.costs, "after");
  if (before != nullptr && after != nullptr) {
    const std::optional<double>& base = before->usd_per_m_output_tokens;
    const std::optional<double>& value = after->usd_per_m_output_tokens;
    if (!base || !value || *base == 0) return;
    ChangedFigure changed{"cost per M tokens after", "$", "before", base, value, {}, false, false};
    changed.change.value = *value / *base;
    tiles.push_back(change_tile(changed));
  } else if (!trial.costs.empty() && trial.costs.back().usd_per_m_output_tokens) {
    tiles.push_back(
        {"cost per M tokens", figure(*trial.costs.back().usd_per_m_output_tokens), "$", "", ""});
  }
}

std::vector<Tile> tiles_of(const TrialReport& trial) {
  std::vector<Tile> tiles;
  if (trial.lift && !trial.lift->gains.empty()) {
    tiles = lift_tiles(*trial.lift, is_valid(trial.trial));
  } else if (!trial.phases.empty()) {
    tiles = phase_tiles(trial.phases.back());
  }
  add_cost_tile(trial, tiles);
  return tiles;
}

Summary summary_of(const TrialReport& trial) {
  const bool valid = is_valid(trial.trial);
  Summary summary;
  summary.title = run_of(trial).scenario_name;
  summary.facts = facts_of(run_of(trial));
  summary.status = trial.validity.empty() ? "" : trial.validity.front();
  summary.tone = valid ? Tone::good : Tone::bad;
  summary.status_word = valid ? "valid" : "NOT VALID";
  for (std::size_t i = 1; i < trial.validity.size(); ++i) {
    summary.problems.push_back(trial.validity[i]);
  }
  summary.verdict = trial.verdict;
  summary.answer = answer(trial, user_groups(run_of(trial)));
  summary.remarks = trial.remarks;
  if (std::string words = power_events_words(further_power_events(run_of(trial))); !words.empty()) {
    summary.remarks.push_back(std::move(words));
  }
  return summary;
}

/// Charts of one section follow each other; the heatmaps end the one about latency.
std::vector<Section> chart_sections(const Report& report) {
  std::vector<Section> sections;
  for (Chart& chart : charts_of(report)) {
    if (sections.empty() || sections.back().heading != chart.section) {
      sections.push_back({chart.section, {}, Place::html_only, false, {}});
    }
    sections.back().blocks.push_back({std::move(chart), Place::html_only});
  }
  const auto latency = std::find_if(sections.begin(), sections.end(), [](const Section& each) {
    return each.heading == kLatencySection;
  });
  if (latency == sections.end()) return sections;
  std::size_t number = 0;
  for (const ArmOfTrial& arm : arms_of(report)) {
    const std::string title = line_label(arm, "TTFT over time, all requests");
    Picture picture;
    picture.title = title;
    picture.explanation =
        "Each column is a slice of time and sums to 100 % of the requests that were due in it and "
        "completed. Two bands are two kinds of requests, which a percentile would hide.";
    picture.svg = heatmap_svg(
        *arm.run, fmt::format("heatmap-{}", ++number),
        title + ": a heatmap of the share of each slice's requests by time to first token");
    picture.numbers = {heatmap_numbers(*arm.run)};
    add_block(latency->blocks, {std::move(picture), Place::html_only});
  }
  return sections;
}

bool stands_open(const Table& table) {
  return table.name == "fleet" || table.name == "gains" || table.name == "lift" ||
         table.name == "cost";
}

std::vector<Block> tables_of(const TrialReport& trial, bool alone) {
  std::vector<Block> blocks;
  for (const bool open : {true, false}) {
    for (const Table& table : trial.tables) {
      const bool is_open = alone && stands_open(table);
      if (is_open == open) add_block(blocks, {table, open ? Place::open : Place::folded});
    }
  }
  return blocks;
}

std::vector<Block> origin_of(const TrialReport& trial) {
  const Run& run = run_of(trial);
  const Environment& environment = run.environment;
  std::string seeds;
  for (const RunBrief& each : trial.trial.lifted.runs) {
    seeds += (seeds.empty() ? "" : ", ") + std::to_string(each.seed);
  }
  std::string capacity;
  if (const auto figure = capacity_of(run)) {
    capacity = fmt::format("{} output tokens/s ({})", *figure,
                           run.capacity_source.empty() ? "source not known" : run.capacity_source);
  }
  std::string cpu = environment.cpu;
  if (environment.cores > 0) cpu += fmt::format(", {} cores", environment.cores);
  const std::string memory =
      environment.memory_bytes > 0
          ? fmt::format("{:.1f} GiB", static_cast<double>(environment.memory_bytes) / (1 << 30))
          : "";
  std::vector<Block> blocks;
  const std::string command = shell_command(environment.command);
  add_block(blocks, {Code{"to repeat it", command.empty() ? "" : command + "\n"}});
  blocks.push_back({Facts{{{"tokenlift", environment.tokenlift_version},
                           {"started", environment.started_at},
                           {"engine", run.engine},
                           {"seeds", seeds},
                           {"capacity", capacity},
                           {"CPU", cpu},
                           {"memory", memory},
                           {"system", environment.os},
                           {"compiler", environment.compiler},
                           {"build", environment.build_type},
                           {"decoder", environment.decoder_precision}}}});
  add_block(blocks, {Code{"the scenario as resolved", scenario_toml(run)}, Place::html_only});
  return blocks;
}

}  // namespace

Page report_page(const Report& report) {
  Page page;
  const bool alone = report.trials.size() == 1;
  std::vector<std::string> labels;
  Section tables{"Tables", {}, Place::open, true, {}};
  Section origin{"How it was made", {}, Place::appendix, false, {}};
  for (const TrialReport& each : report.trials) {
    labels.push_back(each.trial.label);
    if (alone) {
      page.summary = summary_of(each);
      page.summary.tiles = tiles_of(each);
      tables.blocks = tables_of(each, true);
      origin.blocks = origin_of(each);
      continue;
    }
    page.parts.push_back(summary_of(each));
    page.parts.back().label = each.trial.label;
    tables.parts.push_back(
        {"Tables of " + each.trial.label, tables_of(each, false), Place::open, false, {}});
    origin.parts.push_back({each.trial.label, origin_of(each), Place::appendix, false, {}});
    if (each.trial.control) {
      page.legend_note = "Dashed: the same without the " + change_noun(report) + ".";
    }
  }
  if (!alone) {
    page.summary.title = listed(labels, "and");
    add_block(page.highlights, {report.overview});
  }
  page.window_title = page.summary.title;
  page.tokenlift_version = run_of(report.trials.front()).environment.tokenlift_version;
  page.sections = chart_sections(report);
  add_section(page.sections, std::move(tables));
  add_section(page.sections, std::move(origin));
  return page;
}

}  // namespace tokenlift
