#pragma once
// A suite as Google Benchmark sees it: which cases its flags choose, and the results of the runs as
// benchmarks, so that its flags, its JSON and what reads that work.
//
// The benchmarks do not run anything: they hand out what was measured. A case NAME is a benchmark
// with the fleet's time per output token in `after` (or `steady`) as its manual time, so that less
// is better, and rates, shares and gains as counters; every latency percentile of a phase is a
// benchmark NAME/PHASE/PERCENTILE with the latency as its time. A repetition is a run.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench/command/suite_case.hpp"
#include "workloads/scenario/suite.hpp"

namespace tokenlift {

/// What Google Benchmark's flags made of a suite.
struct BenchmarkChoice {
  std::vector<SuiteCase> cases;  ///< those chosen, in order, each with its repetitions
  std::string list;              ///< of --benchmark_list_tests: what to print instead of running
};

class SuiteBenchmarks {
 public:
  /// `words`: flags that begin with --benchmark_. Throws UsageError for those that Google Benchmark
  /// does not know, and for a filter that would take too much memory. Its flags are the program's:
  /// one object lives at a time.
  explicit SuiteBenchmarks(const std::vector<std::string>& words);

  /// Throws UsageError where the filter matches nothing.
  BenchmarkChoice choose(const std::vector<SuiteCase>& cases);

  /// The file of --benchmark_out; empty: none.
  const std::string& file() const { return file_; }

  struct Output {
    std::string json;     ///< as of --benchmark_out with its format json
    std::string display;  ///< as of --benchmark_format; empty where that was not asked for
  };
  /// What was measured of the chosen cases (in the same order), as benchmarks; also into the file
  /// of
  /// --benchmark_out, if there is one. Throws MachineError where that cannot be written.
  Output report(const std::vector<SuiteCase>& cases, const std::vector<CaseResult>& results) const;

 private:
  void initialize(const std::vector<std::string>& words) const;
  std::optional<std::uint64_t> own_repetitions(const SuiteCase& one) const;

  std::vector<std::string> words_;
  std::optional<std::uint64_t> usual_;  // repetitions; absent: the user's flag says
  std::string display_format_;          // of --benchmark_format; empty: not given
  std::string file_;                    // of --benchmark_out
  std::string file_format_;
};

}  // namespace tokenlift
