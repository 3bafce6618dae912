#include "bench/serve/timetable.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "workloads/plan/fleet_plan.hpp"
#include "workloads/plan/idle_events.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/reader/scenario_reader.hpp"
#include "workloads/text/mistake.hpp"
#include "workloads/text/quantity.hpp"
#include "workloads/text/utf8.hpp"
#include "workloads/writer/scenario_writer.hpp"

namespace tokenlift {

namespace {

constexpr const char* kPosted = "the event";

/// Stands for the event that will divide the run, whenever it comes.
Event dividing_event() {
  Event event;
  event.kind = EventKind::signal;
  event.at_signal = true;
  return event;
}

/// The keys that lead to a column of the line of an event: "set.rate"; empty at its begin.
std::string keys_at(std::string_view line, int column) {
  std::size_t end = 0;
  for (int at = 1; at < column && end < line.size(); ++at) {
    end += std::max<std::size_t>(code_point_bytes(line.substr(end)), 1);
  }
  std::vector<std::string_view> keys;
  for (std::size_t i = 0; i <= end && i < line.size(); ++i) {
    if (line[i] == '{') keys.emplace_back();
    if (line[i] == '}' && !keys.empty()) keys.pop_back();
    if (line[i] != '"') continue;
    const std::size_t begin = ++i;
    while (i < line.size() && line[i] != '"') i += line[i] == '\\' ? 2 : 1;
    if (i >= line.size() || keys.empty()) break;
    if (line.substr(i + 1).starts_with(" = ")) keys.back() = line.substr(begin, i - begin);
  }
  std::erase(keys, std::string_view());
  return fmt::format("{}", fmt::join(keys, "."));
}

/// What is wrong, with its place in what the client wrote, which is not what was read.
Timetable::Refusal explained(const ScenarioError& error) {
  std::string text;
  bool conflicts = true;
  for (const Mistake& mistake : error.mistakes()) {
    const std::string keys = keys_at(mistake.excerpt, mistake.column - mistake.excerpt_column + 1);
    if (!text.empty()) text += "; ";
    if (!keys.empty()) text += keys + ": ";
    text += mistake.message;
    if (!mistake.advice.empty()) text += " (" + mistake.advice + ")";
    conflicts = conflicts && mistake.conflicts;
  }
  return {text, conflicts};
}

/// Why the last event changes nothing, if it does not.
std::optional<std::string> idleness(const Scenario& played) {
  const std::size_t last = played.events.size() - 1;
  if (played.events[last].kind == EventKind::ramp) return std::nullopt;  // its steps come later
  for (const IdleEvent& idle : idle_events(played)) {
    if (idle.event == last && !idle.changes_settings) return "the event " + idle.what;
  }
  return std::nullopt;
}

}  // namespace

Scenario served_scenario(const Scenario& scenario, std::optional<std::int64_t> duration_ns,
                         bool plays_load) {
  Scenario served = scenario;
  served.run.duration_ns = duration_ns.value_or(kUsualServingNs);
  served.run.warmup_ns = 0;
  served.fleet.load_report_interval_ns = 0;  // who asks learns of each token
  served.tuning.reset();
  served.sweep.reset();
  served.events = {dividing_event()};
  if (plays_load) return served;
  for (Tenant& tenant : served.tenants) {
    tenant.retry = Retry{};
    tenant.patience.reset();
    tenant.sessions.reset();
  }
  return served;
}

Scenario scenario_at_door(const Scenario& resolved, bool plays_load) {
  Scenario scenario = resolved;
  scenario.run.warmup_ns = scenario.run.duration_ns;  // until the first request comes
  if (plays_load) return scenario;
  for (Tenant& tenant : scenario.tenants) {  // no traces need be read
    tenant.arrivals = Arrivals{};
    tenant.arrivals.process = Process::closed;
    tenant.arrivals.think = Wait{WaitDistribution::constant, 0};
  }
  return scenario;
}

/// Why the last event cannot divide the run.
std::string Timetable::unmeasured(const Scenario& played) const {
  if (!divides_) {
    return "measure: no request has come yet, so that there is nothing before the event to compare "
           "with what comes after it";
  }
  return fmt::format(
      "measure: a run is divided once, and this one was at {}, by the first event after its first "
      "request",
      format_duration(played.events[*divides_].at_ns));
}

Timetable::Timetable(const Scenario& resolved, std::vector<Profile> profiles)
    : profiles_(std::move(profiles)),
      capacity_tokens_per_s_(resolved.fleet.capacity_tokens_per_s),
      played_(resolved) {
  played_.events.clear();
  text_ = to_toml(played_);
}

std::variant<Replan, Timetable::Refusal> Timetable::add(const std::string& table,
                                                        std::int64_t now_ns, bool measuring) {
  const std::int64_t at_ns = std::max(now_ns, last_ns_ + 1);
  const auto begin = table.find('{') + 1;
  const bool empty = table.find_first_not_of(" }", begin) == std::string::npos;
  const std::string event = fmt::format("{{ at = \"{}\"{}{}", format_duration(at_ns),
                                        empty ? "" : ",", table.substr(begin));
  const std::string events = events_ + (events_.empty() ? "" : ",\n") + event;
  const std::string text = fmt::format("event = [\n{}\n]\n{}", events, text_);
  try {
    Scenario played =
        resolve(parse_scenario(text, kPosted, ".", {}, profiles_), capacity_tokens_per_s_);
    if (const auto why = idleness(played)) return Refusal{*why, true};
    std::optional<std::size_t> divides;
    if (measuring && !divides_) divides = played.events.size() - 1;
    if (played.events.back().measure && !divides) {
      return Refusal{unmeasured(played)};
    }
    if (divides || divides_) played.events[divides ? *divides : *divides_].measure = true;
    Replan replan{played.events.back(), plan_changes(played), plan_fleet(played), divides};
    played_ = std::move(played);
    if (divides) divides_ = divides;
    events_ = events;
    last_ns_ = at_ns;
    return replan;
  } catch (const ScenarioError& error) {
    return explained(error);
  }
}

}  // namespace tokenlift
