#pragma once
// The loop against a scripted endpoint, in time moved by hand.

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/run/loop.hpp"
#include "tests/bench/fleet/scripted_endpoint.hpp"
#include "tests/bench/fleet/stepped_fleet.hpp"
#include "tests/bench/run/constant_lengths.hpp"
#include "workloads/plan/plan.hpp"

namespace tokenlift::played_endpoint {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kMs = 1'000'000;

/// 10 requests/s, due at 0.1, 0.2, ... 9.9 s, of 10 + 4 tokens, to one endpoint.
inline Scenario of_endpoint() {
  Scenario scenario;
  scenario.name = "endpoint";
  scenario.run.engine = Engine::http;
  scenario.run.duration_ns = 10 * kSecond;
  scenario.run.settle_ns = kSecond;
  Site site;
  site.name = "gateway";
  site.endpoint = Endpoint{};
  scenario.fleet.sites.push_back(site);
  Tenant tenant;
  tenant.name = "users";
  tenant.arrivals.process = Process::constant;
  tenant.arrivals.rate.per_s = 10;
  tenant.prompt_tokens = constant(10);
  tenant.output_tokens = constant(4);
  tenant.max_tokens = 8;
  tenant.slo.ttft_ns = 500 * kMs;
  scenario.tenants.push_back(tenant);
  return scenario;
}

/// The same behind a throttle of ours, which lets so many requests through each second, one by one.
inline Scenario behind_gateway(double requests_per_s) {
  Scenario scenario = of_endpoint();
  Throttle throttle;
  throttle.name = "gateway";
  throttle.unit = Unit::requests;
  throttle.rate.per_s = requests_per_s;
  throttle.burst.units = 1;
  scenario.throttles.push_back(throttle);
  return scenario;
}

inline Scenario with_call(std::int64_t at_ns) {
  Scenario scenario = of_endpoint();
  Event event;
  event.kind = EventKind::call;
  event.at_ns = at_ns;
  event.call = Call{};
  scenario.events.push_back(event);
  return scenario;
}

/// The first byte goes after 1 ms, the status comes after 5, four chunks at 20, 30, 40 and 50, the
/// end of the stream at 52.
inline ScriptedReply served() {
  ScriptedReply script;
  script.first_byte_ns = kMs;
  script.headers_ns = 5 * kMs;
  script.deltas_ns = {20 * kMs, 30 * kMs, 40 * kMs, 50 * kMs};
  script.end_ns = 52 * kMs;
  script.reply.status = 200;
  script.reply.output_tokens = 4;
  script.reply.usage_known = true;
  script.reply.first_output_ns = 30 * kMs;  // the first chunk is reasoning
  return script;
}

inline ScriptedReply refused(std::int64_t retry_after_ns, bool overloaded = false) {
  ScriptedReply script;
  script.kind = NewsKind::refused;
  script.first_byte_ns = kMs;
  script.headers_ns = 5 * kMs;
  script.retry_after_ns = retry_after_ns;
  script.reply.status = overloaded ? 529 : 429;
  script.reply.overloaded = overloaded;
  return script;
}

/// Two tokens come, then the connection breaks.
inline ScriptedReply cut() {
  ScriptedReply script = served();
  script.kind = NewsKind::failed;
  script.deltas_ns.resize(2);
  script.end_ns = 35 * kMs;
  script.reply.failure = "cut";
  script.reply.usage_known = false;
  return script;
}

inline ScriptedReply broken(std::int32_t status) {
  ScriptedReply script = served();
  script.kind = NewsKind::failed;
  script.accepted = false;
  script.deltas_ns.clear();
  script.end_ns = 5 * kMs;
  script.reply.status = status;
  script.reply.failure = status < 0 ? "reset" : "status";
  script.reply.usage_known = false;
  return script;
}

struct Played {
  Run run;
  LoopOutcome outcome;
  double littles_law_error = 0;
  std::vector<ScriptedEndpoint::Submission> submissions;
  std::int64_t unanswered = 0;
  std::vector<std::uint32_t> begun;  // calls
  std::vector<std::uint64_t> ended;  // conversations
};

/// What a test does with the parts before the run begins.
struct Parts {
  ScriptedEndpoint& endpoint;
  ScriptedActions& actions;
  std::atomic<bool>& stop;
  std::atomic<bool>& cut;
  Recorder& recorder;
};

inline Played play(const Scenario& scenario, ScriptedEndpoint::Answer answer,
                   const std::function<void(Parts)>& prepare = {}, std::int64_t call_takes_ns = 0,
                   const std::string& call_fails = "") {
  RecordingGrid grid = make_grid(scenario);
  ScriptedEndpoint endpoint(grid, std::move(answer));
  JumpingClock clock;
  Recorder recorder(scenario, grid);
  ProgressBoard board;
  std::atomic<bool> stop{false};
  std::atomic<bool> cut{false};
  ScriptedActions actions(endpoint, clock, call_takes_ns, call_fails);
  if (prepare) prepare({endpoint, actions, stop, cut, recorder});
  Loop loop(scenario, grid, clock, endpoint, recorder, board, stop,
            Elsewhere{&grid, &actions, &cut});
  Played played;
  played.outcome = loop.run();
  TokenRecord tokens(grid);
  endpoint.stop(played.outcome.end_ns, tokens);
  played.run = recorder.finish(played.outcome.end_ns, tokens);
  if (!played.outcome.lifts.empty()) played.run.lift = played.outcome.lifts.front();
  played.littles_law_error = recorder.littles_law_error();
  played.submissions = endpoint.submissions;
  played.unanswered = endpoint.in_flight();
  played.begun = actions.begun;
  played.ended = endpoint.ended;
  return played;
}

inline Played play_alike(const Scenario& scenario, const ScriptedReply& script) {
  return play(scenario, [script](const Work&, std::int64_t) { return script; });
}

inline std::vector<std::string> names(const Run& run) {
  std::vector<std::string> all;
  for (const PhaseSpan& phase : run.phases) all.push_back(phase.name);
  return all;
}

inline const PhaseRecord& phase(const Run& run, std::string_view name) {
  return run.tenants[0].phases.at(*find_phase(run, name));
}

inline void expect_each(const PhaseRecord& record, Metric metric, std::uint64_t count,
                        std::int64_t ns) {
  ASSERT_EQ(record.of(metric).count(), count) << name_of(metric);
  EXPECT_EQ(record.of(metric).min_ns(), ns) << name_of(metric);
  EXPECT_EQ(record.of(metric).max_ns(), ns) << name_of(metric);
}

inline std::int64_t sum(const Run& run, const char* column) {
  const std::vector<std::int64_t>& values = *find_column(run.series.columns, column);
  return std::accumulate(values.begin(), values.end(), std::int64_t{0});
}

}  // namespace tokenlift::played_endpoint
