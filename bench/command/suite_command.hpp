#pragma once
// `tokenlift suite`: many cases, run into one folder, and what became of them.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "bench/command/input.hpp"

namespace tokenlift {

struct SuiteOptions {
  std::string suite;  ///< a file, or a built-in name
  std::vector<std::string> overrides;
  std::vector<std::string> profile_files;
  std::vector<std::string> benchmark_words;  ///< flags of Google Benchmark
  std::optional<std::size_t> threads;        ///< simulated cases at a time
  std::string out;
  std::string resume;  ///< the folder of a suite to go on with; empty: a new one
  bool quiet = false;
};

/// Runs the suite's cases and prints the report over them; returns the exit code: of a case that
/// failed, else of one that is no measurement, else of an objective that is not met.
int run_suite(const Surroundings& surroundings, const SuiteOptions& options);

}  // namespace tokenlift
