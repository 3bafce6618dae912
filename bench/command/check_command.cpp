#include "bench/command/check_command.hpp"

#include <algorithm>
#include <memory>
#include <optional>

#include "bench/command/fleet_text.hpp"
#include "bench/command/input.hpp"
#include "bench/machine/host.hpp"
#include "bench/run/capacity.hpp"
#include "bench/run/compositions.hpp"
#include "bench/run/readiness.hpp"
#include "bench/wire/probe.hpp"
#include "bench/wire/socket_room.hpp"
#include "reports/text/figure.hpp"
#include "reports/text/visible.hpp"
#include "workloads/plan/composition.hpp"
#include "workloads/plan/demand.hpp"
#include "workloads/plan/fleet_plan.hpp"
#include "workloads/plan/job_notes.hpp"
#include "workloads/plan/load.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/plan/power_plan.hpp"
#include "workloads/reader/catalogue.hpp"
#include "workloads/scenario/keywords.hpp"
#include "workloads/text/quantity.hpp"
#include "workloads/writer/scenario_writer.hpp"

namespace tokenlift {

namespace {

/// `yielded`: jobs may yield replicas, which are not counted.
std::string drain_of(const FluidDrain& drain, bool capacity_known, bool yielded) {
  if (!drain.doubt.empty()) return "not known: " + drain.doubt;
  if (drain.never()) {
    return yielded ? "never without what jobs yield" : "never, more is offered than can be served";
  }
  if (drain.backlog_tokens > 0 && !capacity_known) {
    return fmt::format(
        "{:.3g} s if only the throttle limits; the lift finds a "
        "backlog of {} tokens,\n#   which drains at the fleet's capacity: state "
        "fleet.capacity, or give loads instead of rates",
        *drain.drain_s, figure(drain.backlog_tokens));
  }
  if (*drain.drain_s == 0) {
    return drain.backlog_tokens > 0 ? "0 s, it is gone when the event ends"
                                    : "none to drain, on average";
  }
  return fmt::format("{:.3g} s{}", *drain.drain_s, yielded ? " without what jobs yield" : "");
}

std::string describe_drain(const FluidDrain& drain, bool capacity_known, bool yielded) {
  return "# fluid drain after the lift: " + drain_of(drain, capacity_known, yielded) + "\n";
}

/// Where an event from elsewhere divides the run, as far as it is known before.
std::string describe_phases(const Scenario& planned) {
  const bool opens = divided_from_elsewhere(planned);
  std::string text;
  for (const Phase& phase : plan_phases(planned)) {
    text += fmt::format("#   {:<11} ", phase.name);
    if (opens && phase.name == "before") {
      text += fmt::format("{:>9.3f} s until the event holds", to_s(phase.begin_ns));
    } else if (opens && phase.name == "transition") {
      text += fmt::format("  for {:.3f} s from then on", to_s(planned.run.settle_ns.value_or(0)));
    } else if (opens && phase.name == "after") {
      text += fmt::format("  for the rest, to {:.3f} s", to_s(planned.run.duration_ns));
    } else {
      text += fmt::format("{:>9.3f} s to {:.3f} s{}", to_s(phase.begin_ns), to_s(phase.end_ns),
                          phase.name == "cooldown" ? " at most"
                          : phase.measured         ? ""
                                                   : " (not measured)");
    }
    text += "\n";
  }
  return text;
}

/// "headroom 12.0 %", or how much too much is offered.
std::string headroom(double offered, double limit) {
  const double room = 1 - offered / limit;
  if (room >= 0) return fmt::format("headroom {}", percent_figure(room));
  return fmt::format("{} of it", percent_figure(offered / limit));
}

std::string describe_limit(const ThrottleLoad& load, const std::optional<double>& limit_per_s) {
  if (!limit_per_s) return "no limit by rate";
  return fmt::format("{}/s, {}", figure(*limit_per_s), headroom(load.offered_per_s, *limit_per_s));
}

/// By more than failures by chance make of a limit that follows the capacity.
bool is_lower(const std::optional<double>& least_per_s, const std::optional<double>& per_s) {
  constexpr double kNotice = 0.95;
  return least_per_s && (!per_s || *least_per_s < kNotice * *per_s);
}

bool exempts_cached(const Scenario& planned, const ThrottleLoad& load) {
  const auto throttle = std::ranges::find(planned.throttles, load.throttle, &Throttle::name);
  return throttle != planned.throttles.end() && throttle->exempt_cached &&
         (load.unit == Unit::input_tokens || load.unit == Unit::tokens);
}

/// The capacity is that of all replicas together, which nothing holds back.
std::string what_capacity_leaves_out(const Scenario& planned) {
  std::string text;
  if (power_may_hold_back(planned)) text = ", where no limit of power holds replicas back";
  if (const Tenant* const confined = confined_tenant(planned)) {
    text += fmt::format(", over all sites, of which tenant '{}' may use only some", confined->name);
  }
  return text;
}

/// What is offered, what each throttle lets pass, what the fleet carries, and how much room is
/// left.
std::string describe_load(const Scenario& planned, const std::string& capacity_source) {
  std::string text = "# offered:\n";
  double sum_tokens_per_s = 0;
  bool closed = false;
  bool averaged = false;
  const std::optional<double>& capacity = planned.fleet.capacity_tokens_per_s;
  const auto share = [&](double tokens_per_s) {
    return capacity ? fmt::format(", {} of the capacity", percent_figure(tokens_per_s / *capacity))
                    : std::string();
  };
  for (const TenantLoad& load : tenant_loads(planned)) {
    sum_tokens_per_s += load.tokens_per_s;
    closed = closed || load.closed;
    averaged = averaged || load.of_trace;
    text += fmt::format("#   {}: {}{} requests/s, {} output tokens/s{}{}\n", load.tenant,
                        load.closed ? "at most " : "", figure(load.requests_per_s),
                        figure(load.tokens_per_s), share(load.tokens_per_s),
                        load.of_trace ? ", on average over the whole trace" : "");
  }
  text += capacity
              ? fmt::format("# capacity: {} output tokens/s ({}), {}{}{}{}\n", figure(*capacity),
                            capacity_source, closed ? "with closed tenants at their most " : "",
                            headroom(sum_tokens_per_s, *capacity),
                            averaged ? " on average over the whole trace" : "",
                            what_capacity_leaves_out(planned))
              : std::string(
                    "# capacity: not known before a run; state fleet.capacity to see "
                    "how much room there is\n");
  const std::vector<ThrottleLoad> loads = throttle_loads(planned);
  if (!loads.empty()) text += "# throttles, of what is used (reservations come on top):\n";
  for (const ThrottleLoad& load : loads) {
    text +=
        fmt::format("#   {}{}: {} {}/s offered; {}", load.throttle,
                    load.tenant.empty() ? "" : " for " + load.tenant, figure(load.offered_per_s),
                    name_of(load.unit), describe_limit(load, load.limit_per_s));
    if (load.limit_after_per_s != load.limit_per_s) {
      text += "; after the event " + describe_limit(load, load.limit_after_per_s);
    }
    if (is_lower(load.limit_least_per_s, load.limit_per_s) &&
        is_lower(load.limit_least_per_s, load.limit_after_per_s)) {
      text += "; at the least " + describe_limit(load, load.limit_least_per_s);
    }
    if (exempts_cached(planned, load)) {
      text += "; cached input counts among what is offered, and is not charged";
    }
    if (load.keys > 1) text += fmt::format(" ({} users with a limit each)", figure(load.keys));
    text += "\n";
  }
  return text;
}

/// What endpoints say before a run, with one token each. False if one of them gave none.
bool ask_endpoints(const Surroundings& surroundings, const Scenario& scenario, std::string& text) {
  require_socket_room(scenario);
  const std::string scarce = scarce_room(scenario);
  if (!scarce.empty()) text += "# warning: " + scarce + "\n";
  text += "# endpoints:\n";
  bool all_answer = true;
  for (const Probed& probed : probe_endpoints(scenario, stop_of(surroundings))) {
    all_answer &= probed.answers;
    for (const std::string& found : probed.found) {
      text += fmt::format("#   {}: {}\n", probed.site, visible(found));
    }
  }
  return all_answer;
}

/// The scenario as resolved, as TOML; what follows from it stands in comments, so that the output
/// is itself a scenario.
int check(const Surroundings& surroundings, const ScenarioChoice& choice, bool offline) {
  const Scenario scenario = load_scenario(choice, load_profiles(choice.profile_files));
  const bool simulated = traits_of(scenario.run.engine).simulated;
  const bool computed = !scenario.fleet.capacity_tokens_per_s && simulated;
  const bool open = needs_capacity(scenario) && !computed;
  // Where all is given in shares of the capacity, phases and drain are the same for any capacity.
  constexpr double kAnyCapacity = 10'000;
  std::optional<double> capacity_tokens_per_s = scenario.fleet.capacity_tokens_per_s;
  if (open) capacity_tokens_per_s = kAnyCapacity;
  Scenario known = scenario;
  if (simulated && (computed || fleet_changes(scenario))) {
    const auto of_sites = compute_site_capacities(scenario, stop_of(surroundings));
    if (!of_sites) return kNotValid;  // interrupted
    const double at_start = capacity_of(*of_sites, replicas_at_start(scenario));
    if (computed && at_start > 0) capacity_tokens_per_s = at_start;
    if (fleet_changes(scenario)) state_site_capacities(known, *of_sites);
  }
  Scenario planned = resolve(known, capacity_tokens_per_s);
  std::string text = to_toml(open ? scenario : planned);
  // As a run knows it, whether or not anything is a share of it.
  if (computed) planned.fleet.capacity_tokens_per_s = capacity_tokens_per_s;
  text += open ? "\n# phases (as if the capacity, which a run measures, were 10,000 tokens/s):\n"
               : "\n# phases:\n";
  std::string notes = describe_phases(planned);
  if (measured_event(planned) && !divided_from_elsewhere(planned)) {
    notes += describe_drain(fluid_drain(planned), planned.fleet.capacity_tokens_per_s.has_value(),
                            may_be_yielded(planned));
  }
  notes += describe_load(planned, open ? "assumed" : computed ? "computed" : "stated");
  notes += fleet_over_time(planned);
  for (const std::string& note : trace_notes(planned)) notes += "# " + note + "\n";
  for (const std::string& note : power_notes(planned)) notes += "# " + note + "\n";
  for (const std::string& note : job_notes(planned)) notes += "# " + note + "\n";
  const std::optional<Check> quota = check_cpu_quota(scenario, cpu_quota(), core_count());
  if (quota && !quota->passed) {
    notes += "# warning: a run cannot be valid here: " + quota->advice + "\n";
  }
  for (const std::string& warning : warnings(planned, builtin_profiles())) {
    notes += "# warning: " + warning + "\n";
  }
  const bool asks = traits_of(scenario.run.engine).remote && !offline;
  const bool all_answer = !asks || ask_endpoints(surroundings, planned, notes);
  print_result(surroundings, text + visible_lines(notes));
  return all_answer ? kDone : kNotValid;
}

}  // namespace

Command check_command() {
  const auto choice = std::make_shared<ScenarioChoice>();
  const auto offline = std::make_shared<bool>(false);
  Command command{"check", "print the scenario as resolved and its phases, or every mistake in it"};
  command.options = {engine_option(*choice)};
  add_scenario_options(command, *choice);
  command.options.push_back({"--offline", flag(*offline),
                             "engine http: does not ask the endpoints for their models and for one "
                             "token each"});
  command.run = [choice, offline](const Surroundings& surroundings) {
    return check(surroundings, *choice, *offline);
  };
  return command;
}

}  // namespace tokenlift
