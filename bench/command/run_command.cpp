#include "bench/command/run_command.hpp"

#include <memory>
#include <set>
#include <system_error>
#include <utility>

#include "bench/command/input.hpp"
#include "bench/machine/host.hpp"
#include "bench/machine/progress.hpp"
#include "reports/findings/report.hpp"
#include "reports/findings/verdict.hpp"
#include "reports/formats/html.hpp"
#include "reports/formats/text.hpp"
#include "reports/json/json_run.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/reader/catalogue.hpp"

namespace tokenlift {

namespace {

namespace fs = std::filesystem;

constexpr const char* kPage = "report.html";

struct RunOptions {
  ScenarioChoice scenario;
  RepetitionPlan plan;
  std::string records;                 ///< file for one line per request; empty: none
  std::string out;                     ///< folder; empty: a new one
  std::optional<std::size_t> threads;  ///< workers of engine virtual
};

std::string describe_fleet(const Scenario& scenario) {
  std::string text;
  for (const Site& site : scenario.fleet.sites) {
    text += fmt::format("{}{} x {}", text.empty() ? "" : ", ", site.replicas, site.profile);
  }
  return text;
}

/// Workers of engine virtual: as asked for, else one per core. The other engines have their own.
std::size_t worker_count(const Scenario& scenario, const RunOptions& options) {
  if (scenario.run.engine != Engine::simulated) {
    if (options.threads) {
      throw UsageError("--threads is for engine virtual: on engine threads every replica has one");
    }
    return 1;
  }
  return options.threads.value_or(core_count());
}

/// The run.json of one repetition and arm, from the folder of results.
fs::path run_file(const RepetitionPlan& plan, std::uint64_t repetition, bool control) {
  fs::path name;
  if (plan.repetitions > 1) name /= std::to_string(repetition);
  if (control) name /= "control";
  return name / "run.json";
}

/// The runs that this command will write.
std::set<fs::path> run_files(const RepetitionPlan& plan) {
  std::set<fs::path> files;
  for (std::uint64_t n = 1; n <= plan.repetitions; ++n) {
    files.insert(run_file(plan, n, false));
    if (plan.control) files.insert(run_file(plan, n, true));
  }
  return files;
}

/// The one spelling of a path, without links; the file and its folders need not exist.
fs::path spelled_out(const fs::path& path) {
  std::error_code error;
  const fs::path absolute = fs::absolute(link_target(path), error);
  const fs::path whole = fs::weakly_canonical(absolute, error);
  return error ? absolute : whole;  // links in a ring: writing there says so
}

/// Records go where nothing else does: neither to stdout nor into a file of the results.
void require_own_file(const RunOptions& options, const fs::path& folder) {
  if (options.records.empty()) return;
  if (options.records == "-") {
    throw UsageError("--records - would be stdout, which has the report: give a file");
  }
  const fs::path records = spelled_out(options.records);
  const auto refuse = [&](const fs::path& name) {
    if (spelled_out(folder / name) != records) return;
    throw UsageError(fmt::format("--records '{}' is the file for the run's own {}: give another",
                                 options.records, name.filename().string()));
  };
  refuse(kPage);
  for (const fs::path& file : run_files(options.plan)) refuse(file);
}

/// A folder is read as one experiment: runs that stay there from another one would be taken for
/// repetitions of this one.
void require_no_other_runs(const RunOptions& options, const fs::path& folder) {
  const std::set<fs::path> ours = run_files(options.plan);
  const auto refuse_if_there = [&](const fs::path& name) {
    std::error_code error;
    if (ours.contains(name) || !fs::exists(folder / name, error)) return;
    throw UsageError(
        fmt::format("'{}' holds a run that this one would not replace ({}), and a report of the "
                    "folder would take both for one experiment: give another folder, or remove it",
                    folder.string(), name.string()));
  };
  refuse_if_there("run.json");
  refuse_if_there(fs::path("control") / "run.json");
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.empty() || name.find_first_not_of("0123456789") != std::string::npos) continue;
    refuse_if_there(fs::path(name) / "run.json");
    refuse_if_there(fs::path(name) / "control" / "run.json");
  }
}

/// Whether the machine did it; if not, why is said, so that what comes next is tried all the same.
template <typename Action>
bool attempt(const Surroundings& surroundings, const Action& action) {
  try {
    action();
    return true;
  } catch (const MachineError& error) {
    complain(surroundings, error.what());
    return false;
  }
}

}  // namespace

Repetitions::Repetitions(const Surroundings& surroundings, const RepetitionPlan& plan,
                         std::size_t threads)
    : surroundings_(surroundings),
      plan_(plan),
      experiment_(surroundings.words, *surroundings.stop, threads) {}

std::optional<Prepared> Repetitions::prepare(const Scenario& scenario) {
  if (needs_capacity(scenario) && scenario.run.engine == Engine::threads) {
    say(surroundings_, plan_.quiet, "measuring the capacity of the fleet ({}), some seconds",
        describe_fleet(scenario));
  }
  std::optional<Prepared> prepared = experiment_.prepare(scenario);
  if (!prepared) {
    say(surroundings_, plan_.quiet, "interrupted before the run began: nothing was measured");
    return prepared;
  }
  warn_of_crowding(prepared->scenario);
  for (const std::string& warning : warnings(prepared->scenario, builtin_profiles())) {
    say(surroundings_, plan_.quiet, "warning: {}", warning);
  }
  return prepared;
}

Trial Repetitions::repeat(const Prepared& prepared, const OutputFolder& folder,
                          const std::filesystem::path& subfolder) {
  Pool pool;
  bool interrupted = false;
  for (std::uint64_t n = 1; n <= plan_.repetitions && !interrupted; ++n) {
    for (const bool control : arms_in_turn(n)) {
      if (interrupted || (control && !plan_.control)) continue;
      const Run run = run_once(prepared, n, control);
      write(run, folder, subfolder);
      pool.add(run_name(n, control), run);
      interrupted = run.interrupted;
    }
  }
  return pool.take(prepared.scenario.name);
}

void Repetitions::write(const Run& run, const OutputFolder& folder,
                        const std::filesystem::path& subfolder) {
  const std::filesystem::path name = subfolder / run_file(plan_, run.repetition, run.control);
  try {
    written_ += (written_.empty() ? "" : ", ") + folder.write(name, to_json(run)).string();
  } catch (const MachineError&) {
    // What was measured is at least shown.
    const Report report = make_report({{run.scenario_name, Arm(run), std::nullopt}});
    print_result(surroundings_, to_text(report, style_of(surroundings_)));
    throw;
  }
}

Run Repetitions::run_once(const Prepared& prepared, std::uint64_t repetition, bool control) {
  ProgressBoard board;
  std::string label;
  if (plan_.repetitions > 1) {
    label = fmt::format("run {} of {}: ", repetition, plan_.repetitions);
  }
  if (plan_.control) label += control ? "without the event: " : "with the event: ";
  const Scenario& scenario = prepared.scenario;
  const ProgressDisplay display(board, plan_phases(scenario), scenario.run.duration_ns, label,
                                scenario.run.engine == Engine::simulated,
                                plan_.quiet ? nullptr : surroundings_.err,
                                surroundings_.err_is_terminal, surroundings_.err_columns);
  return experiment_.run(prepared, repetition, board, control);
}

void Repetitions::warn_of_crowding(const Scenario& scenario) const {
  const std::int64_t replicas = replica_count(scenario);
  const auto cores = static_cast<std::int64_t>(core_count());
  if (scenario.run.engine == Engine::threads && replicas > cores) {
    say(surroundings_, plan_.quiet,
        "more replicas than cores ({} on {}): they take turns, and each is slower for it", replicas,
        cores);
  }
}

namespace {

int run_scenario(const Surroundings& surroundings, const RunOptions& options) {
  const Scenario scenario =
      load_scenario(options.scenario, load_profiles(options.scenario.profile_files));
  if (options.plan.control && !measured_event(scenario)) {
    throw UsageError(
        fmt::format("--control runs '{}' without its event too, but it has none: add an [[event]]",
                    scenario.name));
  }
  Repetitions repetitions(surroundings, options.plan, worker_count(scenario, options));
  const fs::path out = options.out.empty() ? default_folder(scenario.name) : options.out;
  require_own_file(options, out);
  require_no_other_runs(options, out);
  const OutputFolder folder(out);
  std::optional<RequestLog> log;
  if (!options.records.empty()) repetitions.log_to(log.emplace(options.records));
  const std::optional<Prepared> prepared = repetitions.prepare(scenario);
  if (!prepared) return kNotValid;
  std::optional<Report> report;
  bool all_done = attempt(surroundings, [&] {
    report = make_report({repetitions.repeat(*prepared, folder, "")});
    print_result(surroundings,
                 fmt::format("{}\nresults: {}\n", to_text(*report, style_of(surroundings)),
                             repetitions.written()));
  });
  if (log) all_done &= attempt(surroundings, [&] { log->close(); });
  if (report) {
    all_done &= attempt(surroundings, [&] {
      const fs::path page = folder.write(kPage, to_html(*report));
      print_result(surroundings, fmt::format("report:  {}\n", page.string()));
    });
  }
  if (!all_done) return kMachineFailed;
  return is_valid(report->trials.front().trial) ? kDone : kNotValid;
}

}  // namespace

Command run_command() {
  const auto options = std::make_shared<RunOptions>();
  Command command{"run", "run a scenario and report before, transition, after"};
  command.options = {engine_option(options->scenario)};
  add_scenario_options(command, options->scenario);
  const std::vector<Option> own = {
      {"--repetitions", whole(options->plan.repetitions, 1, 10'000),
       "runs, with seeds one apart (default: 1)"},
      {"--control", flag(options->plan.control),
       "run each repetition also without the event that divides the run, with the same seed, and "
       "report the difference"},
      {"--records", name(options->records, "FILE"),
       "stream one CSV line per request of all repetitions into FILE while they run"},
      {"--out", name(options->out, "FOLDER"),
       "folder for run.json and report.html (default: tokenlift-results/NAME-TIME); of several "
       "repetitions each run.json is in a numbered folder below it, that of a control in 'control' "
       "below that"},
      {"--threads", whole(options->threads, 1, 1024),
       "engine virtual, fleets with a load_report_interval: worker threads, on which results do "
       "not depend (default: one per core)"},
      {"--quiet", flag(options->plan.quiet), "no progress, no warnings"}};
  command.options.insert(command.options.end(), own.begin(), own.end());
  command.run = [options](const Surroundings& surroundings) {
    return run_scenario(surroundings, *options);
  };
  return command;
}

}  // namespace tokenlift
