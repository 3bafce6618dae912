#include "reports/formats/html_summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include "reports/findings/gains_table.hpp"
#include "reports/findings/verdict.hpp"
#include "reports/text/figure.hpp"
#include "reports/text/html_text.hpp"

namespace tokenlift {
namespace {

/// A failed check is the first thing that the page says: its sentence stands in the first line of
/// `validity`, what failed in the others.
std::string validity_html(const TrialReport& trial) {
  const bool valid = is_valid(trial.trial);
  const std::vector<std::string>& lines = trial.validity;
  std::string out = fmt::format("<div class=\"validity {}\"{}>\n<p>{}</p>\n", valid ? "ok" : "fail",
                                valid ? "" : " role=\"alert\"", prose_html(lines[0]));
  if (lines.size() > 1) out += "<ul>\n";
  for (std::size_t i = 1; i < lines.size(); ++i) out += "<li>" + prose_html(lines[i]) + "</li>\n";
  if (lines.size() > 1) out += "</ul>\n";
  return out + "</div>\n";
}

struct Tile {
  std::string label;
  std::string value;
  std::string unit;
  std::string change;
  std::string detail;
  std::string_view tone;  ///< a class: "good", "bad" or none
};

std::string tile_html(const Tile& tile) {
  std::string out = fmt::format(
      "<div class=\"tile\"><dt>{}</dt><dd><span class=\"value\">{}<span class=\"unit\"> {}</span>"
      "</span>",
      escaped(tile.label), escaped(tile.value), escaped(tile.unit));
  if (!tile.change.empty()) {
    out += fmt::format("<span class=\"change {}\">{}</span>", tile.tone, escaped(tile.change));
  }
  if (!tile.detail.empty()) {
    out += fmt::format("<span class=\"detail\">{}</span>", escaped(tile.detail));
  }
  return out + "</dd></div>\n";
}

Tile gain_tile(const Gain& gain) {
  const ShownUnit unit = shown_unit(gain.unit, gain.before, gain.after);
  const auto shown = [&](const std::optional<double>& value) {
    return value ? figure(*value * unit.scale) : std::string(kAbsent);
  };
  Tile tile;
  tile.label = gain_label(gain.name) + " after";
  tile.value = shown(gain.after);
  tile.unit = unit.name;
  if (gain.change.value) {
    tile.change = change_text(gain.change, gain.is_difference, unit.scale);
    // A difference of shares is one of points.
    if (gain.is_difference) tile.change += unit.name == "%" ? " points" : " " + unit.name;
    if (gain.shown()) tile.change += gain.better() ? " better" : " worse";
  }
  tile.tone = !gain.shown() ? "" : gain.better() ? "good" : "bad";
  tile.detail = "before: " + shown(gain.before) + (gain.before ? " " + unit.name : "");
  if (gain.change.interval) {
    tile.detail += "; 95 %: " + interval_text(gain.change, gain.is_difference, unit.scale);
  } else {
    tile.detail += "; no interval";
  }
  return tile;
}

std::vector<Tile> lift_tiles(const LiftReport& lift) {
  std::vector<Tile> tiles;
  const auto add = [&](std::string_view name) {
    const Gain* const gain = find_gain(lift.gains, name);
    if (gain == nullptr || !(gain->before || gain->after)) return false;
    tiles.push_back(gain_tile(*gain));
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
    if (value)
      tiles.push_back({std::move(label), figure(*value * scale), std::move(unit), "", "", ""});
  };
  add("throughput", phase.rates.throughput_tokens_per_s, 1, "tokens/s");
  add("goodput", phase.rates.goodput_tokens_per_s, 1, "tokens/s");
  add("attainment", phase.rates.attainment, 100, "%");
  for (const int permille : {990, 500}) {
    const std::optional<std::int64_t> ns = phase.of(Metric::ttft).at(permille);
    if (!ns) continue;
    const auto exact = static_cast<double>(*ns);
    const DurationUnit unit = duration_unit({&exact, 1});
    tiles.push_back({fmt::format("TTFT {}", percentile_name(permille)), figure(exact / unit.ns),
                     std::string(unit.name), "", "", ""});
    break;
  }
  return tiles;
}

std::string tiles_html(const TrialReport& trial) {
  std::vector<Tile> tiles;
  if (trial.lift && !trial.lift->gains.empty()) {
    tiles = lift_tiles(*trial.lift);
  } else if (!trial.phases.empty()) {
    tiles = phase_tiles(trial.phases.back());
  }
  if (tiles.empty()) return {};
  std::string out = "<dl class=\"tiles\">\n";
  for (const Tile& tile : tiles) out += tile_html(tile);
  return out + "</dl>\n";
}

std::string remarks_html(const TrialReport& trial) {
  if (trial.remarks.empty()) return {};
  std::string out = "<ul class=\"remarks\">\n";
  for (const std::string& remark : trial.remarks) out += "<li>" + prose_html(remark) + "</li>\n";
  return out + "</ul>\n";
}

}  // namespace

std::string summary_html(const Report& report) {
  std::string out = "<section class=\"summary\" aria-label=\"Verdict\">\n";
  if (report.trials.size() == 1) {
    const TrialReport& trial = report.trials[0];
    out += validity_html(trial);
    out += "<p class=\"verdict\">" + prose_html(trial.verdict) + "</p>\n";
    out += tiles_html(trial) + remarks_html(trial);
    return out + "</section>\n";
  }
  out += table_html(report.overview, "The trials side by side");
  for (std::size_t i = 0; i < report.trials.size(); ++i) {
    const TrialReport& trial = report.trials[i];
    out += fmt::format(
        "<article class=\"trial\">\n<h2><span class=\"dot\" data-colour=\"{}\" "
        "aria-hidden=\"true\"></span>{}</h2>\n",
        i, escaped(trial.trial.label));
    out += validity_html(trial) + "<p class=\"verdict\">" + prose_html(trial.verdict) + "</p>\n";
    out += remarks_html(trial) + "</article>\n";
  }
  return out + "</section>\n";
}

}  // namespace tokenlift
