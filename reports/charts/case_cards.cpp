#include "reports/charts/case_cards.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <vector>

#include "reports/findings/gains_table.hpp"
#include "reports/findings/suite_table.hpp"
#include "reports/text/figure.hpp"
#include "reports/text/html_text.hpp"

namespace tokenlift {
namespace {

// Of a chart, in its own units.
constexpr double kCardWidth = 240, kCardHeight = 50;

/// Cases that differ in their settings only are shown together, on one scale.
struct Group {
  std::string title;
  std::vector<const CaseReport*> cases;
  bool one_scale = false;
};

std::vector<Group> groups_of(const SuiteReport& suite) {
  std::map<std::string, std::size_t> sizes;
  for (const CaseReport& each : suite.cases) ++sizes[parts_of(each.name).base];
  std::vector<Group> groups;
  Group others;
  std::map<std::string, std::size_t> places;
  for (const CaseReport& each : suite.cases) {
    const std::string base = parts_of(each.name).base;
    if (sizes[base] < 2) {
      others.cases.push_back(&each);
      continue;
    }
    const auto [place, is_new] = places.emplace(base, groups.size());
    if (is_new) groups.push_back({base, {}, true});
    groups[place->second].cases.push_back(&each);
  }
  others.title = groups.empty() ? "All by themselves" : "Other cases";
  if (!others.cases.empty()) groups.push_back(std::move(others));
  return groups;
}

/// From least to most; of no values from 1 to 0.
struct Range {
  double least = INFINITY, most = 0;
  bool empty() const { return least > most; }
};

Range range_of(const std::vector<const CaseReport*>& cases, CaseLine CaseReport::*line) {
  Range range;
  for (const CaseReport* const each : cases) {
    for (const std::optional<double>& value : (each->*line).values) {
      if (!value || !std::isfinite(*value)) continue;
      range.least = std::min(range.least, *value);
      range.most = std::max(range.most, *value);
    }
  }
  return range;
}

/// How high a value stands, 0 .. 1.
double height_linear(double value, const Range& range) {
  return range.most > 0 ? value / range.most : 0;
}
double height_logarithmic(double value, const Range& range) {
  if (!(range.least > 0) || range.most <= range.least) return 0.5;
  return std::log(value / range.least) / std::log(range.most / range.least);
}

/// A line with a gap where values are absent; a lone value is a dash.
std::string path_of(const CaseLine& line, double end_s, const Range& range,
                    double (*height)(double, const Range&)) {
  const double scale = kCardWidth / end_s;
  std::string path;
  bool drawn = false;
  for (std::size_t i = 0; i < line.values.size(); ++i) {
    const std::optional<double>& value = line.values[i];
    if (!value || !std::isfinite(*value)) {
      drawn = false;
      continue;
    }
    const double x = (static_cast<double>(i) + 0.5) * line.step_s * scale;
    const double y =
        kCardHeight - 2 - (kCardHeight - 4) * std::clamp(height(*value, range), 0.0, 1.0);
    path += fmt::format("{}{:.0f} {:.0f}", drawn ? "L" : "M", x, y);
    if (!drawn) path += "h1";
    drawn = true;
  }
  return path;
}

struct Spark {
  const char* css_class;
  CaseLine CaseReport::*line;
  double (*height)(double, const Range&);
};
constexpr Spark kGoodput = {"goodput", &CaseReport::goodput_line, height_linear};
constexpr Spark kTtft = {"ttft", &CaseReport::ttft_line, height_logarithmic};

double end_of(const CaseReport& report) {
  const auto end = [](const CaseLine& line) {
    return line.step_s * static_cast<double>(line.values.size());
  };
  return std::max(end(report.goodput_line), end(report.ttft_line));
}

/// Nothing where the case has no such series.
std::string spark_html(const CaseReport& report, const Spark& spark, const Range& scale) {
  const Range own = range_of({&report}, spark.line);
  const double end_s = end_of(report);
  if (own.empty() || !(end_s > 0)) return "";
  const bool goodput = spark.line == kGoodput.line;
  const std::string label = goodput ? "goodput" : "TTFT p50";
  const std::string unit = goodput ? "tokens/s" : "ms";
  const std::string span = figure(own.least) + "–" + figure(own.most) + " " + unit;
  std::string name = fmt::format("{} over {} s: {}", label, figure(end_s), span);
  std::string mark;
  if (report.lift_s) {
    name += fmt::format(", lift at {} s", figure(*report.lift_s));
    mark = fmt::format("<path class=\"lift\" d=\"M{:.0f} 0V{:.0f}\"/>",
                       *report.lift_s / end_s * kCardWidth, kCardHeight);
  }
  return fmt::format(
      "<figure class=\"spark\"><figcaption><span>{}</span><span>{}</span></figcaption>"
      "<svg viewBox=\"0 0 {} {}\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">"
      "<path class=\"floor\" d=\"M0 {}H{}\"/>{}<path class=\"{}\" d=\"{}\"/></svg></figure>\n",
      label, span, kCardWidth, kCardHeight, name, kCardHeight - 0.5, kCardWidth, mark,
      spark.css_class, path_of(report.*(spark.line), end_s, scale, spark.height));
}

/// As part of a relative address, whatever it holds.
std::string address_of(const std::string& folder) {
  std::string out;
  for (const char c : folder) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = byte < 0x80 && (std::isalnum(byte) != 0 ||
                                       std::string_view("-._~/=,+").find(c) != std::string::npos);
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", byte);
  }
  return out + "/report.html";
}

bool has_report(const CaseReport& report) {
  return !report.folder.empty() && report.runs > 0;
}

bool is_unwell(const CaseReport& report) {
  return report.status == CaseStatus::invalid || report.status == CaseStatus::failed ||
         report.status == CaseStatus::interrupted ||
         (report.status == CaseStatus::done && missed_objectives(report) > 0);
}

/// Of what is no measurement nothing is good.
std::string change_html(const Gain& gain, bool valid) {
  const char* const ink = !gain.shown() ? "" : !gain.better() ? "bad" : valid ? "good" : "";
  return fmt::format("<span class=\"{}\">{}</span>", ink,
                     escaped(change_text(gain.change, gain.is_difference, 1)));
}

std::string figures_html(const CaseReport& report) {
  std::string out;
  const auto add = [&](const char* label, const std::string& html) {
    if (html != kAbsent) out += fmt::format("<dt>{}</dt><dd>{}</dd>\n", label, html);
  };
  add("throughput, tokens/s",
      prose_html(before_after_figure(report, &CasePhase::throughput_tokens_per_s)));
  add("goodput, tokens/s",
      prose_html(before_after_figure(report, &CasePhase::goodput_tokens_per_s)));
  if (report.goodput && report.goodput->change.value) {
    add("its change", change_html(*report.goodput, report.status == CaseStatus::done));
    add("95 % interval", interval_text(report.goodput->change, report.goodput->is_difference, 1));
  }
  add("attainment, %", prose_html(before_after_figure(report, &CasePhase::attainment, 100)));
  add("TTFT p50, ms", prose_html(before_after_figure(report, &CasePhase::ttft_p50_ms)));
  add("TTFT p99, ms", prose_html(before_after_figure(report, &CasePhase::ttft_p99_ms)));
  add("TPOT p50, ms", prose_html(before_after_figure(report, &CasePhase::tpot_p50_ms)));
  add("ITL p99, ms", prose_html(before_after_figure(report, &CasePhase::itl_p99_ms)));
  if (report.drain_s) add("drain, s", figure(*report.drain_s));
  return out.empty() ? out : "<dl>\n" + out + "</dl>\n";
}

std::string objectives_html(const CaseReport& report) {
  if (report.objectives.empty()) return "";
  const bool open = report.status != CaseStatus::done && report.status != CaseStatus::invalid;
  std::string out = "<ul class=\"objectives\">\n";
  for (const ObjectiveResult& objective : report.objectives) {
    const std::string text = escaped(objective.text);
    if (open) {
      out += "<li class=\"open\">" + text + "</li>\n";
    } else if (objective.met) {
      out += "<li class=\"met\">" + text + "</li>\n";
    } else {
      out += "<li class=\"missed\">" + text + ": " + escaped(value_text(objective)) + "</li>\n";
    }
  }
  return out + "</ul>\n";
}

std::string state_html(const CaseReport& report) {
  std::string out = fmt::format("<p class=\"state\"><b{}>{}</b>",
                                report.status == CaseStatus::done ? "" : " class=\"bad\"",
                                name_of(report.status));
  if (!report.engine.empty()) out += " · " + escaped(report.engine);
  if (report.runs > 0)
    out += report.runs == 1 ? " · 1 run" : fmt::format(" · {} runs", report.runs);
  return out + "</p>\n";
}

/// Which checks failed stands in the list above and in the case's own report.
std::string problem_html(const CaseReport& report) {
  std::string text = report.failure;
  if (report.status == CaseStatus::invalid && !report.validity.empty()) text = report.validity[0];
  return text.empty() ? "" : "<p class=\"problem\">" + prose_html(text) + "</p>\n";
}

/// What the page's script orders cases by.
std::string data_of(const CaseReport& report) {
  const CasePhase* const after = shown_phases(report).after;
  std::string out =
      fmt::format(" data-status=\"{}\" data-name=\"{}\" data-missed=\"{}\"", name_of(report.status),
                  escaped(report.name), missed_objectives(report));
  const auto add = [&](const char* key, const std::optional<double>& value) {
    if (value && std::isfinite(*value)) out += fmt::format(" data-{}=\"{:.6g}\"", key, *value);
  };
  if (after != nullptr) {
    add("goodput", after->goodput_tokens_per_s);
    add("ttft", after->ttft_p50_ms);
  }
  if (report.goodput && !report.goodput->is_difference) add("gain", report.goodput->change.value);
  add("drain", report.drain_s);
  return out;
}

std::string case_html(const CaseReport& report, const Group& group, const Range& goodput,
                      const Range& ttft) {
  const CaseName parts = parts_of(report.name);
  const bool short_name = group.one_scale && !parts.settings.empty();
  std::string title = escaped(short_name ? parts.settings : report.name);
  if (has_report(report)) {
    title = "<a href=\"" + escaped(address_of(report.folder)) + "\">" + title + "</a>";
  }
  return fmt::format("<article class=\"case{}\"{}>\n<h4>{}</h4>\n",
                     is_unwell(report) ? " unwell" : "", data_of(report), title) +
         state_html(report) + problem_html(report) +
         spark_html(report, kGoodput,
                    group.one_scale ? goodput : range_of({&report}, kGoodput.line)) +
         spark_html(report, kTtft, group.one_scale ? ttft : range_of({&report}, kTtft.line)) +
         figures_html(report) + objectives_html(report) + "</article>\n";
}

std::string group_html(const Group& group) {
  const Range goodput = range_of(group.cases, kGoodput.line);
  const Range ttft = range_of(group.cases, kTtft.line);
  std::string out = "<section class=\"group\">\n<h3>" + escaped(group.title) + "</h3>\n";
  if (!goodput.empty()) {
    out += "<p class=\"explanation\">Goodput over time from 0 to ";
    out += group.one_scale ? figure(goodput.most) + " tokens/s" : "its peak";
    if (!ttft.empty()) {
      out += ", TTFT p50 ";
      if (group.one_scale) {
        out += "from " + figure(ttft.least) + " to " + figure(ttft.most) + " ms ";
      }
      out += "on a logarithmic scale";
    }
    out += group.one_scale ? ", the same for all of them" : ", each on scales of its own";
    out += "; dashed: the lift. " + prose_html("Figures are before -> after.") + "</p>\n";
  }
  out += "<div class=\"cases\">\n";
  for (const CaseReport* const each : group.cases) out += case_html(*each, group, goodput, ttft);
  return out + "</div>\n</section>\n";
}

std::string controls_html(const SuiteReport& suite) {
  if (suite.cases.size() < 2) return "";
  std::string out =
      "<div class=\"controls\">\n<label>names with <input id=\"words\" type=\"search\"></label>\n"
      "<label>status <select id=\"status\"><option value=\"\">any</option>"
      "<option value=\"unwell\">not well</option>";
  for (const CaseStatus status : {CaseStatus::done, CaseStatus::invalid, CaseStatus::failed,
                                  CaseStatus::interrupted, CaseStatus::not_run}) {
    out += fmt::format("<option>{}</option>", name_of(status));
  }
  return out +
         "</select></label>\n<label>largest first <select id=\"order\">"
         "<option value=\"place\">none: as in the suite</option>"
         "<option value=\"missed\">objectives not met</option>"
         "<option value=\"gain\">ratio of goodput</option>"
         "<option value=\"goodput\">goodput after</option>"
         "<option value=\"ttft\">TTFT p50 after</option><option value=\"drain\">drain</option>"
         "</select></label>\n<output id=\"count\"></output>\n</div>\n";
}

}  // namespace

std::string case_cards_html(const SuiteReport& suite) {
  if (suite.cases.empty()) return "";
  std::string out = controls_html(suite);
  for (const Group& group : groups_of(suite)) out += group_html(group);
  return out;
}

}  // namespace tokenlift
