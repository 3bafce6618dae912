#pragma once
// Runs made by hand for the tests of reports: plausible figures, whole numbers, no randomness.

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "reports/record/run.hpp"

namespace tokenlift {

inline constexpr std::int64_t kMsNs = 1'000'000;
inline constexpr std::int64_t kSecondNs = 1'000'000'000;

/// `count` samples at even distances from `least_ns` to `most_ns`.
inline void record_evenly(Histogram& histogram, std::uint64_t count, std::int64_t least_ns,
                          std::int64_t most_ns) {
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto steps = static_cast<std::int64_t>(std::max<std::uint64_t>(count, 2) - 1);
    histogram.record(least_ns + (most_ns - least_ns) * static_cast<std::int64_t>(i) / steps);
  }
}

/// Requests of 100 prompt and 50 output tokens; the completed ones waited up to `wait_ns` at the
/// throttle.
inline PhaseRecord sample_record(const Counts& counts, std::uint64_t held, std::uint64_t slo_met,
                                 std::int64_t wait_ns) {
  PhaseRecord record;
  record.counts = counts;
  record.sent = counts.due;
  record.held = held;
  record.attempts = counts.due;
  record.slo_met = slo_met;
  record.goodput_tokens = slo_met * 50;
  record.offered_input_tokens = counts.due * 100;
  record.offered_output_tokens = counts.due * 50;
  const std::uint64_t done = counts.completed;
  record.admitted_requests = record.completed_requests = done;
  record.admitted_input_tokens = done * 100;
  record.admitted_output_tokens = record.output_tokens = done * 50;
  record_evenly(record.of(Metric::throttle_wait), done, 0, wait_ns);
  record_evenly(record.of(Metric::queue_wait), done, 100'000, 4 * kMsNs);
  record_evenly(record.of(Metric::prefill), done, 12 * kMsNs, 40 * kMsNs);
  record_evenly(record.of(Metric::service_ttft), done, 12 * kMsNs, 44 * kMsNs);
  record_evenly(record.of(Metric::ttft), done, 12 * kMsNs, 44 * kMsNs + wait_ns);
  record_evenly(record.of(Metric::e2e), done, 300 * kMsNs, 400 * kMsNs + wait_ns);
  record_evenly(record.of(Metric::tpot), done, 5 * kMsNs, 9 * kMsNs);
  record_evenly(record.of(Metric::itl), done * 49, 4 * kMsNs, 14 * kMsNs);
  record_evenly(record.of(Metric::generator_lag), counts.due, 200, 30'000);
  return record;
}

inline PhaseSpan sample_span(std::string name, std::int64_t begin_s, std::int64_t end_s,
                             std::int64_t busy_percent) {
  PhaseSpan span;
  span.name = std::move(name);
  span.begin_ns = begin_s * kSecondNs;
  span.end_ns = end_s * kSecondNs;
  span.length_ns = span.end_ns - span.begin_ns;
  span.replica_ns = 2 * span.length_ns;
  span.busy_ns = span.replica_ns / 100 * busy_percent;
  span.batch_ns = span.busy_ns * 4;
  return span;
}

/// Everything but phases and tenants.
inline Run sample_header(const std::string& name) {
  Run run;
  run.scenario_name = name;
  run.scenario_json =
      R"({"name":")" + name +
      R"(","run":{"engine":"threads","duration":"40s","seed":7},)"
      R"("tenant":[{"name":"users","arrivals":{"process":"poisson","rate":50.0},"slo":{"ttft":"200ms"}}]})";
  run.engine = "threads";
  run.seed = 7;
  run.environment = {"0.1.0",
                     "GNU 12.2.0",
                     "Release",
                     "Sample CPU @ 2.00GHz",
                     2,
                     std::int64_t{8} << 30,
                     "Debian GNU/Linux 12",
                     "bf16",
                     "2026-05-06T12:00:00Z",
                     {"tokenlift", "run", name}};
  run.capacity_tokens_per_s = 3500;
  run.capacity_source = "measured";
  run.checks = {{"generator lag p99 (ms)", 0.0297, 1, true, ""},
                {"delivered load", 1, 0.99, true, ""},
                {"host interference", std::nullopt, 0.05, true, "/proc/stat could not be read."},
                {"conservation", 0, 0, true, ""}};
  run.series.bin_ns = 15 * kSecondNs;
  run.series.columns = {{"due", {50, 52, 48}},
                        {"goodput_tokens", {1000, 0, 2400}},
                        {"cancelled_requests", {0, 3, 1}},
                        {"attempts", {50, 90, 61}},
                        {"backoff_requests", {0, 12, 5}}};
  run.series.slice_ns = 2 * kSecondNs;
  run.series.ttft_slices.resize(3);
  run.series.ttft_slices[1].record(15 * kMsNs, 4);
  return run;
}

/// Of a throttle of tokens: its reservations are twice what its requests used.
inline ThrottleCounts sample_counts(std::uint64_t admitted, std::uint64_t held,
                                    std::uint64_t rejected, std::uint64_t shadowed) {
  return {admitted,
          held,
          rejected,
          shadowed,
          static_cast<WideSum>(admitted) * 100'500'000,
          static_cast<WideSum>(admitted) * 50'500'000};
}

/// A limit holds the fleet back and is lifted at 15 s.
inline Run lift_run() {
  Run run = sample_header("lift");
  run.lift = LiftRecord{"output limit", "lift", 15 * kSecondNs, 15 * kSecondNs + 12'345, 61, 3050};
  run.phases = {sample_span("before", 3, 15, 45), sample_span("transition", 15, 22, 99),
                sample_span("after", 22, 40, 78)};
  run.tenants = {{"users",
                  {sample_record({600, 480, 0, 120, 0, 0, 0}, 540, 96, 2000 * kMsNs),
                   sample_record({350, 350, 0, 0, 0, 0, 0}, 40, 300, 300 * kMsNs),
                   sample_record({1080, 1080, 0, 0, 0, 0, 0}, 0, 1069, 0)}}};
  run.throttles = {{"output limit",
                    "token_bucket",
                    "output_tokens",
                    "fleet",
                    "enforce",
                    {sample_counts(480, 540, 0, 0), sample_counts(350, 40, 0, 0),
                     sample_counts(1080, 0, 0, 0)}}};
  run.totals = {2200, 2080, 0, 120, 0, 0, 0};
  return run;
}

/// A limit that refuses, with clients that come back: at the change most of the demand is in
/// back-off. Some give up, some leave while they wait to retry, some are served too late.
inline Run retry_run() {
  Run run = lift_run();
  run.scenario_name = "retry-storm";
  run.lift = LiftRecord{"output limit", "ramp", 15 * kSecondNs, 15 * kSecondNs, 0, 0, 300, 15'000};
  std::vector<PhaseRecord>& phases = run.tenants[0].phases;
  phases[0] = sample_record({600, 400, 60, 90, 50, 0, 0}, 520, 80, 2000 * kMsNs);
  phases[0].attempts = 1950;
  phases[0].wasted_tokens = 1500;
  phases[1].attempts = 420;
  phases[1].counts = {350, 345, 0, 5, 0, 0, 0};
  phases[1].wasted_tokens = 250;
  run.throttles[0].phases = {sample_counts(430, 0, 1490, 0), sample_counts(650, 0, 70, 0),
                             sample_counts(1080, 0, 0, 0)};
  run.totals = {2200, 1995, 60, 95, 50, 0, 0};
  return run;
}

/// Nothing is lifted: one phase.
inline Run steady_run() {
  Run run = sample_header("steady");
  run.phases = {sample_span("steady", 3, 40, 62)};
  run.tenants = {{"users", {sample_record({1850, 1850, 0, 0, 0, 0, 0}, 0, 1840, 0)}}};
  run.totals = {2000, 2000, 0, 0, 0, 0, 0};
  return run;
}

/// Nothing is lifted; a limit for each user is tried out beside the one that is in force.
inline Run shadow_run() {
  Run run = steady_run();
  run.scenario_name = "tried out";
  run.throttles = {
      {"output limit",
       "token_bucket",
       "output_tokens",
       "fleet",
       "enforce",
       {sample_counts(1850, 60, 0, 0)}},
      {"hourly", "sliding_window", "requests", "user", "shadow", {{1850, 0, 0, 412, 1850, 0}}}};
  return run;
}

/// The lift, on a machine that was too busy, ended by Ctrl-C before the lift.
inline Run invalid_run() {
  Run run = lift_run();
  run.scenario_name = "lift";
  run.interrupted = true;
  run.lift->at_ns.reset();
  run.lift->waiting_requests = run.lift->backlog_tokens = 0;
  run.phases[0].end_ns = 14 * kSecondNs;
  run.phases[0].length_ns -= kSecondNs;
  for (std::size_t i = 1; i < 3; ++i) {
    run.phases[i].end_ns = run.phases[i].begin_ns = 14 * kSecondNs;
    run.phases[i].length_ns = run.phases[i].replica_ns = run.phases[i].busy_ns = 0;
    run.phases[i].batch_ns = 0;
    run.tenants[0].phases[i] = {};
  }
  run.checks[0] = {"generator lag p99 (ms)", 3.25, 1, false,
                   "The loop was late: something else used this machine's cores. Stop it, or run "
                   "with fewer replicas."};
  run.checks[2] = {"host interference", 0.31, 0.05, false,
                   "Other processes or other virtual machines took 31 % of the CPU time."};
  return run;
}

/// Nobody came.
inline Run empty_run() {
  Run run = sample_header("empty");
  run.phases = {sample_span("steady", 0, 10, 0)};
  run.tenants = {{"users", {PhaseRecord{}}}};
  run.capacity_tokens_per_s.reset();
  run.capacity_source.clear();
  run.series.columns.clear();
  run.series.ttft_slices.clear();
  run.checks = {{"enough samples", 0, 100, false, "Offer more, or run for longer."}};
  return run;
}

/// The lift with a second tenant that has a throttle of its own, three repetitions pooled.
inline Run two_tenant_run() {
  Run run = lift_run();
  run.scenario_name = "shared";
  run.runs = 3;
  run.tenants.push_back({"research",
                         {sample_record({60, 55, 5, 0, 0, 0, 0}, 6, 50, 20 * kMsNs),
                          sample_record({35, 30, 0, 0, 2, 1, 2}, 0, 29, 0),
                          sample_record({90, 90, 0, 0, 0, 0, 0}, 0, 88, 0)}});
  run.throttles.push_back({"research share",
                           "concurrency",
                           "requests",
                           "tenant",
                           "enforce",
                           {{55, 1, 5, 0, 55, 55}, {33, 0, 0, 0, 33, 33}, {90, 0, 0, 0, 90, 90}}});
  return run;
}

/// All of them.
inline std::vector<Run> sample_runs() {
  return {lift_run(),  steady_run(),     invalid_run(), empty_run(),
          retry_run(), two_tenant_run(), shadow_run()};
}

}  // namespace tokenlift
