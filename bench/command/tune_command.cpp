#include "bench/command/tune_command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "bench/command/calibrate_command.hpp"
#include "bench/command/input.hpp"
#include "bench/command/run_command.hpp"
#include "bench/machine/host.hpp"
#include "bench/machine/output_folder.hpp"
#include "bench/machine/progress.hpp"
#include "bench/machine/work_pool.hpp"
#include "bench/run/experiment.hpp"
#include "bench/tune/tuner.hpp"
#include "bench/tune/verification.hpp"
#include "reports/formats/page_format.hpp"
#include "reports/formats/page_html.hpp"
#include "reports/json/json_tuning.hpp"
#include "reports/page/tuning_page.hpp"
#include "reports/text/figure.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/reader/catalogue.hpp"
#include "workloads/reader/profile_text.hpp"
#include "workloads/reader/scenario_reader.hpp"
#include "workloads/text/key_path.hpp"
#include "workloads/text/quantity.hpp"
#include "workloads/tuning/candidate.hpp"
#include "workloads/writer/scenario_writer.hpp"

namespace tokenlift {

namespace {

namespace fs = std::filesystem;

constexpr const char* kCalibrated = "calibrated.toml";
constexpr const char* kReportFile = "tune.json";
/// Fewer do not fill the range of several parameters.
constexpr std::size_t kFewSettings = 50;
constexpr const char* kScenarioFile = "recommended.toml";

struct TuneOptions {
  ScenarioChoice scenario;  ///< without an engine
  bool lift = false;
  std::optional<std::int64_t> budget_requests;
  std::optional<std::int64_t> time_ns;
  std::uint64_t verify = 0;            ///< runs of each setting on engine threads; 0: none
  std::optional<std::size_t> threads;  ///< settings simulated at a time
  std::string out;                     ///< empty: a new folder
  std::string format = "text";         ///< of stdout
  std::string resume;                  ///< the folder of a search to go on with; empty: a new one
  bool quiet = false;
};

// ------------------------------------------------------------------------------------- progress

/// A live line on a terminal; elsewhere one for each stage.
class SearchProgress {
 public:
  SearchProgress(const Surroundings& surroundings, bool quiet)
      : surroundings_(surroundings), quiet_(quiet), live_(surroundings.err) {}
  ~SearchProgress() { clear(); }
  SearchProgress(const SearchProgress&) = delete;
  SearchProgress& operator=(const SearchProgress&) = delete;

  void show(const TuningSearch& search, std::size_t done, std::size_t of) {
    if (quiet_) return;
    const TuningStage& stage = search.stages().back();
    if (surroundings_.err_is_terminal) {
      const auto now = std::chrono::steady_clock::now();
      if (now < next_ && done < of) return;
      next_ = now + std::chrono::milliseconds(100);
      live_.show(fmt::format("{}: {} of {}; {} settings, {} runs, {}", stage.name, done, of,
                             search.candidates().size(), runs_of(search), budget_of(search)));
    } else if (search.stages().size() != told_) {
      told_ = search.stages().size();
      complain(surroundings_, fmt::format("{} ({})", stage.name, budget_of(search)));
    }
  }
  void clear() const {
    if (!quiet_ && surroundings_.err_is_terminal) live_.clear();
  }

 private:
  static std::uint64_t runs_of(const TuningSearch& search) {
    std::uint64_t runs = 0;
    for (const TuningStage& stage : search.stages()) runs += stage.runs;
    return runs;
  }

  /// What is left is the most that it can take: the last stages rarely need all.
  static std::string budget_of(const TuningSearch& search) {
    const double share = search.share_used();
    std::string text = fmt::format("{:.0f} % of the budget", std::min(100 * share, 100.0));
    if (share > 0 && share < 1) {
      text +=
          fmt::format(", at most {} left", rough_time(search.elapsed_s() * (1 - share) / share));
    }
    return text;
  }

  const Surroundings& surroundings_;
  bool quiet_;
  LiveLine live_;
  std::chrono::steady_clock::time_point next_;
  std::size_t told_ = 0;
};

// ----------------------------------------------------------------------------------- the problem

/// What a verification needs to know of this machine before anything is predicted.
struct Machine {
  std::vector<Profile> profiles;
  double capacity_tokens_per_s = 0;
};

std::vector<std::string> with(std::vector<std::string> words, std::string word) {
  words.push_back(std::move(word));
  return words;
}

/// Profiles are measured unless they are given, the capacity always; both are kept for a search
/// that is resumed. Nothing if interrupted, or it could not be measured, which has been said.
std::optional<Machine> measure_machine(const Surroundings& surroundings, const TuneOptions& options,
                                       const ScenarioSource& source,
                                       const std::vector<std::string>& overrides,
                                       const OutputFolder& folder) {
  Machine machine{load_profiles(options.scenario.profile_files), 0};
  const auto read = [&](const std::string& engine) {
    return parse_scenario(source.text, source.name, source.folder,
                          with(overrides, "run.engine=" + engine), machine.profiles);
  };
  const Scenario threads = read("threads");
  const fs::path calibrated = folder.path() / kCalibrated;
  std::error_code error;
  if (machine.profiles.empty()) {
    if (fs::exists(calibrated, error)) {
      machine.profiles = load_profiles({calibrated.string()});
    } else {
      auto measured = calibrate_for(surroundings, threads, calibrated, options.quiet);
      if (!measured) return std::nullopt;
      machine.profiles = std::move(*measured);
    }
  }
  read("virtual");  // what is wrong with it there is said before any run
  if (const std::optional<JournalHead> head = TuningJournal::head_in(folder.path())) {
    machine.capacity_tokens_per_s = head->capacity_tokens_per_s.value_or(0);
    return machine;
  }
  Experiment experiment(surroundings.words, stop_of(surroundings), 1);
  warn_of_cpu_quota(surroundings, options.quiet, threads);
  say(surroundings, options.quiet, "measuring the capacity of the fleet, some seconds");
  const auto capacity = experiment.capacity(threads);
  if (!capacity) return std::nullopt;
  machine.capacity_tokens_per_s = capacity->tokens_per_s;
  return machine;
}

std::string words_of(const Parameter& parameter, const Scenario& scenario) {
  const std::string present = present_value(scenario, parameter).value_or("not set");
  std::string range;
  if (parameter.choices.empty()) {
    range = fmt::format("{} to {}", value_at(parameter, 0), value_at(parameter, 1));
  } else {
    range = fmt::format("{}", fmt::join(parameter.choices, ", "));
  }
  return fmt::format("  {}: {} (now {}){}", parameter.key, range, present,
                     parameter.reason.empty() ? "" : "; " + parameter.reason);
}

/// What is searched, before it is.
void announce(const Surroundings& surroundings, const TuneOptions& options,
              const TuningProblem& problem) {
  const Aim& aim = *problem.tuning.objective;
  say(surroundings, options.quiet,
      "{} {}, by these settings:", aim.maximize ? "maximizing" : "minimizing", aim.path);
  for (const Parameter& parameter : problem.tuning.parameters) {
    say(surroundings, options.quiet, "{}", words_of(parameter, problem.scenario));
  }
  for (const Objective& constraint : problem.tuning.constraints) {
    say(surroundings, options.quiet, "  subject to {}", constraint.text);
  }
  for (const std::string& warning :
       warnings(resolve(problem.scenario, problem.capacity_tokens_per_s), builtin_profiles())) {
    say(surroundings, options.quiet, "warning: {}", warning);
  }
}

/// The words for --set that the command stands for.
std::vector<std::string> overrides_of(const TuneOptions& options) {
  std::vector<std::string> words = overrides_of(options.scenario);
  if (options.lift) words.emplace_back("tune.lift=true");
  return words;
}

/// Whoever is named in the path of a figure must be there. Throws UsageError.
template <typename Named>
void require_named(const std::string& path, const std::string& list,
                   const std::vector<Named>& things) {
  if (!path.starts_with(list + ".")) return;
  const std::string rest = path.substr(list.size() + 1);
  std::vector<std::string> names;
  for (const Named& thing : things) names.push_back(thing.name);
  const auto is_meant = [&](const std::string& name) {
    return rest.starts_with(path_word(name) + ".");
  };
  if (std::ranges::any_of(names, is_meant)) return;
  const std::string word = name_of_word(word_at(rest, 0));
  throw UsageError(fmt::format("'{}' names none of the scenario's {}: {}", path, list,
                               suggestion(word, names, fmt::format("{}", fmt::join(names, ", ")))));
}

void require_figures(const TuningProblem& problem) {
  std::vector<std::string> paths = {problem.tuning.objective->path};
  for (const Objective& constraint : problem.tuning.constraints) paths.push_back(constraint.path);
  for (const std::string& path : paths) {
    require_named(path, "tenants", problem.scenario.tenants);
    require_named(path, "throttles", problem.scenario.throttles);
  }
}

/// Throws UsageError.
void require_parameters(const TuningProblem& problem) {
  if (!problem.tuning.parameters.empty()) return;
  if (problem.tuning.lift) {
    throw UsageError(fmt::format(
        "'{}' has no event whose throttle could be lifted in another way: add an [[event]] that "
        "lifts, sets or restores a throttle with a rate or a limit",
        problem.scenario.name));
  }
  throw UsageError(fmt::format(
      "'{}' has no throttle to tune: add a [[throttle]], or say in [tune] which keys to search",
      problem.scenario.name));
}

// ------------------------------------------------------------------------------------ the search

TuningReport search(const Surroundings& surroundings, const TuneOptions& options,
                    const TuningProblem& problem, const OutputFolder& folder, double gone_s) {
  const JournalHead head{to_toml(problem.scenario), problem.capacity_tokens_per_s,
                         problem.tuning.lift};
  TuningJournal journal(folder.path(), head);
  if (!options.resume.empty()) {
    say(surroundings, options.quiet, "{} attempts are there and not made again",
        whole_figure(journal.found()));
  }
  TuningBudget budget;
  budget.requests = options.budget_requests;
  if (options.time_ns) {
    // What it took to get here is of that time.
    budget.time_s = static_cast<double>(*options.time_ns) * 1e-9 - gone_s;
    if (*budget.time_s <= 0) {
      throw BudgetTooSmall(fmt::format(
          "--for is too short: computing the capacity of the fleet alone took {:.3g} s", gone_s));
    }
  } else if (!budget.requests) {
    budget.requests = problem.tuning.budget_requests;
  }
  WorkPool pool(options.threads, surroundings.ranks);
  SearchProgress progress(surroundings, options.quiet);
  const auto watch = [&](const TuningSearch& state, std::size_t done, std::size_t of) {
    progress.show(state, done, of);
  };
  return Tuner(problem, budget, surroundings.words, pool, stop_of(surroundings), &journal, watch)
      .run();
}

/// False if it was interrupted.
bool verify(const Surroundings& surroundings, const TuneOptions& options,
            const TuningProblem& problem, const OutputFolder& folder, TuningReport& report) {
  TuningProblem threads = problem;
  threads.capacity_source = "measured";
  threads.overrides = with(problem.overrides, "run.engine=threads");
  const auto watch = [&](const Scenario& scenario, const ProgressBoard& board,
                         const std::string& label, std::uint64_t repetition, std::uint64_t left) {
    const double left_s =
        static_cast<double>(left) * static_cast<double>(scenario.run.duration_ns) * 1e-9;
    return std::make_unique<ProgressDisplay>(
        board, plan_phases(scenario), scenario.run.duration_ns,
        fmt::format("verifying, {} left, {}, run {} of {}: ", rough_time(left_s), label, repetition,
                    options.verify),
        false, options.quiet ? nullptr : surroundings.err, surroundings.err_is_terminal);
  };
  return TuningVerification(threads, folder, surroundings.words, stop_of(surroundings))
      .run(report, options.verify, watch);
}

/// The scenario with the recommended settings, for its own engine.
void write_scenario(const TuneOptions& options, const TuningProblem& problem,
                    const OutputFolder& folder, const TuningReport& report) {
  std::vector<std::string> words = overrides_of(options);
  for (const std::string& word : report.candidates[*report.recommended].settings) {
    // That all are judged over the same time is of the search, not of the lift.
    if (!word.starts_with("run.settle=")) words.push_back(word);
  }
  const Scenario scenario = parse_scenario(problem.source.text, problem.source.name,
                                           problem.source.folder, words, problem.profiles);
  folder.write(kScenarioFile, to_toml(scenario));
}

/// False where the machine failed it, which has been said: what was found is still to be shown.
bool write_results(const Surroundings& surroundings, const TuneOptions& options,
                   const TuningProblem& problem, const OutputFolder& folder,
                   const TuningReport& report) {
  try {
    folder.write(kReportFile, to_json(report));
    folder.write(kPage, to_html(tuning_page(report)));
    if (report.recommended) write_scenario(options, problem, folder, report);
    return true;
  } catch (const MachineError& error) {
    complain(surroundings,
             fmt::format("{}; the journal has the search: --resume '{}' writes its results anew",
                         error.what(), folder.path().string()));
    return false;
  }
}

int exit_code(const TuningReport& report, bool verification_interrupted) {
  if (report.interrupted || verification_interrupted) return kNotValid;
  if (report.verification && !report.verification->valid) return kNotValid;
  return report.recommended ? kDone : kGoalMissed;
}

/// Searches, verifies if asked to, writes and prints what was found. Returns the exit code: goal
/// missed where nothing can be recommended.
int tune(const Surroundings& surroundings, const TuneOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  require_no_html_on_terminal(surroundings, options.format);
  const ScenarioSource source = find_scenario(options.scenario.reference);
  const std::vector<std::string> overrides = overrides_of(options);
  const std::vector<std::string> simulated = with(overrides, "run.engine=virtual");
  std::vector<Profile> profiles = load_profiles(options.scenario.profile_files);
  std::optional<TuningProblem> problem =
      make_tuning_problem(source, simulated, std::move(profiles), stop_of(surroundings));
  if (!problem) return kNotValid;
  require_parameters(*problem);
  require_figures(*problem);
  // What is wrong with the scenario has been said before a folder is made.
  const OutputFolder folder =
      open_results({options.out, options.resume, "tune-" + fs::path(source.name).stem().string(),
                    kJournalFile, "search", "a search"});
  if (options.verify > 0) {
    auto machine = measure_machine(surroundings, options, source, overrides, folder);
    if (!machine) return kNotValid;
    problem = make_tuning_problem(
        source, with(simulated, "fleet.capacity=" + format_rate(machine->capacity_tokens_per_s)),
        std::move(machine->profiles), stop_of(surroundings));
    if (!problem) return kNotValid;
  }
  announce(surroundings, options, *problem);
  const double gone_s =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();

  TuningReport report;
  try {
    // The machine is measured beside the time that the search is given.
    report = search(surroundings, options, *problem, folder, options.verify > 0 ? 0 : gone_s);
  } catch (const BudgetTooSmall& error) {
    std::error_code ignored;
    if (options.resume.empty()) {
      fs::remove(folder.path() / kJournalFile, ignored);
      folder.give_up();
    }
    throw UsageError(error.what());
  } catch (const OtherSearch& error) {
    throw UsageError(error.what());
  }
  if (report.candidates.size() < kFewSettings && !report.interrupted) {
    say(surroundings, options.quiet,
        "only {} settings were tried: a larger budget may find better ones",
        report.candidates.size());
  }
  bool cut_short = false;
  if (options.verify > 0 && report.recommended && !report.interrupted) {
    cut_short = !verify(surroundings, options, *problem, folder, report);
  }
  const bool written = write_results(surroundings, options, *problem, folder, report);
  print_report(surroundings, options.format,
               options.format == "json"
                   ? to_json(report)
                   : in_format(tuning_page(report), options.format, style_of(surroundings)),
               fmt::format("results: {0}\nreport:  {0}/{1}\n", folder.path().string(), kPage));
  if (!written) return kMachineFailed;
  if (cut_short) complain(surroundings, "interrupted: the recommendation is not verified");
  return exit_code(report, cut_short);
}

}  // namespace

Command tune_command() {
  const auto options = std::make_shared<TuneOptions>();
  Command command{"tune", "search for the throttle, or the way to lift it, that serves users best"};
  add_scenario_options(command, options->scenario);
  const std::vector<Option> own = {
      {"--lift", flag(options->lift),
       "search how the measured event is to happen (at once, in a ramp, in steps, and what becomes "
       "of the throttle's state), not the throttle before it"},
      {"--budget", requests(options->budget_requests),
       "simulated requests, of all runs together: 5000000, 5M, 500k (default: as [tune] says, or "
       "those of 2,000 runs; of a large scenario fewer)"},
      {"--for",
       duration(options->time_ns),
       "search for so long instead; the result then depends on the machine",
       {},
       {"--budget"}},
      {"--verify", whole(options->verify, 1, 10'000),
       "then run the best three settings and the present one so many times each on engine "
       "threads, in turns, and recommend only what holds there; without --profiles what steps cost "
       "on this machine is measured first"},
      {"--out", name(options->out, "FOLDER"),
       "new folder for tune.json, report.html and recommended.toml (default: "
       "tokenlift-results/tune-NAME-TIME)"},
      {"--resume",
       name(options->resume, "FOLDER"),
       "go on with the search in this folder: what was simulated is not made again",
       {},
       {"--out"}},
      {"--threads", whole(options->threads, 1, 1024),
       "settings simulated at a time, on which results do not depend (default: one per core)"},
      stdout_format_option(options->format),
      {"--quiet", flag(options->quiet), "no progress, no announcements"}};
  command.options.insert(command.options.end(), own.begin(), own.end());
  command.footer =
      "Exit codes: 1 nothing can be recommended: no setting meets all constraints, or what was\n"
      "measured refuses it; 3 interrupted (what is shown is the best so far), or no measurement.\n"
      "Examples:\n"
      "  tokenlift tune lift\n"
      "  tokenlift tune lift --verify 5\n"
      "  tokenlift tune mine.toml --for 60s --set 'tune.constraints=\"attainment >= 0.99\"'\n"
      "  tokenlift tune lift --lift";
  command.run = [options](const Surroundings& surroundings) {
    return tune(surroundings, *options);
  };
  return command;
}

}  // namespace tokenlift
