// What fleets in virtual time draw, and how they keep a limit.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "bench/fleet/site_power.hpp"
#include "tests/bench/fleet/random_scenario.hpp"
#include "tests/bench/run/virtual_run.hpp"

namespace tokenlift::power_test {
namespace {

using RunValue = Run;  // within a TEST, Run is a function of testing::Test

constexpr std::int64_t kMs = kMillisecond;
constexpr std::int64_t kW = 1'000;                    // mW
constexpr WideSum kWMs = WideSum{1'000'000'000'000};  // 1 W for 1 ms, in fJ

/// 1 ms for a prefilled token, 10 ms for a decode step, 4 places; idle 100 W, prompts 700 W,
/// decoding 300 W at half of the way from 200 to 400, which is a batch of 2.
Scenario small_site() {
  Scenario scenario;
  scenario.name = "power";
  scenario.run.engine = Engine::simulated;
  scenario.run.duration_ns = 10 * kSecond;
  scenario.run.cooldown_max_ns = kSecond;
  Profile profile;
  profile.name = "gpu";
  profile.cost = CostModel{10'000'000'000, 0, 0, 0, 1'000'000'000, 0};
  profile.accelerator = Accelerator{"GPU", 1, 1, 1, 1, 700, AcceleratorPower{}};
  profile.accelerator->power->idle_w = 100;
  profile.accelerator->power->prompt_w = 700;
  profile.accelerator->power->decode_low_w = 200;
  profile.accelerator->power->decode_high_w = 400;
  profile.accelerator->power->decode_middle_log2 = 1;
  scenario.profiles = {profile};
  Site site;
  site.name = "hall";
  site.profile = "gpu";
  site.max_batch = 4;
  site.max_step_tokens = 1000;
  site.kv_tokens = 1'000'000;
  site.power = PowerSettings{};
  scenario.fleet.sites = {site};
  return scenario;
}

Tenant asking_each_second(const std::string& name, std::int64_t prompt, std::int64_t output) {
  Tenant tenant;
  tenant.name = name;
  tenant.arrivals.process = Process::constant;
  tenant.arrivals.rate.per_s = 1;
  tenant.prompt_tokens.mean = static_cast<double>(prompt);
  tenant.prompt_tokens.max = prompt;
  tenant.output_tokens.mean = static_cast<double>(output);
  tenant.output_tokens.max = output;
  tenant.max_tokens = output;
  return tenant;
}

/// Users who each wait for an answer that never ends.
Tenant always_decoding(std::int64_t users) {
  Tenant tenant = asking_each_second("users", 10, 100'000);
  tenant.arrivals.process = Process::closed;
  tenant.arrivals.rate = {};
  tenant.arrivals.think = Wait{WaitDistribution::constant, 0};
  tenant.users = users;
  return tenant;
}

// Each second two requests come at once. The first is prefilled alone (100 ms), the second while
// the first decodes (100 + 10 ms), then both decode for nine steps of 10 ms, and the second one
// for one more.
TEST(Power, OfAScheduleWorkedOutByHandIsExact) {
  Scenario scenario = small_site();
  scenario.fleet.sites[0].power->pue = 1.5;
  scenario.fleet.sites[0].power->per_accelerator_mw = 20 * kW;
  scenario.tenants = {asking_each_second("a", 100, 11), asking_each_second("b", 100, 11)};
  const AcceleratorPower& power = *scenario.profiles[0].accelerator->power;
  const WideSum alone_mw = std::llround(power.decode_w(1) * 1e3);
  for (const Stepping stepping : {Stepping::jump, Stepping::each}) {
    const RunValue run = play_virtual(scenario, stepping);
    ASSERT_EQ(run.phases.size(), 1U);
    const PhaseSpan& steady = run.phases[0];
    const auto pairs = static_cast<WideSum>(run.tenants[0].phases[0].completed_requests);
    ASSERT_GE(pairs, 9);
    ASSERT_EQ(run.tenants[1].phases[0].completed_requests, pairs);
    ASSERT_EQ(steady.busy_ns, pairs * 310 * kMs) << "nothing is under way at the end";
    const WideSum above_mw_ms = 210 * 600 * kW + 90 * 200 * kW + 10 * (alone_mw - 100 * kW);
    const WideSum energy_fj = kWMs * 100 * 10'000 + kWMs / kW * above_mw_ms * pairs;
    EXPECT_EQ(steady.energy_fj, energy_fj);
    EXPECT_EQ(steady.site_energy_fj, (energy_fj + kWMs * 20 * 10'000) * 3 / 2);
    ASSERT_EQ(steady.draws.size(), 1U);
    EXPECT_EQ(steady.draws[0].replica_ns, 10 * kSecond);
    EXPECT_EQ(steady.draws[0].slowed_replica_ns, 0);
    // Over a second from the grid's: all of one pair, wherever it begins.
    const auto mean_mw = static_cast<std::int64_t>((120 * kW * 1000 + above_mw_ms) * 3 / 2 / 1000);
    EXPECT_NEAR(static_cast<double>(steady.draws[0].largest_mw), static_cast<double>(mean_mw), 1);
  }
}

TEST(Power, IsNotRecordedWhereItIsNotStated) {
  Scenario scenario = small_site();
  scenario.tenants = {asking_each_second("a", 100, 11)};
  scenario.fleet.sites[0].power.reset();
  const RunValue run = play_virtual(scenario);
  EXPECT_FALSE(run.phases[0].energy_fj);
  EXPECT_TRUE(run.phases[0].draws.empty());
  EXPECT_EQ(find_column(run.series.columns, "site_power_w"), nullptr);
}

TEST(Power, OfAReplicaThatBootsIsIdlePower) {
  Scenario scenario = small_site();
  scenario.tenants = {asking_each_second("a", 1, 1)};
  Site& site = scenario.fleet.sites[0];
  site.replicas = 3;
  site.at_start = 1;
  site.boot_ns = 2 * kSecond;
  Event join;
  join.kind = EventKind::join;
  join.at_ns = 4 * kSecond;
  join.site = "hall";
  join.replicas = 1;
  scenario.events = {join};
  scenario.run.settle_ns = kSecond;
  const RunValue run = play_virtual(scenario);
  WideSum energy_fj = 0;
  WideSum replica_ns = 0;
  std::uint64_t requests = 0;
  for (std::size_t i = 0; i < run.phases.size(); ++i) {
    energy_fj += run.phases[i].draws[0].energy_fj;
    replica_ns += run.phases[i].draws[0].replica_ns;
    requests += run.tenants[0].phases[i].completed_requests;
  }
  EXPECT_EQ(replica_ns, 14 * kSecond) << "one for 10 s, another from 6 s on";
  // And it boots for 2 s.
  EXPECT_EQ(energy_fj, kWMs * 100 * 16'000 + kWMs * 600 * static_cast<WideSum>(requests));
  const std::vector<std::int64_t>& watts = *find_column(run.series.columns, "site_power_w");
  const auto bin = static_cast<std::size_t>(4'500 * kMs / run.series.bin_ns);
  EXPECT_EQ(watts[bin], 200) << "at 4.5 s nobody computes";
}

// ------------------------------------------------------------------------------ a limit that binds

/// Of all that a site draws in the intervals that begin in a phase.
std::int64_t largest_mw(const RunValue& run, std::string_view phase) {
  return run.phases[*find_phase(run, phase)].draws[0].largest_mw;
}

Event grid_event(std::int64_t at_ns, std::int64_t limit_mw) {
  Event event;
  event.kind = EventKind::power;
  event.at_ns = at_ns;
  event.site = "hall";
  event.limit_mw = limit_mw;
  return event;
}

// Once the batches are as they are, no control interval exceeds the limit that held at its
// beginning by more than the steps that were under way then are worth.
RC_GTEST_PROP(PowerLimit, IsExceededByNoMoreThanTheStepsUnderWay, ()) {
  Scenario scenario = small_site();
  Site& site = scenario.fleet.sites[0];
  site.replicas = *rc::gen::inRange(1, 5);
  PowerSettings& power = *site.power;
  power.pue = *rc::gen::element(1.0, 1.2);
  power.control_ns = *rc::gen::element(70 * kMs, 250 * kMs, kSecond);
  const std::int64_t idle_mw = site.replicas * 100 * kW;
  // Down to where steps take ten times as long.
  const auto any_limit = [&] {
    const double idle = static_cast<double>(idle_mw) * power.pue;
    return std::llround(idle * (1.3 + 0.1 * *rc::gen::inRange(0, 30)));
  };
  power.limit_mw = any_limit();
  scenario.profiles[0].cost->b_ps = 1'000'000'000;
  scenario.profiles[0].cost->c_ps = *rc::gen::element<std::int64_t>(0, 1'000);
  scenario.run.warmup_ns = 3 * kSecond;
  scenario.run.settle_ns = 2 * kSecond;
  scenario.tenants = {always_decoding(*rc::gen::inRange<std::int64_t>(1, 20))};
  scenario.events = {
      grid_event(5 * kSecond + *rc::gen::inRange<std::int64_t>(0, kSecond), any_limit())};
  const RunValue run = play_virtual(scenario);
  // A step of four that read 5,000 tokens and are slowed ten times, at 300 W above idle.
  const double step_s = 10 * (0.01 + 4 * 0.001 + 0.005);
  const double worth_mw = power.pue * static_cast<double>(site.replicas) * 300'000 * step_s /
                          (static_cast<double>(power.control_ns) / 1e9);
  for (const auto& [phase, limit_mw] :
       {std::pair("before", *power.limit_mw), std::pair("after", *scenario.events[0].limit_mw)}) {
    RC_ASSERT(static_cast<double>(largest_mw(run, phase)) <=
              static_cast<double>(limit_mw) + worth_mw + 10);
  }
  RC_CLASSIFY(run.phases[0].draws[0].slowed_replica_ns > 0, "the limit binds");
  // And what it allows is used: 1 % at most is lost to factors in thousandths and old steps.
  if (run.phases[2].draws[0].slowed_replica_ns > 0) {
    RC_ASSERT(static_cast<double>(largest_mw(run, "after")) >=
              0.99 * static_cast<double>(*scenario.events[0].limit_mw));
  }
}

// Steps that take twice as long draw half of what they draw above idle.
TEST(PowerLimit, SlowsStepsAndDrawsLess) {
  Scenario scenario = small_site();
  scenario.run.warmup_ns = 2 * kSecond;
  scenario.tenants = {always_decoding(2)};  // 300 W, 200 of them above idle
  const RunValue free = play_virtual(scenario);
  scenario.fleet.sites[0].power->limit_mw = 200 * kW;
  const RunValue held = play_virtual(scenario);
  const auto tokens = [](const RunValue& run) {
    return static_cast<double>(run.tenants[0].phases[0].output_tokens);
  };
  EXPECT_NEAR(tokens(free), 2 * 100 * 8, 2);
  EXPECT_NEAR(tokens(held), 2 * 50 * 8, 2) << "each step takes twice as long";
  EXPECT_NEAR(static_cast<double>(largest_mw(held, "steady")), 200 * kW, 1);
  EXPECT_EQ(held.phases[0].draws[0].slowed_replica_ns, 8 * kSecond);
  EXPECT_EQ(held.phases[0].draws[0].lost_replica_ns, 4 * kSecond);
  EXPECT_EQ(held.phases[0].draws[0].exceeded_ns, 0);
  EXPECT_EQ(free.phases[0].draws[0].lost_replica_ns, 0);
  EXPECT_EQ(*held.phases[0].energy_fj, kWMs * 200 * 8000);
  EXPECT_EQ(*free.phases[0].energy_fj, kWMs * 300 * 8000);
  const std::vector<std::int64_t>& limit = *find_column(held.series.columns, "power_limit_w");
  EXPECT_TRUE(std::ranges::all_of(limit, [](std::int64_t watts) { return watts == 200; }));
  EXPECT_EQ(find_column(free.series.columns, "power_limit_w"), nullptr);
}

TEST(PowerLimit, MakesBatchesSmallerWhereThatIsSaid) {
  Scenario scenario = small_site();
  scenario.run.warmup_ns = 4 * kSecond;
  scenario.tenants = {always_decoding(4)};
  PowerSettings& power = *scenario.fleet.sites[0].power;
  power.when_over = WhenOver::batch;
  power.limit_mw = 310 * kW;  // two sequences draw 300 W, three 320
  const RunValue run = play_virtual(scenario);
  EXPECT_EQ(largest_mw(run, "steady"), 300 * kW);
  EXPECT_EQ(run.phases[0].batch_ns, 2 * run.phases[0].busy_ns);
  EXPECT_EQ(run.phases[0].draws[0].slowed_replica_ns, run.phases[0].busy_ns);
}

// What waits is looked at where the run is divided, here between two reports of load: the control
// instants before that come first. The limit stays what it was.
TEST(PowerLimit, IsKeptAlikeWhereWhatWaitsIsLookedAt) {
  Scenario scenario = small_site();
  scenario.run.settle_ns = kSecond;
  scenario.fleet.load_report_interval_ns = 4 * kSecond;
  scenario.tenants = {always_decoding(4)};
  PowerSettings& power = *scenario.fleet.sites[0].power;
  power.when_over = WhenOver::batch;
  power.limit_mw = 310 * kW;
  const RunValue alone = play_virtual(scenario);
  scenario.events = {grid_event(2 * kSecond + kSecond / 2, *power.limit_mw)};
  const RunValue looked_at = play_virtual(scenario);
  ASSERT_TRUE(looked_at.lift);
  EXPECT_EQ(*find_column(looked_at.series.columns, "site_power_w"),
            *find_column(alone.series.columns, "site_power_w"));
}

// Prompts draw 700 W whatever the batch: 400 W are exceeded by 300, all the time.
TEST(PowerLimit, SaysWhereSmallerBatchesDoNotKeepIt) {
  Scenario scenario = small_site();
  scenario.tenants = {asking_each_second("a", 5'000, 1)};
  scenario.tenants[0].arrivals.rate.per_s = 1;
  PowerSettings& power = *scenario.fleet.sites[0].power;
  power.when_over = WhenOver::batch;
  power.limit_mw = 400 * kW;
  scenario.run.warmup_ns = 3 * kSecond;
  const SiteDraw draw = play_virtual(scenario).phases[0].draws[0];
  EXPECT_EQ(draw.largest_mw, 700 * kW);
  EXPECT_EQ(draw.exceeded_mw, 300 * kW);
  EXPECT_EQ(draw.exceeded_ns, 7 * kSecond);
  EXPECT_EQ(draw.lost_replica_ns, 0) << "what smaller batches cost is not known";
}

// 200 W from 3 s on. A battery that comes at 4.5 s is seen at 5 s, and adds 100 W for 3.6 s.
TEST(PowerLimit, ABatteryThatComesStandsInFromTheNextControlInstantOn) {
  Scenario scenario = small_site();
  scenario.run.warmup_ns = kSecond;
  scenario.run.settle_ns = 2 * kSecond;
  scenario.tenants = {always_decoding(2)};  // 300 W
  scenario.fleet.sites[0].power->limit_mw = 400 * kW;
  Event comes = grid_event(4 * kSecond + kSecond / 2, 0);
  comes.kind = EventKind::battery;
  comes.limit_mw.reset();
  comes.battery = Battery{100, 500 * kW};  // 360 Ws
  scenario.events = {grid_event(3 * kSecond, 200 * kW), comes};
  const RunValue run = play_virtual(scenario);
  const std::vector<std::int64_t>& watts = *find_column(run.series.columns, "site_power_w");
  const std::vector<std::int64_t>& stored = *find_column(run.series.columns, "battery_wh");
  const auto at = [&](const std::vector<std::int64_t>& values, double seconds) {
    return values[static_cast<std::size_t>(seconds * 1e9 / static_cast<double>(run.series.bin_ns))];
  };
  EXPECT_NEAR(static_cast<double>(at(watts, 4.5)), 200, 1);
  EXPECT_EQ(at(watts, 6.5), 300);
  EXPECT_EQ(at(watts, 7.5), 300);
  EXPECT_NEAR(static_cast<double>(at(watts, 9.5)), 200, 1) << "it is empty";
  EXPECT_EQ(at(stored, 4.5), 0);
  EXPECT_EQ(run.phases[0].draws[0].exceeded_ns, 0);
  EXPECT_TRUE(run == play_virtual(scenario, Stepping::each));
  scenario.events[1].battery->energy_milliwatt_h = 0;
  EXPECT_NEAR(static_cast<double>(
                  at(*find_column(play_virtual(scenario).series.columns, "site_power_w"), 6.5)),
              200, 1);
}

TEST(PowerLimit, ABatteryStandsInUntilItIsEmpty) {
  Scenario scenario = small_site();
  scenario.run.warmup_ns = kSecond;
  scenario.run.settle_ns = 2 * kSecond;
  scenario.tenants = {always_decoding(2)};  // 300 W
  PowerSettings& power = *scenario.fleet.sites[0].power;
  power.limit_mw = 400 * kW;
  power.battery = Battery{0, 500 * kW};
  power.battery->energy_milliwatt_h = 100;  // 360 Ws
  scenario.events = {grid_event(3 * kSecond, 200 * kW)};
  const RunValue run = play_virtual(scenario);
  const std::vector<std::int64_t>& watts = *find_column(run.series.columns, "site_power_w");
  const auto at = [&](double seconds) {
    return watts[static_cast<std::size_t>(seconds * 1e9 / static_cast<double>(run.series.bin_ns))];
  };
  EXPECT_EQ(at(2.5), 300);
  EXPECT_EQ(at(5.5), 300) << "the battery adds 100 W";
  EXPECT_NEAR(static_cast<double>(at(6.5)), 260, 3) << "60 Ws are left for the last second";
  EXPECT_NEAR(static_cast<double>(at(8.5)), 200, 1);
  EXPECT_EQ(run.phases[0].draws[0].slowed_replica_ns, 0);
  EXPECT_GT(run.phases[2].draws[0].slowed_replica_ns, 0);
}

/// All that was measured, but for power itself.
std::string without_power(RunValue run) {
  run.scenario_json = "{}";
  for (JobRecord& job : run.jobs) {
    for (JobPhase& phase : job.phases) {
      phase.energy_fj.reset();
      phase.site_energy_fj.reset();
    }
  }
  for (PhaseSpan& phase : run.phases) {
    phase.energy_fj.reset();
    phase.site_energy_fj.reset();
    phase.draws.clear();
  }
  std::erase_if(run.series.columns, [](const Column& column) {
    return column.name == "site_power_w" || column.name == "power_limit_w" ||
           column.name == "battery_wh";
  });
  return to_json(run);
}

// One example in eight: each plays whole runs.
RC_GTEST_PROP(PowerLimit, ThatNeverBindsChangesNothing, ()) {
  if (*rc::gen::inRange(0, 8) != 0) return;
  Scenario scenario = any_scenario();
  std::erase_if(scenario.events, [](const Event& event) { return event.kind == EventKind::power; });
  for (Site& site : scenario.fleet.sites) site.power.reset();
  const std::string without = without_power(play_virtual(scenario));
  state_power(scenario);
  RC_ASSERT(without_power(play_virtual(scenario)) == without);
  for (Site& site : scenario.fleet.sites) {
    site.power->limit_mw = kMostPowerMw;
    site.power->control_ns = *rc::gen::element(3 * kMs, 100 * kMs);
  }
  RC_ASSERT(without_power(play_virtual(scenario)) == without);
}

// Whatever happens: a site draws no less than all its replicas idle, no more than all of them in
// the step that draws most, and phases and bins tell of the same energy.
RC_GTEST_PROP(Power, LiesBetweenIdleAndTheMostThatStepsDraw, ()) {
  Scenario scenario = any_scenario();
  if (!states_power(scenario)) state_power(scenario);
  for (Site& site : scenario.fleet.sites) site.boot_ns = 0;
  const RunValue run = play_virtual(scenario);
  for (const PhaseSpan& phase : run.phases) {
    WideSum replica_ns = 0;
    for (std::size_t i = 0; i < phase.draws.size(); ++i) {
      const SiteDraw& draw = phase.draws[i];
      const Site& site = scenario.fleet.sites[i];
      replica_ns += draw.replica_ns;
      if (!site.power) continue;
      const SitePower power(*scenario.profiles[i].accelerator, site.max_batch);
      const ReplicaPower its = *replica_power(scenario, site);
      const std::int64_t most_mw = std::max(power.above_mw(0, true), power.decode_mw(1 << 20));
      RC_ASSERT((draw.energy_fj >= draw.replica_ns * its.idle_mw * 1000));
      RC_ASSERT((draw.energy_fj <= draw.replica_ns * (its.idle_mw + most_mw) * 1000));
      RC_ASSERT((draw.slowed_replica_ns >= 0 && draw.slowed_replica_ns <= draw.replica_ns));
      const WideSum site_fj =
          (draw.energy_fj + draw.replica_ns * its.rest_mw * 1000) * its.pue_ppm / 1'000'000;
      RC_ASSERT((draw.site_energy_fj == site_fj));
    }
    for (const JobRecord& job : run.jobs) {
      replica_ns -= job.phases[static_cast<std::size_t>(&phase - run.phases.data())].replica_ns;
    }
    RC_ASSERT((replica_ns == phase.replica_ns));
  }
}

}  // namespace
}  // namespace tokenlift::power_test
