#include "bench/command/trial_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "bench/command/input.hpp"
#include "reports/json/json_run.hpp"

namespace tokenlift {

namespace {

namespace fs = std::filesystem;

/// Every run.json at and below the folder, as people count: 2 before 10.
std::vector<fs::path> runs_below(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().filename() == "run.json") files.push_back(entry->path());
  }
  if (error) {
    throw UsageError(fmt::format("cannot read '{}': {}", folder.string(), error.message()));
  }
  if (files.empty()) {
    throw UsageError(fmt::format("no run.json in the folder '{}' or below it", folder.string()));
  }
  std::sort(files.begin(), files.end(), [](const fs::path& one, const fs::path& other) {
    return strverscmp(one.c_str(), other.c_str()) < 0;
  });
  return files;
}

}  // namespace

std::vector<fs::path> runs_at(const std::string& word) {
  std::error_code error;
  const fs::file_status status = fs::status(word, error);
  if (fs::is_directory(status)) return runs_below(word);
  if (fs::exists(status)) return {word};
  throw UsageError(fmt::format("cannot read '{}': {}", word,
                               error ? error.message() : "no such file or folder"));
}

Trial read_trial(const std::string& word, std::string label) {
  const std::vector<fs::path> files = runs_at(word);
  // One after the other, so that only the pooled ones take memory.
  Pool pool;
  std::optional<Run> first;  // its scenario alone
  const auto mismatch = [&](const fs::path& file, const std::string& reason) {
    return UsageError(fmt::format(
        "'{}' and '{}' are no repetitions of one experiment: {}. Give them one by one, for a "
        "column each",
        files.front().string(), file.string(), reason));
  };
  for (const fs::path& file : files) {
    Run run = read_run(read_file(file), file.string());
    if (!first) first.emplace().scenario_json = run.scenario_json;
    const std::string place = scenario_difference(*first, run);
    if (!place.empty()) throw mismatch(file, "their scenarios differ at " + place);
    try {
      pool.add("'" + file.string() + "'", std::move(run));
    } catch (const RunMismatch& error) {
      throw mismatch(file, error.what());
    }
  }
  try {
    return pool.take(std::move(label));
  } catch (const RunMismatch& error) {
    throw UsageError(fmt::format("'{}': {}", word, error.what()));
  }
}

}  // namespace tokenlift
