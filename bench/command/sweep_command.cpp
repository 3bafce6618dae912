#include "bench/command/sweep_command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "bench/command/input.hpp"
#include "bench/command/sweep_results.hpp"
#include "bench/machine/work_pool.hpp"
#include "bench/sweep/task.hpp"
#include "reports/formats/page_format.hpp"
#include "reports/formats/page_html.hpp"
#include "reports/json/json_sweep.hpp"
#include "reports/page/sweep_page.hpp"

namespace tokenlift {

namespace {

namespace fs = std::filesystem;

struct SweepOptions {
  ScenarioChoice scenario;
  std::vector<std::string> words;  ///< a scenario, ranges of --find; or folders to be laid over
  std::vector<std::string> over;
  std::vector<std::string> find;
  std::vector<std::string> holds;  ///< --while
  std::vector<std::string> figures;
  std::optional<std::uint64_t> repetitions;
  std::optional<std::int64_t> requests;
  std::optional<std::int64_t> time_ns;
  std::optional<std::size_t> threads;
  std::string out;
  std::string resume;
  std::string format = "text";
  bool quiet = false;
};

// ------------------------------------------------------------------------------- what is asked

bool is_file(const std::string& word) {
  std::error_code error;
  return fs::exists(word, error);
}

/// The words by their places: ranges of --find have a '=' and are no files.
struct Words {
  std::vector<std::string> sources;
  std::vector<std::string> ranges;
};
Words parted(const SweepOptions& options) {
  Words words;
  for (const std::string& word : options.words) {
    const bool range =
        !options.find.empty() && word.find('=') != std::string::npos && !is_file(word);
    (range ? words.ranges : words.sources).push_back(word);
  }
  for (const std::string& what : options.find) {
    if (what == "most" || what == "least") continue;
    throw UsageError(fmt::format("--find '{}': most or least is found", what));
  }
  if (words.ranges.size() != options.find.size()) {
    throw UsageError("behind each --find most and --find least stands KEY=LOW:HIGH");
  }
  return words;
}

/// What the options say; what they leave out the scenario's [sweep] says. Where they name something
/// to do, what it would do is not done.
Sweeping asked_of(const SweepOptions& options, const Words& words,
                  const std::optional<Sweeping>& of_scenario) {
  Sweeping asked = of_scenario.value_or(Sweeping{});
  if (!options.over.empty() || !options.find.empty()) {
    asked.over = options.over;
    asked.finds.clear();
    for (std::size_t i = 0; i < options.find.size(); ++i) {
      asked.finds.push_back({options.find[i] == "most", words.ranges[i]});
    }
  }
  if (!options.holds.empty()) {
    asked.objectives.clear();
    for (const std::string& text : options.holds) {
      asked.objectives.push_back(read_objective(text));
    }
  }
  if (!options.figures.empty()) asked.figures = options.figures;
  if (options.repetitions) asked.repetitions = options.repetitions;
  if (options.requests) asked.requests = options.requests;
  if (options.time_ns) asked.time_ns = options.time_ns;
  return asked;
}

SweepTask read_task(const SweepOptions& options, const Words& words) {
  if (words.sources.size() != 1) throw UsageError("one scenario is swept at a time");
  ScenarioChoice choice = options.scenario;
  choice.reference = words.sources.front();
  SweepProblem problem =
      make_sweep_problem(find_scenario(choice.reference), overrides_of(choice),
                         load_profiles(choice.profile_files), kUsualSweepRepetitions);
  const Sweeping asked = asked_of(options, words, problem.scenario.sweep);
  return make_sweep_task(std::move(problem), asked);
}

// ------------------------------------------------------------------------------------ the work

int sweep_scenario(const Surroundings& surroundings, const SweepOptions& options,
                   const Words& words) {
  SweepTask task = read_task(options, words);
  const OutputFolder folder = open_results(
      {options.out, options.resume, "sweep-" + fs::path(task.problem.source.name).stem().string(),
       kSweepFile, "sweep", "a sweep"});
  // Read once nobody else adds to it.
  const std::optional<SweepReport> known = known_sweep(options.resume, task);
  WorkPool pool(options.threads, surroundings.ranks);
  SweepReport report;
  try {
    report =
        run_sweep(std::move(task), surroundings.words, pool, stop_of(surroundings),
                  known ? &*known : nullptr, watch_points(surroundings, options.quiet, folder));
  } catch (...) {
    folder.give_up();
    throw;
  }
  end_watch(surroundings, options.quiet);
  return show_sweep(surroundings, options.format, folder, report);
}

/// A sweep that is there, in another format.
int show_again(const Surroundings& surroundings, const SweepOptions& options,
               const SweepReport& report) {
  if (!options.out.empty()) {
    throw UsageError("one sweep is shown on stdout: --out is for several, laid over each other");
  }
  print_result(surroundings, in_sweep_format(surroundings, options.format, report));
  return kDone;
}

/// Sweeps that are there: one of them again, or their curves over each other.
int lay_over(const Surroundings& surroundings, const SweepOptions& options,
             const std::vector<std::string>& folders) {
  if (!options.over.empty() || !options.find.empty()) {
    throw UsageError("sweeps that are there are shown as they are: without --over, --find");
  }
  std::vector<SweepReport> reports;
  for (const std::string& word : folders) {
    std::error_code error;
    const fs::path file =
        fs::is_directory(word, error) ? fs::path(word) / kSweepFile : fs::path(word);
    reports.push_back(read_sweep(read_file(file), file.string()));
    const SweepReport& report = reports.back();
    if (folders.size() == 1) return show_again(surroundings, options, report);
    const bool along_one = report.axes.size() == 1 && report.axes[0].numeric;
    if (!along_one || report.points.empty()) {
      throw UsageError(fmt::format("'{}' is no sweep over one axis of numbers", file.string()));
    }
    if (report.axes[0].key != reports[0].axes[0].key) {
      throw UsageError(fmt::format("'{}' is over {}, and '{}' over {}", folders[0],
                                   reports[0].axes[0].key, word, report.axes[0].key));
    }
  }
  std::vector<NamedSweep> sweeps;
  for (std::size_t i = 0; i < folders.size(); ++i) {
    fs::path folder = fs::path(folders[i]).lexically_normal();
    if (!folder.has_filename()) folder = folder.parent_path();
    sweeps.push_back({folder.filename().string(), &reports[i]});
  }
  if (!is_page_format(options.format)) {
    throw UsageError(
        fmt::format("several sweeps have no page as '{}': give one folder", options.format));
  }
  const Page page = overlay_page(sweeps);
  std::string files;
  if (!options.out.empty()) {
    const OutputFolder folder(options.out);
    files = fmt::format("report:  {}\n", folder.write(kPage, to_html(page)).string());
  }
  print_report(surroundings, options.format,
               in_format(page, options.format, style_of(surroundings)), files);
  return kDone;
}

int sweep(const Surroundings& surroundings, const SweepOptions& options) {
  require_no_html_on_terminal(surroundings, options.format);
  try {
    const Words words = parted(options);
    const auto is_sweep = [](const std::string& word) {
      return is_file((fs::path(word) / kSweepFile).string()) || word.ends_with(kSweepFile);
    };
    const bool overlay = !words.sources.empty() && std::ranges::all_of(words.sources, is_sweep);
    return overlay ? lay_over(surroundings, options, words.sources)
                   : sweep_scenario(surroundings, options, words);
  } catch (const SweepMistake& mistake) {
    throw UsageError(mistake.what());
  }
}

}  // namespace

Command sweep_command() {
  const auto options = std::make_shared<SweepOptions>();
  Command command{
      "sweep", "run a scenario at many values of its keys, or find the most or least that will do"};
  add_scenario_options(command, options->scenario);
  command.options.front() = {
      "SCENARIO", texts(options->words, "SCENARIO"),
      "a scenario file (TOML), a run.json, or a built-in name. Or the folder of a sweep, to be "
      "shown "
      "again in another --format; or of several over the same key, whose curves are laid over each "
      "other"};
  const std::vector<Option> own = {
      engine_option(options->scenario),
      {"--over", texts(options->over, "KEY=FROM:TO:N"),
       "run the scenario at N values of a key, from FROM to TO in even steps (:log behind it: in "
       "equal ratios), or at those of a list, KEY=8,16,32. May be repeated: every combination is "
       "run; the first two keys span a grid, and each combination of the others is a panel. KEY is "
       "as for --set (default: [sweep] of the scenario)"},
      {"--find", texts(options->find, "most|least"),
       "--find most KEY=LOW:HIGH: search the largest value with which all --while hold; least: the "
       "smallest. May be repeated: one search after the other"},
      {"--while", texts(options->holds, "OBJECTIVE"),
       "what is to hold, as in suites: 'ttft.p99_ms <= 500'; may be repeated. Along --over it is "
       "said where it is crossed, and points are added there"},
      {"--figure", texts(options->figures, "PATH"),
       "show this figure, too, e.g. tenants.chat.ttft.p99_ms; may be repeated"},
      {"--repetitions", whole(options->repetitions, 1, kMostRepetitions),
       "run each point so many times, with other seeds, the same at every point; three or more "
       "give "
       "intervals (default: 5)"},
      {"--requests", requests(options->requests),
       "along one --over, add points where the curve bends until so many requests have been run in "
       "all: 5000000, 5M, 500k (default: add half as many points as were asked for)"},
      {"--for", duration(options->time_ns),
       "begin no point later than so long after the first; which points there are then depends on "
       "the machine"},
      {"--out", name(options->out, "FOLDER"),
       "new folder for sweep.json, points.csv and report.html (default: "
       "tokenlift-results/sweep-NAME-TIME)"},
      {"--resume",
       name(options->resume, "FOLDER"),
       "go on with the sweep in this folder, which was stopped or killed: give the same words; "
       "points that are there are not run again",
       {},
       {"--out"}},
      {"--threads", whole(options->threads, 1, 1024),
       "simulate so many points at a time; results do not depend on it (default: one per core)"},
      sweep_format_option(options->format, true),
      {"--quiet", flag(options->quiet), "no progress"}};
  command.options.insert(command.options.end(), own.begin(), own.end());
  command.footer =
      "Exit codes: 4 a point failed; else 3 a point is no measurement, or it was interrupted; else "
      "1\n"
      "what was searched was not found.\n"
      "Examples:\n"
      "  tokenlift sweep steady --engine virtual --over tenant.users.arrivals.load=0.1:1.2:12\n"
      "  tokenlift sweep mine.toml --find most tenant.users.arrivals.load=0.1:1.2 \\\n"
      "    --while 'attainment >= 0.99'\n"
      "  tokenlift sweep mine.toml --over fleet.site.hall.max_batch=8,16,32,64 \\\n"
      "    --over tenant.users.arrivals.load=0.2:1:5\n"
      "  tokenlift sweep results/h100 results/b200\n"
      "  tokenlift sweep results/h100 --format openmetrics > h100.txt";
  command.run = [options](const Surroundings& surroundings) {
    return sweep(surroundings, *options);
  };
  return command;
}

}  // namespace tokenlift
