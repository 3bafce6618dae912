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
#include "bench/machine/host.hpp"
#include "bench/machine/workers.hpp"
#include "bench/sweep/sweeper.hpp"
#include "reports/formats/page_format.hpp"
#include "reports/formats/page_html.hpp"
#include "reports/json/json_sweep.hpp"
#include "reports/page/sweep_page.hpp"

namespace tokenlift {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kRunsOfPoint = 5;  // as many as an interval of a percentile needs

struct SweepOptions {
  ScenarioChoice scenario;
  std::vector<std::string> words;  ///< a scenario, ranges of --find; or folders to be laid over
  std::vector<std::string> over;
  std::vector<std::string> find;
  std::vector<std::string> holds;  ///< --while
  std::vector<std::string> figures;
  std::uint64_t repetitions = kRunsOfPoint;
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

void require_task(const SweepOptions& options) {
  if (options.over.empty() && options.find.empty()) {
    throw UsageError("say what changes: --over KEY=FROM:TO:N, or --find most KEY=LOW:HIGH");
  }
  if (options.over.size() > 2) throw UsageError("--over: two axes at most");
  if (!options.find.empty() && options.holds.empty()) {
    throw UsageError("--find looks for where an objective stops being met: --while 'OBJECTIVE'");
  }
}

/// What is swept, and searched.
struct Asked {
  SweepProblem problem;
  std::vector<SweptKey> axes;
  std::vector<FindTask> finds;
  std::vector<Objective> objectives;
};

Asked read_task(const SweepOptions& options, const Words& words) {
  Asked asked;
  ScenarioChoice choice = options.scenario;
  choice.reference = words.sources.front();
  asked.problem = make_sweep_problem(find_scenario(choice.reference), overrides_of(choice),
                                     load_profiles(choice.profile_files), options.repetitions);
  const Accepts accepts = [&](const std::string& key, const std::string& value) {
    try {
      read_scenario(asked.problem, {key + "=" + value});
      return true;
    } catch (const ScenarioError&) {
      return false;
    }
  };
  for (const std::string& path : options.figures) add_figure(asked.problem, path);
  std::vector<std::size_t> figures;
  for (const std::string& text : options.holds) {
    auto [objective, figure] = add_objective(asked.problem, text);
    asked.objectives.push_back(std::move(objective));
    figures.push_back(figure);
  }
  for (const std::string& word : options.over) asked.axes.push_back(parse_axis(word, accepts));
  if (asked.axes.size() == 2 && asked.axes[0].axis.key == asked.axes[1].axis.key) {
    throw UsageError("--over: both axes are " + asked.axes[0].axis.key);
  }
  for (std::size_t i = 0; i < options.find.size(); ++i) {
    FindTask task{"", parse_range(words.ranges[i], accepts), options.find[i] == "most",
                  asked.objectives, figures};
    asked.finds.push_back(std::move(task));
  }
  return asked;
}

// ------------------------------------------------------------------------------------ the work

/// Whether points of an earlier sweep are among those that are asked for, so that none would be
/// lost: the same axes, and all values but those that were added to a curve.
bool goes_on(const SweepReport& known, const std::vector<SweptKey>& axes) {
  if (known.points.empty()) return true;
  const auto is_same = [](const SweepAxis& axis, const SweptKey& key) {
    return axis.key == key.axis.key;
  };
  if (!std::ranges::equal(known.axes, axes, is_same)) return false;
  return std::ranges::all_of(known.points, [&](const SweepPoint& point) {
    for (std::size_t i = 0; i < axes.size() && !point.refined; ++i) {
      const std::vector<std::string>& values = axes[i].values;
      if (std::ranges::find(values, point.values[i]) == values.end()) return false;
    }
    return true;
  });
}

/// What the folder to go on in has. Throws UsageError where it is of something else.
std::optional<SweepReport> known_points(const SweepOptions& options, const Asked& asked) {
  const SweepProblem& problem = asked.problem;
  if (options.resume.empty()) return std::nullopt;
  const fs::path file = fs::path(options.resume) / kSweepFile;
  if (!is_file(file.string())) return std::nullopt;
  SweepReport known = read_sweep(read_file(file), file.string());
  if (known.settings_digest == digest_of(problem) && known.figures == problem.figures) {
    if (goes_on(known, asked.axes)) return known;
    throw UsageError(fmt::format(
        "'{}' has points of another --over, which would be lost: go on with the same words",
        file.string()));
  }
  throw UsageError(fmt::format(
      "'{}' is of another scenario, or of other repetitions or figures: go on with the same words",
      file.string()));
}

int sweep_scenario(const Surroundings& surroundings, const SweepOptions& options,
                   const Words& words) {
  require_task(options);
  if (words.sources.size() != 1) throw UsageError("one scenario is swept at a time");
  Asked asked = read_task(options, words);
  const std::optional<SweepReport> known = known_points(options, asked);
  SweepEffort effort;
  if (options.requests) effort.requests = static_cast<std::uint64_t>(*options.requests);
  if (options.time_ns) effort.time_s = static_cast<double>(*options.time_ns) / 1e9;
  const OutputFolder folder = open_results(
      {options.out, options.resume, "sweep-" + fs::path(asked.problem.source.name).stem().string(),
       kSweepFile, "sweep", "a sweep"});
  Workers workers(options.threads.value_or(core_count()));
  SweepReport report;
  try {
    Sweeper sweeper(std::move(asked.problem), effort, surroundings.words, workers,
                    stop_of(surroundings), known ? &*known : nullptr,
                    watch_points(surroundings, options.quiet, folder));
    if (!asked.axes.empty()) sweeper.sweep(asked.axes, asked.objectives);
    for (const FindTask& task : asked.finds) sweeper.find(task);
    report = sweeper.take();
  } catch (...) {
    folder.give_up();
    throw;
  }
  end_watch(surroundings, options.quiet);
  return show_sweep(surroundings, options.format, folder, report);
}

/// Sweeps that are there, their curves over each other.
int lay_over(const Surroundings& surroundings, const SweepOptions& options,
             const std::vector<std::string>& folders) {
  if (!options.over.empty() || !options.find.empty()) {
    throw UsageError(
        "several folders are laid over each other as they are: without --over, --find");
  }
  std::vector<SweepReport> reports;
  for (const std::string& word : folders) {
    std::error_code error;
    const fs::path file =
        fs::is_directory(word, error) ? fs::path(word) / kSweepFile : fs::path(word);
    reports.push_back(read_sweep(read_file(file), file.string()));
    const SweepReport& report = reports.back();
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
  if (options.format == "json") throw UsageError("several sweeps have no JSON of their own");
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
      "sweep",
      "run a scenario along one or two of its keys, or find the most or least that will do"};
  add_scenario_options(command, options->scenario);
  command.options.front() = {
      "SCENARIO", texts(options->words, "SCENARIO"),
      "a scenario file (TOML), a run.json, or a built-in name; or folders of "
      "sweeps, to be laid over each other"};
  const std::vector<Option> own = {
      engine_option(options->scenario),
      {"--over", texts(options->over, "KEY=FROM:TO:N"),
       "the key that changes and its values: N from FROM to TO, with :log behind it in equal "
       "ratios; "
       "or a list, KEY=8,16,32. Twice: a grid"},
      {"--find", texts(options->find, "most|least"),
       "--find most KEY=LOW:HIGH: the largest value with which --while holds; least: the smallest"},
      {"--while", texts(options->holds, "OBJECTIVE"),
       "what is to hold, as in suites: 'ttft.p99_ms <= 500'; may be repeated. Along --over points "
       "are "
       "added where it is crossed"},
      {"--figure", texts(options->figures, "PATH"),
       "a figure to be shown besides, e.g. tenants.chat.ttft.p99_ms; may be repeated"},
      {"--repetitions", whole(options->repetitions, 1, 10'000),
       "of each point, with seeds that follow each other (default: 5)"},
      {"--requests", requests(options->requests),
       "add points where the curve bends until so many requests have been run: 5000000, 5M, 500k "
       "(default: half as many points as were asked for)"},
      {"--for", duration(options->time_ns),
       "begin no point after so long; the result then depends on the machine"},
      {"--out", name(options->out, "FOLDER"),
       "new folder for sweep.json, points.csv and report.html (default: "
       "tokenlift-results/sweep-NAME-TIME)"},
      {"--resume",
       name(options->resume, "FOLDER"),
       "go on with the sweep in this folder: points that are there are not run again",
       {},
       {"--out"}},
      {"--threads", whole(options->threads, 1, 1024),
       "simulated points at a time, on which results do not depend (default: one per core)"},
      stdout_format_option(options->format),
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
      "  tokenlift sweep results/h100 results/b200";
  command.run = [options](const Surroundings& surroundings) {
    return sweep(surroundings, *options);
  };
  return command;
}

}  // namespace tokenlift
