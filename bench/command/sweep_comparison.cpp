#include "bench/command/sweep_comparison.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "bench/command/input.hpp"
#include "bench/command/sweep_results.hpp"
#include "reports/findings/sweep_tables.hpp"
#include "reports/json/comparable.hpp"
#include "reports/json/json_sweep.hpp"
#include "workloads/text/key_path.hpp"

namespace tokenlift {

namespace {

namespace fs = std::filesystem;

SweepReport sweep_in(const std::string& folder) {
  std::error_code unreadable;
  const fs::path file =
      fs::is_directory(folder, unreadable) ? fs::path(folder) / kSweepFile : fs::path(folder);
  return read_sweep(read_file(file), file.string());
}

std::string keys_of(const SweepReport& report) {
  std::vector<std::string> keys;
  for (const SweepAxis& axis : report.axes) keys.push_back(axis.key);
  return fmt::format("{}", fmt::join(keys, ", "));
}

/// Throws UsageError.
Differences require_same_sweep(const std::string& name, const SweepReport& base,
                               const SweepReport& contender, bool force) {
  const std::string what = name.empty() ? "" : "case '" + name + "': ";
  if (base.axes.empty() || contender.axes.empty()) {
    throw UsageError(what + "a search alone has no points along a key that could be compared");
  }
  if (keys_of(base) != keys_of(contender)) {
    throw UsageError(fmt::format("{}one sweep is over {}, and the other over {}", what,
                                 keys_of(base), keys_of(contender)));
  }
  std::vector<std::vector<std::string>> keys;
  for (const SweepAxis& axis : base.axes) keys.push_back(names_in(axis.key));
  Differences differences = what_differs(base, contender, keys);
  if (base.phase != contender.phase) {
    differences.forbidding.push_back("phase: " + base.phase + " -> " + contender.phase);
  }
  if (force || differences.forbidding.empty()) return differences;
  throw UsageError(
      fmt::format("{}these sweeps measured different things\n  {}\n--force compares "
                  "them all the same",
                  what, fmt::join(differences.forbidding, "\n  ")));
}

/// A point that keeps up on one side alone: it got better or worse, whatever its figures say.
ComparedFigure turned_figure(const std::string& phase, bool worse) {
  ComparedFigure figure;
  figure.phase = phase;
  figure.name = "saturated";
  figure.unit = "share";
  figure.higher_is_better = false;
  figure.primary = true;
  figure.is_difference = true;
  figure.base = worse ? 0 : 1;
  figure.contender = worse ? 1 : 0;
  figure.change = estimate_without_interval(worse ? 1 : -1, "", "the backlog grows or does not");
  figure.reading = worse ? Reading::worse : Reading::better;
  return figure;
}

/// Of a point that is saturated on either side only what lasts can be compared; and nothing where
/// it was so beyond doubt that one run was enough: more are not made, so that it would stay open.
void keep_what_lasts(ComparedCase& point) {
  const bool once = point.base.runs < 2 || point.contender.runs < 2;
  for (CaseFigures* const side : {&point.base, &point.contender}) {
    std::erase_if(side->figures,
                  [&](const FigureSet& set) { return once || set.name != "throughput"; });
  }
}

bool was_run(const SweepPoint& point) {
  return point.state == PointState::steady || point.state == PointState::saturated;
}

const SweepPoint* point_at(const SweepReport& report, const std::vector<double>& numbers,
                           const std::vector<std::string>& values) {
  const auto found =
      std::find_if(report.points.begin(), report.points.end(), [&](const SweepPoint& point) {
        for (std::size_t i = 0; i < values.size(); ++i) {
          const bool same = report.axes[i].numeric ? point.numbers[i] == numbers[i]
                                                   : point.values[i] == values[i];
          if (!same) return false;
        }
        return was_run(point);
      });
  return found == report.points.end() ? nullptr : &*found;
}

/// Points that were asked for, and that the other one lacks.
std::vector<std::string> points_only_in(const SweepReport& one, const SweepReport& other,
                                        const std::string& prefix) {
  std::vector<std::string> names;
  for (const SweepPoint& point : one.points) {
    if (point.refined || point_at(other, point.numbers, point.values) != nullptr) continue;
    names.push_back(prefix + point_path(one, point));
  }
  return names;
}

}  // namespace

ComparedSweep read_compared_sweep(const std::string& name, const std::string& base_folder,
                                  const std::string& contender_folder, bool force) {
  const SweepReport base = sweep_in(base_folder), contender = sweep_in(contender_folder);
  Differences differences = require_same_sweep(name, base, contender, force);
  const std::string prefix = name.empty() ? "" : name + "/";
  ComparedSweep sweep;
  sweep.keys = keys_of(base);
  for (const SweepPoint& point : base.points) {
    const SweepPoint* const same =
        was_run(point) ? point_at(contender, point.numbers, point.values) : nullptr;
    if (same == nullptr) continue;
    ComparedCase& compared = sweep.points.emplace_back();
    compared.name = prefix + point_path(base, point);
    compared.base = point.by_run;
    compared.contender = same->by_run;
    compared.differences = std::exchange(differences, {});  // said once
    sweep.turned.emplace_back();
    const bool saturated = point.state == PointState::saturated;
    const bool then = same->state == PointState::saturated;
    if (saturated || then) keep_what_lasts(compared);
    if (saturated != then) sweep.turned.back() = turned_figure(base.phase, then);
  }
  if (sweep.points.empty()) {
    throw UsageError(fmt::format("the sweeps in '{}' and '{}' have no point in common", base_folder,
                                 contender_folder));
  }
  for (const auto& [side, report] :
       {std::pair("base", &base), std::pair("contender", &contender)}) {
    for (const std::string& sentence : sweep_sentences(*report)) {
      sweep.remarks.push_back(fmt::format("Of the {}: {}", side, sentence));
    }
  }
  sweep.base_only = points_only_in(base, contender, prefix);
  sweep.contender_only = points_only_in(contender, base, prefix);
  return sweep;
}

void add_sweep(Comparison& comparison, const ComparedSweep& sweep) {
  for (std::size_t i = 0; i < sweep.points.size(); ++i) {
    const auto found =
        std::find_if(comparison.cases.begin(), comparison.cases.end(),
                     [&](const CaseComparison& one) { return one.name == sweep.points[i].name; });
    if (found == comparison.cases.end()) continue;
    if (!sweep.turned[i].name.empty()) {
      found->figures.insert(found->figures.begin(), sweep.turned[i]);
    }
    if (i > 0) continue;
    found->remarks.insert(found->remarks.end(), sweep.remarks.begin(), sweep.remarks.end());
  }
  const auto append = [](std::vector<std::string>& to, const std::vector<std::string>& names) {
    to.insert(to.end(), names.begin(), names.end());
  };
  append(comparison.base_only, sweep.base_only);
  append(comparison.contender_only, sweep.contender_only);
}

}  // namespace tokenlift
