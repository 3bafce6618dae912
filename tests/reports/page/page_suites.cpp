// Writes the pages of suites and of searches for suite_page_test.py.
//
//     page_suites FOLDER

#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>

#include "reports/formats/suite_formats.hpp"
#include "reports/formats/tuning_formats.hpp"
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
  write_page(folder / "sample.html", suite_html(sample_suite()));
  write_page(folder / "hostile.html", suite_html(hostile_suite()));
  write_page(folder / "large.html", suite_html(large_suite(1000)));
  SuiteReport suite = sample_suite();
  suite.cases.clear();
  write_page(folder / "empty.html", suite_html(suite));
  suite = large_suite(15);
  for (CaseReport& each : suite.cases) {
    each = {each.name, each.folder, CaseStatus::failed, "no such profile: 'h1000'"};
  }
  write_page(folder / "failed.html", suite_html(suite));
}

void write_tunings(const std::filesystem::path& folder) {
  write_page(folder / "found.html", tuning_html(verified_tuning(true)));
  write_page(folder / "refused.html", tuning_html(verified_tuning(false)));
  write_page(folder / "infeasible.html", tuning_html(infeasible_tuning()));
  write_page(folder / "interrupted.html", tuning_html(interrupted_tuning()));
  write_page(folder / "empty.html", tuning_html(empty_tuning()));
  write_page(folder / "lift.html", tuning_html(lift_tuning()));
  write_page(folder / "large.html", tuning_html(recommended_tuning(300)));
  write_page(folder / "wide.html", tuning_html(wide_tuning()));
  write_page(folder / "hostile.html", tuning_html(hostile_tuning()));
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
  } catch (const std::exception& error) {
    std::cerr << "page_suites: " << error.what() << "\n";
    return 1;
  }
  return 0;
}
