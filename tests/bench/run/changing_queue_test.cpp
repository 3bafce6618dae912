// Fleets that change by chance or by plan, against the mathematics of such queues: how many
// requests are in a queue whose servers come and go, and how many machines work while others are
// repaired.
//
// Both are Markov chains. What they are at an instant follows from where they began, without
// waiting for a steady state: by uniformisation or in closed form. The unit is the run, seeds are
// fixed, and all checks of this file together raise a false alarm with a nominal probability of
// 2e-4 (with other draws).

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/math/distributions/binomial.hpp>
#include <boost/math/distributions/chi_squared.hpp>
#include <boost/math/distributions/normal.hpp>
#include <cmath>
#include <string>
#include <vector>

#include "tests/bench/run/one_step_queue.hpp"
#include "tests/bench/run/virtual_run.hpp"
#include "workloads/plan/fleet_plan.hpp"

namespace tokenlift::changing_queue_test {
namespace {

constexpr double kFalseAlarms = 1e-4;  // of each of the two parts
constexpr std::int64_t kMs = 1'000'000;

double upper_quantile(double probability) {
  return boost::math::quantile(boost::math::complement(boost::math::normal(), probability));
}

// ------------------------------------------------------------- a queue whose servers come and go

/// An M/M/c queue with `kStayers` servers, `kGuests` more from a join to a leave, who finish what
/// they have begun. Stayers are taken first. States: l guests that are busy, m requests with
/// stayers or in line.
class ChangingQueue {
 public:
  static constexpr int kStayers = 2;
  static constexpr int kGuests = 3;

  ChangingQueue(double arrivals_per_ms, double served_per_ms)
      : arrivals_(arrivals_per_ms), served_(served_per_ms), state_(kStates) {
    state_[0] = 1;  // empty
  }

  /// The guests take the first that wait.
  void join() {
    std::vector<double> joined(kStates);
    for (int m = 0; m <= kMost; ++m) {
      const int guests = std::clamp(m - kStayers, 0, kGuests);
      joined[at(guests, m - guests)] += state_[at(0, m)];
    }
    state_ = joined;
    guests_serve_ = true;
  }
  void leave() { guests_serve_ = false; }

  /// Uniformisation: as many steps of a chain in discrete time as a Poisson process has events.
  void pass_ms(double ms) {
    const double events = rate() * ms;
    double weight = std::exp(-events);
    double passed = weight;
    std::vector<double> stepped = state_;
    std::vector<double> sum(kStates);
    for (std::size_t i = 0; i < kStates; ++i) sum[i] = weight * stepped[i];
    for (int n = 1; passed < 1 - 1e-13 && n < 100'000; ++n) {
      stepped = step(stepped);
      weight *= events / n;
      passed += weight;
      for (std::size_t i = 0; i < kStates; ++i) sum[i] += weight * stepped[i];
    }
    state_ = sum;
  }

  double mean() const {
    return expected([](int in_system) { return in_system; });
  }
  double at_least(int count) const {
    return expected([count](int in_system) { return in_system >= count ? 1 : 0; });
  }

 private:
  static constexpr int kMost = 400;  // far more than there ever are
  static constexpr std::size_t kStates = std::size_t{kGuests + 1} * (kMost + 1);
  static std::size_t at(int guests, int others) {
    return static_cast<std::size_t>(guests * (kMost + 1) + others);
  }
  double rate() const { return arrivals_ + (kStayers + kGuests) * served_; }

  template <typename Value>
  double expected(Value value) const {
    double sum = 0;
    for (int l = 0; l <= kGuests; ++l) {
      for (int m = 0; m <= kMost; ++m) sum += state_[at(l, m)] * value(l + m);
    }
    return sum;
  }

  std::vector<double> step(const std::vector<double>& from) const {
    std::vector<double> to(kStates);
    for (int l = 0; l <= kGuests; ++l) {
      for (int m = 0; m <= kMost; ++m) {
        const double share = from[at(l, m)] / rate();
        if (share == 0) continue;
        const bool to_guest = guests_serve_ && m >= kStayers && l < kGuests;
        to[to_guest ? at(l + 1, m) : at(l, std::min(m + 1, kMost))] += share * arrivals_;
        const double stayers = std::min(m, kStayers) * served_;
        if (m > 0) to[at(l, m - 1)] += share * stayers;
        const double guests = l * served_;
        const bool takes_next = guests_serve_ && m > kStayers;
        if (l > 0) to[takes_next ? at(l, m - 1) : at(l - 1, m)] += share * guests;
        to[at(l, m)] += share * (rate() - arrivals_ - stayers - guests);
      }
    }
    return to;
  }

  double arrivals_;
  double served_;
  bool guests_serve_ = false;
  std::vector<double> state_;
};

/// Requests of 1 ms on average, three of them each ms, from an empty queue on. Three servers join
/// the two at 20 ms and leave at 40 ms.
Scenario changing_queue(std::uint64_t seed) {
  constexpr int kServers = ChangingQueue::kStayers + ChangingQueue::kGuests;
  Scenario scenario = one_step_queue(exponential_service(1e-3), kServers, 0.6, 100, seed);
  scenario.run.warmup_ns = 0;
  scenario.run.settle_ns = kMs;
  scenario.run.duration_ns = 60 * kMs;
  scenario.run.cooldown_max_ns = kMs;
  scenario.fleet.sites[0].at_start = ChangingQueue::kStayers;
  Event event;
  event.site = scenario.fleet.sites[0].name;
  event.kind = EventKind::join;
  event.at_ns = 20 * kMs;
  scenario.events.push_back(event);
  event.kind = EventKind::leave;
  event.at_ns = 40 * kMs;
  event.replicas = ChangingQueue::kGuests;
  scenario.events.push_back(event);
  return scenario;
}

struct Sample {
  double sum = 0;
  double squares = 0;
  double many = 0;
};
constexpr int kMany = 8;

TEST(ChangingQueue, HoldsWhatItsTransientSolutionSays) {
  constexpr int kRuns = 2'500;
  const std::vector<int> instants_ms = {2, 10, 20, 22, 27, 40, 41, 45, 60};
  std::vector<Sample> samples(instants_ms.size());
  for (int seed = 0; seed < kRuns; ++seed) {
    const auto run = play_virtual(changing_queue(static_cast<std::uint64_t>(seed)));
    const std::vector<std::int64_t>* in_system =
        find_column(run.series.columns, "in_system_requests");
    ASSERT_NE(in_system, nullptr);
    for (std::size_t i = 0; i < instants_ms.size(); ++i) {
      ASSERT_EQ(instants_ms[i] * kMs % run.series.bin_ns, 0);
      const auto bin = static_cast<std::size_t>(instants_ms[i] * kMs / run.series.bin_ns - 1);
      const auto count = static_cast<double>(in_system->at(bin));
      samples[i].sum += count;
      samples[i].squares += count * count;
      samples[i].many += count >= kMany ? 1 : 0;
    }
  }
  ChangingQueue truth(3, 1);
  const double width = upper_quantile(kFalseAlarms / static_cast<double>(2 * samples.size()) / 2);
  int now_ms = 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    SCOPED_TRACE(testing::Message() << "at " << instants_ms[i] << " ms");
    truth.pass_ms(instants_ms[i] - now_ms);
    now_ms = instants_ms[i];
    const double mean = samples[i].sum / kRuns;
    const double half = width * std::sqrt((samples[i].squares / kRuns - mean * mean) / kRuns);
    EXPECT_NEAR(mean, truth.mean(), half);
    EXPECT_LE(half, 0.08 * truth.mean()) << "not held tightly";
    const double many = truth.at_least(kMany);
    EXPECT_NEAR(samples[i].many / kRuns, many, width * std::sqrt(many * (1 - many) / kRuns));
    if (now_ms == 20) truth.join();
    if (now_ms == 40) truth.leave();
  }
}

// ----------------------------------------------------------------- machines that are repaired

struct Machines {
  std::int64_t replicas = 10;
  std::int64_t spares = 0;
  std::int64_t accelerators =
      1;  // with a mean time of `accelerators` x 100 s to the failure of one
  std::int64_t boot_s = 0;
  std::int64_t at_s = 0;
};
constexpr double kMtbf = 100;  // of a replica, in s
constexpr double kRepair = 20;

Scenario repaired(const Machines& machines, std::uint64_t seed) {
  constexpr std::int64_t kS = 1'000'000'000;
  Scenario scenario;
  scenario.run.seed = seed;
  scenario.run.duration_ns = machines.at_s * kS;
  scenario.run.cooldown_max_ns = 1;
  Site site;
  site.name = "site";
  site.replicas = machines.replicas;
  site.spares = machines.spares;
  site.boot_ns = machines.boot_s * kS;
  site.failures = Failures{static_cast<std::int64_t>(kMtbf) * kS * machines.accelerators,
                           static_cast<std::int64_t>(kRepair) * kS};
  Profile profile;
  profile.name = site.profile;
  profile.accelerator = Accelerator{"x", machines.accelerators, 1, 1, 1, 1};
  scenario.profiles = {profile};
  scenario.fleet.sites = {site};
  return scenario;
}

/// Replicas that serve are independent of each other: each does with probability `share`.
std::vector<double> independent(std::int64_t replicas, double share) {
  const boost::math::binomial law(static_cast<double>(replicas), share);
  std::vector<double> probabilities;
  for (std::int64_t i = 0; i <= replicas; ++i) {
    probabilities.push_back(boost::math::pdf(law, static_cast<double>(i)));
  }
  return probabilities;
}

/// With spares that do not age: of machines that are broken, a birth-and-death process in its
/// steady state.
std::vector<double> with_spares(std::int64_t replicas, std::int64_t spares) {
  std::vector<double> serving(static_cast<std::size_t>(replicas + 1));
  double weight = 1;
  double sum = 0;
  for (std::int64_t broken = 0; broken <= replicas + spares; ++broken) {
    const std::int64_t serve = std::min(replicas, replicas + spares - broken);
    serving[static_cast<std::size_t>(serve)] += weight;
    sum += weight;
    weight *= static_cast<double>(serve) / kMtbf / (static_cast<double>(broken + 1) / kRepair);
  }
  for (double& probability : serving) probability /= sum;
  return serving;
}

constexpr int kCourses = 10'000;
constexpr int kRepairChecks = 5;

void expect_serving(const Machines& machines, const std::vector<double>& law) {
  std::vector<double> counts(law.size());
  for (int seed = 0; seed < kCourses; ++seed) {
    const Scenario scenario = repaired(machines, static_cast<std::uint64_t>(seed));
    const auto serve = serving_over_time(scenario).back().replicas[0];
    ASSERT_LE(serve, machines.replicas);
    ++counts[static_cast<std::size_t>(serve)];
  }
  // Cells with few are put together with the next.
  double chi_squared = 0;
  int cells = 0;
  double count = 0;
  double expected = 0;
  double left = kCourses;
  for (std::size_t i = 0; i < law.size(); ++i) {
    count += counts[i];
    expected += law[i] * kCourses;
    left -= law[i] * kCourses;
    if ((expected < 10 || left < 10) && i + 1 < law.size()) continue;
    chi_squared += (count - expected) * (count - expected) / expected;
    ++cells;
    count = expected = 0;
  }
  ASSERT_GE(cells, 4);
  const boost::math::chi_squared chance(cells - 1);
  EXPECT_LE(chi_squared,
            boost::math::quantile(boost::math::complement(chance, kFalseAlarms / kRepairChecks)));
}

TEST(MachineRepair, WhoServesFollowsItsLaw) {
  // Soon after the start, where all serve: relaxation at the sum of both rates.
  const double steady = kMtbf / (kMtbf + kRepair);
  const double early = steady + (1 - steady) * std::exp(-10 * (1 / kMtbf + 1 / kRepair));
  expect_serving({.at_s = 10}, independent(10, early));
  expect_serving({.at_s = 500}, independent(10, steady));
  expect_serving({.accelerators = 8, .at_s = 500}, independent(10, steady));
  expect_serving({.boot_s = 15, .at_s = 1000}, independent(10, kMtbf / (kMtbf + kRepair + 15)));
  expect_serving({.spares = 2, .at_s = 500}, with_spares(10, 2));
}

}  // namespace
}  // namespace tokenlift::changing_queue_test
