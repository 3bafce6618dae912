// How sure the intervals of a report are: experiments in virtual time whose truth is known.
//
// In one kind the lift changes nothing (A/A): the goodput that a verdict rests on must not be said
// to have changed. In the other it does, by as much as a closed form or one very long run says: the
// intervals must hold that. By default a few of each; all of them, and a table of what came out:
//
//   TOKENLIFT_EXPERIMENTS=200 build/release/tests/bench_run_statistics_test
//     --gtest_filter='Coverage.*'
//
// Seeds are fixed. Of 20 intervals that each hold the truth with 95 %, 14 or fewer do with
// probability 3e-4: that is a failure here. Of 200 it is fewer than 176 (3e-5), and of 200 A/A
// experiments more than 20 that call a change (2e-3).

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "bench/run/capacity.hpp"
#include "reports/analysis/gain.hpp"
#include "tests/bench/run/one_step_queue.hpp"
#include "tests/bench/run/virtual_run.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/reader/catalogue.hpp"

namespace tokenlift::coverage_test {
namespace {

using Truth = std::map<std::string, double>;  // by name of the gain

// ----------------------------------------------------------------------------------- scenarios

constexpr double kServiceS = 1e-3;
constexpr double kObjective = 5;       // times the service: the objective on TTFT
constexpr double kSettleTimes = 1000;  // times the service: warm-up and transition

/// `requests` of them at `rate_per_s` in each of `before` and `after`.
void set_phases(Scenario& scenario, double requests, double rate_per_s, double settle_s) {
  const std::int64_t settle_ns = std::llround(settle_s * 1e9);
  const std::int64_t phase_ns = std::llround(requests / rate_per_s * 1e9);
  scenario.run.warmup_ns = settle_ns;
  scenario.run.settle_ns = settle_ns;
  scenario.run.duration_ns = 2 * (settle_ns + phase_ns);
  scenario.events[0].at_ns = settle_ns + phase_ns;
}

Throttle request_limit(double per_s, WhenFull when_full) {
  Throttle limit;
  limit.name = "limit";
  limit.unit = Unit::requests;
  limit.rate.per_s = per_s;
  limit.burst.units = 20;
  limit.when_full = when_full;
  return limit;
}

/// A queue whose arrivals keep it busy for `rho_before` of its time, and from the lift on for
/// `rho_after`. What is lifted never binds.
Scenario queue(double rho_before, double rho_after, double requests, std::uint64_t seed) {
  Scenario scenario = one_step_queue(exponential_service(kServiceS), 1, rho_after, requests, seed);
  scenario.tenants[0].slo.ttft_ns = std::llround(kObjective * kServiceS * 1e9);
  scenario.throttles.push_back(request_limit(1000 / kServiceS, WhenFull::queue));
  Event lift;
  lift.throttle = "limit";
  scenario.events.push_back(lift);
  const double slower = std::min(rho_before, rho_after);
  set_phases(scenario, requests, slower / kServiceS, kSettleTimes * kServiceS);
  scenario.tenants[0].arrivals.shape = Shape{};
  scenario.tenants[0].arrivals.shape->steps = {{0, rho_before / rho_after},
                                               {scenario.events[0].at_ns, 1.0}};
  return scenario;
}

/// M/M/1, first come, first served: the time in the system, which is TTFT here, is exponential with
/// rate (1 - rho) / service.
Truth queue_truth(double rho_before, double rho_after) {
  const double met = (1 - std::exp(-kObjective * (1 - rho_after))) /
                     (1 - std::exp(-kObjective * (1 - rho_before)));
  const double slower = (1 - rho_before) / (1 - rho_after);
  return {{"throughput", rho_after / rho_before},
          {"goodput", met * rho_after / rho_before},
          {"ttft p50", slower},
          {"ttft p99", slower}};
}

/// More is asked of the queue than it could serve, and a limit that refuses lets a share of what it
/// could serve through; at the lift it is set to another one.
Scenario limited_queue(double share_before, double share_after, double requests,
                       std::uint64_t seed) {
  Scenario scenario = one_step_queue(exponential_service(kServiceS), 1, 1.1, requests, seed);
  scenario.tenants[0].slo.ttft_ns = std::llround(kObjective * kServiceS * 1e9);
  scenario.throttles.push_back(request_limit(share_before / kServiceS, WhenFull::reject));
  Event set;
  set.kind = EventKind::set;
  set.throttle = "limit";
  set.rate = Rate{std::nullopt, share_after / kServiceS};
  scenario.events.push_back(set);
  set_phases(scenario, requests, std::min(share_before, share_after) / kServiceS,
             kSettleTimes * kServiceS);
  return scenario;
}

/// Four replicas of an 8B model that batch 8 sequences, behind such a limit: tokens of a request
/// are made in many steps, so one second remembers the one before.
Scenario limited_fleet(double share_before, double share_after, double requests,
                       std::uint64_t seed) {
  Scenario scenario = one_step_queue(exponential_service(kServiceS), 1, 1, requests, seed);
  scenario.profiles = {*find_profile("h100-8b")};
  scenario.fleet.sites = {{"site", 4, "h100-8b", 8, 512, 100'000}};
  scenario.fleet.router = RouterPolicy::least_loaded;
  Tenant& tenant = scenario.tenants[0];
  tenant.prompt_tokens = {Distribution::lognormal, 200, 0.6, 1, 2000};
  tenant.output_tokens = {Distribution::lognormal, 40, 0.6, 1, 400};
  tenant.max_tokens = 400;
  tenant.slo.ttft_ns = 100'000'000;
  // The same for all seeds, and longer to find than a run takes.
  static const double capacity = compute_capacity(scenario, std::atomic<bool>{false}).value();
  const double served_per_s = capacity / 40;
  tenant.arrivals.rate.per_s = 1.1 * served_per_s;
  scenario.throttles.push_back(request_limit(share_before * served_per_s, WhenFull::reject));
  Event set;
  set.kind = EventKind::set;
  set.throttle = "limit";
  set.rate = Rate{std::nullopt, share_after * served_per_s};
  scenario.events.push_back(set);
  set_phases(scenario, requests, std::min(share_before, share_after) * served_per_s, 20);
  return resolve(scenario, capacity);
}

// --------------------------------------------------------------------------------- experiments

std::vector<Gain> gains_of(const std::function<Scenario(std::uint64_t)>& scenario,
                           std::uint64_t first_seed, std::size_t repetitions) {
  Arm arm(play_virtual(scenario(first_seed)));
  for (std::size_t i = 1; i < repetitions; ++i) arm.add(play_virtual(scenario(first_seed + i)));
  return gains(Trial{"", std::move(arm), std::nullopt});
}

/// By one run that is so long that its error is a hundredth of the intervals that are held against
/// it, or a tenth of those of throughput.
Truth measured_truth(const std::function<Scenario(std::uint64_t)>& long_scenario) {
  Truth truth;
  for (const Gain& gain : gains_of(long_scenario, 999'999, 1)) {
    if (gain.change.value) truth[gain.name] = *gain.change.value;
  }
  return truth;
}

struct Tally {
  int intervals = 0;
  int hold = 0;
  int called = 0;
};

constexpr const char* kFigures[] = {"throughput", "goodput", "ttft p50", "ttft p99"};

std::map<std::string, Tally> play(const std::function<Scenario(std::uint64_t)>& scenario,
                                  std::size_t repetitions, int experiments, const Truth& truth) {
  std::map<std::string, Tally> tallies;
  for (int i = 0; i < experiments; ++i) {
    const auto seed = static_cast<std::uint64_t>(1000 * (i + 1));
    for (const Gain& gain : gains_of(scenario, seed, repetitions)) {
      if (!gain.change.interval || truth.count(gain.name) == 0) continue;
      Tally& tally = tallies[gain.name];
      ++tally.intervals;
      tally.hold += gain.change.interval->holds(truth.at(gain.name)) ? 1 : 0;
      tally.called += gain.shown() ? 1 : 0;
    }
  }
  return tallies;
}

void print(const std::string& name, const std::map<std::string, Tally>& tallies,
           const Truth& truth) {
  static bool headed = false;
  if (!std::exchange(headed, true)) {
    std::printf("%-54s %-10s %8s %9s %7s %6s\n", "experiments", "figure", "truth", "intervals",
                "hold it", "change");
  }
  for (const char* const figure : kFigures) {
    const auto tally = tallies.find(figure);
    if (tally == tallies.end()) continue;
    std::printf("%-54s %-10s %8.4f %9d %7d %6d\n", name.c_str(), figure, truth.at(figure),
                tally->second.intervals, tally->second.hold, tally->second.called);
  }
  std::fflush(stdout);
}

int experiments() {
  const char* const stated = std::getenv("TOKENLIFT_EXPERIMENTS");
  return stated == nullptr ? 20 : std::max(20, std::atoi(stated));
}
bool whole() {
  return std::getenv("TOKENLIFT_EXPERIMENTS") != nullptr;
}

/// Of n intervals, those that must hold the truth.
int least_that_hold(int n) {
  return n <= 20 ? n - 5 : static_cast<int>(std::ceil(0.88 * n));
}
/// Of n experiments in which nothing changes, those that may call a change.
int most_that_call(int n) {
  return n <= 20 ? 5 : n / 10;
}

/// `figures` must have an interval in every experiment.
void expect_cover(const std::string& name, const std::map<std::string, Tally>& tallies,
                  const std::vector<std::string>& figures) {
  for (const std::string& figure : figures) {
    ASSERT_EQ(tallies.count(figure), 1U) << name << ": no interval of " << figure;
    const Tally& tally = tallies.at(figure);
    EXPECT_EQ(tally.intervals, experiments()) << name << ", " << figure;
    EXPECT_GE(tally.hold, least_that_hold(tally.intervals)) << name << ", " << figure;
  }
}

const Truth kNoChange = {{"throughput", 1}, {"goodput", 1}, {"ttft p50", 1}, {"ttft p99", 1}};

void expect_no_change(const std::string& name,
                      const std::function<Scenario(std::uint64_t)>& scenario,
                      std::size_t repetitions) {
  const auto tallies = play(scenario, repetitions, experiments(), kNoChange);
  print(name, tallies, kNoChange);
  ASSERT_EQ(tallies.count("goodput"), 1U) << name;
  EXPECT_EQ(tallies.at("goodput").intervals, experiments()) << name;
  EXPECT_LE(tallies.at("goodput").called, most_that_call(experiments())) << name;
}

std::string named(const char* what, double load, std::size_t repetitions) {
  char text[80];
  std::snprintf(text, sizeof text, "%s, rho %.1f, %zu run%s", what, load, repetitions,
                repetitions == 1 ? "" : "s");
  return text;
}

/// What p99 takes in each phase of each run, and some to spare for the draws; a single run gets as
/// many as five of them together.
double requests_for(std::size_t repetitions) {
  return repetitions == 1 ? 52'500 : 10'500;
}

std::vector<double> loads() {
  return whole() ? std::vector<double>{0.5, 0.8} : std::vector<double>{0.8};
}
std::vector<std::size_t> repetitions_to_try() {
  return whole() ? std::vector<std::size_t>{1, 3, 5, 8} : std::vector<std::size_t>{1, 5};
}

TEST(Coverage, ALiftOfWhatDoesNotBindIsNotCalledAChange) {
  for (const double rho : loads()) {
    for (const std::size_t repetitions : repetitions_to_try()) {
      expect_no_change(
          named("A/A: lift of what never binds", rho, repetitions),
          [&](std::uint64_t seed) { return queue(rho, rho, requests_for(repetitions), seed); },
          repetitions);
    }
  }
}

TEST(Coverage, SettingALimitToWhatItIsIsNotCalledAChange) {
  if (!whole()) GTEST_SKIP() << "with TOKENLIFT_EXPERIMENTS";
  for (const double rho : loads()) {
    for (const std::size_t repetitions : repetitions_to_try()) {
      expect_no_change(
          named("A/A: a limit that binds, set as it is", rho, repetitions),
          [&](std::uint64_t seed) {
            return limited_queue(rho, rho, requests_for(repetitions), seed);
          },
          repetitions);
      expect_no_change(
          named("A/A: the same before a batching fleet", rho, repetitions),
          [&](std::uint64_t seed) {
            return limited_fleet(rho, rho, requests_for(repetitions), seed);
          },
          repetitions);
    }
  }
}

TEST(Coverage, IntervalsHoldWhatMoreArrivalsChange) {
  for (const double rho : loads()) {
    for (const std::size_t repetitions : repetitions_to_try()) {
      if (!whole() && repetitions == 1) continue;
      const std::string name = named("more arrivals", rho, repetitions);
      const Truth truth = queue_truth(0.8 * rho, rho);
      const auto tallies = play(
          [&](std::uint64_t seed) {
            return queue(0.8 * rho, rho, requests_for(repetitions), seed);
          },
          repetitions, experiments(), truth);
      print(name, tallies, truth);
      expect_cover(name, tallies, {"throughput", "goodput"});
      if (repetitions >= 5) expect_cover(name, tallies, {"ttft p50", "ttft p99"});
    }
  }
}

TEST(Coverage, IntervalsHoldWhatAHigherLimitChanges) {
  if (!whole()) GTEST_SKIP() << "with TOKENLIFT_EXPERIMENTS";
  using Make = Scenario (*)(double, double, double, std::uint64_t);
  for (const auto& [what, make] :
       {std::pair<const char*, Make>{"a higher limit", limited_queue},
        std::pair<const char*, Make>{"the same before a batching fleet", limited_fleet}}) {
    for (const double rho : loads()) {
      const auto scenario = [make = make, rho](double requests) {
        return [=](std::uint64_t seed) { return make(0.8 * rho, rho, requests, seed); };
      };
      const Truth truth = measured_truth(scenario(3e6));
      for (const std::size_t repetitions : repetitions_to_try()) {
        const std::string name = named(what, rho, repetitions);
        const auto tallies =
            play(scenario(requests_for(repetitions)), repetitions, experiments(), truth);
        print(name, tallies, truth);
        expect_cover(name, tallies, {"throughput", "goodput"});
        if (repetitions >= 5) expect_cover(name, tallies, {"ttft p50", "ttft p99"});
      }
    }
  }
}

// The long run is a truth: it agrees with the closed form.
TEST(Coverage, AVeryLongRunAgreesWithTheClosedForm) {
  const double requests = whole() ? 3e6 : 3e5;
  const Truth exact = queue_truth(0.64, 0.8);
  const Truth measured =
      measured_truth([&](std::uint64_t seed) { return queue(0.64, 0.8, requests, seed); });
  // Four standard errors and more, by the widths of the intervals of shorter runs.
  const double tolerance = whole() ? 1 : std::sqrt(10.0);
  EXPECT_NEAR(measured.at("throughput") / exact.at("throughput"), 1, 0.004 * tolerance);
  EXPECT_NEAR(measured.at("goodput") / exact.at("goodput"), 1, 0.012 * tolerance);
  EXPECT_NEAR(measured.at("ttft p50") / exact.at("ttft p50"), 1, 0.02 * tolerance);
  EXPECT_NEAR(measured.at("ttft p99") / exact.at("ttft p99"), 1, 0.05 * tolerance);
}

}  // namespace
}  // namespace tokenlift::coverage_test
