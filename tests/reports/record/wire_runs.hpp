#pragma once
// A run made by hand against an endpoint: a call lifts its limit.

#include <string>
#include <utility>
#include <vector>

#include "tests/reports/record/sample_runs.hpp"

namespace tokenlift {

/// What endpoints say in place of what replicas say.
inline void as_of_endpoint(PhaseRecord& record) {
  const std::uint64_t done = record.counts.completed;
  record.of(Metric::queue_wait) = {};
  record.of(Metric::prefill) = {};
  record_evenly(record.of(Metric::headers), done, 2 * kMsNs, 8 * kMsNs);
  record.of(Metric::first_output) = record.of(Metric::ttft);
}

/// All went well on the wire: a chunk is a token, and what was asked for came.
inline WireRecord clean_wire() {
  WireRecord wire;
  wire.connections = 41;
  wire.reads = 95'000;
  wire.reads_with_several = 500;
  wire.deltas = 95'500;
  wire.asked_tokens = 95'500;
  wire.got_tokens = 95'500;
  wire.asked_prompt_tokens = 191'000;
  wire.got_prompt_tokens = 190'000;
  wire.busy_ns = 4 * kSecondNs;
  return wire;
}

/// 90 % of the first attempts are denied until a call at 15 s, which took 0.2 s, lifts the limit.
/// 12 attempts broke, 3 requests failed for good; the endpoint says what its limit is.
inline Run endpoint_run() {
  Run run = lift_run();
  run.scenario_name = "endpoint";
  run.engine = "http";
  run.scenario_json =
      R"({"name":"endpoint","run":{"engine":"http","duration":"40s","seed":7},)"
      R"("tenant":[{"name":"users","arrivals":{"process":"poisson","rate":50.0},"slo":{"ttft":"200ms"}}]})";
  run.environment.decoder_precision = "";
  run.capacity_tokens_per_s.reset();
  run.capacity_source.clear();
  LiftRecord lift;
  lift.kind = "call";
  lift.planned_ns = 15 * kSecondNs;
  lift.at_ns = 15 * kSecondNs + 200 * kMsNs;
  lift.call_ns = 200 * kMsNs;
  lift.length_ns = 0;
  lift.backoff_requests = 61;
  lift.backoff_tokens = 3050;
  run.lift = lift;
  run.throttles.clear();
  run.phases[0].end_ns = run.phases[1].begin_ns = *lift.at_ns;
  run.phases[1].end_ns = run.phases[2].begin_ns = *lift.at_ns + 7 * kSecondNs;
  for (PhaseSpan& span : run.phases) {
    span.length_ns = span.end_ns - span.begin_ns;
    span.replica_ns = span.busy_ns = span.batch_ns = 0;
  }
  std::vector<PhaseRecord>& phases = run.tenants[0].phases;
  phases[0] = sample_record({600, 477, 120, 0, 0, 3, 0}, 540, 96, 2000 * kMsNs);
  phases[0].denied = 540;
  phases[0].attempts = 1700;
  phases[0].failures = {{"cut", 2}, {"reset", 1}};
  phases[0].wasted_tokens = 40;
  phases[1].denied = phases[1].held = 40;
  phases[2].overloaded = 11;
  for (PhaseRecord& phase : phases) as_of_endpoint(phase);
  run.totals = {2200, 2077, 120, 0, 0, 3, 0};
  WireRecord wire = clean_wire();
  wire.failures = {{"reset", 3, "the connection was reset by the peer"},
                   {"cut", 9, "the stream ended after 13 chunks, without [DONE]"}};
  wire.server = {{"gateway", "limit.requests", {600, 6000, 6000}},
                 {"gateway", "remaining.requests", {ServerColumn::kNotSaid, 0, 5400}},
                 {"gateway", "reset_ms.requests", {1500, 900, 20}},
                 {"gateway", "waiting", {0, 12, 3}},
                 {"gateway", "running", {8, 32, 30}},
                 {"gateway", "kv_used_ppm", {120'000, 870'000, 640'000}}};
  run.wire = std::move(wire);
  run.series.columns = {{"due", {50, 52, 48}},
                        {"attempts", {1700, 460, 1100}},
                        {"admitted_requests", {480, 350, 1080}},
                        {"denied_attempts", {1220, 110, 0}},
                        {"overloaded_attempts", {0, 0, 11}},
                        {"goodput_tokens", {1000, 0, 2400}},
                        {"backoff_requests", {0, 12, 5}}};
  run.checks.push_back({"client_thread", 0.1, 0.7, true, ""});
  run.checks.push_back({"shared_reads", 0.00526, 1, true, ""});
  run.checks.push_back({"output_delivered", 1, 0.99, true, ""});
  run.checks.push_back({"failed_share", 0.00148, 0.05, true, ""});
  run.checks.push_back({"event_call", 1, 1, true, ""});
  return run;
}

/// The same without an event: one phase, in which nothing was refused.
inline Run steady_endpoint_run() {
  Run run = endpoint_run();
  const Run steady = steady_run();
  run.lift.reset();
  run.checks.pop_back();
  run.phases = {sample_span("steady", 3, 40, 0)};
  run.phases[0].replica_ns = 0;
  run.tenants = steady.tenants;
  as_of_endpoint(run.tenants[0].phases[0]);
  run.totals = steady.totals;
  run.wire = clean_wire();
  return run;
}

}  // namespace tokenlift
