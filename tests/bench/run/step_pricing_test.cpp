// What it means for a fleet that steps on accelerators are one pass: what short prompts cost, and
// that the size of a chunk is a trade between throughput and the gaps between tokens.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <vector>

#include "bench/run/capacity.hpp"
#include "tests/bench/run/virtual_run.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/reader/catalogue.hpp"

namespace tokenlift::step_pricing_test {
namespace {

Scenario one_h100(std::int64_t prompt, std::int64_t output, std::int64_t max_step_tokens) {
  Scenario scenario;
  scenario.name = "h100";
  scenario.run.engine = Engine::simulated;
  scenario.run.warmup_ns = 20'000'000'000;
  scenario.run.duration_ns = 220'000'000'000;
  scenario.profiles = {*find_profile("h100-8b")};
  scenario.fleet.sites = {{"site", 1, "h100-8b", 64, max_step_tokens, 400'000}};
  Tenant tenant;
  tenant.name = "users";
  const auto constant = [](std::int64_t tokens) {
    return Lengths{Distribution::constant, static_cast<double>(tokens), 0, 1, tokens};
  };
  tenant.prompt_tokens = constant(prompt);
  tenant.output_tokens = constant(output);
  tenant.max_tokens = output;
  tenant.arrivals.rate.load = 0.5;
  scenario.tenants = {tenant};
  return scenario;
}

double capacity_of(const Scenario& scenario) {
  const std::atomic<bool> stop{false};
  return *compute_capacity(scenario, stop);
}

// As separate calls they pay p0 each, and saturate it at 3.5 k prompt tokens/s.
TEST(StepPricing, ShortPromptsDontSaturateAnAccelerator) {
  const Scenario scenario = one_h100(16, 1, 512);
  // 32 of them fit into a step: 4.3 ms + 1.41 ms + 512 x 15 us + 32 x 256 x 0.976 ns.
  EXPECT_NEAR(16 * capacity_of(scenario), 512 / 13.398e-3, 5);
  Scenario separate = scenario;
  separate.profiles[0].cost->pricing = Pricing::separate;
  EXPECT_NEAR(16 * capacity_of(separate), 3500, 100);
}

struct Study {
  std::int64_t max_step_tokens = 0;
  double capacity = 0;    ///< output tokens/s
  double itl_p99_ms = 0;  ///< at the load below
};

/// Chunks of several sizes, for prompts of 2,048 tokens and outputs of 256 at 2.5 requests/s.
std::vector<Study> study_chunks(Pricing pricing) {
  std::vector<Study> studies;
  for (const std::int64_t max_step_tokens : {64, 256, 512, 2048}) {
    Scenario scenario = one_h100(2048, 256, max_step_tokens);
    scenario.profiles[0].cost->pricing = pricing;
    const double capacity = capacity_of(scenario);
    scenario.tenants[0].arrivals.rate = Rate{{}, 2.5};
    const Run run = play_virtual(resolve(scenario, capacity));
    const Histogram& itl = run.tenants[0].phases[0].of(Metric::itl);
    studies.push_back({max_step_tokens, capacity, static_cast<double>(itl.value_at(0.99)) * 1e-6});
  }
  return studies;
}

/// The one of the highest capacity among those that keep the bound.
std::int64_t best(const std::vector<Study>& studies, double itl_bound_ms) {
  const Study* found = nullptr;
  for (const Study& study : studies) {
    if (study.itl_p99_ms > itl_bound_ms) continue;
    if (found == nullptr || study.capacity > found->capacity) found = &study;
  }
  return found == nullptr ? 0 : found->max_step_tokens;
}

// Larger chunks make longer gaps. They serve more only as long as a step takes in fewer prompt
// tokens than its batch needs, some 500 here; as separate calls they always would.
TEST(StepPricing, TheSizeOfAChunkTradesThroughputForGaps) {
  const std::vector<Study> mixed = study_chunks(Pricing::mixed);
  EXPECT_TRUE(std::ranges::is_sorted(mixed, {}, &Study::itl_p99_ms));
  EXPECT_EQ(best(mixed, 1000), 2048);
  EXPECT_EQ(best(mixed, 20), 512);
  EXPECT_EQ(best(mixed, 15), 256);
  EXPECT_GT(mixed[2].capacity / mixed[3].capacity, 0.99) << "512 against 2048";
  EXPECT_LT(mixed[2].itl_p99_ms / mixed[3].itl_p99_ms, 0.5);
  const std::vector<Study> separate = study_chunks(Pricing::separate);
  EXPECT_LT(separate[2].capacity / separate[3].capacity, 0.9);
}

}  // namespace
}  // namespace tokenlift::step_pricing_test
