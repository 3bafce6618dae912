#include "reports/findings/event_words.hpp"

#include <fmt/format.h>

#include <cctype>
#include <vector>

#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

std::string counted_replicas(std::int64_t replicas) {
  return fmt::format("{} {}", whole_figure(static_cast<std::uint64_t>(replicas)),
                     replicas == 1 ? "replica" : "replicas");
}

/// " at 35.0 s", " between 22.0 and 25.0 s"
std::string when(const FleetStep& step) {
  if (step.begin_ns == step.end_ns) return fmt::format(" at {} s", second_figure(step.begin_ns));
  return fmt::format(" between {} and {} s", second_figure(step.begin_ns),
                     second_figure(step.end_ns));
}

/// " (8 -> 12 serving, capacity 23,826 -> 35,739 tokens/s)", of the whole fleet.
std::string what_serves(const FleetStep& step) {
  std::string text =
      fmt::format(" ({} -> {} serving", whole_figure(static_cast<std::uint64_t>(step.serving_from)),
                  whole_figure(static_cast<std::uint64_t>(step.serving_to)));
  if (step.capacity_from && step.capacity_to) {
    text += fmt::format(", capacity {} -> {} tokens/s", figure(*step.capacity_from),
                        figure(*step.capacity_to));
  }
  return text + ")";
}

std::string without_step(const LiftRecord& event) {
  const std::string at = second_figure(*event.at_ns);
  if (event.kind == "slow") {
    std::string who = fmt::format("replicas of '{}'", event.site);
    if (event.replicas)
      who = counted_replicas(*event.replicas) + fmt::format(" of '{}'", event.site);
    std::string text = fmt::format("{} became slow at {} s", who, at);
    if (event.length_ns.value_or(0) > 0) text += " for " + duration_figure(*event.length_ns);
    return text;
  }
  if (event.kind == "power") {
    return fmt::format("what '{}' may draw changed from {} s on", event.site, at);
  }
  if (event.kind == "battery") {
    return fmt::format("the battery of '{}' changed at {} s", event.site, at);
  }
  const char* verb = event.kind == "join"    ? "join"
                     : event.kind == "leave" ? "leave"
                     : event.kind == "fail"  ? "fail"
                                             : nullptr;
  if (verb == nullptr)
    return fmt::format("'{}' was changed ({}) at {} s", event.site, event.kind, at);
  return fmt::format("replicas of '{}' were to {} at {} s, and as many served as before",
                     event.site, verb, at);
}

/// "Lifting 'user limit' at 15.0 s", "The call at 60.2 s"
std::string event_named(const LiftRecord& lift) {
  const std::string at = second_figure(*lift.at_ns);
  if (happened_elsewhere(lift)) return fmt::format("The {} at {} s", lift.kind, at);
  if (lift.kind == "ramp") return fmt::format("Ramping '{}' from {} s on", lift.throttle, at);
  const char* verb = "Lifting";
  if (lift.kind == "set") verb = "Setting";
  if (lift.kind == "restore") verb = "Restoring";
  return fmt::format("{} '{}' at {} s", verb, lift.throttle, at);
}

}  // namespace

std::string event_words(const LiftRecord& event) {
  const std::string at = second_figure(event.at_ns.value_or(event.planned_ns));
  if (event.kind == "call") return fmt::format("the call was answered at {} s", at);
  if (event.kind == "command") return fmt::format("the command had ended at {} s", at);
  if (event.kind == "signal") return fmt::format("the signal came at {} s", at);
  if (event.kind == "ramp") return fmt::format("'{}' was ramped from {} s on", event.throttle, at);
  const char* const done = event.kind == "lift"      ? "lifted"
                           : event.kind == "restore" ? "restored"
                                                     : "set";
  return fmt::format("'{}' was {} at {} s", event.throttle, done, at);
}

std::string change_words(const FleetChange& change) {
  if (!change.step) return without_step(change.event);
  const FleetStep& step = *change.step;
  const std::string replicas = counted_replicas(step.replicas());
  if (change.event.kind == "join") {
    return fmt::format("{} joined '{}'{}{}", replicas, step.site, when(step), what_serves(step));
  }
  if (change.event.kind == "leave") {
    return fmt::format("{} left '{}'{}{}", replicas, step.site, when(step), what_serves(step));
  }
  return fmt::format("{} of '{}' failed{}{}", replicas, step.site, when(step), what_serves(step)) +
         (step.back_ns ? fmt::format(" and {} back at {} s", step.replicas() == 1 ? "was" : "were",
                                     second_figure(*step.back_ns))
                       : std::string(" and did not come back"));
}

std::string step_words(const FleetStep& step) {
  return fmt::format("'{}' went from {} to {}{}", step.site,
                     whole_figure(static_cast<std::uint64_t>(step.from)), counted_replicas(step.to),
                     when(step));
}

std::string all_events_words(const Run& run) {
  const std::vector<FleetChange> changes = fleet_changes(run);
  std::size_t next = 0;
  std::vector<std::string> clauses;
  for (const LiftRecord& event : measured_events(run)) {
    clauses.push_back(changes_fleet(event) ? change_words(changes[next++]) : event_words(event));
  }
  std::string text = listed(clauses, "and");
  if (!text.empty()) text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text;
}

std::string power_events_words(const std::vector<PowerEvent>& events) {
  std::vector<std::string> clauses;
  for (const PowerEvent& event : events) {
    const std::string what =
        !event.limit.empty()     ? fmt::format("could draw {} at most", event.limit)
        : event.battery == "0Wh" ? "had no battery"
                                 : fmt::format("had a battery of {}", event.battery);
    clauses.push_back(fmt::format("'{}' {} from {} on", event.site, what, event.at));
  }
  if (clauses.empty()) return "";
  return fmt::format("Beside what was measured, {}.", listed(clauses, "and"));
}

Subject subject_of(const LiftReport& lift, const Run& run) {
  if (!lift.fleet.empty()) {
    return {all_events_words(run),
            measured_events(run).size() < 2 ? ", and it" : ", and together they"};
  }
  std::string what = event_named(lift.lift);
  for (const LiftRecord& event : run.further_lifts) {
    if (!event.at_ns) continue;
    what += " and " + event_named(event);
    char& first = what[what.size() - event_named(event).size()];
    first = static_cast<char>(std::tolower(static_cast<unsigned char>(first)));
  }
  return {what, ""};
}

std::string nobody_asked(std::span<const PhaseSummary> phases) {
  std::vector<std::string> names;
  for (const PhaseSummary& phase : phases) {
    const bool compared = phase.name == "before" || phase.name == "after";
    if (compared && phase.counts.due == 0) names.push_back(fmt::format("'{}'", phase.name));
  }
  return names.empty() ? "" : "nobody asked in " + listed(names, "or");
}

}  // namespace tokenlift
