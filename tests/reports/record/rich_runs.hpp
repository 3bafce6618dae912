#pragma once
// Runs as full of detail as an engine's: series with noise, slices, limits that change, names that
// try to break a page. Made by hand, always the same.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/reports/record/sample_runs.hpp"

namespace tokenlift {

struct RichOptions {
  std::size_t bins = 600;  ///< the run lasts 60 s whatever their number
  std::size_t slices = 120;
  std::uint64_t seed = 7;
  bool control = false;
  double after = 1;  ///< of the load that gets through once the limit is lifted
};

/// -1 .. 1, by position.
inline double rich_noise(std::uint64_t seed, std::size_t i) {
  std::uint64_t x = (seed + 1) * 0x9E3779B97F4A7C15ULL + i * 0xBF58476D1CE4E5B9ULL;
  x ^= x >> 31U;
  x *= 0x94D049BB133111EBULL;
  x ^= x >> 29U;
  return static_cast<double>(x % 2001) / 1000 - 1;
}

/// Before the lift at 30 s a limit lets 40 of 100 requests/s through; after it a backlog drains in
/// 6 s. Requests make 50 tokens.
struct RichMoment {
  double served = 0, waiting = 0, ttft_ms = 0;
};
inline RichMoment rich_moment(double t_s, const RichOptions& options) {
  const double waiting = std::min(t_s * 8, 120.0);
  if (t_s < 30 || options.control) return {40, waiting, 900 + waiting * 8};
  const double drained = std::max(0.0, 1 - (t_s - 30) / 6);
  return {60 * options.after + 40 * drained, 120 * drained, 30 + 1500 * drained * drained};
}

inline Column& rich_column(Run& run, const char* name, std::size_t bins) {
  run.series.columns.push_back({name, std::vector<std::int64_t>(bins)});
  return run.series.columns.back();
}

inline void add_rich_series(Run& run, const RichOptions& options) {
  const double bin_s = 60.0 / static_cast<double>(options.bins);
  run.series = {};
  run.series.bin_ns = 60 * kSecondNs / static_cast<std::int64_t>(options.bins);
  run.series.columns.reserve(8);
  std::vector<std::int64_t>& due = rich_column(run, "due_requests", options.bins).values;
  std::vector<std::int64_t>& output = rich_column(run, "output_tokens", options.bins).values;
  std::vector<std::int64_t>& good = rich_column(run, "goodput_tokens", options.bins).values;
  std::vector<std::int64_t>& inside = rich_column(run, "in_system_requests", options.bins).values;
  std::vector<std::int64_t>& waiting = rich_column(run, "waiting_requests", options.bins).values;
  std::vector<std::int64_t>& backlog = rich_column(run, "backlog_tokens", options.bins).values;
  std::vector<std::int64_t>& backoff = rich_column(run, "backoff_requests", options.bins).values;
  std::vector<std::int64_t>& undecided =
      rich_column(run, "undecided_requests", options.bins).values;
  for (std::size_t i = 0; i < options.bins; ++i) {
    const double t_s = (static_cast<double>(i) + 0.5) * bin_s;
    const RichMoment now = rich_moment(t_s, options);
    const auto amount = [&](double value, std::size_t stream, double spread) {
      const double noisy = value * (1 + spread * rich_noise(options.seed + stream * 1000, i));
      return static_cast<std::int64_t>(std::max(0.0, std::round(noisy)));
    };
    due[i] = amount(60 * bin_s, 1, 0.3);
    output[i] = amount(now.served * 50 * bin_s, 2, 0.15);
    const bool fast = now.ttft_ms < 500;
    good[i] = amount(now.served * (fast ? 49 : 8) * bin_s, 3, 0.25);
    waiting[i] = amount(now.waiting, 4, 0.1);
    backlog[i] = waiting[i] * 50;
    backoff[i] = amount(now.waiting / 3, 5, 0.4);
    inside[i] = waiting[i] + backoff[i] + 12;
    undecided[i] = t_s > 58 && options.control ? 2 : 0;
  }
  run.series.slice_ns = 60 * kSecondNs / static_cast<std::int64_t>(options.slices);
  run.series.ttft_slices.resize(options.slices);
  const double slice_s = 60.0 / static_cast<double>(options.slices);
  for (std::size_t i = 0; i < options.slices; ++i) {
    const RichMoment now = rich_moment((static_cast<double>(i) + 0.5) * slice_s, options);
    for (std::size_t request = 0; request < 1200 / options.slices * 10; ++request) {
      // Most wait as the moment says; every fifth has a prompt that takes long.
      const double spread = 1 + 0.6 * rich_noise(options.seed + 77 + i, request);
      const double ms = now.ttft_ms * spread + (request % 5 == 0 ? 140 : 14);
      run.series.ttft_slices[i].record(static_cast<std::int64_t>(ms * 1e6));
    }
  }
}

/// Two tenants with names that no page must trust, a limit that is lifted and one that adapts.
inline Run rich_run(const RichOptions& options) {
  Run run = sample_header("demand </script><b>\"&'");
  run.scenario_json =
      R"({"name":"demand </script><b>\"&'","run":{"engine":"threads","duration":"60s","seed":7},)"
      R"("tenant":[{"name":"users </script>","arrivals":{"process":"poisson","rate":50.0},)"
      R"("slo":{"ttft":"200ms"}}]})";
  run.seed = options.seed;
  run.control = options.control;
  run.environment.command = {"tokenlift", "run", "it's & <b>.toml", "--seed", "7"};
  run.lift = LiftRecord{
      "output <limit>", "lift", 30 * kSecondNs, 30 * kSecondNs + 12'345, 120, 6000, 40, 2000,
      2 * kMsNs,        {},     3000.0};
  run.phases = {sample_span("before", 5, 30, 45), sample_span("transition", 30, 38, 99),
                sample_span("after", 38, 60, 78)};
  const std::int64_t late_ns = options.control ? 1900 * kMsNs : 0;
  const auto shift = options.seed % 100;
  run.tenants = {
      {"users </script>",
       {sample_record({1300, 1020 - shift, 0, 280 + shift, 0, 0, 0}, 1100, 190, 2000 * kMsNs),
        sample_record({420, 420, 0, 0, 0, 0, 0}, 80, 340 - shift, 300 * kMsNs + late_ns),
        sample_record({1150, 1150, 0, 0, 0, 0, 0}, 0, options.control ? 190 : 1110 - shift,
                      late_ns)}},
      {"research \"A&B\"",
       {sample_record({200, 200, 0, 0, 0, 0, 0}, 15, 190, 20 * kMsNs),
        sample_record({60, 60, 0, 0, 0, 0, 0}, 0, 58, 5 * kMsNs),
        sample_record({170, 170, 0, 0, 0, 0, 0}, 0, 168, 0)}}};
  const ThrottleCounts counts = sample_counts(400, 540, 12, 0);
  std::vector<LimitRecord> adaptive;
  for (std::int64_t i = 0; i < 600; ++i) {
    adaptive.push_back({i * kSecondNs / 10, 20 + 12 * std::sin(static_cast<double>(i) / 25)});
  }
  run.throttles = {{"output <limit>",
                    "token_bucket",
                    "output_tokens",
                    "fleet",
                    "enforce",
                    {counts, counts, counts},
                    {{0, 2000.0}}},
                   {"adaptive",
                    "aimd",
                    "requests",
                    "fleet",
                    "enforce",
                    {counts, counts, counts},
                    std::move(adaptive)}};
  if (!options.control) run.throttles[0].limits.push_back({30 * kSecondNs + 12'345, {}});
  run.totals = {3600, 3300, 0, 300, 0, 0, 0};
  add_rich_series(run, options);
  return run;
}

/// Repetitions with the lift and without it, of seeds from 7 on.
inline std::vector<Run> rich_repetitions(RichOptions options, std::size_t repetitions) {
  std::vector<Run> runs;
  for (std::size_t i = 0; i < repetitions; ++i) {
    for (const bool control : {false, true}) {
      options.control = control;
      runs.push_back(rich_run(options));
    }
    ++options.seed;
  }
  return runs;
}

}  // namespace tokenlift
