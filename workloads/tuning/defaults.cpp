#include "workloads/tuning/defaults.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "workloads/plan/fleet_plan.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/scenario/keywords.hpp"
#include "workloads/text/key_path.hpp"
#include "workloads/text/quantity.hpp"
#include "workloads/tuning/lift.hpp"
#include "workloads/tuning/ranges.hpp"

namespace tokenlift {

namespace {

constexpr std::int64_t kShortestLiftNs = 100'000'000;

// The one that the measured event is about goes first; the last ones may find no room.
std::vector<Parameter> of_throttles(const Scenario& scenario, const Scenario& resolved,
                                    const std::vector<Profile>& builtin) {
  const std::optional<std::size_t> measured = measured_event(scenario);
  std::vector<Parameter> parameters;
  const auto add = [&](bool of_event) {
    for (std::size_t i = 0; i < scenario.throttles.size(); ++i) {
      const bool is_of_event =
          measured && scenario.throttles[i].name == scenario.events[*measured].throttle;
      if (is_of_event != of_event) continue;
      for (Parameter& each : throttle_ranges(scenario, resolved, i, builtin)) {
        if (parameters.size() < kMostParameters) parameters.push_back(std::move(each));
      }
    }
  };
  add(true);
  add(false);
  return parameters;
}

// Those that differ in what they do to a throttle of the kind.
std::vector<std::string> inherits_of(ThrottleKind kind) {
  const KindTraits& traits = traits_of(kind);
  if (traits.counts_in_flight && !traits.is_adaptive) return {};  // they keep what is in flight
  std::vector<std::string> words = {"as_is"};
  if (traits.scales) words.emplace_back("proportional");
  words.emplace_back("reset");
  if (traits.adds) words.emplace_back("additive");
  return words;
}

// How long the lift may take at most, and why.
struct Longest {
  std::int64_t ns = 0;
  std::string reason;
};

// As long as the run then has room to settle, and as nothing else happens to the throttle.
Longest longest_lift(const Scenario& scenario, const Scenario& resolved, std::size_t measured) {
  constexpr std::int64_t kApartNs = 1'000'000;
  const Event& event = scenario.events[measured];
  const std::int64_t left_ns = scenario.run.duration_ns - event.at_ns;
  const std::int64_t room_ns = left_ns - resolved.run.settle_ns.value_or(left_ns);
  Longest longest{left_ns / 2, "half of what is left of the run"};
  if (room_ns > left_ns / 10) {
    longest = {std::min(room_ns, left_ns - kApartNs), "the longest after which the run can settle"};
  }
  for (std::size_t i = measured + 1; i < scenario.events.size(); ++i) {
    const Event& next = scenario.events[i];
    const std::int64_t until_ns = next.at_ns - event.at_ns - kApartNs;
    if (next.throttle != event.throttle || until_ns >= longest.ns) continue;
    longest = {until_ns, "the next event of the throttle"};
  }
  return longest;
}

std::vector<Parameter> of_lift(const Scenario& scenario, const Scenario& resolved) {
  std::vector<Parameter> parameters;
  const std::optional<std::size_t> measured = measured_event(scenario);
  if (!measured || changes_fleet(scenario.events[*measured])) return parameters;
  const Event& event = scenario.events[*measured];
  const Longest longest = longest_lift(scenario, resolved, *measured);
  const bool moves = ramp_of(scenario, event).has_value() && longest.ns >= 2 * kShortestLiftNs;
  if (moves) {
    std::vector<std::string> shapes(kLiftShapes.begin(), kLiftShapes.end());
    const std::string present = present_course(scenario, kLiftShape).value();
    if (std::ranges::find(shapes, present) == shapes.end()) shapes.push_back(present);
    parameters.push_back({kLiftShape, ParameterScale::choice, ParameterForm::word, 0, 0, shapes,
                          "at one stroke, along a line, or in a few steps"});
    parameters.push_back({kLiftLength,
                          ParameterScale::log,
                          ParameterForm::duration,
                          static_cast<double>(kShortestLiftNs),
                          static_cast<double>(longest.ns),
                          {},
                          "100ms to " + longest.reason + " (" + format_duration(longest.ns) + ")"});
  }
  const auto throttle = std::ranges::find(scenario.throttles, event.throttle, &Throttle::name);
  const std::vector<std::string> inherits = inherits_of(throttle->kind);
  if (inherits.empty() || (event.kind == EventKind::lift && !moves)) return parameters;
  parameters.push_back({kLiftInherit, ParameterScale::choice, ParameterForm::word, 0, 0, inherits,
                        "what becomes of what users have saved up or owe"});
  return parameters;
}

// That every tenant's p99 keeps to its own promise through the transition.
std::vector<Objective> promises(const Scenario& scenario) {
  std::vector<Objective> constraints;
  for (const Tenant& tenant : scenario.tenants) {
    if (!tenant.slo.ttft_ns) continue;
    const std::string of =
        scenario.tenants.size() > 1 ? "tenants." + path_word(tenant.name) + "." : "";
    const std::string bound = format_number(static_cast<double>(*tenant.slo.ttft_ns) * 1e-6);
    constraints.push_back(*parse_objective(of + "ttft.p99_ms.transition <= " + bound).value);
  }
  return constraints;
}

// The shortest lift that keeps the promise to whoever comes while it happens.
void aim_at_short_lift(const Scenario& scenario, Tuning& tuning) {
  const bool has_length =
      std::ranges::find(tuning.parameters, kLiftLength, &Parameter::key) != tuning.parameters.end();
  std::vector<Objective> constraints =
      tuning.constraints.empty() ? promises(scenario) : tuning.constraints;
  if (!has_length || constraints.empty()) {
    tuning.objective = Aim{"goodput_tokens_per_s.transition", true};
    return;
  }
  tuning.objective = Aim{"lift.length_s", false};
  tuning.constraints = std::move(constraints);
}

}  // namespace

Tuning complete_tuning(const Tuning& tuning, const Scenario& scenario, const Scenario& resolved,
                       const std::vector<Profile>& builtin) {
  Tuning complete = tuning;
  if (complete.parameters.empty()) {
    complete.parameters =
        tuning.lift ? of_lift(scenario, resolved) : of_throttles(scenario, resolved, builtin);
  }
  if (!complete.objective && tuning.lift) {
    aim_at_short_lift(scenario, complete);
  } else if (!complete.objective) {
    complete.objective = Aim{"goodput_tokens_per_s." + judged_phase(tuning, scenario), true};
  }
  return complete;
}

std::string judged_phase(const Tuning& tuning, const Scenario& scenario) {
  if (tuning.lift) return "transition";
  return measured_event(scenario) ? "before" : "steady";
}

}  // namespace tokenlift
