// What is planned where a run talks to endpoints: phases that open when an event holds that happens
// elsewhere, and what `check` warns about.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "tests/workloads/plan/lift_scenario.hpp"
#include "workloads/plan/fluid.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/plan/samples.hpp"

namespace tokenlift::elsewhere_test {
namespace {

// A call at 10 s, in a run from 2 to 60 s; the limit is the endpoint's own.
Scenario called() {
  Scenario scenario = lift_scenario();
  scenario.run.engine = Engine::http;
  scenario.fleet.capacity_tokens_per_s.reset();
  scenario.throttles.clear();
  Endpoint& endpoint = scenario.fleet.sites[0].endpoint.emplace();
  scenario.fleet.sites[0].name = "gateway";
  endpoint.url = "http://127.0.0.1:8000/v1";
  Event& event = scenario.events[0];
  event.throttle.clear();
  event.kind = EventKind::call;
  event.call.emplace();
  return scenario;
}

Scenario signalled() {
  Scenario scenario = called();
  scenario.events[0].kind = EventKind::signal;
  scenario.events[0].call.reset();
  scenario.events[0].at_signal = true;
  scenario.events[0].at_ns = 0;
  return scenario;
}

using Span = std::tuple<std::string, std::int64_t, std::int64_t>;
std::vector<Span> spans(const Scenario& scenario, std::optional<std::int64_t> held_s = {}) {
  std::vector<Span> result;
  const auto held_ns = held_s ? std::optional(*held_s * kS) : std::nullopt;
  for (const Phase& phase : plan_phases(resolve(scenario, std::nullopt), held_ns)) {
    EXPECT_EQ(phase.measured, phase.name != "warmup" && phase.name != "cooldown") << phase.name;
    result.emplace_back(phase.name, phase.begin_ns / kS, phase.end_ns / kS);
  }
  return result;
}

TEST(Elsewhere, PhasesOpenWhenTheEventHolds) {
  for (const Scenario& scenario : {called(), signalled()}) {
    EXPECT_TRUE(divided_from_elsewhere(scenario));
    EXPECT_EQ(spans(scenario), (std::vector<Span>{{"warmup", 0, 2},
                                                  {"before", 2, 60},
                                                  {"transition", 60, 60},
                                                  {"after", 60, 60},
                                                  {"cooldown", 60, 90}}));
    EXPECT_EQ(spans(scenario, 12), (std::vector<Span>{{"warmup", 0, 2},
                                                      {"before", 2, 12},
                                                      {"transition", 12, 42},
                                                      {"after", 42, 60},
                                                      {"cooldown", 60, 90}}));
  }
}

TEST(Elsewhere, PhasesAreCutAtTheEndAndNeverBeginInTheWarmup) {
  EXPECT_EQ(spans(signalled(), 40)[2], (Span{"transition", 40, 60}));
  EXPECT_EQ(spans(signalled(), 40)[3], (Span{"after", 60, 60}));
  EXPECT_EQ(spans(signalled(), 1)[1], (Span{"before", 2, 2}));
  EXPECT_EQ(spans(signalled(), 1)[2], (Span{"transition", 2, 32}));
  EXPECT_EQ(spans(called(), 75), spans(called()));
}

// Whatever holds when: the same phases in the same order, without gaps.
RC_GTEST_PROP(Elsewhere, AnIndexOfAPhaseNeverChanges, ()) {
  Scenario scenario = *rc::gen::arbitrary<bool>() ? called() : signalled();
  scenario.run.warmup_ns = *rc::gen::inRange<std::int64_t>(0, 50) * kS;
  scenario.run.settle_ns = *rc::gen::inRange<std::int64_t>(0, 100) * kS;
  scenario.run.cooldown_max_ns = *rc::gen::inRange<std::int64_t>(0, 2) * kS;
  const std::vector<Phase> before = plan_phases(scenario);
  const std::vector<Phase> after =
      plan_phases(scenario, *rc::gen::inRange<std::int64_t>(0, 70 * kS));
  RC_ASSERT(before.size() == after.size());
  std::int64_t end_ns = 0;
  for (std::size_t i = 0; i < after.size(); ++i) {
    RC_ASSERT(before[i].name == after[i].name);
    RC_ASSERT(after[i].begin_ns == end_ns);
    RC_ASSERT(after[i].end_ns >= end_ns);
    end_ns = after[i].end_ns;
  }
  RC_ASSERT(end_ns == before.back().end_ns);
}

TEST(Elsewhere, SettleIsHalfAMinuteUnlessStated) {
  Scenario scenario = called();
  EXPECT_EQ(resolve(scenario, std::nullopt).run.settle_ns, 30 * kS);
  scenario.run.settle_ns = 7 * kS;
  EXPECT_EQ(resolve(scenario, std::nullopt).run.settle_ns, 7 * kS);
}

// A call is expected to be answered at once; when a signal comes nobody expects.
TEST(Elsewhere, OfASignalNothingIsExpected) {
  EXPECT_EQ(measured_span(called())->begin_ns, 10 * kS);
  EXPECT_EQ(measured_span(called())->end_ns, 10 * kS);
  EXPECT_FALSE(measured_span(signalled()));
  EXPECT_EQ(measured_event(signalled()), 0U);
  EXPECT_EQ(fluid_drain(resolve(signalled(), std::nullopt)).backlog_tokens, 0);
  Scenario slow = called();
  slow.tenants[0].arrivals.rate.per_s = 5;  // 40 requests before the call, 100 after it
  const std::vector<ShortPhase> phases = short_phases(resolve(slow, std::nullopt));
  ASSERT_EQ(phases.size(), 1U);
  EXPECT_EQ(phases[0].name, "before");
  EXPECT_NEAR(phases[0].requests, 40, 1e-9);
  slow.events = signalled().events;
  EXPECT_TRUE(short_phases(resolve(slow, std::nullopt)).empty());
}

// The known instants of others are what they are beside it.
TEST(Elsewhere, AMarkerDividesNothing) {
  Scenario scenario = lift_scenario();
  Event signal = signalled().events[0];
  scenario.events.push_back(signal);
  EXPECT_FALSE(divided_from_elsewhere(scenario));
  scenario.events[1].measure = true;
  EXPECT_TRUE(divided_from_elsewhere(scenario));
}

TEST(Elsewhere, WarnsOfAKeyThatAnybodyCanRead) {
  Scenario scenario = called();
  Endpoint& endpoint = *scenario.fleet.sites[0].endpoint;
  const auto warned = [&](const char* url) {
    endpoint.url = url;
    return has_warning(resolve(scenario, std::nullopt), "is sent a key over http");
  };
  EXPECT_FALSE(warned("http://llm.example/v1")) << "without a key";
  scenario.tenants[0].credentials.key_env = "LLM_KEY";
  EXPECT_TRUE(warned("http://llm.example/v1"));
  EXPECT_FALSE(warned("https://llm.example/v1"));
  for (const char* url : {"http://127.0.0.1:8000", "http://localhost/v1", "http://[::1]:80"}) {
    EXPECT_FALSE(warned(url)) << url;
  }
  scenario.tenants[0].credentials = {};
  endpoint.credentials.key_file = "/key";
  EXPECT_TRUE(warned("http://llm.example/v1"));
  scenario.tenants[0].sites = {"another"};
  EXPECT_TRUE(has_warning(resolve(scenario, std::nullopt), "site 'gateway' is used by nobody"));
}

TEST(Elsewhere, WarnsOfACallWithAKeyThatAnybodyCanRead) {
  Scenario scenario = called();
  Call& call = *scenario.events[0].call;
  const auto warned = [&](const char* url) {
    call.url = url;
    return has_warning(resolve(scenario, std::nullopt), "sends a key over http");
  };
  EXPECT_FALSE(warned("http://llm.example/lift")) << "without a key";
  call.credentials.key_env = "ADMIN_KEY";
  EXPECT_TRUE(warned("http://llm.example/lift"));
  EXPECT_FALSE(warned("https://llm.example/lift"));
  EXPECT_FALSE(warned("http://127.0.0.1:8000/lift"));
}

// An endpoint may refuse and cache, whatever throttles and sites say.
TEST(Elsewhere, DoesNotWarnOfWhatAnEndpointMayDo) {
  Scenario scenario = called();
  scenario.tenants[0].retry.policy = RetryPolicy::sdk_openai;
  scenario.throttles.push_back(make_throttle(per_s(1e6)));
  scenario.throttles[0].exempt_cached = true;
  EXPECT_FALSE(has_warning(resolve(scenario, std::nullopt), "retries after a rejection"));
  EXPECT_FALSE(has_warning(resolve(scenario, std::nullopt), "exempts cached input"));
  scenario.fleet.sites[0].endpoint.reset();
  scenario.run.engine = Engine::threads;
  scenario.run.settle_ns = 30 * kS;
  EXPECT_TRUE(has_warning(resolve(scenario, std::nullopt), "retries after a rejection"));
  EXPECT_TRUE(has_warning(resolve(scenario, std::nullopt), "exempts cached input"));
}

}  // namespace
}  // namespace tokenlift::elsewhere_test
