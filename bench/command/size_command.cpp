#include "bench/command/size_command.hpp"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "bench/command/input.hpp"
#include "bench/command/sweep_results.hpp"
#include "bench/machine/work_pool.hpp"
#include "bench/sweep/sizing.hpp"

namespace tokenlift {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kRunsOfSize = 3;  // as many as an interval needs

struct SizeOptions {
  ScenarioChoice scenario;
  SizingTask task;
  std::uint64_t repetitions = kRunsOfSize;
  std::optional<std::size_t> threads;
  std::string out;
  std::string format = "text";
  bool quiet = false;
};

int size_scenario(const Surroundings& surroundings, const SizeOptions& options) {
  require_no_html_on_terminal(surroundings, options.format);
  try {
    const ScenarioSource source = find_scenario(options.scenario.reference);
    const SweepProblem problem =
        make_sweep_problem(source, overrides_of(options.scenario),
                           load_profiles(options.scenario.profile_files), options.repetitions);
    const OutputFolder folder =
        open_results({options.out, "", "size-" + fs::path(source.name).stem().string(), kSweepFile,
                      "sizing", "a sizing"});
    WorkPool pool(options.threads, surroundings.ranks);
    std::optional<SweepReport> report;
    try {
      report = size_fleet(problem, options.task, surroundings.words, pool, stop_of(surroundings),
                          watch_points(surroundings, options.quiet, folder));
    } catch (...) {
      folder.give_up();
      throw;
    }
    end_watch(surroundings, options.quiet);
    if (!report) return kNotValid;
    return show_sweep(surroundings, options.format, folder, *report);
  } catch (const SweepMistake& mistake) {
    throw UsageError(mistake.what());
  }
}

/// A share of more than 0, at most 1.
Value share_to_keep(double& target) {
  return {
      "SHARE", [&target](const std::string& word) {
        const char* const end = word.data() + word.size();
        const auto [stopped, error] = std::from_chars(word.data(), end, target);
        const bool is_share = error == std::errc{} && stopped == end && target > 0 && target <= 1;
        return is_share ? std::string()
                        : fmt::format("'{}' is no share of more than 0 and at most 1: 0.99", word);
      }};
}

}  // namespace

Command size_command() {
  const auto options = std::make_shared<SizeOptions>();
  Command command{"size", "find the fewest replicas with which every tenant keeps its objectives"};
  add_scenario_options(command, options->scenario);
  const std::vector<Option> own = {
      engine_option(options->scenario),
      {"--site", text(options->task.site, "SITE"),
       "the site whose replicas are counted; other sites stay as they are (default: the only "
       "site)"},
      {"--attainment", share_to_keep(options->task.attainment),
       "the share of the requests of each tenant that has objectives (slo) that is to meet them "
       "(default: 0.99)"},
      {"--most", whole(options->task.most_replicas, 2, 10'000'000),
       "try no more replicas than this (default: four times those of the scenario, 16 at least)"},
      {"--repetitions", whole(options->repetitions, 1, kMostRepetitions),
       "run each number of replicas so many times, with other seeds (default: 3, the fewest that "
       "give an interval)"},
      {"--out", name(options->out, "FOLDER"),
       "new folder for sweep.json, points.csv and report.html (default: "
       "tokenlift-results/size-NAME-TIME)"},
      {"--threads", whole(options->threads, 1, 1024),
       "simulate so many numbers of replicas at a time; results do not depend on it (default: one "
       "per core)"},
      sweep_format_option(options->format, false),
      {"--quiet", flag(options->quiet), "no progress"}};
  command.options.insert(command.options.end(), own.begin(), own.end());
  command.footer =
      "Exit codes: 4 a number of replicas failed; else 3 no measurement, or interrupted; else 1 "
      "not\n"
      "found in the range.\n"
      "Examples:\n"
      "  tokenlift size lift-h100\n"
      "  tokenlift size mine.toml --site hall --attainment 0.999";
  command.run = [options](const Surroundings& surroundings) {
    return size_scenario(surroundings, *options);
  };
  return command;
}

}  // namespace tokenlift
