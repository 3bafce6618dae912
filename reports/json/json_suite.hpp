#pragma once
// suite.json: a SuiteReport on disk, for programs and for who resumes or compares the suite.

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "reports/findings/suite_report.hpp"

namespace tokenlift {

inline constexpr std::string_view kSuiteSchema = "tokenlift.suite/1";

/// As UTF-8 text that is a function of the suite alone. Invalid UTF-8 in names is replaced.
std::string to_json(const SuiteReport& suite);

/// What was kept of a case, as far as it takes to go on with the suite or to compare it.
struct SuiteEntry {
  std::string name;
  std::string folder;
  CaseStatus status = CaseStatus::not_run;
  std::uint64_t runs = 0;
  double elapsed_s = 0;
  bool is_sweep = false;
};
struct SuiteIndex {
  std::string name;
  std::vector<SuiteEntry> cases;  ///< names differ
};

/// Of what to_json() wrote. Throws RunFileError, with the place, whatever the text. `source` is
/// what errors call it: its file name.
SuiteIndex read_suite(std::string_view text, const std::string& source);

}  // namespace tokenlift
