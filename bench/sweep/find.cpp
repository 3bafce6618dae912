#include "bench/sweep/find.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "bench/sweep/axis.hpp"
#include "workloads/tuning/candidate.hpp"

namespace tokenlift {

namespace {

constexpr std::size_t kFirstValues = 7;
constexpr int kMostRounds = 12;

double within(const Objective& objective, double value) {
  const double whole = std::abs(objective.bound) > 0 ? std::abs(objective.bound) : 1;
  switch (objective.relation) {
    case Relation::at_most:
    case Relation::below:
      return (objective.bound - value) / whole;
    case Relation::at_least:
    case Relation::above:
      return (value - objective.bound) / whole;
    case Relation::equal:
    case Relation::unequal:
      break;
  }
  return is_met(objective, value) ? 1 : -1;
}

/// All of them together: one that is missed is enough.
Met met_of_all(const SweepPoint& point, const FindTask& task) {
  Met all = Met::met;
  for (std::size_t i = 0; i < task.objectives.size(); ++i) {
    const Met one = met_at(point, task.objectives[i], task.figures[i]);
    if (one == Met::missed) return Met::missed;
    if (one == Met::unknown) all = Met::unknown;
  }
  return all;
}

class Find {
 public:
  Find(const FindTask& task, const RunValues& run) : task_(task), run_(run) {
    find_.name = task.name;
    find_.axis = axis_of(task.key);
    find_.most = task.most;
    find_.low = value_at(parameter(), 0);
    find_.high = value_at(parameter(), 1);
    for (const Objective& objective : task.objectives) find_.objectives.push_back(objective.text);
  }

  SweepFind found() {
    std::vector<double> first;
    for (std::size_t i = 0; i < kFirstValues; ++i) {
      first.push_back(static_cast<double>(i) / static_cast<double>(kFirstValues - 1));
    }
    if (try_values(first)) narrow();
    return std::move(find_);
  }

 private:
  const Parameter& parameter() const { return task_.key.parameter; }
  bool is_whole() const {
    return parameter().scale == ParameterScale::integer ||
           parameter().scale == ParameterScale::log_integer;
  }
  /// From the side on which the objectives are expected to be met: 0, 1, ...
  const FindTry& from_good_side(std::size_t i) const {
    return task_.most ? find_.tries[i] : find_.tries[find_.tries.size() - 1 - i];
  }
  double number(std::size_t i) const { return from_good_side(i).point.numbers[0]; }
  /// Those of which it is known whether they hold, from the good side.
  std::vector<std::size_t> known() const {
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < find_.tries.size(); ++i) {
      if (from_good_side(i).known) places.push_back(i);
    }
    return places;
  }

  /// False if it was stopped before all had been run.
  bool try_values(const std::vector<double>& positions) {
    std::vector<std::string> values;
    for (const double position : positions) {
      std::string value = value_at(parameter(), position);
      const auto is_tried = [&](const FindTry& tried) { return tried.point.values[0] == value; };
      if (std::ranges::find(values, value) != values.end()) continue;
      if (std::ranges::any_of(find_.tries, is_tried)) continue;
      values.push_back(std::move(value));
    }
    tried_new_ = !values.empty();
    if (values.empty()) return true;
    std::vector<SweepPoint> points = run_(values);
    const bool all = points.size() == values.size();
    for (SweepPoint& point : points) {
      FindTry tried{std::move(point), false, false, true};
      const Met met = met_of_all(tried.point, task_);
      tried.holds = met == Met::met;
      tried.known = met != Met::unknown;
      tried.sure = tried.known && is_sure(tried);
      if (!tried.known) note_unknown(tried.point);
      find_.tries.push_back(std::move(tried));
    }
    std::ranges::sort(find_.tries, {}, [](const FindTry& tried) { return tried.point.numbers[0]; });
    return all;
  }

  bool is_sure(const FindTry& tried) const {
    if (tried.point.state != PointState::steady) return !tried.holds;
    const auto has_interval = [&](std::size_t figure) {
      return tried.point.figures[figure].interval.has_value();
    };
    if (!std::ranges::all_of(task_.figures, has_interval)) return false;
    const Standing distance = standing_of(tried.point, task_);
    return tried.holds ? distance.worse >= 0 : distance.better < 0;
  }

  void note_unknown(const SweepPoint& point) {
    std::vector<std::string>& paths = find_.unknown_figures;
    for (std::size_t i = 0; i < task_.objectives.size(); ++i) {
      const std::string& path = task_.objectives[i].path;
      const bool known = met_at(point, task_.objectives[i], task_.figures[i]) != Met::unknown;
      if (!known && std::ranges::find(paths, path) == paths.end()) paths.push_back(path);
    }
  }

  struct Bracket {
    std::size_t last = 0;   // from the good side that holds,
    std::size_t first = 0;  // and the next of those that are known, which does not
    bool is_known() const { return first == last + 1; }
  };
  /// Nothing where there is none.
  std::optional<Bracket> bracket() const {
    const std::vector<std::size_t> places = known();
    for (std::size_t i = 0; i + 1 < places.size(); ++i) {
      const bool holds = from_good_side(places[i]).holds;
      if (holds && !from_good_side(places[i + 1]).holds) return Bracket{places[i], places[i + 1]};
    }
    return std::nullopt;
  }

  bool is_narrow(std::size_t last) const {
    const double one = number(last), other = number(last + 1);
    if (is_whole()) return std::abs(one - other) <= 1;
    return std::abs(one - other) <= kFindTolerance * std::max(std::abs(one), std::abs(other));
  }

  void narrow() {
    std::optional<Bracket> between = bracket();
    if (!between) return conclude_at_an_end();
    for (int round = 0; round < kMostRounds; ++round) {
      if (!between->is_known() || is_narrow(between->last)) break;
      const double good = position(between->last), bad = position(between->first);
      if (!try_values({good + (bad - good) / 3, good + (bad - good) * 2 / 3})) return;
      between = bracket();
      if (!tried_new_) break;
    }
    if (between->is_known()) {
      conclude(between->last);
    } else {
      find_.outcome = FindOutcome::not_known;
    }
  }

  /// Met throughout, or nowhere; or only from somewhere on, up to the wrong end.
  void conclude_at_an_end() {
    const FindTry& bad_end = from_good_side(find_.tries.size() - 1);
    if (is_least_there_is(bad_end) && std::ranges::all_of(find_.tries, &FindTry::holds)) {
      conclude(find_.tries.size() - 1);
      return;
    }
    if (bad_end.known && bad_end.holds) {
      find_.outcome = FindOutcome::all_hold;
      note_order(find_.tries.size());
      return;
    }
    const bool all_known = known().size() == find_.tries.size();
    find_.outcome = all_known ? FindOutcome::none_holds : FindOutcome::not_known;
  }

  /// Fewer than one replica are no site: what holds there lies not below it.
  bool is_least_there_is(const FindTry& end) const {
    return !task_.most && task_.key.key.starts_with("fleet.site.") &&
           task_.key.key.ends_with(".replicas") && end.point.values[0] == "1";
  }

  double position(std::size_t i) const {
    return *position_of(parameter(), from_good_side(i).point.values[0]);
  }

  void conclude(std::size_t last) {
    find_.outcome = FindOutcome::found;
    find_.value = from_good_side(last).point.values[0];
    find_.number = number(last);
    const std::optional<double> worse = crossing(&Standing::worse);
    const std::optional<double> better = crossing(&Standing::better);
    const bool has_intervals = std::ranges::any_of(find_.tries, [](const FindTry& tried) {
      return tried.sure && tried.point.state == PointState::steady;
    });
    if (has_intervals) {
      const double good_end = number(0), bad_end = number(find_.tries.size() - 1);
      const bool holds_throughout = last + 1 == find_.tries.size();
      double one =
          worse.value_or(holds_throughout && is_sure(from_good_side(last)) ? bad_end : good_end);
      double other = better.value_or(bad_end);
      if (is_whole()) {
        one = task_.most ? std::floor(one) : std::ceil(one);
        other = task_.most ? std::floor(other) : std::ceil(other);
      }
      find_.interval =
          Interval{std::min({one, other, *find_.number}), std::max({one, other, *find_.number})};
    }
    note_order(last + 1);
  }

  /// Where the distance first crosses 0 from the good side, on a straight line. Nothing where it
  /// does not, or is below 0 from the start.
  std::optional<double> crossing(double Standing::*of) const {
    const std::vector<std::size_t> places = known();
    for (std::size_t i = 0; i + 1 < places.size(); ++i) {
      const double one = standing_of(from_good_side(places[i]).point, task_).*of;
      const double other = standing_of(from_good_side(places[i + 1]).point, task_).*of;
      if (!(one >= 0)) return std::nullopt;
      if (other >= 0) continue;
      const double share = std::isfinite(other) ? one / (one - other) : 0;
      return number(places[i]) + (number(places[i + 1]) - number(places[i])) * share;
    }
    return std::nullopt;
  }

  /// Of the first so many from the good side those that do not hold, and of the others those that
  /// do.
  void note_order(std::size_t held) {
    for (std::size_t i = 0; i < find_.tries.size(); ++i) {
      const FindTry& tried = from_good_side(i);
      if (!tried.known || tried.holds == (i < held)) continue;
      find_.against_order.push_back(
          fmt::format("{} ({})", tried.point.values[0], tried.holds ? "met" : "missed"));
    }
  }

  const FindTask& task_;
  const RunValues& run_;
  SweepFind find_;
  bool tried_new_ = false;
};

}  // namespace

Met met_at(const SweepPoint& point, const Objective& objective, std::size_t figure) {
  const bool has_figures =
      point.state == PointState::steady || point.state == PointState::saturated;
  if (!has_figures || figure >= point.figures.size()) return Met::missed;
  if (const std::optional<double>& value = point.figures[figure].value) {
    return is_met(objective, *value) ? Met::met : Met::missed;
  }
  if (point.state != PointState::saturated) return Met::unknown;
  const auto names = [&](const char* what) {
    return objective.path.find(what) != std::string::npos;
  };
  const bool falls = names("attainment") || names("goodput");
  const bool is_upper =
      objective.relation == Relation::at_most || objective.relation == Relation::below;
  const bool is_lower =
      objective.relation == Relation::at_least || objective.relation == Relation::above;
  return (falls ? is_lower : is_upper) ? Met::missed : Met::unknown;
}

Standing standing_of(const SweepPoint& point, const FindTask& task) {
  Standing distance{INFINITY, INFINITY, INFINITY};
  const bool has_figures =
      point.state == PointState::steady || point.state == PointState::saturated;
  for (std::size_t i = 0; i < task.objectives.size(); ++i) {
    const Estimate figure = has_figures ? point.figures[task.figures[i]] : Estimate{};
    if (!figure.value) return {-INFINITY, -INFINITY, -INFINITY};
    const Objective& objective = task.objectives[i];
    const Interval interval = figure.interval.value_or(Interval{*figure.value, *figure.value});
    const double low = within(objective, interval.low), high = within(objective, interval.high);
    distance.middle = std::min(distance.middle, within(objective, *figure.value));
    distance.worse = std::min(distance.worse, std::min(low, high));
    distance.better = std::min(distance.better, std::max(low, high));
  }
  return distance;
}

SweepFind find_value(const FindTask& task, const RunValues& run) {
  return Find(task, run).found();
}

}  // namespace tokenlift
