#include "bench/fleet/power_control.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <vector>

namespace tokenlift::power_control_test {
namespace {

constexpr std::int64_t kS = 1'000'000'000;
constexpr std::int64_t kW = 1'000;  // mW

AcceleratorPower law() {
  AcceleratorPower power;
  power.idle_w = 100;
  power.prompt_w = 700;
  power.decode_low_w = 300;
  power.decode_high_w = 600;
  power.decode_middle_log2 = 4;
  return power;
}

/// One site, looked at every second: 10 replicas of one accelerator that may draw 4 kW.
Scenario limited_site() {
  Scenario scenario;
  scenario.run.duration_ns = 100 * kS;
  Profile profile;
  profile.name = "gpu";
  profile.accelerator = Accelerator{"GPU", 1, 1, 1, 1, 700, law()};
  scenario.profiles = {profile};
  Site site;
  site.name = "hall";
  site.replicas = 10;
  site.profile = "gpu";
  site.max_batch = 64;
  site.power = PowerSettings{};
  site.power->limit_mw = 4000 * kW;
  scenario.fleet.sites = {site};
  return scenario;
}

TEST(SitePower, TabulatesWhatAStepDrawsMoreThanIdle) {
  Accelerator accelerator{"GPU", 4, 1, 1, 1, 700, law()};
  const SitePower power(accelerator, 64);
  EXPECT_EQ(power.above_mw(0, false), 0);
  EXPECT_EQ(power.above_mw(16, false), 4 * (450 - 100) * kW);
  EXPECT_EQ(power.above_mw(0, true), 4 * 600 * kW);
  EXPECT_EQ(power.above_mw(16, true), 4 * 600 * kW) << "a step with a chunk draws prompt power";
  EXPECT_EQ(power.above_mw(1, false), 4 * (305'396 - 100 * kW));
  EXPECT_EQ(power.above_mw(1000, false), power.above_mw(64, false));
}

// ---------------------------------------------------------------------------------- the battery

TEST(BatteryCharge, IsEmptiedAboveTheLimitAndFilledBelowIt) {
  BatteryCharge battery(Battery{1000, 2'000'000});  // 1 Wh, 2 kW
  const __int128 full = static_cast<__int128>(3600) * kS * 1000;
  EXPECT_TRUE(battery.stored() == full);
  EXPECT_EQ(battery.available_mw(kS), 2'000'000);
  EXPECT_EQ(battery.available_mw(3600 * kS), 1000) << "an hour of 1 W";
  EXPECT_EQ(battery.pass(kS, 3'000'000, 2'000'000), 2'000'000) << "1 kW for 1 s came from it";
  EXPECT_TRUE(battery.stored() == full - static_cast<__int128>(1'000'000) * kS);
  EXPECT_EQ(battery.pass(kS, 5'000'000, 2'000'000), 3'000'000) << "2 kW is all that it can";
  EXPECT_EQ(battery.available_mw(kS), 600'000) << "600 Ws are left";
  EXPECT_EQ(battery.pass(kS, 3'000'000, 2'000'000), 2'400'000);
  EXPECT_TRUE(battery.stored() == 0);
  EXPECT_EQ(battery.pass(2 * kS, 1'000'000, 2'000'000), 1'000'000);
  EXPECT_TRUE(battery.stored() == static_cast<__int128>(2'000'000) * kS);
  battery.pass(100 * kS, 0, 2'000'000);
  EXPECT_TRUE(battery.stored() == full);
}

// A bucket: never less than nothing, never more than it holds, no faster than its power, and what
// was taken from it is what did not come from the grid.
RC_GTEST_PROP(BatteryCharge, IsABucket, ()) {
  const Battery given{*rc::gen::inRange<std::int64_t>(0, 1'000'000),
                      *rc::gen::inRange<std::int64_t>(0, 1'000'000'000)};
  BatteryCharge battery(given);
  const int times = *rc::gen::inRange(1, 30);
  for (int i = 0; i < times; ++i) {
    const std::int64_t length_ns = *rc::gen::inRange<std::int64_t>(1, 10 * kS);
    const std::int64_t mean_mw = *rc::gen::inRange<std::int64_t>(0, 2'000'000'000);
    const std::int64_t limit_mw = *rc::gen::inRange<std::int64_t>(0, 2'000'000'000);
    const __int128 before = battery.stored();
    const std::int64_t available_mw = battery.available_mw(length_ns);
    const std::int64_t from_grid_mw = battery.pass(length_ns, mean_mw, limit_mw);
    const __int128 change = battery.stored() - before;
    RC_ASSERT((battery.stored() >= 0 && battery.stored() <= battery.capacity()));
    const __int128 most = static_cast<__int128>(given.power_mw) * length_ns;
    RC_ASSERT((change <= most && -change <= most));
    if (mean_mw <= limit_mw) {
      RC_ASSERT(change >= 0);
      RC_ASSERT(from_grid_mw == mean_mw);
      RC_ASSERT((mean_mw * static_cast<__int128>(length_ns) + change <=
                 limit_mw * static_cast<__int128>(length_ns)));
    } else {
      RC_ASSERT(change <= 0);
      // To the last mW, of which the battery gave a part.
      const __int128 covered = static_cast<__int128>(mean_mw - from_grid_mw) * length_ns;
      RC_ASSERT((covered <= -change && -change < covered + length_ns));
      RC_ASSERT(from_grid_mw >= limit_mw);
      if (mean_mw - limit_mw <= available_mw) RC_ASSERT(from_grid_mw == limit_mw);
    }
  }
}

// ---------------------------------------------------------------------------------- the control

StepDraw step_of(std::int64_t sequences, bool chunk = false) {
  StepDraw step;
  step.sequences = sequences;
  step.chunk = chunk;
  step.asked = sequences + (chunk ? 1 : 0);
  return step;
}

SiteView view_of(const SitePower& power, const Scenario& scenario,
                 const std::vector<StepDraw>& steps, std::int64_t now_ns) {
  const Site& site = scenario.fleet.sites[0];
  SiteView view(&power, site.max_batch, site.power->when_over == WhenOver::batch);
  for (const StepDraw& step : steps) view.add(step, now_ns, 0);
  return view;
}

class Controlled {
 public:
  explicit Controlled(const Scenario& scenario)
      : scenario_(scenario),
        power_(*scenario.profiles[0].accelerator, scenario.fleet.sites[0].max_batch),
        grid_(make_grid(scenario)),
        record_(grid_),
        control_(scenario, 0) {}

  /// What holds after replicas were seen to do this at the next control instant; they had drawn
  /// `mean_mw` on average until then, all together and without PUE.
  HeldBack look(const std::vector<StepDraw>& steps, std::int64_t mean_mw = 0) {
    const std::int64_t now_ns = control_.next_ns();
    const SiteView view = view_of(power_, scenario_, steps, now_ns);
    const ReplicaPower its = *replica_power(scenario_, scenario_.fleet.sites[0]);
    drawn_ += static_cast<__int128>(mean_mw) * (now_ns - before_ns_);
    before_ns_ = now_ns;
    control_.control(view, drawn_ - view.served_ns() * (its.idle_mw + its.rest_mw),
                     view.served_ns(), 0, record_);
    return control_.held_back();
  }
  const PowerControl& control() const { return control_; }

 private:
  Scenario scenario_;
  SitePower power_;
  RecordingGrid grid_;
  DrawRecord record_;
  PowerControl control_;
  __int128 drawn_ = 0;
  std::int64_t before_ns_ = 0;
};

TEST(PowerControl, SlowsByTheLeastFactorThatKeepsTheLimit) {
  Controlled site(limited_site());
  const std::vector<StepDraw> all(10, step_of(16));  // 450 W each, 350 of them above idle
  const HeldBack held = site.look(all);
  EXPECT_EQ(held.slow_milli, 1167) << "3,500 W above idle, and 3,000 W left: 1.1666... rounded up";
  EXPECT_EQ(held.max_batch, 0);
  EXPECT_EQ(site.look(std::vector<StepDraw>(8, step_of(16))).slow_milli, 1000);
  EXPECT_EQ(site.look(std::vector<StepDraw>(10, step_of(0))).slow_milli, 1000);
  EXPECT_EQ(site.control().next_ns(), 3 * kS);
}

TEST(PowerControl, CountsPueAndTheRestOfServers) {
  Scenario scenario = limited_site();
  scenario.fleet.sites[0].power->pue = 1.25;
  scenario.fleet.sites[0].power->per_accelerator_mw = 50 * kW;
  Controlled site(scenario);
  // 3,200 W for servers, of which 1,500 are idle power and the rest: 1,700 left.
  EXPECT_EQ(site.look(std::vector<StepDraw>(10, step_of(16))).slow_milli, 2059);
}

TEST(PowerControl, SlowsNoMoreThanItMay) {
  Scenario scenario = limited_site();
  scenario.fleet.sites[0].power->limit_mw = 1001 * kW;
  EXPECT_EQ(Controlled(scenario).look(std::vector<StepDraw>(10, step_of(64))).slow_milli, 20'000);
}

TEST(PowerControl, MakesBatchesSmallerInstead) {
  Scenario scenario = limited_site();
  scenario.fleet.sites[0].power->when_over = WhenOver::batch;
  Controlled site(scenario);
  const SitePower power(*scenario.profiles[0].accelerator, 64);
  const HeldBack held = site.look(std::vector<StepDraw>(10, step_of(32)));
  EXPECT_EQ(held.slow_milli, 1000);
  EXPECT_LE(10 * power.decode_mw(held.max_batch), 3000 * kW);
  EXPECT_GT(10 * power.decode_mw(held.max_batch + 1), 3000 * kW) << "the largest that fits";
  // Who has a smaller batch than it was asked for would have a larger one again.
  StepDraw held_back = step_of(held.max_batch);
  held_back.asked = 32;
  EXPECT_EQ(site.look(std::vector<StepDraw>(10, held_back)), held);
  EXPECT_EQ(site.look(std::vector<StepDraw>(10, step_of(held.max_batch))), HeldBack{});
  EXPECT_EQ(site.look(std::vector<StepDraw>(10, step_of(64, true))).max_batch, 1)
      << "prompts draw what they draw";
}

TEST(PowerControl, AsksTheBatteryFirst) {
  Scenario scenario = limited_site();
  scenario.fleet.sites[0].power->battery = Battery{1000, 300 * kW};  // 1 Wh: 300 W for 12 s
  Controlled site(scenario);
  const std::vector<StepDraw> all(10, step_of(16));  // 4,500 W
  EXPECT_EQ(site.look(all).slow_milli, 1061) << "3,300 W above idle";
  for (int i = 0; i < 12; ++i) {
    EXPECT_EQ(site.look(all, 4300 * kW).slow_milli, i < 11 ? 1061 : 1167) << i;
  }
  EXPECT_TRUE(site.control().battery()->stored() == 0);
  EXPECT_EQ(site.look(all, 3900 * kW).slow_milli, 1130) << "what came in goes out again: 100 Ws";
}

// The steps under way, held back as the control says, keep the limit (with what the battery adds)
// or are slowed as far as they may be; and a thousandth less would not do.
RC_GTEST_PROP(PowerControl, TheStepsUnderWayKeepTheLimit, ()) {
  Scenario scenario = limited_site();
  PowerSettings& settings = *scenario.fleet.sites[0].power;
  settings.limit_mw = *rc::gen::inRange<std::int64_t>(1001, 9000) * kW;
  settings.pue = *rc::gen::element(1.0, 1.15, 1.5);
  settings.per_accelerator_mw = *rc::gen::element<std::int64_t>(0, 50 * kW);
  if (*rc::gen::arbitrary<bool>()) settings.battery = Battery{10'000, 500 * kW};
  const bool batch = *rc::gen::arbitrary<bool>();
  if (batch) settings.when_over = WhenOver::batch;
  Controlled site(scenario);
  const SitePower power(*scenario.profiles[0].accelerator, 64);
  std::vector<StepDraw> steps;
  for (int i = 0; i < 10; ++i) {
    steps.push_back(step_of(*rc::gen::inRange<std::int64_t>(0, 65), *rc::gen::inRange(0, 4) == 0));
  }
  const HeldBack held = site.look(steps);
  const auto drawn_mw = [&](const HeldBack& back) {
    __int128 sum = 0;
    for (const StepDraw& step : steps) {
      const std::int64_t sequences =
          back.max_batch > 0 ? std::min(step.sequences, back.max_batch) : step.sequences;
      sum += 100 * kW + settings.per_accelerator_mw +
             power.above_mw(sequences, step.chunk) * 1000 / back.slow_milli;
    }
    return static_cast<double>(sum) * settings.pue;
  };
  const double allowed_mw = static_cast<double>(*settings.limit_mw) +
                            (settings.battery ? static_cast<double>(500 * kW) : 0);
  constexpr double kRounding = 100;  // mW: each replica's, and the limit's
  RC_ASSERT(drawn_mw(held) <= allowed_mw + kRounding || held.slow_milli == 1000 * kMostSlowing ||
            held.max_batch == 1);
  if (held == HeldBack{}) return;
  HeldBack less = held;
  if (batch && held.max_batch < 64) ++less.max_batch;
  if (!batch) --less.slow_milli;
  RC_ASSERT(drawn_mw(less) >= allowed_mw - kRounding);
}

}  // namespace
}  // namespace tokenlift::power_control_test
