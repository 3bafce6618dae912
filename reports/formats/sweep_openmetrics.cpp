#include "reports/formats/sweep_openmetrics.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "reports/findings/sweep_tables.hpp"
#include "reports/text/metrics_text.hpp"

namespace tokenlift {
namespace {

/// "ttft.p50_ms" as "ttft_p50_seconds", and what makes the one of the other.
struct MetricName {
  std::string name, unit;
  double scale = 1;
};

MetricName metric_name(std::string_view what) {
  std::string name(what);
  std::replace(name.begin(), name.end(), '.', '_');
  const auto ends = [&](std::string_view end) { return name.ends_with(end); };
  const auto cut = [&](std::size_t length) { return name.substr(0, name.size() - length); };
  if (ends("_ms")) return {cut(3) + "_seconds", "seconds", 1e-3};
  if (ends("_tokens_per_s")) return {cut(2) + "_second", "tokens_per_second", 1};
  if (ends("_requests_per_s")) return {cut(2) + "_second", "requests_per_second", 1};
  if (name == "attainment" || name == "utilisation") return {name + "_ratio", "ratio", 1};
  return {name, "", 1};
}

/// The last words of the keys, or all of them where two are the same.
std::vector<std::string> label_names(const std::vector<SweepAxis>& axes) {
  std::vector<std::string> names;
  for (const SweepAxis& axis : axes) {
    const auto is_same = [&](const SweepAxis& other) {
      return short_name(other) == short_name(axis);
    };
    const bool alone = std::count_if(axes.begin(), axes.end(), is_same) == 1;
    names.push_back(label_name(alone ? short_name(axis) : axis.key));
  }
  return names;
}

MetricLabels labels_of(const SweepReport& report, const std::vector<std::string>& names,
                       const SweepPoint& point) {
  MetricLabels labels = {{"scenario", report.scenario}};
  for (std::size_t i = 0; i < names.size(); ++i) labels.emplace_back(names[i], point.values[i]);
  labels.emplace_back("state", name_of(point.state));
  return labels;
}

std::string point_families(const SweepReport& report) {
  const std::vector<std::string> names = label_names(report.axes);
  std::string out;
  for (const SweepFigure& figure : sweep_figures()) {
    const MetricName metric = metric_name(figure.what);
    MetricFamily family("tokenlift_sweep_" + metric.name, "gauge", metric.unit,
                        fmt::format("{} of a point.", figure.label));
    for (const SweepPoint& point : report.points) {
      const Estimate* const found = figure_of(report, point, figure.what);
      if (found == nullptr) continue;
      family.add("", labels_of(report, names, point), *found->value * metric.scale);
    }
    out += family.text();
  }
  MetricFamily valid("tokenlift_sweep_valid", "gauge", "",
                     "1 where the point is valid as a measurement.");
  MetricFamily capacity("tokenlift_sweep_capacity_tokens_per_second", "gauge", "tokens_per_second",
                        "Output tokens at saturation of the point's fleet.");
  for (const SweepPoint& point : report.points) {
    const MetricLabels labels = labels_of(report, names, point);
    valid.add("", labels, point.valid ? "1" : "0");
    capacity.add(labels, point.capacity_tokens_per_s);
  }
  return out + valid.text() + capacity.text();
}

std::string answer_families(const SweepReport& report) {
  MetricFamily knee("tokenlift_sweep_knee", "gauge", "",
                    "Where latency turns from flat to steep, on the axis.");
  MetricFamily saturated("tokenlift_sweep_saturated_from", "gauge", "",
                         "The first value from which on the backlog grows.");
  if (report.axes.size() == 1) {
    const MetricLabels labels = {{"scenario", report.scenario}, {"key", report.axes[0].key}};
    if (const std::optional<Knee> at = knee_of(report)) knee.add(labels, at->at);
    saturated.add(labels, saturated_from(report));
  }
  MetricFamily value("tokenlift_sweep_found", "gauge", "",
                     "The largest or smallest value with which the objectives are met.");
  MetricFamily low("tokenlift_sweep_found_low", "gauge", "", "Lower end of its 95 % interval.");
  MetricFamily high("tokenlift_sweep_found_high", "gauge", "", "Upper end of its 95 % interval.");
  for (const SweepFind& find : report.finds) {
    const MetricLabels labels = {
        {"scenario", report.scenario},
        {"name", find.name},
        {"key", find.axis.key},
        {"wanted", find.most ? "most" : "least"},
        {"objectives", fmt::format("{}", fmt::join(find.objectives, ", "))}};
    value.add(labels, find.number);
    if (!find.interval) continue;
    low.add(labels, find.interval->low);
    high.add(labels, find.interval->high);
  }
  return knee.text() + saturated.text() + value.text() + low.text() + high.text();
}

}  // namespace

std::string sweep_openmetrics(const SweepReport& report) {
  MetricFamily info("tokenlift_sweep", "info", "", "What was swept.");
  info.add("_info",
           {{"scenario", report.scenario},
            {"engine", report.engine},
            {"seed", std::to_string(report.seed)},
            {"phase", report.phase},
            {"version", report.tokenlift_version}},
           "1");
  return info.text() + point_families(report) + answer_families(report) + "# EOF\n";
}

}  // namespace tokenlift
