#pragma once
// Which cases the results of a suite have, and where: what of suite.json it takes to compare it.

#include <string>
#include <string_view>
#include <vector>

namespace tokenlift {

struct SuiteCaseFolder {
  std::string name;
  std::string folder;  ///< below the one that holds suite.json
};

/// In the order of the file; names differ. Throws RunFileError (json_run.hpp), whatever the text.
std::vector<SuiteCaseFolder> read_suite_cases(std::string_view text, const std::string& source);

}  // namespace tokenlift
