#include "bench/command/suite_command.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <system_error>
#include <utility>

#include "bench/command/comparison_reader.hpp"
#include "bench/command/input.hpp"
#include "bench/command/suite_benchmarks.hpp"
#include "bench/command/suite_case.hpp"
#include "bench/command/suite_sweep.hpp"
#include "bench/machine/host.hpp"
#include "bench/machine/output_folder.hpp"
#include "bench/machine/progress.hpp"
#include "bench/machine/work_pool.hpp"
#include "bench/tune/problem.hpp"
#include "reports/findings/comparison_tables.hpp"
#include "reports/findings/least_changes.hpp"
#include "reports/findings/suite_table.hpp"
#include "reports/findings/sweep_report.hpp"
#include "reports/formats/page_format.hpp"
#include "reports/formats/page_html.hpp"
#include "reports/formats/page_markdown.hpp"
#include "reports/formats/suite_csv.hpp"
#include "reports/formats/suite_junit.hpp"
#include "reports/json/json_comparison.hpp"
#include "reports/json/json_suite.hpp"
#include "reports/page/comparison_page.hpp"
#include "reports/page/suite_page.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/reader/catalogue.hpp"
#include "workloads/scenario/suite.hpp"
#include "workloads/text/mistake.hpp"

namespace tokenlift {

namespace {

namespace fs = std::filesystem;

constexpr const char* kSuiteFile = "suite.json";

struct SuiteOptions {
  std::string suite;  ///< a file, or a built-in name
  std::vector<std::string> overrides;
  std::vector<std::string> profile_files;
  std::vector<std::string> benchmark_words;  ///< flags of Google Benchmark
  std::optional<std::size_t> threads;        ///< simulated cases at a time
  std::string out;
  std::string format = "text";  ///< of stdout
  std::string resume;           ///< the folder of a suite to go on with; empty: a new one
  std::string against;          ///< the results of a suite to compare with; empty: none
  std::string open = "fail";    ///< "fail" or "pass": an open figure of that comparison
  ComparisonRules rules;
  std::vector<std::string> columns;  ///< as of suite_columns(); empty: the usual
  bool quiet = false;
};

// -------------------------------------------------------------------------------- what is asked

Suite load_suite(const SuiteOptions& options) {
  const std::vector<Profile> profiles = load_profiles(options.profile_files);
  const fs::path path = options.suite;
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (error == std::errc::permission_denied) {
    throw UsageError(fmt::format("cannot read '{}': {}", path.string(), error.message()));
  }
  if (fs::exists(status) && !fs::is_directory(status)) {  // a pipe, too
    return parse_suite(read_file(path, kMostDocumentBytes), path.string(),
                       fs::absolute(path).parent_path().string(), options.overrides, profiles,
                       figure_mistake, sweep_figure_problem);
  }
  std::vector<std::string> names;
  for (const BuiltinSuite& suite : builtin_suites()) {
    if (suite.name == options.suite) {
      return parse_suite(suite.text, suite.name, "", options.overrides, profiles, figure_mistake,
                         sweep_figure_problem);
    }
    names.push_back(suite.name);
  }
  throw UsageError(
      fmt::format("no file and no built-in suite is called '{}'; {}", options.suite,
                  suggestion(options.suite, names, "'tokenlift suites' lists the built-in ones")));
}

// ------------------------------------------------------------------------------------- progress

/// How far the simulated cases are: a live line on a terminal, elsewhere a line every tenth.
class SimulationProgress {
 public:
  SimulationProgress(const Surroundings& surroundings, bool quiet, std::size_t cases)
      : surroundings_(surroundings), quiet_(quiet), cases_(cases), live_(surroundings.err) {}
  ~SimulationProgress() {
    if (!quiet_ && surroundings_.err_is_terminal) live_.clear();
  }
  SimulationProgress(const SimulationProgress&) = delete;
  SimulationProgress& operator=(const SimulationProgress&) = delete;

  void done() {
    const std::lock_guard lock(mutex_);
    ++done_;
    if (quiet_) return;
    const double elapsed_s =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
    const double left_s =
        elapsed_s / static_cast<double>(done_) * static_cast<double>(cases_ - done_);
    const std::string line =
        fmt::format("{} of {} simulated cases, {} left", done_, cases_, rough_time(left_s));
    if (surroundings_.err_is_terminal) {
      live_.show(line);
    } else if (done_ * 10 / cases_ != (done_ - 1) * 10 / cases_) {
      complain(surroundings_, line);
    }
  }

 private:
  const Surroundings& surroundings_;
  bool quiet_;
  std::size_t cases_;
  LiveLine live_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::mutex mutex_;
  std::size_t done_ = 0;
};

// ------------------------------------------------------------------------------------ going on

/// What a folder holds must be of this suite: else going on would replace the results of another.
/// Nothing is written before this is known.
void require_same_suite(const Surroundings& surroundings, const SuiteOptions& options,
                        const std::string& suite, const std::vector<SuiteCase>& cases,
                        const OutputFolder& folder) {
  const fs::path file = folder.path() / kSuiteFile;
  const SuiteIndex known = read_suite(read_file(file), file.string());
  if (known.name != suite) {
    throw UsageError(fmt::format(
        "'{}' holds the results of suite '{}', which those of '{}' would replace: go on with the "
        "same words, or give another folder with --out",
        options.resume, known.name, suite));
  }
  for (const SuiteEntry& entry : known.cases) {
    if (std::ranges::find(cases, entry.name, &SuiteCase::name) != cases.end()) continue;
    throw UsageError(fmt::format(
        "'{}' holds case '{}', which these words leave out, so that it would be lost from the "
        "results: go on with the same words, or give another folder with --out",
        options.resume, entry.name));
  }
  const std::vector<Profile> profiles = load_profiles(options.profile_files);
  WorkPool pool(1, nullptr);
  const SweptCases with{surroundings, folder, profiles, pool, true, true};
  Experiment experiment(surroundings.words, stop_of(surroundings), 1);
  for (const SuiteCase& one : cases) {
    if (one.sweep) {
      require_resumable(one, with);
    } else {
      CaseRun(one, folder, true).require_resumable(experiment);
    }
  }
}

// -------------------------------------------------------------------------------------- running

using Results = std::vector<CaseResult>;
using Cases = std::vector<SuiteCase>;

CaseResult not_run(const SuiteCase& one, const OutputFolder& folder) {
  if (one.sweep) return swept_case_not_run(one);
  return CaseRun(one, folder, false).finish();
}

/// The repetitions of simulated cases, several at a time, on all ranks: case by case, so that what
/// a case takes is given back soon.
class Simulation {
 public:
  Simulation(const Surroundings& surroundings, const SuiteOptions& options, const Cases& cases,
             const OutputFolder& folder, Results& results)
      : surroundings_(surroundings), options_(options), results_(results) {
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const SuiteCase& one = cases[i];
      if (one.sweep || !traits_of(one.scenario.run.engine).simulated) continue;
      simulated_.push_back({i, std::make_unique<CaseRun>(one, folder, !options.resume.empty())});
      for (std::uint64_t n = 1; n <= one.repetitions; ++n) {
        items_.push_back({simulated_.size() - 1, n});
      }
    }
  }

  void run() {
    if (items_.empty()) return;
    progress_.emplace(surroundings_, options_.quiet, simulated_.size());
    WorkItems work;
    work.count = items_.size();
    work.here = [this](std::size_t item) { run_here(items_[item]); };
    work.elsewhere = WorkElsewhere{kRepetitionWork,
                                   [this](std::size_t item) -> std::optional<std::string> {
                                     if (*surroundings_.stop) return std::nullopt;
                                     return run_of(items_[item]).pack(items_[item].repetition);
                                   },
                                   [this](std::size_t item, const WorkResult& reply) {
                                     const Item& its = items_[item];
                                     if (run_of(its).keep(its.repetition, reply)) finish(its.place);
                                   },
                                   &stop_of(surroundings_)};
    WorkPool(options_.threads, surroundings_.ranks).run(work);
    for (std::size_t place = 0; place < simulated_.size(); ++place) {
      if (simulated_[place].run && simulated_[place].run->has_begun()) finish(place);
    }
  }

 private:
  struct Simulated {
    std::size_t index;             // among the suite's cases
    std::unique_ptr<CaseRun> run;  // null once it has been finished
  };
  struct Item {
    std::size_t place;  // of its case, among those that are simulated
    std::uint64_t repetition;
  };

  CaseRun& run_of(const Item& item) { return *simulated_[item.place].run; }

  void run_here(const Item& item) {
    if (surroundings_.stop->load(std::memory_order_relaxed)) return;
    const auto unwatched = [](auto&&...) { return std::unique_ptr<ProgressDisplay>(); };
    Experiment experiment(surroundings_.words, stop_of(surroundings_), 1);
    if (run_of(item).repeat(experiment, item.repetition, unwatched)) finish(item.place);
  }

  void finish(std::size_t place) {
    Simulated& one = simulated_[place];
    results_[one.index] = one.run->finish();
    one.run.reset();
    progress_->done();
  }

  const Surroundings& surroundings_;
  const SuiteOptions& options_;
  Results& results_;
  std::vector<Simulated> simulated_;
  std::vector<Item> items_;
  std::optional<SimulationProgress> progress_;
};

/// One run at a time: the first repetition of each case, then the second, so that a machine that
/// drifts is as good to one as to another.
void measure(const Surroundings& surroundings, const SuiteOptions& options, const Cases& cases,
             const OutputFolder& folder, Results& results) {
  struct Measured {
    std::size_t index;
    std::unique_ptr<CaseRun> run;
  };
  std::vector<Measured> measured;
  double left_s = 0;
  std::uint64_t most = 0;
  const auto length_s = [](const Scenario& scenario) {
    return static_cast<double>(scenario.run.duration_ns) * 1e-9;
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    if (traits_of(cases[i].scenario.run.engine).simulated || cases[i].sweep) continue;
    measured.push_back({i, std::make_unique<CaseRun>(cases[i], folder, !options.resume.empty())});
    most = std::max(most, cases[i].repetitions);
    left_s += length_s(cases[i].scenario) * static_cast<double>(cases[i].repetitions) *
              (cases[i].control ? 2 : 1);
  }
  Experiment experiment(surroundings.words, stop_of(surroundings), 1);
  std::size_t number = 0;
  const auto watch = [&](const Scenario& scenario, const ProgressBoard& board,
                         std::uint64_t repetition, bool control) {
    const SuiteCase& one = measured[number].run->suite_case();
    const std::string label = fmt::format(
        "case {} of {}, run {} of {}{}, {} left: {}: ", number + 1, measured.size(), repetition,
        one.repetitions, control ? " without the event" : "", rough_time(left_s), one.name);
    return std::make_unique<ProgressDisplay>(
        board, plan_phases(scenario), scenario.run.duration_ns, label, false,
        options.quiet ? nullptr : surroundings.err, surroundings.err_is_terminal);
  };
  for (std::uint64_t n = 1; n <= most; ++n) {
    for (number = 0; number < measured.size(); ++number) {
      CaseRun& run = *measured[number].run;
      const SuiteCase& one = run.suite_case();
      if (n > one.repetitions) continue;
      if (!surroundings.stop->load(std::memory_order_relaxed)) {
        run.repeat(experiment, n, watch);
      }
      left_s -= length_s(one.scenario) * (one.control ? 2 : 1);
      if (n == one.repetitions) results[measured[number].index] = run.finish();
    }
  }
}

/// One sweep after the other; of those that are simulated several points at a time.
void sweep_cases(const Surroundings& surroundings, const SuiteOptions& options, const Cases& cases,
                 const OutputFolder& folder, Results& results) {
  const auto is_sweep = [](const SuiteCase& one) { return one.sweep.has_value(); };
  if (std::none_of(cases.begin(), cases.end(), is_sweep)) return;
  const std::vector<Profile> profiles = load_profiles(options.profile_files);
  WorkPool pool(options.threads, surroundings.ranks);
  const SweptCases with{surroundings, folder, profiles, pool, !options.resume.empty(),
                        options.quiet};
  for (std::size_t i = 0; i < cases.size(); ++i) {
    if (!cases[i].sweep || surroundings.stop->load(std::memory_order_relaxed)) continue;
    results[i] = run_swept_case(cases[i], with);
  }
}

// ------------------------------------------------------------------------------------ the report

SuiteReport report_of(const Suite& suite, const Surroundings& surroundings,
                      const Results& results) {
  const Environment environment = describe_environment(surroundings.words);
  SuiteReport report;
  report.name = suite.name;
  report.description = suite.description;
  report.command = surroundings.words;
  report.tokenlift_version = environment.tokenlift_version;
  report.started_at = environment.started_at;
  for (const CaseResult& result : results) report.cases.push_back(result.report);
  return report;
}

// ---------------------------------------------------------------------------- what runs can show

std::vector<std::string> sentences_of(const LeastChanges& changes, const std::string& begin) {
  const std::string shown = shown_text(changes);
  if (shown.empty()) return {};
  return {begin + shown, repetitions_text(changes)};
}

/// Before any run, from those in a folder: else nothing is known of how much they vary.
void foretell(const Surroundings& surroundings, const SuiteOptions& options,
              const std::string& folder, const Cases& cases) {
  std::vector<std::string> names;
  std::uint64_t repetitions = cases.front().repetitions;
  for (const SuiteCase& one : cases) {
    names.push_back(one.name);
    repetitions = std::min(repetitions, one.repetitions);
  }
  const std::vector<CaseFigures> figures = read_figures(folder, names);
  std::vector<const CaseFigures*> sides;
  for (const CaseFigures& each : figures) sides.push_back(&each);
  for (const std::string& sentence : sentences_of(least_changes(sides, repetitions, options.rules),
                                                  fmt::format("From the runs in {}: ", folder))) {
    say(surroundings, options.quiet, "{}", sentence);
  }
}

/// After the runs, from these.
std::vector<std::string> remarks_of(const Results& results, const ComparisonRules& rules) {
  std::vector<const CaseFigures*> sides;
  for (const CaseResult& result : results) {
    if (result.figures.runs > 0) sides.push_back(&result.figures);
  }
  return sentences_of(least_changes(sides, 0, rules), "Compared with another such suite: ");
}

std::string figures_csv(const Results& results, const ComparisonRules& rules) {
  std::vector<CaseRows> rows;
  for (const CaseResult& result : results) {
    rows.push_back(
        {result.report.name, std::string(name_of(result.report.status)), &result.figures});
    for (const CaseResult::Point& point : result.points) {
      rows.push_back({point.name, point.state, &point.figures});
    }
  }
  return suite_csv(rows, rules.primary);
}

/// Of several the first of kMachineFailed, kNotValid, kGoalMissed, kOpen.
int exit_code(const SuiteCounts& counts, const std::optional<Comparison>& comparison,
              bool open_passes) {
  if (counts.failed > 0) return kMachineFailed;
  if (counts.invalid + counts.interrupted + counts.not_run > 0) return kNotValid;
  if (comparison && !comparison->valid()) return kNotValid;
  const bool worse = comparison && comparison->primary(Reading::worse) > 0;
  if (worse || counts.met < counts.objectives) return kGoalMissed;
  const bool open = comparison && comparison->primary(Reading::open) > 0;
  return open && !open_passes ? kOpen : kDone;
}

/// The results beside those of the base, also written beside them. Nothing where none was named, or
/// nothing was run.
std::optional<Comparison> compare_with_base(const SuiteOptions& options, const OutputFolder& folder,
                                            const Results& results) {
  const auto ran = [](const CaseResult& result) {
    return result.figures.runs > 0 || !result.points.empty();
  };
  if (options.against.empty() || std::none_of(results.begin(), results.end(), ran)) {
    return std::nullopt;
  }
  ComparisonChoice choice;
  choice.base = options.against;
  choice.contender = folder.path().string();
  choice.rules = options.rules;
  Comparison comparison = read_comparison(choice);
  const Page page = comparison_page(comparison, false);
  folder.write("comparison.html", to_html(page));
  folder.write("comparison.md", to_markdown(page));
  folder.write("comparison.json", to_json(comparison));
  return comparison;
}

/// The results as files, and on stdout what is asked for.
void show(const Surroundings& surroundings, const SuiteOptions& options, const OutputFolder& folder,
          const SuiteReport& report, const std::optional<Comparison>& comparison,
          const std::string& display) {
  const Page page = suite_page(report);
  folder.write("report.md", to_markdown(page));
  const std::string html = folder.write("report.html", to_html(page)).string();
  if (!display.empty()) {
    print_result(surroundings, display);
    return;
  }
  std::string files = fmt::format("results: {}\nreport:  {}\n", folder.path().string(), html);
  if (comparison) {
    files += fmt::format("compared: {}\n", (folder.path() / "comparison.html").string());
  }
  print_report(surroundings, options.format,
               options.format == "json" ? to_json(report)
                                        : in_format(page, options.format, style_of(surroundings)),
               files);
}

/// What Google Benchmark writes goes neither over an input nor over the suite's own results.
void require_own_benchmark_file(const SuiteOptions& options, const Suite& suite,
                                const std::string& file) {
  if (file.empty()) return;
  constexpr std::string_view kFlag = "--benchmark_out";
  std::vector<fs::path> inputs = {options.suite};
  inputs.insert(inputs.end(), options.profile_files.begin(), options.profile_files.end());
  require_no_input(kFlag, file, inputs);
  const fs::path folder = options.resume.empty() ? options.out : options.resume;
  if (folder.empty()) return;  // a new one
  const auto refuse = [&](const fs::path& name) {
    throw UsageError(fmt::format("{} '{}' is where the suite's own {} goes: give another file",
                                 kFlag, file, name.string()));
  };
  for (const char* name :
       {kSuiteFile, "report.md", "report.html", "junit.xml", "figures.csv", "benchmark.json",
        "comparison.html", "comparison.md", "comparison.json"}) {
    if (is_same_file(folder / name, file)) refuse(name);
  }
  for (const SuiteCase& one : suite.cases) {
    for (fs::path above = fs::path(file).parent_path(); !above.empty();) {
      if (is_same_file(folder / one.name, above)) refuse("case " + one.name);
      const fs::path next = above.parent_path();
      above = next == above ? fs::path() : next;
    }
  }
}

/// Runs the suite's cases and prints the report over them; returns the exit code.
int run_suite(const Surroundings& surroundings, const SuiteOptions& options) {
  require_no_html_on_terminal(surroundings, options.format);
  SuiteBenchmarks benchmarks(options.benchmark_words);
  const Suite suite = load_suite(options);
  const BenchmarkChoice choice = benchmarks.choose(suite.cases);
  if (!choice.list.empty()) {
    print_result(surroundings, choice.list);
    return kDone;
  }
  if (!options.against.empty()) {
    foretell(surroundings, options, options.against, choice.cases);
  }
  require_own_benchmark_file(options, suite, benchmarks.file());
  const OutputFolder folder = open_results(
      {options.out, options.resume, suite.name, kSuiteFile, "suite", "the results of a suite"});
  if (!options.resume.empty()) {
    require_same_suite(surroundings, options, suite.name, choice.cases, folder);
  }
  if (options.against.empty() && !options.resume.empty()) {
    foretell(surroundings, options, options.resume, choice.cases);
  }
  Results results;
  for (const SuiteCase& one : choice.cases) results.push_back(not_run(one, folder));
  // So that a suite that is killed is known for what it is.
  SuiteReport report = report_of(suite, surroundings, results);
  folder.write(kSuiteFile, to_json(report));

  Simulation(surroundings, options, choice.cases, folder, results).run();
  measure(surroundings, options, choice.cases, folder, results);
  sweep_cases(surroundings, options, choice.cases, folder, results);

  report.cases.clear();
  for (const CaseResult& result : results) report.cases.push_back(result.report);
  report.remarks = remarks_of(results, options.rules);
  report.columns = options.columns;
  folder.write(kSuiteFile, to_json(report));  // what the comparison reads
  const std::optional<Comparison> comparison = compare_with_base(options, folder, results);
  if (comparison) {
    const std::string not_valid = problems(*comparison);
    report.remarks.push_back(fmt::format("Against {}: {}{}", options.against,
                                         not_valid.empty() ? "" : not_valid + " ",
                                         verdict(*comparison)));
    folder.write(kSuiteFile, to_json(report));
  }
  folder.write("junit.xml", suite_junit(report, comparison ? &*comparison : nullptr));
  folder.write("figures.csv", figures_csv(results, options.rules));
  const SuiteBenchmarks::Output output = benchmarks.report(choice.cases, results);
  folder.write("benchmark.json", output.json);
  show(surroundings, options, folder, report, comparison, output.display);
  return exit_code(counts_of(report), comparison, options.open == "pass");
}

}  // namespace

Command suite_command() {
  const auto options = std::make_shared<SuiteOptions>();
  Command command{"suite",
                  "run many cases, repeated, with objectives, and report on them together"};
  command.options = {
      {"SUITE", text(options->suite), "a suite file (TOML), or a built-in name"},
      {"--out", name(options->out, "FOLDER"),
       "new folder for all runs and reports (default: tokenlift-results/NAME-TIME)"},
      {"--resume",
       name(options->resume, "FOLDER"),
       "go on with the suite in this folder, with the words that began it: runs that are there are "
       "not made again",
       {},
       {"--out"}},
      {"--set", texts(options->overrides, "KEY=VALUE"),
       "override a key in the scenario of every case; may be repeated"},
      profiles_option(options->profile_files,
                      "profiles that go before the scenarios' own and the built-in ones; may be "
                      "repeated"),
      {"--threads", whole(options->threads, 1, 1024),
       "simulated cases at a time, on which results do not depend (default: one per core)"},
      {"--against", text(options->against, "FOLDER"),
       "the results of the same suite to compare with; what is worse, or open, ends in an exit "
       "code"},
      {"--open",
       one_of(options->open, {"fail", "pass"}),
       "with --against: whether a primary figure that is neither worse nor passed ends in exit "
       "code "
       "5 (default: fail)",
       {"--against"}},
      primary_option(options->rules),
      {"--columns", some_of(options->columns, suite_columns(), "column"),
       fmt::format("what the table shows, separated by commas: {}; or all",
                   fmt::join(suite_columns(), ", "))},
      stdout_format_option(options->format),
      {"--quiet", flag(options->quiet), "no progress, no warnings"}};
  command.footer =
      "Flags of Google Benchmark hold: --benchmark_filter=REGEX, --benchmark_list_tests,\n"
      "--benchmark_repetitions=N (instead of the suite's), --benchmark_out=FILE,\n"
      "--benchmark_format=console|json|csv (instead of the report on stdout), ...\n"
      "Exit codes: 4 a case failed; else 3 one is no measurement, was interrupted or not run; "
      "else\n"
      "1 an objective is not met, or a primary figure is worse than the base; else 5 one is open.\n"
      "Examples:\n"
      "  tokenlift suite smoke\n"
      "  tokenlift suite nightly.toml --out results/today --benchmark_filter=h100\n"
      "  tokenlift suite nightly.toml --against results/last-week\n"
      "  tokenlift suite nightly.toml --resume results/today";
  command.take_other = [options](const std::string& word) {
    if (!word.starts_with("--benchmark_")) {
      return fmt::format("'{}' was not expected; --help lists what is", word);
    }
    options->benchmark_words.push_back(word);
    return std::string();
  };
  command.run = [options](const Surroundings& surroundings) {
    return run_suite(surroundings, *options);
  };
  return command;
}

}  // namespace tokenlift
