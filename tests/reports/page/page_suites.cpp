// Writes the pages of suites, of searches and of comparisons for suite_page_test.py.
//
//     page_suites FOLDER

#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>

#include "reports/formats/page_html.hpp"
#include "reports/page/comparison_page.hpp"
#include "reports/page/suite_page.hpp"
#include "reports/page/tuning_page.hpp"
#include "tests/reports/findings/sample_comparisons.hpp"
#include "tests/reports/findings/sample_suites.hpp"
#include "tests/reports/findings/sample_tunings.hpp"

namespace tokenlift {
namespace {

void write_page(const std::filesystem::path& file, const std::string& page) {
  std::ofstream out(file, std::ios::binary);
  out << page;
  if (!out.flush()) throw std::runtime_error("cannot write " + file.string());
}

void write_suites(const std::filesystem::path& folder) {
  write_page(folder / "sample.html", to_html(suite_page(sample_suite())));
  write_page(folder / "hostile.html", to_html(suite_page(hostile_suite())));
  write_page(folder / "large.html", to_html(suite_page(large_suite(1000))));
  SuiteReport suite = sample_suite();
  suite.cases.clear();
  write_page(folder / "empty.html", to_html(suite_page(suite)));
  suite = large_suite(15);
  for (CaseReport& each : suite.cases) {
    each = {each.name, each.folder, CaseStatus::failed, "no such profile: 'h1000'"};
  }
  write_page(folder / "failed.html", to_html(suite_page(suite)));
}

void write_tunings(const std::filesystem::path& folder) {
  write_page(folder / "found.html", to_html(tuning_page(verified_tuning(true))));
  write_page(folder / "refused.html", to_html(tuning_page(verified_tuning(false))));
  write_page(folder / "infeasible.html", to_html(tuning_page(infeasible_tuning())));
  write_page(folder / "interrupted.html", to_html(tuning_page(interrupted_tuning())));
  write_page(folder / "empty.html", to_html(tuning_page(empty_tuning())));
  write_page(folder / "lift.html", to_html(tuning_page(lift_tuning())));
  write_page(folder / "large.html", to_html(tuning_page(recommended_tuning(300))));
  write_page(folder / "wide.html", to_html(tuning_page(wide_tuning())));
  write_page(folder / "hostile.html", to_html(tuning_page(hostile_tuning())));
}

void write_comparisons(const std::filesystem::path& folder) {
  write_page(folder / "worse.html", to_html(comparison_page(worse_comparison(), false)));
  write_page(folder / "suite.html", to_html(comparison_page(suite_comparison(), false)));
  write_page(folder / "open.html", to_html(comparison_page(open_comparison(), true)));
  write_page(folder / "hostile.html", to_html(comparison_page(hostile_comparison(), true)));
}

}  // namespace
}  // namespace tokenlift

int main(int count, char** words) {
  if (count != 2) {
    std::cerr << "usage: page_suites FOLDER\n";
    return 2;
  }
  try {
    const std::filesystem::path folder = words[1];
    std::filesystem::create_directories(folder / "tunings");
    tokenlift::write_suites(folder);
    tokenlift::write_tunings(folder / "tunings");
    std::filesystem::create_directories(folder / "comparisons");
    tokenlift::write_comparisons(folder / "comparisons");
  } catch (const std::exception& error) {
    std::cerr << "page_suites: " << error.what() << "\n";
    return 1;
  }
  return 0;
}
