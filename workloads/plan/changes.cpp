#include "workloads/plan/changes.hpp"

#include <algorithm>
#include <optional>
#include <tuple>
#include <vector>

#include "workloads/plan/calendar.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/scenario/throttle_keys.hpp"

namespace tokenlift {

namespace {

// A step every half a percent of the way: finer than any limit is set.
constexpr std::int64_t kLinearSteps = 200;

double between(double from, double to, double share) {
  return from + (to - from) * share;
}

// One thing that happens to one throttle.
struct Action {
  std::int64_t at_ns = 0;
  std::size_t order = 0;  // at one instant: borders of peak hours, then the events
  std::size_t throttle = 0;
  double drain = 1;              // of a border
  const Event* event = nullptr;  // null: a border
  std::int64_t step = 0;         // of a ramp
};

std::int64_t steps_of(const Event& ramp) {
  return ramp.steps > 0 ? ramp.steps : std::min(kLinearSteps, ramp.over_ns);
}

// Where step `step` of a ramp begins; the last one, at the end of a linear ramp, is where it ends.
std::int64_t begin_of_step(const Event& ramp, std::int64_t step) {
  const std::int64_t steps = steps_of(ramp);
  return ramp.at_ns + ramp.over_ns / steps * step + ramp.over_ns % steps * step / steps;
}

// How much of the way it has gone.
double share_of_step(const Event& ramp, std::int64_t step) {
  const auto steps = static_cast<double>(steps_of(ramp));
  if (ramp.steps > 0) return static_cast<double>(step + 1) / steps;
  return std::min((static_cast<double>(step) + 0.5) / steps, 1.0);
}

// A throttle through time.
class Course {
 public:
  explicit Course(const Throttle& begin) : begin_(begin), now_(begin) {}

  // Nothing where a later event has taken the ramp's place.
  std::optional<Change> apply(const Action& action) {
    Change change{action.at_ns, action.throttle, {}, false, 1, Inherit::as_is, std::nullopt};
    if (action.event == nullptr) {
      drain_ = action.drain;
    } else if (action.step > 0) {
      if (ramp_ != action.event) return std::nullopt;
      move_to(action.step);
      // A reset happens at the first step only.
      if (ramp_->inherit != Inherit::reset) change.inherit = ramp_->inherit;
    } else {
      start(*action.event);
      change.event = action.order - 1;
      change.inherit = action.event->inherit;
    }
    change.settings = now_;
    change.lifted = lifted_;
    change.drain = drain_;
    return change;
  }

 private:
  void start(const Event& event) {
    lifted_ = event.kind == EventKind::lift;
    if (event.kind != EventKind::set || event.rate || event.limit) ramp_ = nullptr;
    if (event.burst) burst_moves_ = false;
    if (event.kind == EventKind::set) tokenlift::apply(event, now_);
    if (event.kind == EventKind::restore) now_ = begin_;
    if (event.kind != EventKind::ramp) return;
    ramp_ = &event;
    burst_moves_ = event.burst.has_value();
    from_ = now_;
    if (event.from) from_.rate = *event.from;
    if (event.from_limit) from_.limit = event.from_limit;
    move_to(0);
  }

  // The burst goes along with the rate.
  void move_to(std::int64_t step) {
    const double share = share_of_step(*ramp_, step);
    if (ramp_->rate) now_.rate.per_s = between(*from_.rate.per_s, *ramp_->rate->per_s, share);
    if (burst_moves_) now_.burst.units = between(*from_.burst.units, *ramp_->burst->units, share);
    if (ramp_->limit) {
      now_.limit = between(from_.limit.value_or(*ramp_->limit), *ramp_->limit, share);
    }
  }

  const Throttle& begin_;
  Throttle now_;
  bool lifted_ = false;
  double drain_ = 1;
  const Event* ramp_ = nullptr;  // under way
  bool burst_moves_ = false;     // along with it
  Throttle from_;                // where it began
};

void add_event(const Event& event, std::size_t order, std::size_t throttle,
               std::vector<Action>& actions) {
  actions.push_back({event.at_ns, order, throttle, 1, &event, 0});
  if (event.kind != EventKind::ramp) return;
  const std::int64_t last = steps_of(event) - (event.steps > 0 ? 1 : 0);
  for (std::int64_t step = 1; step <= last; ++step) {
    actions.push_back({begin_of_step(event, step), order, throttle, 1, &event, step});
  }
}

}  // namespace

void apply(const Settings& settings, Throttle& throttle) {
  for_each_setting([&](const ThrottleKey&, const auto& member) {
    const auto& value = settings.*member.settings;
    if (value) throttle.*member.throttle = *value;
  });
}

std::int64_t end_ns(const Event& event) {
  return event.at_ns + (event.kind == EventKind::ramp ? event.over_ns : 0);
}

std::vector<Change> plan_changes(const Scenario& resolved) {
  std::vector<Course> courses;
  std::vector<Action> actions;
  for (std::size_t i = 0; i < resolved.throttles.size(); ++i) {
    const Throttle& throttle = resolved.throttles[i];
    courses.emplace_back(throttle);
    for (const PeakBorder& border : peak_borders(throttle.schedule, resolved.run)) {
      actions.push_back({border.at_ns, 0, i, border.drain, nullptr, 0});
    }
    for (std::size_t index = 0; index < resolved.events.size(); ++index) {
      const Event& event = resolved.events[index];
      if (event.throttle != throttle.name || event.taken_out) continue;
      add_event(event, index + 1, i, actions);
    }
  }
  std::ranges::stable_sort(actions, {}, [](const Action& action) {
    return std::tuple(action.at_ns, action.order, action.step);
  });
  std::vector<Change> changes;
  for (const Action& action : actions) {
    const std::optional<Change> change = courses[action.throttle].apply(action);
    if (change) changes.push_back(*change);
  }
  return changes;
}

}  // namespace tokenlift
