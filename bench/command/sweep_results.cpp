#include "bench/command/sweep_results.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "bench/machine/progress.hpp"
#include "reports/formats/page_format.hpp"
#include "reports/formats/page_html.hpp"
#include "reports/formats/sweep_csv.hpp"
#include "reports/json/json_sweep.hpp"
#include "reports/page/sweep_page.hpp"
#include "workloads/plan/plan.hpp"

namespace tokenlift {

namespace {

constexpr const char* kPointsFile = "points.csv";

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

SweepWatch watch_points(const Surroundings& surroundings, bool quiet, const OutputFolder& folder) {
  SweepWatch watch;
  watch.points = [&surroundings, quiet](std::size_t done, std::size_t of) {
    if (quiet) return;
    const std::string line = fmt::format("{} of {} points of this pass", done, of);
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
  watch.kept = [&folder](const SweepReport& report) {
    SweepReport begun = report;
    begun.interrupted = true;  // so that one that is killed is known for what it is
    folder.write(kSweepFile, to_json(begun));
  };
  return watch;
}

void end_watch(const Surroundings& surroundings, bool quiet) {
  if (!quiet && surroundings.err_is_terminal) LiveLine(surroundings.err).clear();
}

int show_sweep(const Surroundings& surroundings, const std::string& format,
               const OutputFolder& folder, const SweepReport& report) {
  const Page page = sweep_page(report);
  folder.write(kSweepFile, to_json(report));
  folder.write(kPointsFile, sweep_csv(report));
  folder.write(kPage, to_html(page));
  print_report(surroundings, format,
               format == "json" ? to_json(report) : in_format(page, format, style_of(surroundings)),
               fmt::format("results: {0}\nreport:  {0}/{1}\n", folder.path().string(), kPage));
  return exit_code(report);
}

}  // namespace tokenlift
