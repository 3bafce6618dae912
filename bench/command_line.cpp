#include "bench/command_line.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <thread>
#include <utility>

#include "bench/experiment.hpp"
#include "bench/output_folder.hpp"
#include "bench/progress.hpp"
#include "reports/json_run.hpp"
#include "reports/text.hpp"
#include "workloads/catalogue.hpp"
#include "workloads/plan.hpp"
#include "workloads/scenario_text.hpp"

namespace tokenlift {

namespace {

struct Options {
  std::string scenario;
  std::optional<std::string> engine;
  std::optional<std::string> seed;
  std::uint64_t repetitions = 1;
  std::vector<std::string> overrides;
  std::string out;
  bool quiet = false;
};

/// Wrong input that has no place in a scenario.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) {
    throw UsageError(
        fmt::format("cannot read '{}': {}", path.string(), std::generic_category().message(errno)));
  }
  return text.str();
}

/// The scenario named on the command line: a file, a run.json to be repeated, or a built-in name.
Scenario load_scenario(const Options& options) {
  std::vector<std::string> overrides = options.overrides;
  if (options.engine) overrides.push_back("run.engine=" + *options.engine);
  if (options.seed) overrides.push_back("run.seed=" + *options.seed);

  const std::filesystem::path path = options.scenario;
  std::error_code unreadable;  // a name too long or forbidden is no file
  const auto status = std::filesystem::status(path, unreadable);
  if (unreadable == std::errc::permission_denied) {
    throw UsageError(fmt::format("cannot read '{}': {}", path.string(), unreadable.message()));
  }
  if (std::filesystem::exists(status) && !std::filesystem::is_directory(status)) {
    std::string text = read_file(path);
    const std::filesystem::path folder = std::filesystem::absolute(path).parent_path();
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first != std::string::npos && text[first] == '{') {
      text = scenario_toml(read_run(text, path.string()));
    }
    return parse_scenario(text, path.string(), folder.string(), overrides);
  }
  std::vector<std::string> names;
  for (const BuiltinScenario& builtin : builtin_scenarios()) {
    if (builtin.name == options.scenario) {
      return parse_scenario(builtin.text, builtin.name, std::filesystem::current_path().string(),
                            overrides);
    }
    names.push_back(builtin.name);
  }
  if (std::filesystem::is_directory(status)) {
    throw UsageError(fmt::format("'{}' is a folder, no file: give a scenario or a run.json in it",
                                 path.string()));
  }
  const auto meant = did_you_mean(options.scenario, names);
  throw UsageError(fmt::format("no file and no built-in scenario is called '{}'; {}",
                               options.scenario,
                               meant ? fmt::format("did you mean '{}'?", *meant)
                                     : "'tokenlift scenarios' lists the built-in ones"));
}

std::string default_folder(const std::string& scenario_name) {
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  const std::string name =
      fmt::format("tokenlift-results/{}-{:%Y%m%d-%H%M%S}", scenario_name, fmt::localtime(now));
  std::string folder = name;
  std::error_code error;
  for (int n = 2; std::filesystem::exists(folder, error); ++n) {
    folder = fmt::format("{}-{}", name, n);
  }
  return folder;
}

/// To stderr. Whether that can be written makes no difference to a run.
void complain(const Surroundings& surroundings, const std::string& text) {
  std::fputs(fmt::format("tokenlift: {}\n", text).c_str(), surroundings.err);
}

/// Prints to stdout and makes sure that it arrived. A reader that has gone (`| head`) is no
/// failure.
void print_result(const Surroundings& surroundings, const std::string& text) {
  std::fputs(text.c_str(), surroundings.out);
  if (std::fflush(surroundings.out) != 0 && errno != EPIPE) {
    throw MachineError(
        fmt::format("cannot write to stdout: {}", std::generic_category().message(errno)));
  }
}

class RunCommand {
 public:
  RunCommand(const Surroundings& surroundings, const Options& options)
      : surroundings_(surroundings),
        options_(options),
        experiment_(surroundings.words, *surroundings.stop, 1) {}

  int execute() {
    const Scenario scenario = load_scenario(options_);
    const OutputFolder folder(options_.out.empty() ? default_folder(scenario.name) : options_.out);
    if (needs_capacity(scenario)) {
      say("measuring the capacity of the fleet ({}), some seconds", describe_fleet(scenario));
    }
    const std::optional<Scenario> prepared = experiment_.prepare(scenario);
    if (!prepared) {
      say("interrupted before the run began: nothing was measured");
      return kNotValid;
    }
    warn_of_crowding(*prepared);
    for (const std::string& warning : warnings(*prepared)) say("warning: {}", warning);

    std::optional<Run> pooled;
    std::string where;
    for (std::uint64_t repetition = 1; repetition <= options_.repetitions; ++repetition) {
      Run run = run_once(*prepared, repetition);
      const std::filesystem::path name =
          options_.repetitions == 1
              ? "run.json"
              : std::filesystem::path(std::to_string(repetition)) / "run.json";
      try {
        where += (where.empty() ? "" : ", ") + folder.write(name, to_json(run)).string();
      } catch (const MachineError&) {
        // What was measured is at least shown.
        print_result(surroundings_, to_text(run, style()));
        throw;
      }
      const bool interrupted = run.interrupted;
      if (pooled) {
        pool(*pooled, run);
      } else {
        pooled.emplace(std::move(run));
      }
      if (interrupted) break;
    }
    print_result(surroundings_, to_text(*pooled, style()));
    print_result(surroundings_, fmt::format("\nresults: {}\n", where));
    return pooled->valid() ? kDone : kNotValid;
  }

 private:
  template <typename... Args>
  void say(fmt::format_string<Args...> format, Args&&... args) const {
    if (options_.quiet) return;
    complain(surroundings_, fmt::format(format, std::forward<Args>(args)...));
  }

  TextStyle style() const {
    return {surroundings_.out_is_terminal && !surroundings_.no_color, surroundings_.out_columns};
  }

  /// Adds a repetition to those before it. One that ended before its last phase is not pooled, but
  /// its failed checks count.
  void pool(Run& pooled, const Run& run) const {
    try {
      merge(pooled, run);
    } catch (const RunMismatch&) {
      say("repetition {} ended early: the table leaves it out", run.repetition);
      pooled.interrupted = pooled.interrupted || run.interrupted;
      for (const Check& check : run.checks) {
        if (check.passed) continue;
        const auto same =
            std::find_if(pooled.checks.begin(), pooled.checks.end(),
                         [&](const Check& other) { return other.name == check.name; });
        if (same != pooled.checks.end() && same->passed) *same = check;
      }
    }
  }

  Run run_once(const Scenario& prepared, std::uint64_t repetition) {
    ProgressBoard board;
    const std::string label = options_.repetitions == 1
                                  ? ""
                                  : fmt::format("run {} of {}: ", repetition, options_.repetitions);
    const ProgressDisplay display(board, plan_phases(prepared), prepared.run.duration_ns, label,
                                  prepared.run.engine == Engine::simulated,
                                  options_.quiet ? nullptr : surroundings_.err,
                                  surroundings_.err_is_terminal, surroundings_.err_columns);
    return experiment_.run(prepared, repetition, board);
  }

  void warn_of_crowding(const Scenario& scenario) const {
    std::int64_t replicas = 0;
    for (const Site& site : scenario.fleet.sites) replicas += site.replicas;
    const std::int64_t cores = std::max(1U, std::thread::hardware_concurrency());
    if (scenario.run.engine == Engine::threads && replicas > cores) {
      say("more replicas than cores ({} on {}): they take turns, and each is slower for it",
          replicas, cores);
    }
  }

  static std::string describe_fleet(const Scenario& scenario) {
    std::string text;
    for (const Site& site : scenario.fleet.sites) {
      text += fmt::format("{}{} x {}", text.empty() ? "" : ", ", site.replicas, site.profile);
    }
    return text;
  }

  const Surroundings& surroundings_;
  const Options& options_;
  Experiment experiment_;
};

double to_s(std::int64_t ns) {
  return static_cast<double>(ns) * 1e-9;
}

std::string describe_drain(const FluidDrain& drain, bool capacity_known) {
  if (!drain.drain_s) {
    return "# fluid drain after the lift: never, more is offered than can be served\n";
  }
  if (drain.backlog_tokens > 0 && !capacity_known) {
    return fmt::format(
        "# fluid drain after the lift: {:.3g} s if only the throttle limits; the lift finds a "
        "backlog of {:.4g} tokens,\n#   which drains at the fleet's capacity: state "
        "fleet.capacity, or give loads instead of rates\n",
        *drain.drain_s, drain.backlog_tokens);
  }
  return fmt::format("# fluid drain after the lift: {:.3g} s\n", *drain.drain_s);
}

/// The scenario as resolved, as TOML; what follows from it stands in comments, so that the output
/// is itself a scenario.
int check(const Surroundings& surroundings, const Options& options) {
  const Scenario scenario = load_scenario(options);
  const bool open = needs_capacity(scenario);
  // Where all is given in shares of the capacity, phases and drain are the same for any capacity.
  constexpr double kAnyCapacity = 10'000;
  const Scenario planned =
      resolve(scenario, open ? std::optional(kAnyCapacity) : scenario.fleet.capacity_tokens_per_s);
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
  for (const std::string& warning : warnings(planned)) text += "# warning: " + warning + "\n";
  print_result(surroundings, text);
  return kDone;
}

int list_scenarios(const Surroundings& surroundings) {
  std::size_t width = 0;
  for (const BuiltinScenario& builtin : builtin_scenarios()) {
    width = std::max(width, builtin.name.size());
  }
  std::string text;
  for (const BuiltinScenario& builtin : builtin_scenarios()) {
    text += fmt::format("{:<{}}  {}\n", builtin.name, width, builtin.description);
  }
  print_result(surroundings, text);
  return kDone;
}

/// What is wrong with a seed; empty if nothing is.
std::string seed_mistake(const std::string& word) {
  std::int64_t seed = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), seed);
  const bool whole = error == std::errc{} && end == word.data() + word.size() && seed >= 0;
  return whole ? "" : fmt::format("'{}' is not a whole number from 0 to 2^63 - 1", word);
}

void add_scenario_options(CLI::App& command, Options& options) {
  command
      .add_option("SCENARIO", options.scenario,
                  "a scenario file (TOML), a run.json, or a built-in name")
      ->required();
  command
      .add_option("--engine", options.engine,
                  "threads: compute; null: the harness alone (default: as the scenario says)")
      ->check(CLI::IsMember({"threads", "null"}));
  command
      .add_option("--seed", options.seed, "key of all random draws (default: as the scenario says)")
      ->check(CLI::Validator(seed_mistake, "WHOLE NUMBER"));
  command
      .add_option("--set", options.overrides,
                  "override a key, e.g. tenant.users.arrivals.load=0.5; may be repeated")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
}

int dispatch(const Surroundings& surroundings) {
  CLI::App app{
      "tokenlift: what happens to throughput and latency when a throttle on an inference "
      "fleet is lifted?"};
  app.set_version_flag("--version", "tokenlift " TOKENLIFT_VERSION);
  app.require_subcommand(1);
  app.footer(
      "Exit codes: 0 done; 2 the input is wrong; 3 the run is not valid as a measurement;\n"
      "4 the machine failed it (disk full, no permission).");

  Options options;
  CLI::App* run = app.add_subcommand("run", "run a scenario and report before, transition, after");
  add_scenario_options(*run, options);
  run->add_option("--repetitions", options.repetitions, "runs, with seeds one apart (default: 1)")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{10'000}));
  run->add_option("--out", options.out,
                  "folder for run.json (default: tokenlift-results/NAME-TIME)");
  run->add_flag("--quiet", options.quiet, "no progress, no warnings");
  CLI::App* checking = app.add_subcommand(
      "check", "print the scenario as resolved and its phases, or every mistake in it");
  add_scenario_options(*checking, options);
  CLI::App* scenarios = app.add_subcommand("scenarios", "list the built-in scenarios");

  std::vector<const char*> arguments;
  for (const std::string& word : surroundings.words) arguments.push_back(word.c_str());
  try {
    app.parse(static_cast<int>(arguments.size()), arguments.data());
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    std::ostringstream err;
    const int code = app.exit(error, out, err);
    print_result(surroundings, out.str());
    std::fputs(err.str().c_str(), surroundings.err);
    return code == 0 ? kDone : kInputWrong;
  }
  if (*run) return RunCommand(surroundings, options).execute();
  if (*checking) return check(surroundings, options);
  if (*scenarios) return list_scenarios(surroundings);
  return kInputWrong;
}

}  // namespace

int run_command_line(const Surroundings& surroundings) {
  try {
    return dispatch(surroundings);
  } catch (const ScenarioError& error) {
    std::fputs(fmt::format("{}\n", error.what()).c_str(), surroundings.err);
    return kInputWrong;
  } catch (const RunFileError& error) {
    complain(surroundings, error.what());
    return kInputWrong;
  } catch (const UsageError& error) {
    complain(surroundings, error.what());
    return kInputWrong;
  } catch (const MachineError& error) {
    complain(surroundings, error.what());
    return kMachineFailed;
  } catch (const std::exception& error) {  // no memory, no threads
    complain(surroundings, fmt::format("the machine failed: {}", error.what()));
    return kMachineFailed;
  }
}

}  // namespace tokenlift
