#include "bench/command/run_command.hpp"

#include <algorithm>
#include <memory>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "bench/command/input.hpp"
#include "bench/command/ranks_input.hpp"
#include "bench/command/run_together.hpp"
#include "bench/machine/host.hpp"
#include "bench/machine/progress.hpp"
#include "bench/machine/work_pool.hpp"
#include "bench/run/capacity.hpp"
#include "bench/run/readiness.hpp"
#include "bench/wire/socket_room.hpp"
#include "reports/findings/report.hpp"
#include "reports/findings/verdict.hpp"
#include "reports/formats/page_html.hpp"
#include "reports/formats/page_text.hpp"
#include "reports/page/report_page.hpp"
#include "reports/text/figure.hpp"
#include "reports/text/visible.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/reader/catalogue.hpp"

namespace tokenlift {

namespace {

namespace fs = std::filesystem;

struct RunOptions {
  ScenarioChoice scenario;
  std::optional<std::uint64_t> repetitions;  ///< absent: as many as the scenario says
  bool control = false;
  bool quiet = false;
  std::string records;                        ///< file for one line per request; empty: none
  std::string out;                            ///< folder; empty: a new one
  std::optional<std::size_t> threads;         ///< workers of engine virtual
  bool allow_commands = false;                ///< events may run programs
  std::optional<Share> share;                 ///< it is one of several processes
  std::optional<std::int64_t> start_unix_ns;  ///< ... which all begin then
};

std::string describe_fleet(const Scenario& scenario) {
  std::string text;
  for (const Site& site : scenario.fleet.sites) {
    text += fmt::format("{}{} x {}", text.empty() ? "" : ", ", site.replicas, site.profile);
  }
  return text;
}

/// Workers of engine virtual: as asked for, else one per core. The other engines have their own.
std::size_t worker_count(const Surroundings& surroundings, const Scenario& scenario,
                         const RunOptions& options) {
  if (!traits_of(scenario.run.engine).simulated) {
    if (options.threads) {
      throw UsageError("--threads is for engine virtual: on engine threads every replica has one");
    }
    return 1;
  }
  return options.threads.value_or(usual_threads(surroundings.ranks));
}

/// Other ranks, as far as they may run repetitions; where they may not, why is said.
Ranks* ranks_for(const Surroundings& surroundings, const RunOptions& options,
                 const RepetitionPlan& plan, const Prepared& prepared) {
  if (surroundings.ranks == nullptr || surroundings.ranks->count() == 1) return nullptr;
  std::string why;
  if (!traits_of(prepared.scenario.run.engine).simulated) {
    why = "in real time, runs on one machine would disturb each other";
  } else if (plan.repetitions == 1) {
    why = "there is one run to make";
  } else if (!options.records.empty()) {
    why = "--records are of one process";
  }
  if (why.empty()) return surroundings.ranks;
  say(surroundings, options.quiet, "rank 0 runs by itself: {}", why);
  return nullptr;
}

/// A scenario from somebody else must not run programs unasked.
void require_allowed(const Scenario& scenario, const RunOptions& options) {
  if (options.control && !measured_event(scenario)) {
    throw UsageError(
        fmt::format("--control runs '{}' without its event too, but it has none: add an [[event]]",
                    scenario.name));
  }
  const auto command = std::ranges::find(scenario.events, EventKind::command, &Event::kind);
  if (command == scenario.events.end() || options.allow_commands) return;
  throw UsageError(
      fmt::format("an event of '{}' runs the program '{}': --allow-commands allows that",
                  scenario.name, command->command.front()));
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

void warn_of_crowding(const Surroundings& surroundings, bool quiet, const Scenario& scenario) {
  const std::int64_t replicas = replica_count(scenario);
  const auto cores = static_cast<std::int64_t>(core_count());
  if (traits_of(scenario.run.engine).computes && replicas > cores) {
    say(surroundings, quiet,
        "more replicas than cores ({} on {}): they take turns, and each is slower for it", replicas,
        cores);
  }
}

/// What a capacity was measured to be, and how well.
void tell_capacity(const Surroundings& surroundings, bool quiet, const Prepared& prepared) {
  if (!prepared.capacity_error_tokens_per_s) return;
  const double capacity = *prepared.scenario.fleet.capacity_tokens_per_s;
  const double error = *prepared.capacity_error_tokens_per_s;
  std::string remark;
  if (error > kWantedCapacityError * capacity) {
    remark = fmt::format(": a standard error of {:.1f} %, and {:.0f} % were wanted",
                         100 * error / capacity, 100 * kWantedCapacityError);
    if (error > kMostCapacityError * capacity) {
      const bool remote = traits_of(prepared.scenario.run.engine).remote;
      remark += fmt::format("; above {:.0f} % no run is valid: {}", 100 * kMostCapacityError,
                            remote ? "find it for longer (--find-capacity TIME)"
                                   : "the speed of the machine changes");
    }
  }
  say(surroundings, quiet, "capacity: {} output tokens/s{}", figure_with_error(capacity, error),
      remark);
  if (prepared.capacity_fall > kMostFall) {
    say(surroundings, quiet,
        "warning: the endpoints brought {:.0f} % fewer tokens/s later than at first: it may have "
        "been a burst that a limit allows; find the capacity for longer (--find-capacity TIME)",
        100 * prepared.capacity_fall);
  }
}

}  // namespace

void require_own_file(const std::string& records, const RepetitionPlan& plan,
                      const fs::path& folder, const std::vector<fs::path>& inputs) {
  for (const fs::path& file : run_files(plan)) {
    require_no_input("--out: the run's", folder / file, inputs);
  }
  if (records.empty()) return;
  if (records == "-") {
    throw UsageError("--records - would be stdout, which has the report: give a file");
  }
  const auto refuse = [&](const fs::path& name) {
    if (!is_same_file(folder / name, records)) return;
    throw UsageError(fmt::format("--records '{}' is the file for the run's own {}: give another",
                                 records, name.filename().string()));
  };
  refuse(kPage);
  for (const fs::path& file : run_files(plan)) refuse(file);
  require_no_input("--records", records, inputs);
}

void require_no_other_runs(const RepetitionPlan& plan, const fs::path& folder) {
  const std::set<fs::path> ours = run_files(plan);
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

void warn_of_cpu_quota(const Surroundings& surroundings, bool quiet, const Scenario& scenario) {
  const std::optional<Check> quota = check_cpu_quota(scenario, cpu_quota(), core_count());
  if (!quota || quota->passed) return;
  say(surroundings, quiet, "warning: a run cannot be valid here: {}", quota->advice);
}

std::optional<Prepared> prepare_and_warn(const Surroundings& surroundings, bool quiet,
                                         Experiment& experiment, const Scenario& scenario,
                                         std::int64_t processes) {
  const bool remote = traits_of(scenario.run.engine).remote;
  warn_of_cpu_quota(surroundings, quiet, scenario);
  if (remote) require_socket_room(scenario);
  if (needs_capacity(scenario) && !traits_of(scenario.run.engine).simulated) {
    if (remote) {
      say(surroundings, quiet, "saturating the endpoints to find their capacity");
    } else {
      say(surroundings, quiet, "measuring the capacity of the fleet ({}), some seconds",
          describe_fleet(scenario));
    }
  }
  std::optional<Prepared> prepared = experiment.prepare(scenario);
  if (!prepared) {
    say(surroundings, quiet, "interrupted before the run began: nothing was measured");
    return prepared;
  }
  tell_capacity(surroundings, quiet, *prepared);
  for (const std::string& note : trace_notes(prepared->scenario)) {
    say(surroundings, quiet, "{}", note);
  }
  warn_of_crowding(surroundings, quiet, prepared->scenario);
  for (const std::string& warning : warnings(prepared->scenario, builtin_profiles())) {
    say(surroundings, quiet, "warning: {}", warning);
  }
  const std::string scarce = remote ? scarce_room(prepared->scenario, processes) : "";
  if (!scarce.empty()) say(surroundings, quiet, "warning: {}", scarce);
  return prepared;
}

namespace {

RunWatch shown_runs(const Surroundings& surroundings, bool quiet, const RepetitionPlan& plan) {
  return [&surroundings, quiet, plan](const Scenario& scenario, const ProgressBoard& board,
                                      std::uint64_t repetition, bool control) {
    std::string label;
    if (plan.repetitions > 1) label = fmt::format("run {} of {}: ", repetition, plan.repetitions);
    if (plan.control) label += control ? "without the event: " : "with the event: ";
    return std::make_unique<ProgressDisplay>(board, plan_phases(scenario), scenario.run.duration_ns,
                                             label, traits_of(scenario.run.engine).simulated,
                                             quiet ? nullptr : surroundings.err,
                                             surroundings.err_is_terminal);
  };
}

}  // namespace

Repeated repeat_with_progress(const Surroundings& surroundings, bool quiet, Experiment& experiment,
                              const Prepared& prepared, const RepetitionPlan& plan,
                              const OutputFolder& folder, const fs::path& subfolder, Ranks* ranks) {
  try {
    return repeat(prepared, plan,
                  {experiment, folder, subfolder, shown_runs(surroundings, quiet, plan), ranks,
                   &stop_of(surroundings)});
  } catch (const RunNotWritten& error) {
    const Run& run = error.run();
    const Report report = make_report({{run.scenario_name, Arm(run), std::nullopt}});
    print_result(surroundings, to_text(report_page(report), style_of(surroundings)));
    throw;
  }
}

std::string names_of(const Repeated& repeated) {
  std::string names;
  for (const fs::path& file : repeated.files) {
    names += (names.empty() ? "" : ", ") + file.string();
  }
  return names;
}

namespace {

/// What this process plays of a run of several; nothing where it plays all of it.
std::optional<Part> part_played(const Scenario& scenario, const RunOptions& options) {
  if (!options.share) return std::nullopt;
  if (options.repetitions.value_or(scenario.run.repetitions) > 1 || options.control) {
    throw UsageError(
        "--rank is of one run, which begins at one instant: without --control and "
        "with --repetitions 1");
  }
  return part_of(scenario, *options.share, *options.start_unix_ns);
}

/// One that could not begin with the others leaves no folder.
template <typename Play>
Repeated or_give_up(const OutputFolder& folder, const Play& play) {
  try {
    return play();
  } catch (const NotMeasurable&) {
    folder.give_up();
    throw;
  }
}

int run_scenario(const Surroundings& surroundings, const RunOptions& options) {
  const Scenario scenario =
      load_scenario(options.scenario, load_profiles(options.scenario.profile_files));
  require_allowed(scenario, options);
  const std::optional<Part> part = part_played(scenario, options);
  Experiment experiment(surroundings.words, stop_of(surroundings),
                        worker_count(surroundings, scenario, options));
  if (options.scenario.find_capacity_ns) {
    if (!traits_of(scenario.run.engine).remote || scenario.fleet.capacity_tokens_per_s) {
      throw UsageError(
          "--find-capacity is for engine http, where the scenario does not state fleet.capacity");
    }
    experiment.find_capacity(
        {*options.scenario.find_capacity_ns, scenario.run.stop_after_output_tokens});
  }
  experiment.go_elsewhere(options.allow_commands, surroundings.cut);
  if (traits_of(scenario.run.engine).remote && surroundings.waits_for_answers != nullptr) {
    *surroundings.waits_for_answers = true;
  }
  if (part) experiment.play_part(*part);
  const RepetitionPlan plan{options.repetitions.value_or(scenario.run.repetitions),
                            options.control};
  const bool together = !part && is_played_together(surroundings, scenario, plan);
  if (together && !options.records.empty()) {
    throw UsageError("--records are of one process: 'run --rank' by hand has records of each");
  }
  const std::string name =
      part ? fmt::format("{}-rank-{}", scenario.name, part->share.rank) : scenario.name;
  const fs::path out = options.out.empty() ? default_folder(name) : options.out;
  require_own_file(options.records, plan, out, inputs_of(options.scenario, scenario));
  require_no_other_runs(plan, out);
  const OutputFolder folder = claim_folder(options.out, name);
  std::optional<RequestLog> log;
  if (!options.records.empty()) experiment.log_to(log.emplace(options.records));
  std::optional<Prepared> prepared;
  std::int64_t processes = 1;
  if (part) processes = static_cast<std::int64_t>(part->share.count);
  if (together) processes = static_cast<std::int64_t>(surroundings.ranks->count());
  try {
    prepared = prepare_and_warn(surroundings, options.quiet, experiment, scenario, processes);
  } catch (const std::runtime_error&) {  // nothing can be measured, or nobody can be asked
    folder.give_up();
    throw;
  }
  if (!prepared) {
    folder.give_up();
    return kNotValid;
  }
  if (part) {
    say(surroundings, options.quiet, "rank {} of {} begins at {}", part->share.rank,
        part->share.count, instant_text(part->start_unix_ns));
  }
  std::optional<Report> report;
  bool all_done = attempt(surroundings, [&] {
    Repeated repeated = or_give_up(folder, [&] {
      if (together) {
        return play_together(surroundings, options.quiet, experiment, *prepared, folder,
                             shown_runs(surroundings, options.quiet, plan));
      }
      return repeat_with_progress(surroundings, options.quiet, experiment, *prepared, plan, folder,
                                  "", ranks_for(surroundings, options, plan, *prepared));
    });
    const std::string files = names_of(repeated);
    std::vector<Trial> trials;  // a list in braces would be copied
    trials.push_back(std::move(repeated.trial));
    report = make_report(std::move(trials));
    print_result(surroundings, fmt::format("{}\nresults: {}\n",
                                           to_text(report_page(*report), style_of(surroundings)),
                                           visible(files)));
  });
  if (log) all_done &= attempt(surroundings, [&] { log->close(); });
  if (report) {
    all_done &= attempt(surroundings, [&] {
      const fs::path page = folder.write(kPage, to_html(report_page(*report)));
      print_result(surroundings, fmt::format("report:  {}\n", visible(page.string())));
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
      {"--repetitions", whole(options->repetitions, 1, kMostRepetitions),
       "runs, with seeds one apart (default: as many as the scenario says, else 1)"},
      {"--control", flag(options->control),
       "run each repetition also without the event that divides the run, with the same seed, and "
       "report the difference"},
      {"--records", name(options->records, "FILE"),
       "stream one CSV line per request of all repetitions into FILE while they run"},
      {"--out", name(options->out, "FOLDER"),
       "folder for run.json and report.html (default: tokenlift-results/NAME-TIME); a run of as "
       "many repetitions that is there is replaced, whatever its scenario. Of several repetitions "
       "each run.json is in a numbered folder below it, that of a control in 'control' below that"},
      {"--threads", whole(options->threads, 1, 1024),
       "engine virtual, fleets with a load_report_interval: worker threads, on which results do "
       "not depend (default: one per core)"},
      {"--allow-commands", flag(options->allow_commands),
       "engine http: events of the scenario may run programs (command = [...])"},
      {"--find-capacity", duration(options->scenario.find_capacity_ns),
       "engine http: first saturates the endpoints, for so long at most and for no more output "
       "tokens than run.stop_after states; loads are shares of what that finds"},
      {"--rank",
       rank_of_several(options->share),
       "engines http and null: plays a share of the run, as rank R (from 0) of N processes; "
       "'tokenlift merge' joins what they wrote. env: as JOB_COMPLETION_INDEX of JOB_COMPLETIONS "
       "says, or SLURM_PROCID of SLURM_NTASKS",
       {"--start-at"},
       {"--find-capacity"}},
      {"--start-at",
       instant(options->start_unix_ns),
       "with --rank: when all of them begin, by the clocks of their machines "
       "(2026-12-01T12:00:00Z)",
       {"--rank"}},
      {"--quiet", flag(options->quiet), "no progress, no warnings"}};
  command.options.insert(command.options.end(), own.begin(), own.end());
  command.run = [options](const Surroundings& surroundings) {
    return run_scenario(surroundings, *options);
  };
  return command;
}

}  // namespace tokenlift
