#include "bench/sweep/curve.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>
#include <utility>

#include "bench/sweep/find.hpp"
#include "reports/text/figure.hpp"
#include "workloads/tuning/candidate.hpp"

namespace tokenlift {

namespace {

constexpr double kNarrow = 1.0 / 64;
/// What a crossing is worth beside a bend, whose ratio is rarely e^8.
constexpr double kCrossing = 8;

/// How much the medians change from one point to the other: the logarithm of their ratio.
double bend(const SweepReport& report, const SweepPoint& one, const SweepPoint& other) {
  double most = 0;
  for (const std::string_view what : {"ttft.p50_ms", "e2e.p50_ms"}) {
    const Estimate* const a = figure_of(report, one, what);
    const Estimate* const b = figure_of(report, other, what);
    if (a == nullptr || b == nullptr || *a->value <= 0 || *b->value <= 0) continue;
    most = std::max(most, std::abs(std::log(*b->value / *a->value)));
  }
  return most < std::log(kLeastBend) ? 0 : most;
}

Met met_of(const SweepReport& report, const SweepPoint& point, const Objective& objective) {
  const auto found = std::ranges::find(report.figures, objective.path);
  return met_at(point, objective, static_cast<std::size_t>(found - report.figures.begin()));
}

bool is_crossed(const SweepReport& report, const SweepPoint& one, const SweepPoint& other,
                const std::vector<Objective>& objectives) {
  if (one.state != other.state) return true;
  return std::ranges::any_of(objectives, [&](const Objective& objective) {
    const Met here = met_of(report, one, objective), there = met_of(report, other, objective);
    return here != there && here != Met::unknown && there != Met::unknown;
  });
}

}  // namespace

std::vector<std::string> wanted_values(const SweepReport& report, const SweptKey& key,
                                       const std::vector<Objective>& objectives, std::size_t most) {
  struct Gap {
    double wanted = 0;
    double middle = 0;
  };
  std::vector<Gap> gaps;
  for (std::size_t i = 0; i + 1 < report.points.size(); ++i) {
    const SweepPoint& one = report.points[i];
    const SweepPoint& other = report.points[i + 1];
    const auto from = position_of(key.parameter, one.values[0]);
    const auto to = position_of(key.parameter, other.values[0]);
    if (!from || !to || *to - *from <= kNarrow) continue;
    double wanted = bend(report, one, other);
    if (is_crossed(report, one, other, objectives)) wanted += kCrossing;
    if (wanted > 0) gaps.push_back({wanted * (*to - *from), (*from + *to) / 2});
  }
  std::ranges::stable_sort(gaps, [](const Gap& a, const Gap& b) { return a.wanted > b.wanted; });
  std::vector<std::string> values;
  for (const Gap& gap : gaps) {
    if (values.size() == most) break;
    std::string value = value_at(key.parameter, gap.middle);
    const auto is_there = [&](const SweepPoint& point) { return point.values[0] == value; };
    if (std::ranges::any_of(report.points, is_there)) continue;
    values.push_back(std::move(value));
  }
  return values;
}

std::string crossing_sentence(const SweepReport& report, const Objective& objective) {
  std::vector<std::string> crossed, unknown;
  const SweepPoint* before = nullptr;
  bool was_met = false;
  for (const SweepPoint& point : report.points) {
    if (point.state == PointState::failed) continue;
    const Met state = met_of(report, point, objective);
    if (state == Met::unknown) {
      unknown.push_back(point.values[0]);
      continue;
    }
    const bool met = state == Met::met;
    if (before != nullptr && met != was_met) {
      crossed.push_back(fmt::format("between {} and {}", before->values[0], point.values[0]));
    }
    before = &point;
    was_met = met;
  }
  const std::string at_unknown =
      unknown.empty()
          ? ""
          : fmt::format("not known at {}, where it has no value", listed(unknown, "and"));
  if (before == nullptr) {
    return unknown.empty() ? "" : fmt::format("{} is {}.", objective.text, at_unknown);
  }
  const std::string rest = unknown.empty() ? "." : ", and " + at_unknown + ".";
  if (!crossed.empty()) {
    return fmt::format("{} is crossed {}{}", objective.text, listed(crossed, "and"), rest);
  }
  return fmt::format("{} is {} at all {}points{}", objective.text, was_met ? "met" : "missed",
                     unknown.empty() ? "" : "other ", rest);
}

}  // namespace tokenlift
