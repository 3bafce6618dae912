#pragma once
// What the columns of a report over several runs are called.

#include <string>
#include <vector>

namespace tokenlift {

/// A label for each of `words`, which are paths: the last parts of it, without run.json, as few as
/// tell it from all others. A path that was given twice is numbered.
std::vector<std::string> run_labels(const std::vector<std::string>& words);

}  // namespace tokenlift
