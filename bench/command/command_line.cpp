#include "bench/command/command_line.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <sstream>
#include <vector>

#include "bench/calibrate/calibration.hpp"
#include "bench/command/calibrate_command.hpp"
#include "bench/command/compare_command.hpp"
#include "bench/command/input.hpp"
#include "bench/command/report_command.hpp"
#include "bench/command/run_command.hpp"
#include "bench/command/suite_command.hpp"
#include "bench/command/tune_command.hpp"
#include "bench/machine/output_folder.hpp"
#include "bench/run/capacity.hpp"
#include "reports/json/json_run.hpp"
#include "reports/text/figure.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/reader/catalogue.hpp"
#include "workloads/text/mistake.hpp"
#include "workloads/text/quantity.hpp"
#include "workloads/writer/scenario_writer.hpp"

namespace tokenlift {

namespace {

constexpr const char* kExitCodes =
    "Exit codes: 0 done; 1 done, and a goal or an objective was missed (calibrate --verify,\n"
    "suite), something got worse (compare) or nothing can be recommended (tune); 2 the input is\n"
    "wrong; 3 the measurement is not valid, or was interrupted; 4 the machine failed it (disk\n"
    "full, no permission).";

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
        "backlog of {} tokens,\n#   which drains at the fleet's capacity: state "
        "fleet.capacity, or give loads instead of rates\n",
        *drain.drain_s, figure(drain.backlog_tokens));
  }
  return fmt::format("# fluid drain after the lift: {:.3g} s\n", *drain.drain_s);
}

/// The scenario as resolved, as TOML; what follows from it stands in comments, so that the output
/// is itself a scenario.
int check(const Surroundings& surroundings, const Options& options) {
  const Scenario scenario = load_scenario(options, load_profiles(options.profile_files));
  const bool computed = needs_capacity(scenario) && scenario.run.engine == Engine::simulated;
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
  for (const std::string& warning : warnings(planned, builtin_profiles()))
    text += "# warning: " + warning + "\n";
  print_result(surroundings, text);
  return kDone;
}

/// Names and descriptions, a line each.
template <typename Named>
int print_list(const Surroundings& surroundings, const std::vector<Named>& things) {
  std::size_t width = 0;
  for (const Named& thing : things) width = std::max(width, thing.name.size());
  std::string text;
  for (const Named& thing : things) {
    text += fmt::format("{:<{}}  {}\n", thing.name, width, thing.description);
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

/// What is wrong with the name of what is to be written; empty if nothing is.
std::string name_mistake(const std::string& word) {
  return word.empty() ? "the name is empty: give one, or leave the option out" : "";
}

/// The scenario, and what may be changed of it but for the engine.
void add_scenario_words(CLI::App& command, Options& options) {
  command
      .add_option("SCENARIO", options.scenario,
                  "a scenario file (TOML), a run.json, or a built-in name")
      ->required();
  command
      .add_option("--seed", options.seed, "key of all random draws (default: as the scenario says)")
      ->check(CLI::Validator(seed_mistake, "WHOLE NUMBER"));
  command
      .add_option("--set", options.overrides,
                  "override a key, e.g. tenant.users.arrivals.load=0.5; may be repeated")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command
      .add_option("--profiles", options.profile_files,
                  "profiles that go before the scenario's own and the built-in ones, as "
                  "'tokenlift calibrate' writes them; may be repeated")
      ->type_name("FILE")
      ->allow_extra_args(false);
}

void add_scenario_options(CLI::App& command, Options& options) {
  command
      .add_option("--engine", options.engine,
                  "threads: compute; virtual: simulate; null: the harness alone (default: as the "
                  "scenario says)")
      ->check(CLI::IsMember({"threads", "virtual", "null"}));
  add_scenario_words(command, options);
}

/// What is wrong with a duration to measure for; empty if nothing is.
std::string budget_mistake(const std::string& word) {
  const Quantity<std::int64_t> duration = parse_duration_ns(word);
  if (!duration.value) return fmt::format("'{}' {}", word, duration.problem);
  return *duration.value > 0 ? "" : fmt::format("'{}' is no time to measure in", word);
}

void add_run_options(CLI::App& command, Options& options) {
  add_scenario_options(command, options);
  command
      .add_option("--repetitions", options.repetitions, "runs, with seeds one apart (default: 1)")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{10'000}));
  command.add_flag("--control", options.control,
                   "run each repetition also without the event that divides the run, with the same "
                   "seed, and report the difference");
  command
      .add_option("--records", options.records,
                  "stream one CSV line per request of all repetitions into FILE while they run")
      ->type_name("FILE")
      ->check(CLI::Validator(name_mistake, ""));
  command
      .add_option("--out", options.out,
                  "folder for run.json and report.html (default: tokenlift-results/NAME-TIME); of "
                  "several repetitions each run.json is in a numbered folder below it, that of a "
                  "control in 'control' below that")
      ->type_name("FOLDER")
      ->check(CLI::Validator(name_mistake, ""));
  command
      .add_option("--threads", options.threads,
                  "engine virtual, fleets with a load_report_interval: worker threads, on which "
                  "results do not depend (default: one per core)")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1024}));
  command.add_flag("--quiet", options.quiet, "no progress, no warnings");
}

void add_calibrate_options(CLI::App& command, Options& options, CalibrateOptions& calibration,
                           std::string& budget) {
  CLI::Option* const names = command.add_option(
      "PROFILE", calibration.profiles,
      "built-in profiles to measure (default: cpu-small; with --verify those of the scenario)");
  CLI::Option* const out =
      command.add_option("--out", options.out, "file to write (default: calibrated.toml)")
          ->type_name("FILE")
          ->check(CLI::Validator(name_mistake, ""));
  CLI::Option* const time =
      command
          .add_option("--budget", budget,
                      "time to measure each profile in (default: 15s; slow profiles take a few "
                      "rounds of measurements at least)")
          ->type_name("DURATION")
          ->check(CLI::Validator(budget_mistake, ""));
  CLI::Option* const batch =
      command
          .add_option(
              "--max-batch", calibration.max_batch,
              "batch up to which it is measured, and then holds (default: 16, or that of the "
              "scenario to verify where it is larger)")
          ->check(CLI::Range(std::int64_t{2}, kLargestCalibratedBatch));
  CLI::Option* const verify =
      command
          .add_option("--verify", options.scenario,
                      "then run this scenario on engine threads and, with the same rates and "
                      "seeds, on engine virtual, and show how they differ; its runs go into "
                      "tokenlift-results/verify-NAME-TIME")
          ->type_name("SCENARIO");
  command
      .add_option("--profiles", options.profile_files,
                  "verify the profiles in this file instead of measuring; may be repeated")
      ->type_name("FILE")
      ->allow_extra_args(false)
      ->needs(verify)
      ->excludes(names)
      ->excludes(out)
      ->excludes(time)
      ->excludes(batch);
  command
      .add_option("--repetitions", options.repetitions,
                  "runs on either engine to verify with (default: 5)")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{10'000}))
      ->needs(verify);
  command.add_flag("--quiet", options.quiet, "no progress, no warnings");
}

void add_report_options(CLI::App& command, ReportOptions& options) {
  command
      .add_option("RUN", options.runs,
                  "a run.json, or a folder: every run.json in it and below is a repetition of one "
                  "experiment, or of its control. Each RUN is a column of the report")
      ->required();
  command
      .add_option("--format", options.format,
                  "text: for a terminal or a pipe; html: a page that fetches nothing; markdown: to "
                  "paste into a pull request; json: all that was concluded "
                  "(reports/json/report.schema.json); csv: the series, a row per time bin; hgrm: "
                  "percentile distributions of HdrHistogram; openmetrics: for Prometheus "
                  "(default: text)")
      ->check(CLI::IsMember(report_formats()));
  command
      .add_option("--out", options.out,
                  "write into this file instead of to stdout; with --format hgrm a folder, for a "
                  "file per phase and latency, as plotters want them")
      ->type_name("FILE")
      ->check(CLI::Validator(name_mistake, ""));
  command.footer(
      "Examples:\n"
      "  tokenlift report tokenlift-results/lift-20260506-120000\n"
      "  tokenlift report before/run.json after/run.json --format markdown\n"
      "  tokenlift report results/ --format csv --out series.csv\n"
      "  tokenlift report results/ --format hgrm --out curves/\n\n" +
      std::string(kExitCodes));
}

/// "10%" or "0.1", into a share of 0 .. 1; nothing where it is neither.
std::optional<double> parse_share(const std::string& word) {
  const bool percent = word.ends_with('%');
  const char* const end = word.data() + word.size() - (percent ? 1 : 0);
  double value = 0;
  const auto [stopped, error] = std::from_chars(word.data(), end, value);
  if (error != std::errc{} || stopped != end) return std::nullopt;
  if (percent) value /= 100;
  return value >= 0 && value <= 1 ? std::optional(value) : std::nullopt;
}

/// What is wrong with a share; empty if nothing is.
std::string share_mistake(const std::string& word) {
  return parse_share(word) ? "" : fmt::format("'{}' is no share from 0% to 100%", word);
}

void add_share_option(CLI::App& command, const char* name, double& share, const char* help) {
  command
      .add_option_function<std::string>(
          name, [&share](const std::string& word) { share = *parse_share(word); }, help)
      ->type_name("PERCENT")
      ->check(CLI::Validator(share_mistake, ""));
}

void add_compare_options(CLI::App& command, CompareOptions& options) {
  const char* const kWhat = "a run.json, a folder of repetitions, or the results of a suite";
  command.add_option("BASE", options.base, kWhat)->required();
  command.add_option("CONTENDER", options.contender, kWhat)->required();
  add_share_option(command, "--threshold", options.rules.threshold,
                   "a change of up to this is none, however sure it is (default: 1%)");
  add_share_option(command, "--detect", options.rules.detect,
                   "'no difference shown' is said only where a change of this size would have "
                   "been (default: 10%)");
  command.add_flag("--all", options.all, "of several cases every figure, not only what changed");
  command.add_flag("--force", options.force,
                   "compare different scenarios or engines, too, and say how they differ");
  command
      .add_option("--format", options.format,
                  "text; markdown: to paste into a pull request; json: everything "
                  "(reports/json/comparison.schema.json) (default: text)")
      ->check(CLI::IsMember({"text", "markdown", "json"}));
  command.add_option("--out", options.out, "write into this file instead of to stdout")
      ->type_name("FILE");
  command.footer(
      "Exit codes: 1 something is worse; 3 a set of runs is no measurement, whatever else.\n"
      "Examples:\n"
      "  tokenlift compare last-week/ today/\n"
      "  tokenlift compare baseline/ results/ --format markdown --out comment.md\n"
      "  tokenlift compare baseline/ results/ --detect 5% --threshold 2%");
}

void add_suite_options(CLI::App& command, SuiteOptions& options) {
  command.add_option("SUITE", options.suite, "a suite file (TOML), or a built-in name")->required();
  CLI::Option* const out = command.add_option(
      "--out", options.out,
      "new folder for all runs and reports (default: tokenlift-results/NAME-TIME)");
  command
      .add_option("--resume", options.resume,
                  "go on with the suite in this folder: runs that are there are not made again")
      ->type_name("FOLDER")
      ->excludes(out);
  command
      .add_option("--set", options.overrides,
                  "override a key in the scenario of every case; may be repeated")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command
      .add_option(
          "--profiles", options.profile_files,
          "profiles that go before the scenarios' own and the built-in ones; may be repeated")
      ->type_name("FILE")
      ->allow_extra_args(false);
  command
      .add_option(
          "--threads", options.threads,
          "simulated cases at a time, on which results do not depend (default: one per core)")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1024}));
  command.add_flag("--quiet", options.quiet, "no progress, no warnings");
  command.allow_extras();
  command.footer(
      "Flags of Google Benchmark hold: --benchmark_filter=REGEX, --benchmark_list_tests,\n"
      "--benchmark_repetitions=N (instead of the suite's), --benchmark_out=FILE,\n"
      "--benchmark_format=console|json|csv (instead of the report on stdout), ...\n"
      "Exit codes: 4 a case failed; else 3 one is no measurement or was not run; else 1 an\n"
      "objective is not met.\n"
      "Examples:\n"
      "  tokenlift suite smoke\n"
      "  tokenlift suite nightly.toml --out results/today --benchmark_filter=h100\n"
      "  tokenlift suite nightly.toml --resume results/today");
}

void add_tune_options(CLI::App& command, TuneOptions& options) {
  add_scenario_words(command, options.scenario);
  command.add_flag(
      "--lift", options.lift,
      "search how the measured event is to happen (at once, in a ramp, in steps, and what "
      "becomes of the throttle's state), not the throttle before it");
  CLI::Option* const budget =
      command
          .add_option("--budget", options.budget_requests,
                      "simulated requests, of all runs together: 5000000, 5M, 500k (default: as "
                      "[tune] says, or those of 2,000 runs; of a large scenario fewer)")
          ->transform(CLI::AsNumberWithUnit(
              std::map<std::string, std::int64_t>{{"k", 1'000}, {"M", 1'000'000}}))
          ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 53))
          ->type_name("REQUESTS");
  command
      .add_option_function<std::string>(
          "--for",
          [&options](const std::string& word) { options.time_ns = parse_duration_ns(word).value; },
          "search for so long instead; the result then depends on the machine")
      ->type_name("DURATION")
      ->check(CLI::Validator(budget_mistake, ""))
      ->excludes(budget);
  command
      .add_option(
          "--verify", options.verify,
          "then run the best three settings and the present one so many times each on engine "
          "threads, in turns, and recommend only what holds there; without --profiles what "
          "steps cost on this machine is measured first")
      ->type_name("N")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{10'000}));
  CLI::Option* const out =
      command
          .add_option("--out", options.scenario.out,
                      "new folder for tune.json, report.html and recommended.toml (default: "
                      "tokenlift-results/tune-NAME-TIME)")
          ->type_name("FOLDER")
          ->check(CLI::Validator(name_mistake, ""));
  command
      .add_option("--resume", options.resume,
                  "go on with the search in this folder: what was simulated is not made again")
      ->type_name("FOLDER")
      ->check(CLI::Validator(name_mistake, ""))
      ->excludes(out);
  command
      .add_option("--threads", options.scenario.threads,
                  "settings simulated at a time, on which results do not depend (default: one per "
                  "core)")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1024}));
  command.add_flag("--quiet", options.scenario.quiet, "no progress, no announcements");
  command.footer(
      "Exit codes: 1 nothing can be recommended: no setting meets all constraints, or what was\n"
      "measured refuses it; 3 interrupted (what is shown is the best so far), or no measurement.\n"
      "Examples:\n"
      "  tokenlift tune lift\n"
      "  tokenlift tune lift --verify 5\n"
      "  tokenlift tune mine.toml --for 60s --set 'tune.constraints=\"attainment >= 0.99\"'\n"
      "  tokenlift tune lift --lift");
}

/// What CLI11 does not know is Google Benchmark's, or a mistake.
std::vector<std::string> benchmark_words(const CLI::App& command) {
  std::vector<std::string> words = command.remaining();
  for (const std::string& word : words) {
    if (!word.starts_with("--benchmark_")) {
      throw UsageError(fmt::format("suite: '{}' was not expected; --help lists what is", word));
    }
  }
  return words;
}

int dispatch(const Surroundings& surroundings) {
  CLI::App app{
      "tokenlift: what happens to throughput and latency when a throttle on an inference "
      "fleet is lifted?"};
  app.set_version_flag("--version", "tokenlift " TOKENLIFT_VERSION);
  app.require_subcommand(1);
  app.footer(kExitCodes);

  Options options;
  CLI::App* run = app.add_subcommand("run", "run a scenario and report before, transition, after");
  add_run_options(*run, options);
  CLI::App* checking = app.add_subcommand(
      "check", "print the scenario as resolved and its phases, or every mistake in it");
  add_scenario_options(*checking, options);
  CLI::App* scenarios = app.add_subcommand("scenarios", "list the built-in scenarios");
  CLI::App* profiles =
      app.add_subcommand("profiles", "list the built-in profiles: what one replica can be");
  Options calibrate_options;
  calibrate_options.repetitions = 5;
  CalibrateOptions calibration;
  std::string budget;
  CLI::App* calibrating = app.add_subcommand(
      "calibrate", "measure what steps cost on this machine; write profiles for engine virtual");
  add_calibrate_options(*calibrating, calibrate_options, calibration, budget);

  ReportOptions report_options;
  CLI::App* reporting =
      app.add_subcommand("report", "report on runs measured before, in several formats");
  add_report_options(*reporting, report_options);

  CompareOptions compare_options;
  CLI::App* comparing =
      app.add_subcommand("compare", "say what got better or worse between two sets of runs");
  add_compare_options(*comparing, compare_options);

  SuiteOptions suite_options;
  CLI::App* suiting = app.add_subcommand(
      "suite", "run many cases, repeated, with objectives, and report on them together");
  add_suite_options(*suiting, suite_options);
  CLI::App* suites = app.add_subcommand("suites", "list the built-in suites");

  TuneOptions tune_options;
  CLI::App* tuning = app.add_subcommand(
      "tune", "search for the throttle, or the way to lift it, that serves users best");
  add_tune_options(*tuning, tune_options);

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
  if (*run) return run_scenario(surroundings, options);
  if (*suiting) {
    suite_options.benchmark_words = benchmark_words(*suiting);
    return run_suite(surroundings, suite_options);
  }
  if (*suites) return print_list(surroundings, builtin_suites());
  if (*tuning) return tune(surroundings, tune_options);
  if (*comparing) return compare_runs(surroundings, compare_options);
  if (*reporting) return report_runs(surroundings, report_options);
  if (*checking) return check(surroundings, options);
  if (*scenarios) return print_list(surroundings, builtin_scenarios());
  if (*profiles) return print_list(surroundings, builtin_profiles());
  if (*calibrating) {
    if (!budget.empty()) calibration.budget_ns = *parse_duration_ns(budget).value;
    calibration.verify = !calibrate_options.scenario.empty();
    return calibrate(surroundings, calibrate_options, calibration);
  }
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
