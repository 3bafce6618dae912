// Writes pages for page_test.py, each as NAME.html beside the NAME.json that has its figures.
//
//     page_sample FOLDER

#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "reports/formats/page_html.hpp"
#include "reports/json/json_run.hpp"
#include "reports/page/report_page.hpp"
#include "tests/reports/record/fleet_runs.hpp"
#include "tests/reports/record/rich_runs.hpp"

namespace tokenlift {
namespace {

void write(const std::filesystem::path& file, const std::string& text) {
  std::ofstream out(file, std::ios::binary);
  out << text;
  if (!out.flush()) throw std::runtime_error("cannot write " + file.string());
}

/// The figures are those of the first trial's runs with the lift.
void write_page(const std::filesystem::path& folder, const std::string& name,
                std::vector<Trial> trials) {
  const Report report = make_report(std::move(trials));
  write(folder / (name + ".html"), to_html(report_page(report)));
  write(folder / (name + ".json"), to_json(report.trials[0].trial.lifted.pooled));
}

Run failed_run() {
  Run run = invalid_run();
  run.series = rich_run({}).series;
  return run;
}

/// Two replicas join, which is measured, and later a site is lost for a while.
Run fleet_page_run() {
  Run run = rich_run({});
  const Run join = join_run();
  run.lift = join.lift;
  run.lift->planned_ns = 30 * kSecondNs;
  run.lift->at_ns = 30 * kSecondNs;
  run.fleet = join.fleet;
  for (Composition& fleet : run.fleet.compositions) {
    if (fleet.at_ns > 0) fleet.at_ns += 15 * kSecondNs;
  }
  run.fleet.compositions.push_back({45 * kSecondNs, {3, 0}, 5250.0});
  run.fleet.compositions.push_back({50 * kSecondNs, {3, 1}, 7000.0});
  return run;
}

void write_pages(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  write_page(folder, "lift", {make_trial("lift", {rich_run({})})});
  write_page(folder, "controlled", {make_trial("controlled", rich_repetitions({}, 4))});
  RichOptions half;
  half.after = 0.6;
  write_page(folder, "trials",
             {make_trial("whole lift", rich_repetitions({}, 3)),
              make_trial("half a lift <b>", {rich_run(half)}),
              make_trial("long bins", {rich_run({60, 60, 11, false, 0.8})})});
  write_page(folder, "steady", {make_trial("steady", {steady_run()})});
  write_page(folder, "fleet", {make_trial("fleet", {fleet_page_run()})});
  write_page(folder, "failed", {make_trial("failed", {failed_run()})});
}

}  // namespace
}  // namespace tokenlift

int main(int count, char** words) {
  if (count != 2) {
    std::cerr << "usage: page_sample FOLDER\n";
    return 2;
  }
  try {
    tokenlift::write_pages(words[1]);
  } catch (const std::exception& error) {
    std::cerr << "page_sample: " << error.what() << "\n";
    return 1;
  }
  return 0;
}
