// Writes the pages of suites for suite_page_test.py.
//
//     page_suites FOLDER

#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>

#include "reports/suite_formats.hpp"
#include "tests/sample_suites.hpp"

namespace tokenlift {
namespace {

void write_page(const std::filesystem::path& file, const SuiteReport& suite) {
  std::ofstream out(file, std::ios::binary);
  out << suite_html(suite);
  if (!out.flush()) throw std::runtime_error("cannot write " + file.string());
}

void write_pages(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  write_page(folder / "sample.html", sample_suite());
  write_page(folder / "hostile.html", hostile_suite());
  write_page(folder / "large.html", large_suite(1000));
  SuiteReport suite = sample_suite();
  suite.cases.clear();
  write_page(folder / "empty.html", suite);
  suite = large_suite(15);
  for (CaseReport& each : suite.cases) {
    each = {each.name, each.folder, CaseStatus::failed, "no such profile: 'h1000'"};
  }
  write_page(folder / "failed.html", suite);
}

}  // namespace
}  // namespace tokenlift

int main(int count, char** words) {
  if (count != 2) {
    std::cerr << "usage: page_suites FOLDER\n";
    return 2;
  }
  try {
    tokenlift::write_pages(words[1]);
  } catch (const std::exception& error) {
    std::cerr << "page_suites: " << error.what() << "\n";
    return 1;
  }
  return 0;
}
