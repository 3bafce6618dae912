#include "reports/findings/sweep_report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <system_error>
#include <utility>

#include "reports/findings/sweep_costs.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

constexpr std::array<std::string_view, 4> kStates = {"steady", "saturated", "failed",
                                                     "interrupted"};
constexpr std::array<std::string_view, 5> kOutcomes = {"found", "all hold", "none holds",
                                                       "interrupted", "not known"};
constexpr std::size_t kLeastOfKnee = 5;  // steady points
constexpr double kLeastRise = 2;

template <typename Named, std::size_t Count>
std::optional<Named> named(const std::array<std::string_view, Count>& names,
                           std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Named>(found - names.begin());
}

std::size_t count_of(const SweepReport& report, PointState state) {
  return static_cast<std::size_t>(
      std::count_if(report.points.begin(), report.points.end(), [&](const SweepPoint& point) {
        return point.state == state && point.valid && !point.load_changes;
      }));
}

std::size_t changing_loads(const SweepReport& report) {
  return static_cast<std::size_t>(
      std::count_if(report.points.begin(), report.points.end(),
                    [](const SweepPoint& point) { return point.load_changes && point.valid; }));
}

/// "92.43", "92.43 s"; a rate as the values of a key are written: "92.43/s".
std::string with_unit(double value, const std::string& unit) {
  if (unit == "1/s") return fmt::format("{:.4g}/s", value);
  return fmt::format("{:.4g}{}{}", value, unit.empty() ? "" : " ", unit);
}

std::string interval_words(const SweepFind& find) {
  if (!find.interval) return "";
  const std::string& unit = find.axis.unit;
  return fmt::format(" (95 % interval {} to {})",
                     with_unit(find.interval->low, unit == "1/s" ? unit : ""),
                     with_unit(find.interval->high, find.axis.unit));
}

/// Where it could not be told whether the objectives are met, and what would help.
std::string unknown_words(const SweepFind& find) {
  const auto lacks_phase = [](const SweepPoint& point) {
    return std::ranges::any_of(point.figures, [](const Estimate& figure) {
      return !figure.value && figure.reason.starts_with(kNoPhase);
    });
  };
  std::vector<std::string> growing, too_few, without_phase;  // values of the key
  for (const FindTry& tried : find.tries) {
    if (tried.known) continue;
    std::vector<std::string>& values = tried.point.state == PointState::saturated ? growing
                                       : lacks_phase(tried.point)                 ? without_phase
                                                                                  : too_few;
    values.push_back(tried.point.values[0]);
  }
  const std::string figures = listed(find.unknown_figures, "and");
  std::string text;
  if (!growing.empty()) {
    text += fmt::format(" It is not known at {}: the backlog grows, without a lasting value of {}.",
                        listed(growing, "and"), figures);
  }
  if (!too_few.empty()) {
    text += fmt::format(
        " It is not known at {}: a run has too few requests for {}; run longer, or with more "
        "--repetitions.",
        listed(too_few, "and"), figures);
  }
  if (!without_phase.empty()) {
    text += fmt::format(
        " It is not known at {}: the transition, as long as the backlog takes to drain, leaves no "
        "phase for {}; say how long it is (--set run.settle=TIME).",
        listed(without_phase, "and"), figures);
  }
  return text;
}

std::string knee_sentence(const SweepReport& report, const Knee& knee) {
  const std::string& unit = report.axes[0].unit;
  std::string text = fmt::format(
      "The knee lies at {} {} (between {} and {}): up to it {} grows x{}, beyond it another x{}.",
      report.axes[0].key, with_unit(knee.at, unit), with_unit(knee.from, ""),
      with_unit(knee.to, unit), knee.what, figure(knee.rise_before), figure(knee.rise_after));
  if (!knee.without_last) return text;
  return text + fmt::format(
                    " It depends on where the curve ends: without the point at {} it would lie at "
                    "{}, so that an objective tells more than the knee.",
                    with_unit(knee.last, unit), with_unit(*knee.without_last, unit));
}

using KneeCurve = std::vector<std::pair<double, double>>;  // the axis, the log of the latency

/// The place of the point that lies furthest below the line from the first to the last one.
std::optional<std::size_t> knee_place(const KneeCurve& curve) {
  if (curve.size() < kLeastOfKnee) return std::nullopt;
  const auto [x0, y0] = curve.front();
  const auto [x1, y1] = curve.back();
  if (y1 - y0 < std::log(kLeastRise) || !(x1 > x0)) return std::nullopt;
  std::size_t best = 0;
  double furthest = 0;
  for (std::size_t i = 1; i + 1 < curve.size(); ++i) {
    const double below = (curve[i].first - x0) / (x1 - x0) - (curve[i].second - y0) / (y1 - y0);
    if (below <= furthest) continue;
    furthest = below;
    best = i;
  }
  return furthest < kLeastKnee ? std::nullopt : std::optional(best);
}

std::optional<Knee> knee_of_figure(const SweepReport& report, const char* what) {
  KneeCurve curve;
  for (const SweepPoint& point : report.points) {
    const Estimate* const latency = figure_of(report, point, what);
    if (point.state != PointState::steady || latency == nullptr || *latency->value <= 0) continue;
    curve.emplace_back(point.numbers[0], std::log(*latency->value));
  }
  const std::optional<std::size_t> place = knee_place(curve);
  if (!place) return std::nullopt;
  const auto [at, log_there] = curve[*place];
  Knee knee{at,
            curve[*place - 1].first,
            curve[*place + 1].first,
            std::exp(log_there - curve.front().second),
            std::exp(curve.back().second - log_there),
            what};
  knee.last = curve.back().first;
  curve.pop_back();
  const std::optional<std::size_t> before = knee_place(curve);
  const bool moves = before && (curve[*before].first < knee.from || curve[*before].first > knee.to);
  if (moves) knee.without_last = curve[*before].first;
  return knee;
}

/// Where the backlog grows although less is asked for than the fleet can do, what that may mean.
/// Empty where there is no such point.
std::string early_saturation(const SweepReport& report) {
  constexpr double kClearlyLess = 0.97;
  for (const SweepPoint& point : report.points) {
    const Estimate* const offered = figure_of(report, point, "offered_tokens_per_s");
    if (point.state != PointState::saturated || offered == nullptr) continue;
    const std::optional<double>& capacity = point.capacity_tokens_per_s;
    if (!capacity || *offered->value >= kClearlyLess * *capacity) continue;
    if (!report.changing_load.empty()) {
      return fmt::format(
          " At {} only {} of the capacity is asked for on average. The load of {} is not the same "
          "all through the phase (arrivals.shape), so that what is in the system may grow with it "
          "and no more: for points of a lasting load leave the shape out, or measure where it "
          "stays.",
          point.values[0], percent_figure(*offered->value / *capacity),
          listed(report.changing_load, "and"));
    }
    return fmt::format(
        " At {} only {} of the capacity is asked for: a limit, slow replicas, the router or the "
        "sites that tenants may use keep requests from what is free there, or {} {} too short to "
        "tell a busy stretch from a backlog that stays.",
        point.values[0], percent_figure(*offered->value / *capacity), runs_figure(point.runs),
        point.runs == 1 ? "is" : "are");
  }
  return "";
}

/// Of one numeric axis: from where on, up to where, or only where it is saturated.
std::string where_saturated(const SweepReport& report) {
  const std::vector<SaturatedStretch> stretches = saturated_stretches(report);
  if (stretches.empty()) return "";
  constexpr const char* kWhy = "the backlog grows, so latencies there have no lasting value";
  const std::string& key = report.axes[0].key;
  const SaturatedStretch& one = stretches.front();
  const bool asked_everywhere = changing_loads(report) == 0;
  if (stretches.size() == 1 && asked_everywhere && !one.before && !one.after) {
    return fmt::format("It is saturated at every {}: {}.", key, kWhy);
  }
  if (stretches.size() == 1 && asked_everywhere && !one.after) {
    return fmt::format("It is saturated from {} {} on: {}. At {} it is not.", key,
                       one.first->values[0], kWhy, one.before->values[0]);
  }
  if (stretches.size() == 1 && asked_everywhere && !one.before) {
    return fmt::format("It is saturated up to {} {}: {}. At {} it is not.", key,
                       one.last->values[0], kWhy, one.after->values[0]);
  }
  std::vector<std::string> places;
  for (const SaturatedStretch& each : stretches) {
    places.push_back(each.first == each.last
                         ? each.first->values[0]
                         : each.first->values[0] + " to " + each.last->values[0]);
  }
  return fmt::format("It is saturated at {} {}{}: {}.", key, listed(places, "and"),
                     asked_everywhere ? " only, with steady points on either side" : "", kWhy);
}

/// That the load of points does not last, so that nothing is said of their saturation; empty where
/// it does.
std::string changing_load_sentence(const SweepReport& report) {
  bool all = true, any = false;
  const auto look_at = [&](const SweepPoint& point) {
    any = any || point.load_changes;
    all = all && point.load_changes;
  };
  for (const SweepPoint& point : report.points) look_at(point);
  for (const SweepFind& find : report.finds) {
    for (const FindTry& tried : find.tries) look_at(tried.point);
  }
  if (!any) return "";
  return fmt::format(
      "{} is another at the end of the phase '{}' than at its begin{}: figures {} are of the load "
      "as it went, and as what is in the system changes with the load, nothing is said of "
      "saturation.",
      all ? "The load" : "At some values the load", report.phase,
      report.changing_load.empty()
          ? ""
          : fmt::format(", by the shape of {}", listed(report.changing_load, "and")),
      all ? "here" : "there");
}

std::string value_in_panel(const SweepReport& report, const SweepPoint& point) {
  std::vector<std::string> parts;
  for (std::size_t i = 2; i < report.axes.size(); ++i) {
    parts.push_back(short_name(report.axes[i]) + " " + point.values[i]);
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

/// "found" and "found.1" are the first search, "found.2" the second. Nothing of other paths.
std::optional<std::size_t> find_place(std::string_view path) {
  constexpr std::string_view kFound = "found";
  if (!path.starts_with(kFound)) return std::nullopt;
  path.remove_prefix(kFound.size());
  if (path.empty()) return 0;
  std::size_t number = 0;
  const char* const end = path.data() + path.size();
  const auto [stopped, error] = std::from_chars(path.data() + 1, end, number);
  const bool is_number = path[0] == '.' && error == std::errc() && stopped == end && number > 0;
  return is_number ? std::optional(number - 1) : std::nullopt;
}

/// The same under several conditions.
bool is_one_question(const std::vector<SweepFind>& finds) {
  return finds.size() > 1 && std::all_of(finds.begin(), finds.end(), [&](const SweepFind& find) {
           return !find.name.empty() && find.objectives == finds[0].objectives &&
                  find.axis.key == finds[0].axis.key && find.most == finds[0].most &&
                  find.against_order.empty() && find.outcome != FindOutcome::not_known;
         });
}

std::string sentence_of_all(const std::vector<SweepFind>& finds) {
  std::vector<std::string> answers;
  for (const SweepFind& find : finds) {
    answers.push_back(fmt::format("{}{} {}", answer_of(find), interval_words(find), find.name));
  }
  return fmt::format("The {} {} is {}, so that {}.", finds[0].most ? "most" : "least",
                     finds[0].axis.key, listed(answers, "and"), listed(finds[0].objectives, "and"));
}

}  // namespace

std::string_view name_of(PointState state) {
  return kStates[static_cast<std::size_t>(state)];
}
std::optional<PointState> point_state(std::string_view name) {
  return named<PointState>(kStates, name);
}
std::string_view name_of(FindOutcome outcome) {
  return kOutcomes[static_cast<std::size_t>(outcome)];
}
std::optional<FindOutcome> find_outcome(std::string_view name) {
  return named<FindOutcome>(kOutcomes, name);
}

std::optional<std::size_t> figure_index(const SweepReport& report, std::string_view what) {
  const std::string path = fmt::format("{}.{}", what, report.phase);
  const auto found = std::find(report.figures.begin(), report.figures.end(), path);
  if (found == report.figures.end()) return std::nullopt;
  return static_cast<std::size_t>(found - report.figures.begin());
}

const Estimate* figure_of(const SweepReport& report, const SweepPoint& point,
                          std::string_view what) {
  const std::optional<std::size_t> index = figure_index(report, what);
  if (!index || *index >= point.figures.size() || !point.figures[*index].value) return nullptr;
  return &point.figures[*index];
}

std::optional<Knee> knee_of(const SweepReport& report) {
  if (report.axes.size() != 1 || !report.axes[0].numeric) return std::nullopt;
  std::optional<Knee> knee = knee_of_figure(report, "ttft.p50_ms");
  return knee ? knee : knee_of_figure(report, "e2e.p50_ms");
}

std::vector<SaturatedStretch> saturated_stretches(const SweepReport& report) {
  if (report.axes.size() != 1 || !report.axes[0].numeric) return {};
  std::vector<SaturatedStretch> stretches;
  const SweepPoint* steady = nullptr;
  bool within = false;
  for (const SweepPoint& point : report.points) {
    if (point.state == PointState::steady) {
      if (within) stretches.back().after = &point;
      steady = &point;
      within = false;
    } else if (point.state == PointState::saturated) {
      if (!within) stretches.push_back({&point, &point, steady, nullptr});
      stretches.back().last = &point;
      within = true;
    }
  }
  return stretches;
}

std::string sentence_of(const SweepFind& find) {
  const std::string name = find.name.empty() ? "" : find.name + ": ";
  const std::string objectives = listed(find.objectives, "and");
  const std::string what = fmt::format("{} {}", find.most ? "most" : "least", find.axis.key);
  const char* const are = find.objectives.size() > 1 ? "are" : "is";
  std::string sentence;
  switch (find.outcome) {
    case FindOutcome::found:
      sentence = fmt::format("the {} with {} is {}{}.", what, objectives, find.value,
                             interval_words(find));
      break;
    case FindOutcome::all_hold:
      sentence = fmt::format(
          "the {} lies at {} or {}: {} {} met {}.", what, find.most ? find.high : find.low,
          find.most ? "above" : "below", objectives, are,
          find.against_order.empty() ? fmt::format("from {} to {}", find.low, find.high)
                                     : "at " + (find.most ? find.high : find.low));
      break;
    case FindOutcome::none_holds:
      sentence =
          fmt::format("the {}, if there is one, lies {} {}: {} {} met nowhere from {} to {}.", what,
                      find.most ? "below" : "above", find.most ? find.low : find.high, objectives,
                      are, find.low, find.high);
      break;
    case FindOutcome::interrupted:
      sentence = fmt::format("the search for the {} was interrupted.", what);
      break;
    case FindOutcome::not_known:
      sentence = fmt::format("the {} with {} is not known.", what, objectives);
      break;
  }
  sentence = name + sentence;
  if (sentence[0] >= 'a' && sentence[0] <= 'z') sentence[0] = static_cast<char>(sentence[0] - 32);
  sentence += unknown_words(find);
  if (!find.against_order.empty()) {
    sentence += fmt::format(" But this is not monotone: {} {} against it.",
                            listed(find.against_order, "and"),
                            find.against_order.size() > 1 ? "stand" : "stands");
  }
  return sentence;
}

std::string answer_of(const SweepFind& find) {
  switch (find.outcome) {
    case FindOutcome::found:
      return find.value;
    case FindOutcome::all_hold:
      return find.most ? "≥ " + find.high : "≤ " + find.low;
    case FindOutcome::none_holds:
      return find.most ? "< " + find.low : "> " + find.high;
    case FindOutcome::interrupted:
    case FindOutcome::not_known:
      break;
  }
  return kAbsent;
}

std::vector<std::string> sweep_sentences(const SweepReport& report) {
  std::vector<std::string> sentences;
  if (is_one_question(report.finds)) {
    sentences.push_back(sentence_of_all(report.finds));
  } else {
    for (const SweepFind& find : report.finds) sentences.push_back(sentence_of(find));
  }
  if (std::string cost = cost_sentence(report); !cost.empty()) {
    sentences.push_back(std::move(cost));
  }
  if (std::string contract = contract_sentence(report); !contract.empty()) {
    sentences.push_back(std::move(contract));
  }
  if (const std::optional<Knee> knee = knee_of(report)) {
    sentences.push_back(knee_sentence(report, *knee));
  }
  if (const std::string saturation = where_saturated(report); !saturation.empty()) {
    sentences.push_back(saturation + early_saturation(report));
  }
  if (std::string load = changing_load_sentence(report); !load.empty()) {
    sentences.push_back(std::move(load));
  }
  return sentences;
}

std::optional<double> saturated_from(const SweepReport& report) {
  const std::vector<SaturatedStretch> stretches = saturated_stretches(report);
  if (stretches.empty() || stretches.back().after != nullptr) return std::nullopt;
  return stretches.back().first->numbers[0];
}

std::string short_name(const SweepAxis& axis) {
  const std::size_t dot = axis.key.rfind('.');
  return dot == std::string::npos ? axis.key : axis.key.substr(dot + 1);
}

std::vector<SweepPanel> panels_of(const SweepReport& report) {
  if (report.axes.size() <= 2) return {{"", report}};
  SweepReport bare = report;
  bare.axes.resize(2);
  bare.points.clear();
  bare.finds.clear();
  std::vector<SweepPanel> panels;
  for (const SweepPoint& point : report.points) {
    const std::string label = value_in_panel(report, point);
    auto panel = std::find_if(panels.begin(), panels.end(),
                              [&](const SweepPanel& one) { return one.label == label; });
    if (panel == panels.end()) panel = panels.insert(panels.end(), {label, bare});
    SweepPoint& added = panel->report.points.emplace_back(point);
    added.values.resize(2);
    added.numbers.resize(2);
  }
  return panels;
}

std::string sweep_figure_problem(const std::string& path, std::size_t axes, std::size_t finds) {
  if (path == "knee" || path == "saturated_from") {
    return axes == 1 ? "" : fmt::format("'{}' is of a sweep over one key", path);
  }
  const std::optional<std::size_t> place = find_place(path);
  if (!place) {
    return fmt::format("'{}' is no figure of a sweep: knee, saturated_from, found, found.2, ...",
                       path);
  }
  if (*place < finds) return "";
  return finds == 0 ? fmt::format("'{}': the sweep searches nothing", path)
                    : fmt::format("'{}': the sweep searches {} value{}", path, finds,
                                  finds == 1 ? "" : "s");
}

SweepFigureValue sweep_figure(const SweepReport& report, const std::string& path) {
  if (path == "knee") {
    const std::optional<Knee> knee = knee_of(report);
    if (knee) return {knee->at};
    return {{}, false, true, "latency has no knee along these points"};
  }
  if (path == "saturated_from") {
    const std::optional<double> from = saturated_from(report);
    if (from) return {from};
    return {{},
            false,
            true,
            changing_loads(report) > 0
                ? "the load changes within the phase, so that nothing is said of saturation"
                : "no saturated points stand at the end"};
  }
  const std::optional<std::size_t> place = find_place(path);
  if (!place || *place >= report.finds.size()) return {{}, false, true, "it was not searched"};
  const SweepFind& find = report.finds[*place];
  if (find.outcome == FindOutcome::found) return {find.number};
  if (find.outcome == FindOutcome::all_hold && !find.tries.empty()) {
    const FindTry& end = find.most ? find.tries.back() : find.tries.front();
    return {end.point.numbers[0], true, find.most};
  }
  return {{}, false, find.most, sentence_of(find)};
}

std::string sweep_status(const SweepReport& report) {
  std::vector<std::string> parts;
  for (const PointState state :
       {PointState::steady, PointState::saturated, PointState::failed, PointState::interrupted}) {
    const std::size_t count = count_of(report, state);
    if (count > 0) parts.push_back(fmt::format("{} {}", count, name_of(state)));
  }
  if (const std::size_t count = changing_loads(report); count > 0) {
    parts.push_back(fmt::format("{} of a load that changes", count));
  }
  const auto invalid = std::count_if(report.points.begin(), report.points.end(),
                                     [](const SweepPoint& point) { return !point.valid; });
  if (invalid > 0) parts.push_back(fmt::format("{} not valid", invalid));
  std::string status;
  if (!report.points.empty()) {
    status = fmt::format("{} point{}: {}", report.points.size(),
                         report.points.size() == 1 ? "" : "s", listed(parts, "and"));
  }
  const auto found =
      std::count_if(report.finds.begin(), report.finds.end(),
                    [](const SweepFind& find) { return find.outcome == FindOutcome::found; });
  if (!report.finds.empty()) {
    status +=
        fmt::format("{}{} of {} found", status.empty() ? "" : "; ", found, report.finds.size());
  }
  if (report.interrupted) status += "; interrupted: what there is of it";
  return status;
}

bool all_well(const SweepReport& report) {
  const bool points =
      std::all_of(report.points.begin(), report.points.end(), [](const SweepPoint& point) {
        return point.valid &&
               (point.state == PointState::steady || point.state == PointState::saturated);
      });
  const bool finds =
      std::all_of(report.finds.begin(), report.finds.end(),
                  [](const SweepFind& find) { return find.outcome == FindOutcome::found; });
  return points && finds && !report.interrupted;
}

}  // namespace tokenlift
