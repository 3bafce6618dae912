#include "bench/command/sweep_results.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <system_error>

#include "bench/command/input.hpp"
#include "bench/machine/progress.hpp"
#include "reports/formats/page_format.hpp"
#include "reports/formats/page_html.hpp"
#include "reports/formats/sweep_csv.hpp"
#include "reports/formats/sweep_openmetrics.hpp"
#include "reports/json/json_exchange.hpp"
#include "reports/json/json_sweep.hpp"
#include "reports/page/sweep_page.hpp"
#include "workloads/plan/plan.hpp"

namespace tokenlift {

namespace {

constexpr const char* kPointsFile = "points.csv";

/// The formats for programs.
struct SweepFormat {
  const char* name = "";
  std::string (*render)(const SweepReport&) = nullptr;
  bool of_curves = false;  ///< of points along keys, of which a search has none
};
constexpr std::array<SweepFormat, 5> kSweepFormats = {
    {{"json", to_json},
     {"csv", sweep_csv},
     {"openmetrics", sweep_openmetrics},
     {"benchmark-report", to_benchmark_reports, true},
     {"inferencex", to_flat_rows, true}}};

bool any_point(const SweepReport& report, bool (*is)(const SweepPoint&)) {
  return std::ranges::any_of(report.points, is) ||
         std::ranges::any_of(report.finds, [&](const SweepFind& find) {
           return std::ranges::any_of(find.tries,
                                      [&](const FindTry& tried) { return is(tried.point); });
         });
}

int exit_code(const SweepReport& report) {
  const auto failed = [](const SweepPoint& point) { return point.state == PointState::failed; };
  const auto not_valid = [](const SweepPoint& point) { return !point.valid; };
  const auto not_found = [](const SweepFind& find) { return find.outcome != FindOutcome::found; };
  if (any_point(report, failed)) return kMachineFailed;
  if (report.interrupted || any_point(report, not_valid)) return kNotValid;
  return std::ranges::any_of(report.finds, not_found) ? kGoalMissed : kDone;
}

}  // namespace

std::optional<SweepReport> known_sweep(const std::string& folder, const SweepTask& task) {
  if (folder.empty()) return std::nullopt;
  const std::filesystem::path file = std::filesystem::path(folder) / kSweepFile;
  std::error_code unreadable;
  if (!std::filesystem::exists(file, unreadable)) return std::nullopt;
  SweepReport known = read_sweep(read_file(file), file.string());
  require_same(task, known, file.string());
  return known;
}

SweepWatch watch_points(const Surroundings& surroundings, bool quiet, const OutputFolder& folder,
                        const std::filesystem::path& place) {
  SweepWatch watch;
  const std::string name = place.empty() ? "" : place.string() + ": ";
  watch.points = [&surroundings, quiet, name](std::size_t done, std::size_t of) {
    if (quiet) return;
    const std::string line = fmt::format("{}{} of {} points of this pass", name, done, of);
    if (surroundings.err_is_terminal) {
      LiveLine(surroundings.err).show(line);
    } else if (done == of || done * 10 / of != (done - 1) * 10 / of) {
      complain(surroundings, line);
    }
  };
  watch.runs = [&surroundings, quiet](const Scenario& scenario, const ProgressBoard& board,
                                      std::uint64_t repetition, bool) {
    return std::make_unique<ProgressDisplay>(
        board, plan_phases(scenario), scenario.run.duration_ns, fmt::format("run {}: ", repetition),
        false, quiet ? nullptr : surroundings.err, surroundings.err_is_terminal);
  };
  watch.kept = [&folder, place](const SweepReport& report) {
    SweepReport begun = report;
    begun.interrupted = true;  // so that one that is killed is known for what it is
    folder.write(place / kSweepFile, to_json(begun));
  };
  return watch;
}

void end_watch(const Surroundings& surroundings, bool quiet) {
  if (!quiet && surroundings.err_is_terminal) LiveLine(surroundings.err).clear();
}

void write_sweep(const OutputFolder& folder, const std::filesystem::path& place,
                 const SweepReport& report) {
  folder.write(place / kSweepFile, to_json(report));
  folder.write(place / kPointsFile, sweep_csv(report));
  folder.write(place / kPage, to_html(sweep_page(report)));
}

Option sweep_format_option(std::string& format, bool has_curves) {
  std::vector<std::string> names = {"text", "markdown", "html"};
  for (const SweepFormat& each : kSweepFormats) {
    if (has_curves || !each.of_curves) names.emplace_back(each.name);
  }
  const std::string of_curves =
      has_curves ? "; benchmark-report: a Benchmark Report v0.2 (llm-d) per point of --over, as a "
                   "YAML stream; inferencex: a flat row per steady point of --over, as InferenceX "
                   "has them"
                 : "";
  return {"--format", one_of(format, names),
          "what stdout gets: text; markdown: to paste into a pull request; html: the page; json: "
          "everything; csv: a row per point; openmetrics: for Prometheus" +
              of_curves + ". Where the files are is then said on stderr (default: text)"};
}

bool is_page_format(const std::string& format) {
  return std::none_of(kSweepFormats.begin(), kSweepFormats.end(),
                      [&](const SweepFormat& each) { return each.name == format; });
}

std::string in_sweep_format(const Surroundings& surroundings, const std::string& format,
                            const SweepReport& report) {
  for (const SweepFormat& each : kSweepFormats) {
    if (each.name != format) continue;
    std::string text = each.render(report);
    if (each.render == to_flat_rows && text == "[]\n") {
      complain(
          surroundings,
          "no rows: they are of steady points whose profiles say which accelerators they have");
    }
    return text;
  }
  return in_format(sweep_page(report), format, style_of(surroundings));
}

int show_sweep(const Surroundings& surroundings, const std::string& format,
               const OutputFolder& folder, const SweepReport& report) {
  write_sweep(folder, "", report);
  print_report(surroundings, format, in_sweep_format(surroundings, format, report),
               fmt::format("results: {0}\nreport:  {0}/{1}\n", folder.path().string(), kPage));
  return exit_code(report);
}

}  // namespace tokenlift
