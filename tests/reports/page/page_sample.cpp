// Writes pages for page_test.py, each as NAME.html beside the NAME.json that has its figures.
//
//     page_sample FOLDER

#include <algorithm>
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
#include "tests/reports/record/wire_runs.hpp"

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

/// An endpoint that says what its limit is, until a call lifts it at 30 s.
Run endpoint_page_run() {
  const RichOptions options;
  Run run = rich_run(options);
  const Run sample = endpoint_run();
  run.engine = sample.engine;
  run.capacity_tokens_per_s.reset();
  run.capacity_source.clear();
  run.throttles.clear();
  run.lift = sample.lift;
  run.lift->planned_ns = 30 * kSecondNs - 200 * kMsNs;
  run.lift->at_ns = 30 * kSecondNs;
  run.wire = sample.wire;
  for (TenantRecord& tenant : run.tenants) {
    tenant.phases[0].denied = tenant.phases[0].held;
    for (PhaseRecord& phase : tenant.phases) as_of_endpoint(phase);
  }
  for (PhaseSpan& phase : run.phases) phase.replica_ns = phase.busy_ns = phase.batch_ns = 0;
  const auto gauge = [&](const char* figure, const auto& value_of) {
    ServerColumn column{"gateway <b>", figure, {}};
    for (std::size_t i = 0; i < options.bins; ++i) {
      const double t_s = static_cast<double>(i) * 60 / static_cast<double>(options.bins);
      column.values.push_back(static_cast<std::int64_t>(value_of(t_s, rich_noise(3, i))));
    }
    run.wire->server.push_back(std::move(column));
  };
  run.wire->server.clear();
  gauge("limit.requests", [](double t_s, double) { return t_s < 30 ? 2400 : 6000; });
  gauge("remaining.requests", [](double t_s, double noise) {
    return t_s < 2 ? ServerColumn::kNotSaid : t_s < 30 ? 3 + 3 * noise : 2300 + 400 * noise;
  });
  gauge("reset_ms.requests", [](double t_s, double noise) {
    return t_s < 30 ? 55'000 + 5'000 * noise : 22'000 + 4'000 * noise;
  });
  gauge("waiting", [](double t_s, double noise) {
    return t_s < 30 ? 0 : std::max(0.0, 40 - 5 * (t_s - 30)) + 3 + 3 * noise;
  });
  gauge("running", [](double t_s, double noise) { return (t_s < 30 ? 12 : 30) + 2 * noise; });
  gauge("kv_used_ppm",
        [](double t_s, double noise) { return (t_s < 30 ? 310'000 : 720'000) + 20'000 * noise; });
  run.series.columns.reserve(run.series.columns.size() + 3);  // references stay good
  std::vector<std::int64_t>& attempts = rich_column(run, "attempts", options.bins).values;
  std::vector<std::int64_t>& admitted = rich_column(run, "admitted_requests", options.bins).values;
  std::vector<std::int64_t>& denied = rich_column(run, "denied_attempts", options.bins).values;
  for (std::size_t i = 0; i < options.bins; ++i) {
    const bool limited = i < options.bins / 2;
    admitted[i] = 6 + static_cast<std::int64_t>(2 * rich_noise(4, i));
    denied[i] = limited ? 9 + static_cast<std::int64_t>(3 * rich_noise(5, i)) : 0;
    attempts[i] = admitted[i] + denied[i];
  }
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
  write_page(folder, "endpoint", {make_trial("endpoint", {endpoint_page_run()})});
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
