#include "workloads/plan/changes.hpp"

#include <algorithm>
#include <optional>
#include <tuple>
#include <vector>

#include "workloads/plan/calendar.hpp"
#include "workloads/plan/composition.hpp"
#include "workloads/plan/fleet_plan.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/scenario/throttle_keys.hpp"

namespace tokenlift {

namespace {

// A step every half a percent of the way: finer than any limit is set.
constexpr std::int64_t kLinearSteps = 200;
// Of what is stated, however little of the fleet is left: nothing passes, and what is kept of the
// throttle's state is still in proportion.
constexpr double kLeastShare = 1e-6;

double between(double from, double to, double share) {
  return from + (to - from) * share;
}

// One thing that happens to one throttle: a border of peak hours, another share of the capacity, or
// an event.
struct Action {
  std::int64_t at_ns = 0;
  std::size_t order = 0;  // at one instant: borders of peak hours, then shares, then the events
  std::size_t throttle = 0;
  std::optional<double> drain = {};
  std::optional<double> share = {};
  const Event* event = nullptr;
  std::int64_t step = 0;  // of a ramp
};
constexpr std::size_t kEventsFrom = 2;

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
  Course(const Throttle& begin, double largest_cost)
      : begin_(begin),
        now_(begin),
        largest_cost_(largest_cost),
        follows_(begin.follows.has_value()) {}

  // Nothing where a later event has taken the place of the ramp, or of the capacity.
  std::optional<Change> apply(const Action& action) {
    Change change{action.at_ns, action.throttle, {}, false, 1, Inherit::as_is, std::nullopt};
    if (action.drain) {
      drain_ = *action.drain;
    } else if (action.share) {
      share_ = std::max(*action.share, kLeastShare);
      if (!follows_) return std::nullopt;
      change.inherit = Inherit::proportional;
    } else if (action.step > 0) {
      if (ramp_ != action.event) return std::nullopt;
      move_to(action.step);
      // A reset happens at the first step only.
      if (ramp_->inherit != Inherit::reset) change.inherit = ramp_->inherit;
    } else {
      start(*action.event);
      change.event = action.order - kEventsFrom;
      change.inherit = action.event->inherit;
    }
    change.settings = settings();
    if (!follows_) change.settings.follows.reset();
    change.lifted = lifted_;
    change.drain = drain_;
    return change;
  }

 private:
  // What is stated, and of that what the capacity leaves where it is followed. No request becomes
  // larger than what it is held against.
  Throttle settings() const {
    if (!follows_) return now_;
    const auto part = [&](double stated) {
      return std::max(stated * share_, std::min(stated, largest_cost_));
    };
    Throttle settings = now_;
    if (settings.rate.per_s) *settings.rate.per_s *= share_;
    if (settings.burst.units) *settings.burst.units = part(*settings.burst.units);
    if (settings.limit) *settings.limit = part(*settings.limit);
    return settings;
  }

  // It keeps what it has, and is as stated from now on.
  void follow_no_more() {
    now_ = settings();
    follows_ = false;
  }

  void start(const Event& event) {
    lifted_ = event.kind == EventKind::lift;
    const bool sets_size = event.rate || event.limit || event.burst || event.window_ns;
    if (event.kind != EventKind::set || sets_size) follow_no_more();
    if (event.kind != EventKind::set || event.rate || event.limit) ramp_ = nullptr;
    if (event.burst) burst_moves_ = false;
    if (event.kind == EventKind::set) tokenlift::apply(event, now_);
    if (event.kind == EventKind::restore) {
      now_ = begin_;
      follows_ = begin_.follows.has_value();
    }
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
  Throttle now_;  // as stated
  double largest_cost_;
  bool follows_;
  double share_ = 1;  // of the capacity at the start
  bool lifted_ = false;
  double drain_ = 1;
  const Event* ramp_ = nullptr;  // under way
  bool burst_moves_ = false;     // along with it
  Throttle from_;                // where it began
};

void add_event(const Event& event, std::size_t order, std::size_t throttle,
               std::vector<Action>& actions) {
  actions.push_back({event.at_ns, order, throttle, {}, {}, &event, 0});
  if (event.kind != EventKind::ramp) return;
  const std::int64_t last = steps_of(event) - (event.steps > 0 ? 1 : 0);
  for (std::int64_t step = 1; step <= last; ++step) {
    actions.push_back({begin_of_step(event, step), order, throttle, {}, {}, &event, step});
  }
}

}  // namespace

void apply(const Settings& settings, Throttle& throttle) {
  for_each_setting([&](const ThrottleKey&, const auto& member) {
    const auto& value = settings.*member.settings;
    if (value) throttle.*member.throttle = *value;
  });
}

std::int64_t begin_ns(const Scenario& scenario, const Event& event) {
  if (event.kind != EventKind::leave || !changes_fleet(event)) return event.at_ns;
  const Site& site = scenario.fleet.sites[site_named(scenario, event.site)];
  return event.at_ns + event.notice_ns.value_or(site.notice_ns);
}

std::int64_t end_ns(const Scenario& scenario, const Event& event) {
  const std::int64_t end_ns = begin_ns(scenario, event) + event.over_ns + event.for_ns;
  const bool boots =
      event.kind == EventKind::join || (event.kind == EventKind::fail && event.for_ns > 0);
  return boots && changes_fleet(event)
             ? end_ns + scenario.fleet.sites[site_named(scenario, event.site)].boot_ns
             : end_ns;
}

std::vector<Change> plan_changes(const Scenario& resolved) {
  std::vector<Course> courses;
  std::vector<Action> actions;
  std::vector<CapacityShare> shares;  // where a throttle follows them
  for (std::size_t i = 0; i < resolved.throttles.size(); ++i) {
    const Throttle& throttle = resolved.throttles[i];
    courses.emplace_back(throttle, largest_cost(resolved, throttle));
    for (const PeakBorder& border : peak_borders(throttle.schedule, resolved.run)) {
      actions.push_back({border.at_ns, 0, i, border.drain});
    }
    if (throttle.follows && shares.empty()) shares = capacity_over_time(resolved);
    for (const CapacityShare& share : shares) {
      if (!throttle.follows || share.at_ns == 0) continue;
      actions.push_back({share.at_ns + throttle.lag_ns, 1, i, {}, share.share});
    }
    for (std::size_t index = 0; index < resolved.events.size(); ++index) {
      const Event& event = resolved.events[index];
      if (event.throttle != throttle.name || event.taken_out || event.at_signal) continue;
      add_event(event, index + kEventsFrom, i, actions);
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
