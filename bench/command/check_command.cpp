#include "bench/command/check_command.hpp"

#include <memory>
#include <optional>

#include "bench/command/input.hpp"
#include "bench/machine/host.hpp"
#include "bench/run/capacity.hpp"
#include "bench/run/readiness.hpp"
#include "reports/text/figure.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/reader/catalogue.hpp"
#include "workloads/text/quantity.hpp"
#include "workloads/writer/scenario_writer.hpp"

namespace tokenlift {

namespace {

std::string describe_drain(const FluidDrain& drain, bool capacity_known) {
  if (!drain.drain_s) {
    return "# fluid drain after the lift: never, more is offered than can be served\n";
  }
  if (drain.backlog_tokens > 0 && !capacity_known) {
    return fmt::format(
        "# fluid drain after the lift: {:.3g} s if only the throttle limits; the lift finds a "
        "backlog of {} tokens,\n#   which drains at the fleet's capacity: state "
        "fleet.capacity, or give loads instead of rates\n",
        *drain.drain_s, figure(drain.backlog_tokens));
  }
  return fmt::format("# fluid drain after the lift: {:.3g} s\n", *drain.drain_s);
}

/// The scenario as resolved, as TOML; what follows from it stands in comments, so that the output
/// is itself a scenario.
int check(const Surroundings& surroundings, const ScenarioChoice& choice) {
  const Scenario scenario = load_scenario(choice, load_profiles(choice.profile_files));
  const bool computed = needs_capacity(scenario) && traits_of(scenario.run.engine).simulated;
  const bool open = needs_capacity(scenario) && !computed;
  // Where all is given in shares of the capacity, phases and drain are the same for any capacity.
  constexpr double kAnyCapacity = 10'000;
  std::optional<double> capacity_tokens_per_s = scenario.fleet.capacity_tokens_per_s;
  if (open) capacity_tokens_per_s = kAnyCapacity;
  if (computed) {
    capacity_tokens_per_s = compute_capacity(scenario, *surroundings.stop);
    if (!capacity_tokens_per_s) return kNotValid;  // interrupted
  }
  const Scenario planned = resolve(scenario, capacity_tokens_per_s);
  std::string text = to_toml(open ? scenario : planned);
  text += open ? "\n# phases (as if the capacity, which a run measures, were 10,000 tokens/s):\n"
               : "\n# phases:\n";
  for (const Phase& phase : plan_phases(planned)) {
    text += fmt::format("#   {:<11} {:>9.3f} s to {:.3f} s{}\n", phase.name, to_s(phase.begin_ns),
                        to_s(phase.end_ns),
                        phase.name == "cooldown" ? " at most"
                        : phase.measured         ? ""
                                                 : " (not measured)");
  }
  if (measured_event(planned)) {
    text += describe_drain(fluid_drain(planned), planned.fleet.capacity_tokens_per_s.has_value());
  }
  for (const std::string& note : trace_notes(planned)) text += "# " + note + "\n";
  const std::optional<Check> quota = check_cpu_quota(scenario, cpu_quota(), core_count());
  if (quota && !quota->passed) {
    text += "# warning: a run cannot be valid here: " + quota->advice + "\n";
  }
  for (const std::string& warning : warnings(planned, builtin_profiles())) {
    text += "# warning: " + warning + "\n";
  }
  print_result(surroundings, text);
  return kDone;
}

}  // namespace

Command check_command() {
  const auto choice = std::make_shared<ScenarioChoice>();
  Command command{"check", "print the scenario as resolved and its phases, or every mistake in it"};
  command.options = {engine_option(*choice)};
  add_scenario_options(command, *choice);
  command.run = [choice](const Surroundings& surroundings) { return check(surroundings, *choice); };
  return command;
}

}  // namespace tokenlift
