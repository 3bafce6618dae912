#include "workloads/tuning/lift.hpp"

#include <algorithm>
#include <cassert>
#include <charconv>

#include "workloads/plan/changes.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/scenario/keywords.hpp"
#include "workloads/scenario/tuning.hpp"
#include "workloads/text/quantity.hpp"
#include "workloads/writer/scenario_writer.hpp"

namespace tokenlift {

namespace {

const Throttle& throttle_of(const Scenario& scenario, const Event& event) {
  const auto found = std::ranges::find(scenario.throttles, event.throttle, &Throttle::name);
  assert(found != scenario.throttles.end());
  return *found;
}

// As many of the largest requests as there are places in all batches.
double units_of_all_places(const Scenario& scenario, const Throttle& throttle) {
  double places = 0;
  for (const Site& site : scenario.fleet.sites) {
    places += static_cast<double>(site.replicas) * static_cast<double>(site.max_batch);
  }
  return std::min(places * largest_cost(scenario, throttle), kLargestLimit);
}

bool has_destination(const Event& ramp) {
  return (ramp.rate && *ramp.rate != Rate{}) || ramp.limit;
}

// Where a lift leads to: the rate or the limit that no longer limits.
void aim_at_capacity(const Scenario& scenario, const Throttle& throttle, Event& ramp) {
  const KindTraits& kind = traits_of(throttle.kind);
  if (kind.has_rate || kind.has_windows) {
    if (!has_capacity(scenario.run.engine) && !scenario.fleet.capacity_tokens_per_s) return;
    ramp.rate = Rate{std::max(1.0, throttle.rate.load.value_or(1)), std::nullopt};
  } else if (kind.counts_in_flight && !kind.limits_queue) {
    ramp.limit = std::max(throttle.limit.value_or(1), units_of_all_places(scenario, throttle));
  }
}

// What a set changes beside what a ramp moves.
bool sets_more(const Event& event) {
  Settings others = static_cast<const Settings&>(event);
  others.rate.reset();
  others.burst.reset();
  others.limit.reset();
  return others != Settings{};
}

std::optional<Event> follower_of(const Event& event, std::int64_t at_ns) {
  const bool sets = event.kind == EventKind::set && sets_more(event);
  if (event.kind == EventKind::ramp || (event.kind == EventKind::set && !sets)) {
    return std::nullopt;
  }
  Event follower = event;
  follower.at_ns = at_ns;
  follower.measure = false;
  follower.inherit = Inherit::as_is;
  return follower;
}

// A ramp whose end comes at once.
Event jump_of(const Event& ramp) {
  Event jump = ramp;
  jump.kind = EventKind::set;
  jump.from.reset();
  jump.from_limit.reset();
  jump.over_ns = 0;
  jump.steps = 0;
  return jump;
}

constexpr std::string_view kSteps = "_steps";

// Of a shape that takes time; nothing where it is none.
std::optional<std::int64_t> steps_of(std::string_view shape) {
  if (shape == "linear") return 0;
  if (!shape.ends_with(kSteps)) return std::nullopt;
  shape.remove_suffix(kSteps.size());
  std::int64_t steps = 0;
  const auto [end, error] = std::from_chars(shape.data(), shape.data() + shape.size(), steps);
  const bool whole = error == std::errc() && end == shape.data() + shape.size();
  return whole && steps >= 1 && steps <= kMostSteps ? std::optional(steps) : std::nullopt;
}

std::string shape_of(const Event& event) {
  if (event.kind != EventKind::ramp) return "at_once";
  return event.steps == 0 ? "linear" : std::to_string(event.steps) + std::string(kSteps);
}

std::string event_word(std::size_t index, const Event& event) {
  return "event." + std::to_string(index) + "=" + inline_toml(event);
}

}  // namespace

bool is_lift_key(std::string_view key) {
  return key == kLiftShape || key == kLiftLength || key == kLiftInherit;
}

bool is_lift_shape(std::string_view word) {
  return word == "at_once" || steps_of(word).has_value();
}

std::optional<Event> ramp_of(const Scenario& scenario, const Event& event) {
  if (event.kind == EventKind::ramp) return event;
  const Throttle& throttle = throttle_of(scenario, event);
  Event ramp;
  ramp.at_ns = event.at_ns;
  ramp.kind = EventKind::ramp;
  ramp.throttle = event.throttle;
  ramp.inherit = event.inherit;
  ramp.measure = event.measure;
  if (event.kind == EventKind::lift) {
    aim_at_capacity(scenario, throttle, ramp);
  } else if (event.kind == EventKind::set) {
    ramp.rate = event.rate;
    ramp.limit = event.limit;
    ramp.burst = event.burst;
  } else {
    if (throttle.rate != Rate{}) ramp.rate = throttle.rate;
    ramp.limit = throttle.limit;
  }
  return has_destination(ramp) ? std::optional(ramp) : std::nullopt;
}

std::vector<std::string> lift_words(const Scenario& scenario, const LiftCourse& course,
                                    std::int64_t longest_ns) {
  const Event& event = scenario.events.at(measured_event(scenario).value());
  const std::string shape = course.shape.value_or(shape_of(event));
  std::vector<std::string> words;
  Event changed = event;
  if (shape != "at_once") {
    const std::optional<Event> ramp = ramp_of(scenario, event);
    assert(ramp && (course.over_ns || event.kind == EventKind::ramp));
    changed = *ramp;
    if (course.shape) changed.steps = steps_of(shape).value();
    if (course.over_ns) changed.over_ns = *course.over_ns;
  } else if (event.kind == EventKind::ramp) {
    changed = jump_of(event);
  }
  if (course.inherit && changed.kind != EventKind::lift) changed.inherit = *course.inherit;
  if (changed != event) {
    changed.measure = true;
    words.push_back(event_word(event.index.value, changed));
  }
  if (shape != "at_once") {
    if (const auto follower = follower_of(event, end_ns(scenario, changed))) {
      words.push_back(event_word(scenario.events.size(), *follower));
    }
  }
  const RunSettings& run = scenario.run;
  const std::int64_t room_ns = run.duration_ns - event.at_ns;
  const std::int64_t slowest_ns = longest_ns > 0 ? longest_ns : event.over_ns;
  const std::int64_t window_ns = std::min(room_ns, slowest_ns + run.settle_ns.value_or(room_ns));
  const std::int64_t settle_ns = window_ns - (end_ns(scenario, changed) - event.at_ns);
  words.push_back("run.settle=" + format_duration(std::max<std::int64_t>(settle_ns, 0)));
  return words;
}

std::optional<std::string> present_course(const Scenario& scenario, const std::string& key) {
  const std::optional<std::size_t> measured = measured_event(scenario);
  if (!measured) return std::nullopt;
  const Event& event = scenario.events[*measured];
  if (key == kLiftShape) return shape_of(event);
  if (key == kLiftLength && event.over_ns > 0) return format_duration(event.over_ns);
  if (key == kLiftInherit && event.kind != EventKind::lift) {
    return std::string(name_of(event.inherit));
  }
  return std::nullopt;
}

}  // namespace tokenlift
