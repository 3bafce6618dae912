#include "workloads/plan/idle_events.hpp"

#include "workloads/plan/plan.hpp"

namespace tokenlift {

namespace {

struct State {
  Throttle settings;
  bool lifted = false;
  bool touched = false;
};

bool out_of_force(const Throttle& settings, bool lifted) {
  return lifted || settings.mode == Mode::shadow;
}

}  // namespace

std::vector<IdleEvent> idle_events(const Scenario& resolved) {
  std::vector<IdleEvent> result;
  std::vector<State> states;
  for (const Throttle& throttle : resolved.throttles) states.push_back({throttle, false, false});
  for (const Change& change : plan_changes(resolved)) {
    State& state = states[change.throttle];
    if (change.event && change.inherit != Inherit::reset) {
      const std::string name = "throttle '" + state.settings.name + "'";
      const bool restores = resolved.events[*change.event].kind == EventKind::restore;
      const bool same = state.settings == change.settings && state.lifted == change.lifted;
      IdleEvent idle{*change.event, change.at_ns, {}, !same};
      if (restores && !state.touched) {
        idle.what = "restores " + name + ", which no event before it has changed";
      } else if (same) {
        idle.what = "changes nothing: " + name +
                    (change.lifted ? " is lifted already" : " has these settings already");
      } else if (out_of_force(state.settings, state.lifted) &&
                 out_of_force(change.settings, change.lifted)) {
        idle.what = "changes nothing that requests meet: " + name +
                    " holds and refuses nothing before it or after it";
      }
      if (!idle.what.empty()) result.push_back(std::move(idle));
    }
    state = {change.settings, change.lifted, true};
  }
  return result;
}

}  // namespace tokenlift
