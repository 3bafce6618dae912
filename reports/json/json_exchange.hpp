#pragma once
// A sweep in the JSON of others: the Benchmark Report of llm-d, and flat rows as InferenceX has
// them.

#include <string>

#include "reports/findings/sweep_report.hpp"

namespace tokenlift {

/// A Benchmark Report, version 0.2 (llm-d-benchmark), of each point that was run, with one
/// experiment ID: a YAML stream whose documents are JSON. Latencies are in ms, and statistics have
/// what the sweep has: mean, p50, p90, p99. Empty where no point was run.
std::string to_benchmark_reports(const SweepReport& report);

/// A list of flat rows, one of each steady point whose accelerators are known, with the keys that
/// InferenceX (InferenceMAX) gives its results: latencies in s, tokens/s of each accelerator
/// (tput), tokens/s of a user (intvty: 1 / TPOT; its p99 is of the slowest). `conc` is the mean
/// number of requests in the system, by Little's law. The keys that the sweep changes stand in
/// front of it.
std::string to_flat_rows(const SweepReport& report);

}  // namespace tokenlift
