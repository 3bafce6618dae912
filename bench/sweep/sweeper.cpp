#include "bench/sweep/sweeper.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <utility>

#include "bench/machine/host.hpp"
#include "bench/sweep/axis.hpp"
#include "bench/sweep/curve.hpp"
#include "bench/sweep/point_work.hpp"
#include "reports/record/run.hpp"
#include "workloads/plan/demand.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/scenario/keywords.hpp"
#include "workloads/tuning/candidate.hpp"
#include "workloads/writer/scenario_writer.hpp"

namespace tokenlift {

namespace {

/// Values that are added to a curve at a time, whatever the number of threads.
constexpr std::size_t kAtATime = 4;

std::string setting(const SweptKey& key, const std::string& value) {
  return key.key + "=" + value;
}

std::string name_of_point(const std::vector<std::string>& settings) {
  return fmt::format("{}", fmt::join(settings, " | "));
}

std::vector<std::string> settings_of(const std::vector<SweepAxis>& axes, const SweepPoint& point) {
  std::vector<std::string> settings;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    settings.push_back(axes[i].key + "=" + point.values[i]);
  }
  return settings;
}

bool is_kept(const SweepPoint& point) {
  return point.state == PointState::steady || point.state == PointState::saturated;
}

}  // namespace

Sweeper::Sweeper(SweepProblem problem, SweepEffort effort, std::vector<std::string> command,
                 WorkPool& pool, const std::atomic<bool>& stop, const SweepReport* known,
                 SweepWatch watch)
    : problem_(std::move(problem)),
      effort_(effort),
      pool_(pool),
      stop_(stop),
      watch_(std::move(watch)),
      runner_(problem_, stop),
      experiment_(command, stop, 1),
      command_(std::move(command)) {
  const Environment environment = describe_environment(command_);
  report_.scenario = problem_.scenario.name;
  report_.description = problem_.scenario.description;
  report_.command = command_;
  report_.tokenlift_version = environment.tokenlift_version;
  report_.started_at = environment.started_at;
  report_.engine = name_of(problem_.scenario.run.engine);
  report_.seed = problem_.scenario.run.seed;
  report_.repetitions = problem_.repetitions;
  report_.phase = problem_.phase;
  report_.settings_digest = digest_of(problem_);
  report_.figures = problem_.figures;
  report_.changing_load = tenants_of_changing_load(problem_.scenario);
  if (known == nullptr) return;
  for (const SweepPoint& point : known->points) {
    if (is_kept(point)) known_[name_of_point(settings_of(known->axes, point))] = point;
  }
  for (const SweepFind& find : known->finds) {
    for (const FindTry& tried : find.tries) {
      if (is_kept(tried.point)) {
        known_[name_of_point(settings_of({find.axis}, tried.point))] = tried.point;
      }
    }
  }
}

bool Sweeper::is_over() const {
  if (stop_.load(std::memory_order_relaxed)) return true;
  const auto gone = std::chrono::steady_clock::now() - begin_;
  return effort_.time_s && std::chrono::duration<double>(gone).count() >= *effort_.time_s;
}

/// Also reads every one of them, so that what is wrong is told before anything runs.
void Sweeper::require_difference(const SweptKey& key, const std::vector<Settings>& along) const {
  std::string first;
  bool differs = false;
  for (const Settings& settings : along) {
    const std::string scenario = to_json(read_scenario(problem_, settings));
    if (first.empty()) first = scenario;
    differs = differs || scenario != first;
  }
  if (differs) return;
  throw SweepMistake(
      fmt::format("'{}' makes no difference: the scenario is the same with {} and {}", key.key,
                  along.front().back(), along.back().back()));
}

void Sweeper::note_loads(const Settings& settings) {
  const bool changes = std::ranges::any_of(settings, changes_capacity);
  if (!changes || !needs_capacity(read_scenario(problem_, settings))) return;
  const std::string remark =
      "Where a key of the fleet changes, loads are those of the fleet as the scenario states it: "
      "the same rates at all values.";
  const bool said = std::ranges::find(report_.remarks, remark) != report_.remarks.end();
  if (!said) report_.remarks.push_back(remark);
}

SweepPoint Sweeper::run_point(const Settings& settings, Experiment& experiment,
                              const RunWatch& watch) {
  const auto known = known_.find(name_of_point(settings));
  return known != known_.end() ? known->second : runner_.run(settings, experiment, watch);
}

/// So that who is killed in the middle of a batch has lost no more than kept_every_s.
void Sweeper::keep_if_due(const Points& points, const AddDone& add_done) {
  const auto now = std::chrono::steady_clock::now();
  const std::chrono::duration<double> gone = now - last_kept_;
  if (!watch_.kept || gone.count() < watch_.kept_every_s) return;
  SweepReport so_far = report_;
  add_done(so_far, points);
  watch_.kept(so_far);
  last_kept_ = std::chrono::steady_clock::now();
}

void Sweeper::simulate_points(const std::vector<Settings>& settings,
                              const std::function<void(std::size_t i, SweepPoint point)>& note) {
  const PointWork sent(problem_);
  const auto unwatched = [](auto&&...) { return std::unique_ptr<ProgressDisplay>(); };
  // The last ones of a curve take longest: they begin first.
  const auto place_of = [&](std::size_t item) { return settings.size() - 1 - item; };
  WorkItems work;
  work.count = settings.size();
  work.here = [&](std::size_t item) {
    if (is_over()) return;
    const std::size_t i = place_of(item);
    Experiment experiment(command_, stop_, 1);
    note(i, run_point(settings[i], experiment, unwatched));
  };
  const auto pack = [&](std::size_t item) -> std::optional<std::string> {
    const Settings& words = settings[place_of(item)];
    if (is_over() || known_.contains(name_of_point(words))) return std::nullopt;
    return sent.pack(words);
  };
  const auto keep = [&](std::size_t item, const WorkResult& reply) {
    note(place_of(item), returned_point(reply));
  };
  work.elsewhere = WorkElsewhere{kPointWork, pack, keep, &stop_};
  pool_.run(work);
}

/// Nothing of those that were not run to their end.
Sweeper::Points Sweeper::run_points(const std::vector<Settings>& settings,
                                    const AddDone& add_done) {
  Points points(settings.size());
  std::mutex mutex;
  std::size_t done = 0;
  const auto note = [&](std::size_t i, SweepPoint point) {
    const std::lock_guard lock(mutex);
    if (point.state != PointState::interrupted) points[i] = std::move(point);
    if (watch_.points) watch_.points(++done, settings.size());
    keep_if_due(points, add_done);
  };
  if (traits_of(problem_.scenario.run.engine).simulated) {
    simulate_points(settings, note);
  } else {
    for (std::size_t i = 0; i < settings.size() && !is_over(); ++i) {
      note(i, run_point(settings[i], experiment_, watch_.runs));
    }
  }
  const bool all = std::ranges::all_of(points, [](const auto& point) { return point.has_value(); });
  if (!all && stop_.load(std::memory_order_relaxed)) report_.interrupted = true;
  if (!all && !report_.interrupted) out_of_time_ = true;
  for (std::optional<SweepPoint>& point : points) {
    if (point) report_.requests += point->requests;
  }
  return points;
}

void Sweeper::add_points(const std::vector<SweptKey>& axes,
                         const std::vector<std::vector<std::string>>& values, bool refined) {
  std::vector<Settings> settings;
  for (const std::vector<std::string>& point : values) {
    Settings& words = settings.emplace_back();
    for (std::size_t i = 0; i < axes.size(); ++i) words.push_back(setting(axes[i], point[i]));
  }
  const AddDone add_done = [&](SweepReport& report, const Points& points) {
    for (std::size_t i = 0; i < points.size(); ++i) {
      if (!points[i]) continue;
      SweepPoint& point = report.points.emplace_back(*points[i]);
      point.values = values[i];
      point.refined = refined;
      point.numbers.clear();
      for (std::size_t j = 0; j < axes.size(); ++j) {
        point.numbers.push_back(number_on(axes[j], values[i][j]));
      }
    }
    std::ranges::stable_sort(report.points, {}, &SweepPoint::numbers);
  };
  const Points points = run_points(settings, add_done);
  add_done(report_, points);
  if (watch_.kept) watch_.kept(report_);
}

void Sweeper::sweep(const std::vector<SweptKey>& axes, const std::vector<Objective>& objectives) {
  require_grid(axes);
  std::vector<std::vector<std::string>> values = {{}};
  for (const SweptKey& key : axes) {
    report_.axes.push_back(axis_of(key));
    std::vector<std::vector<std::string>> more;
    for (const std::vector<std::string>& begun : values) {
      for (const std::string& value : key.values) {
        more.push_back(begun);
        more.back().push_back(value);
      }
    }
    values = std::move(more);
  }
  for (const Objective& objective : objectives) report_.objectives.push_back(objective.text);
  for (const SweptKey& key : axes) {
    std::vector<Settings> along;
    for (const std::string& value : key.values) along.push_back({setting(key, value)});
    require_difference(key, along);
  }
  Settings first;
  for (const SweptKey& key : axes) first.push_back(setting(key, key.values.front()));
  note_loads(first);
  report_.scenario_json = to_json(read_scenario(problem_, first));
  add_points(axes, values, false);
  if (out_of_time_) report_.interrupted = true;  // what was asked for is not all there
  if (axes.size() == 1 && axes[0].is_range) refine(axes[0], objectives);
  for (const Objective& objective : objectives) {
    if (axes.size() == 1 && !report_.points.empty()) {
      report_.remarks.push_back(crossing_sentence(report_, objective));
    }
  }
  const bool same = std::ranges::all_of(report_.points, [&](const SweepPoint& point) {
    const auto is_equal = [](const Estimate& a, const Estimate& b) { return a.value == b.value; };
    return point.state == PointState::steady &&
           std::ranges::equal(point.figures, report_.points[0].figures, is_equal);
  });
  if (same && report_.points.size() > 1) {
    report_.remarks.emplace_back(
        "All points have the same figures: what was changed made no "
        "difference to what happened.");
  }
}

void Sweeper::refine(const SweptKey& key, const std::vector<Objective>& objectives) {
  const std::size_t first = report_.points.size();
  std::size_t most = effort_.requests ? kMostValues : first / 2;
  while (most > 0 && !is_over() && !report_.interrupted && first > 0) {
    std::size_t count = std::min(most, kAtATime);
    if (effort_.requests) {
      if (report_.requests >= *effort_.requests) return;
      const std::uint64_t each =
          std::max<std::uint64_t>(1, report_.requests / report_.points.size());
      const std::uint64_t left = (*effort_.requests - report_.requests) / each;
      count = std::min<std::size_t>(count, left);
    }
    const std::vector<std::string> wanted = wanted_values(report_, key, objectives, count);
    if (wanted.empty()) return;
    std::vector<std::vector<std::string>> values;
    for (const std::string& value : wanted) values.push_back({value});
    add_points({key}, values, true);
    most -= wanted.size();
  }
}

void Sweeper::find(const FindTask& task) {
  const auto settings_at = [&](const std::string& value) {
    return Settings{setting(task.key, value)};
  };
  require_difference(task.key, {settings_at(value_at(task.key.parameter, 0)),
                                settings_at(value_at(task.key.parameter, 1))});
  note_loads(settings_at(value_at(task.key.parameter, 0)));
  std::vector<SweepPoint> tried;
  report_.finds.push_back(find_value(task, [&](const std::vector<std::string>& values) {
    std::vector<Settings> settings;
    for (const std::string& value : values) settings.push_back(settings_at(value));
    const auto placed = [&](const SweepPoint& point, std::size_t i) {
      SweepPoint at = point;
      at.values = {values[i]};
      at.numbers = {number_on(task.key, values[i])};
      return at;
    };
    // Whoever goes on with it needs the points alone.
    const AddDone add_done = [&](SweepReport& report, const Points& points) {
      SweepFind begun{task.name, axis_of(task.key), task.most};
      for (const SweepPoint& point : tried) begun.tries.push_back({point, false, false, false});
      for (std::size_t i = 0; i < points.size(); ++i) {
        if (points[i]) begun.tries.push_back({placed(*points[i], i), false, false, false});
      }
      report.finds.push_back(std::move(begun));
    };
    std::vector<SweepPoint> done;
    const Points points = run_points(settings, add_done);
    for (std::size_t i = 0; i < points.size(); ++i) {
      if (points[i]) done.push_back(placed(*points[i], i));
    }
    tried.insert(tried.end(), done.begin(), done.end());
    return done;
  }));
  if (report_.finds.back().outcome == FindOutcome::interrupted) report_.interrupted = true;
  if (watch_.kept) watch_.kept(report_);
}

SweepReport Sweeper::take() {
  if (out_of_time_) {
    report_.remarks.emplace_back(
        "The time was up before all points were run: what is shown depends on "
        "the machine.");
  }
  report_.elapsed_s =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  return std::move(report_);
}

}  // namespace tokenlift
