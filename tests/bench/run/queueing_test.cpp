// Virtual time against queueing theory: waits are what the closed forms say and, request by
// request, what a few lines of recursion compute from the same arrivals.
//
// The statistical tests have fixed seeds. Their unit is the run: 64 seeds per queue, and Student's
// t over the 64 figures. All checks together raise a false alarm with a nominal probability of 1e-4
// (with other draws: the seeds are fixed). How tight each interval is belongs to the test:
// `notices` is the largest half width allowed, as a share of the truth. A wait reacts to an error
// in the time of service 2 + rho / (1 - rho) times as strongly, so what notices 2 % of the wait at
// rho 0.8 notices a third of a percent of the service, and 9 % at rho 0.95 the same.
//
// By default a quarter of the requests is played, which notices what is twice as large. All of
// them:
//
//   TOKENLIFT_EXPERIMENTS=1 build/release/tests/bench_run_statistics_test
//   --gtest_filter='Queueing*'

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <map>
#include <queue>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/run/one_step_queue.hpp"
#include "tests/bench/run/recording.hpp"
#include "tests/bench/run/virtual_run.hpp"
#include "workloads/requests/arrivals.hpp"

namespace tokenlift::queueing_test {
namespace {

// ------------------------------------------------------------------- request by request, exactly

struct Stay {
  std::int64_t due_ns;
  std::int64_t scheduled_ns;
  std::int64_t end_ns;
};

/// Lindley's recursion for several servers (Kiefer and Wolfowitz): each request in turn is served
/// when the first server is free. As many requests as arrive by `until_ns`.
std::vector<Stay> stays(const Scenario& scenario, std::int64_t until_ns) {
  const std::int64_t ns_per_token = scenario.profiles[0].cost->p1_ps / 1000;
  std::priority_queue<std::int64_t, std::vector<std::int64_t>, std::greater<>> free_at_ns;
  for (std::int64_t i = 0; i < scenario.fleet.sites[0].replicas; ++i) free_at_ns.push(0);
  ArrivalSource source(scenario.tenants[0], scenario.run.seed, 0);
  std::vector<Stay> all;
  for (auto arrival = source.next(); arrival->due_ns <= until_ns; arrival = source.next()) {
    const std::int64_t begin_ns = std::max(arrival->due_ns, free_at_ns.top());
    free_at_ns.pop();
    free_at_ns.push(begin_ns + ns_per_token * arrival->prompt_tokens);
    all.push_back({arrival->due_ns, begin_ns, begin_ns + ns_per_token * arrival->prompt_tokens});
  }
  return all;
}

std::int64_t overlap_ns(const Stay& stay, const PhaseSpan& phase) {
  return std::max<std::int64_t>(
      0, std::min(stay.end_ns, phase.end_ns) - std::max(stay.scheduled_ns, phase.begin_ns));
}

const std::vector<std::int64_t>& column(const Run& run, std::string_view name) {
  const auto found = std::find_if(run.series.columns.begin(), run.series.columns.end(),
                                  [&](const Column& c) { return c.name == name; });
  if (found == run.series.columns.end()) throw std::logic_error("no column " + std::string(name));
  return found->values;
}

void expect_series_of(const std::vector<Stay>& all, const Run& run, std::int64_t until_ns) {
  const std::vector<std::int64_t>& in_system = column(run, "in_system_requests");
  const auto bins = static_cast<std::size_t>(until_ns / run.series.bin_ns);
  std::vector<std::int64_t> change(bins + 1, 0);
  const auto bin = [&](std::int64_t at_ns) {
    return std::min(bins, static_cast<std::size_t>(at_ns / run.series.bin_ns));
  };
  for (const Stay& stay : all) {
    ++change[bin(stay.due_ns)];
    --change[bin(stay.end_ns)];
  }
  std::int64_t expected = 0;
  for (std::size_t i = 0; i < bins; ++i) {
    expected += change[i];
    ASSERT_EQ(in_system[i], expected) << "bin " << i;
  }
}

/// What a run recorded of the requests due in its one measured phase, against what they are.
void expect_records_of(const std::vector<Stay>& all, const Run& run) {
  const PhaseSpan& phase = run.phases[0];
  const PhaseRecord& record = run.tenants[0].phases[0];
  __int128 wait_ns = 0;
  __int128 service_ns = 0;
  std::int64_t busy_ns = 0;
  std::uint64_t count = 0;
  for (const Stay& stay : all) {
    busy_ns += overlap_ns(stay, phase);
    if (stay.due_ns < phase.begin_ns || stay.due_ns >= phase.end_ns) continue;
    wait_ns += stay.scheduled_ns - stay.due_ns;
    service_ns += stay.end_ns - stay.scheduled_ns;
    ++count;
  }
  const auto sum_ns = [&](Metric metric) {
    return static_cast<__int128>(record.of(metric).sum_ns());
  };
  EXPECT_EQ(record.counts.completed, count);
  EXPECT_TRUE(sum_ns(Metric::queue_wait) == wait_ns);
  EXPECT_TRUE(sum_ns(Metric::prefill) == service_ns);
  EXPECT_TRUE(sum_ns(Metric::ttft) == wait_ns + service_ns);
  EXPECT_TRUE(sum_ns(Metric::e2e) == wait_ns + service_ns);
  EXPECT_EQ(phase.busy_ns, busy_ns) << "a server is occupied for exactly the time of service";
}

void expect_recursion(const Scenario& scenario) {
  const RecordingGrid grid = make_grid(scenario);
  Workers workers(1);
  const auto fleet = make_virtual_fleet(scenario, grid, workers);
  VirtualClock clock;
  LoopLog log;
  RecordingClock recording_clock(clock, log);
  RecordingFleet recording_fleet(*fleet, log);
  const LoopResult result = run_loop(scenario, recording_clock, recording_fleet);
  const std::vector<Stay> all = stays(scenario, result.outcome.end_ns);

  // Places in the table are reused, but within a request's stay an id is its own.
  std::map<RequestId, std::vector<std::uint64_t>> numbers;
  for (const Submission& submission : log.submissions) {
    numbers[submission.work.id].push_back(submission.work.number);
  }
  std::map<RequestId, std::size_t> completions;
  for (const std::vector<News>& batch : log.news) {
    for (const News& done : batch) {
      const std::uint64_t number = numbers[done.id][completions[done.id]++];
      const Stay& stay = all[number];
      ASSERT_EQ(done.scheduled_ns, stay.scheduled_ns) << "request " << number;
      ASSERT_EQ(done.first_token_ns, stay.end_ns) << "request " << number;
      ASSERT_EQ(done.at_ns, stay.end_ns) << "request " << number;
    }
  }
  EXPECT_GT(result.run.totals.completed, 10'000U);
  expect_records_of(all, result.run);
  expect_series_of(all, result.run, scenario.run.duration_ns);
  EXPECT_EQ(result.littles_law_error, 0);
}

TEST(Queueing, EveryRequestIsServedWhenLindleysRecursionSays) {
  const std::vector<ServiceLaw> laws = {exponential_service(1e-3), constant_service(1e-3),
                                        lognormal_service(1e-3, 1.5),
                                        uniform_service(1, 3, 1'000'000)};
  for (const ServiceLaw& law : laws) {
    for (const std::int64_t servers : {1, 2, 7}) {
      for (const double rho : {0.5, 0.8, 0.95}) {
        SCOPED_TRACE(testing::Message() << servers << " servers at rho " << rho);
        expect_recursion(one_step_queue(law, servers, rho, 12'000, 7));
      }
    }
  }
}

// Arrivals and services in step: completions, arrivals and the next service fall on one instant.
TEST(Queueing, TiesAreServedAsTheRecursionSays) {
  for (const std::int64_t servers : {1, 3}) {
    Scenario scenario = one_step_queue(uniform_service(1, 3, 1'000'000), servers, 0.8, 12'000, 1);
    scenario.tenants[0].arrivals.process = Process::constant;
    scenario.tenants[0].arrivals.rate.per_s = servers == 1 ? 500 : 1000;  // gaps of 2 ms, 1 ms
    scenario.run.warmup_ns = 0;
    scenario.run.duration_ns = 30'000'000'000;
    expect_recursion(scenario);
  }
}

// ----------------------------------------------------------------------------- the closed forms

constexpr int kSeeds = 64;
constexpr double kFalseAlarms = 1e-4;  // of all checks together
constexpr int kChecks = 100;           // not fewer than there are

/// Of the requests of each queue.
double played_share() {
  return std::getenv("TOKENLIFT_EXPERIMENTS") != nullptr ? 1 : 0.25;
}

/// What is noticed of so many requests; widths from 64 seeds vary by a tenth themselves.
double widened(double notices) {
  return played_share() == 1 ? notices : 1.2 * notices / std::sqrt(played_share());
}

struct Estimate {
  double mean = 0;
  double half_width = 0;
};

Estimate estimate(const std::vector<double>& figures) {
  const auto n = static_cast<double>(figures.size());
  double sum = 0;
  for (const double figure : figures) sum += figure;
  const double mean = sum / n;
  double squares = 0;
  for (const double figure : figures) squares += (figure - mean) * (figure - mean);
  const boost::math::students_t t(n - 1);
  const double quantile =
      boost::math::quantile(boost::math::complement(t, kFalseAlarms / kChecks / 2));
  return {mean, quantile * std::sqrt(squares / (n - 1) / n)};
}

void expect_truth(const std::string& what, const std::vector<double>& figures, double truth,
                  double notices) {
  const Estimate measured = estimate(figures);
  EXPECT_NEAR(measured.mean, truth, measured.half_width) << what;
  EXPECT_LE(measured.half_width, widened(notices) * truth)
      << what << ": " << truth << " is not held tightly";
}

struct Tail {
  std::int64_t from_ns;  // where a bucket of the histogram begins: counts are exact there
  double share;          // of requests that wait as long, or longer
  double notices;        // the further out, the fewer there are
};

/// What a stationary queue does.
struct Truth {
  double mean_wait_s = 0;
  std::vector<Tail> tails;
};

std::vector<double> shares_from(const Histogram& waits, const std::vector<Tail>& tails) {
  std::vector<double> shares;
  for (const Tail& tail : tails) {
    std::uint64_t waited = 0;
    waits.for_each_bucket([&](std::int64_t lower_ns, std::int64_t, std::uint64_t count) {
      if (lower_ns >= tail.from_ns) waited += count;
    });
    shares.push_back(static_cast<double>(waited) / static_cast<double>(waits.count()));
  }
  return shares;
}

double mean_of(const std::vector<std::int64_t>& values, std::size_t begin, std::size_t end) {
  double sum = 0;
  for (std::size_t i = begin; i < end; ++i) sum += static_cast<double>(values[i]);
  return sum / static_cast<double>(end - begin);
}

/// Requests in the system, on average over the bins' ends, less those that arrive in the time that
/// one stays, as a share of these.
double littles_difference(const Run& run) {
  const PhaseSpan& phase = run.phases[0];
  const PhaseRecord& record = run.tenants[0].phases[0];
  const auto bin = [&](std::int64_t at_ns) {
    return static_cast<std::size_t>(at_ns / run.series.bin_ns);
  };
  const double in_system =
      mean_of(column(run, "in_system_requests"), bin(phase.begin_ns), bin(phase.end_ns));
  const double rate_per_ns =
      static_cast<double>(record.counts.due) / static_cast<double>(phase.length_ns);
  return in_system / (rate_per_ns * record.of(Metric::e2e).mean_ns()) - 1;
}

/// Both sides of Little's law are integers, and the same.
void expect_littles_law_of(const Run& run) {
  const auto check = std::find_if(run.checks.begin(), run.checks.end(),
                                  [](const Check& c) { return c.name == "littles_law_error"; });
  ASSERT_NE(check, run.checks.end());
  EXPECT_EQ(check->value, 0);
}

/// Plays the queue `kSeeds` times. Its number sees to it that its draws are its own.
void expect_closed_form(int queue, const ServiceLaw& law, std::int64_t servers, double rho,
                        double requests, const Truth& truth, double notices) {
  SCOPED_TRACE(testing::Message() << servers << " servers at rho " << rho);
  std::vector<double> waits_s;
  std::vector<double> utilisations;
  std::vector<double> little;
  std::vector<std::vector<double>> shares(truth.tails.size());
  for (int seed = 0; seed < kSeeds; ++seed) {
    const auto number = static_cast<std::uint64_t>(1000 * queue + seed);
    const double each = requests * played_share() / kSeeds;
    const Run run = play_virtual(one_step_queue(law, servers, rho, each, number));
    const Histogram& waits = run.tenants[0].phases[0].of(Metric::queue_wait);
    waits_s.push_back(waits.mean_ns() * 1e-9);
    utilisations.push_back(static_cast<double>(run.phases[0].busy_ns) /
                           static_cast<double>(run.phases[0].replica_ns));
    little.push_back(littles_difference(run));
    const std::vector<double> waited = shares_from(waits, truth.tails);
    for (std::size_t i = 0; i < waited.size(); ++i) shares[i].push_back(waited[i]);
    expect_littles_law_of(run);
  }
  expect_truth("mean wait", waits_s, truth.mean_wait_s, notices);
  expect_truth("utilisation", utilisations, rho, 0.005);
  const Estimate difference = estimate(little);
  EXPECT_NEAR(difference.mean, 0, difference.half_width) << "mean in system, mean stay";
  EXPECT_LE(difference.half_width, widened(0.05));
  for (std::size_t i = 0; i < shares.size(); ++i) {
    expect_truth("P(wait >= " + std::to_string(truth.tails[i].from_ns) + " ns)", shares[i],
                 truth.tails[i].share, truth.tails[i].notices * notices);
  }
}

/// M/M/c; c = 1 gives M/M/1, with C = rho.
Truth erlang(const ServiceLaw& law, std::int64_t servers, double rho) {
  const auto c = static_cast<double>(servers);
  const double a = rho * c;
  double term = 1;  // a^k / k!
  double sum = 0;
  for (std::int64_t k = 0; k < servers; ++k) {
    sum += term;
    term *= a / static_cast<double>(k + 1);
  }
  const double all_busy = term * c / (c - a);
  const double held = all_busy / (sum + all_busy);
  const double drain_per_s = (c - a) / law.mean_s;  // c mu - lambda
  Truth truth{held / drain_per_s, {}};
  for (const double x : {0.0, 0.5, 1.0, 2.0}) {
    const auto near_ns = static_cast<std::int64_t>(x / drain_per_s * 1e9);
    const std::int64_t from_ns =
        std::max<std::int64_t>(1, Histogram::lower_ns(Histogram::bucket_of(near_ns)));
    const double beyond = std::exp(-static_cast<double>(from_ns) * 1e-9 * drain_per_s);
    truth.tails.push_back({from_ns, held * beyond, 0.7 + x});
  }
  return truth;
}

/// M/G/1, after Pollaczek and Khinchine.
Truth pollaczek(const ServiceLaw& law, double rho) {
  return {rho / law.mean_s * law.second_moment_s2 / (2 * (1 - rho)), {}};
}

TEST(Queueing, OneExponentialServer) {
  const ServiceLaw law = exponential_service(1e-3);
  expect_closed_form(1, law, 1, 0.3, 4e6, erlang(law, 1, 0.3), 0.02);
  expect_closed_form(2, law, 1, 0.5, 4e6, erlang(law, 1, 0.5), 0.02);
  expect_closed_form(3, law, 1, 0.8, 12e6, erlang(law, 1, 0.8), 0.02);
  expect_closed_form(4, law, 1, 0.95, 12e6, erlang(law, 1, 0.95), 0.09);
}

TEST(Queueing, SeveralExponentialServersBehindOneLine) {
  const ServiceLaw law = exponential_service(1e-3);
  expect_closed_form(5, law, 2, 0.8, 16e6, erlang(law, 2, 0.8), 0.02);
  expect_closed_form(6, law, 5, 0.5, 4e6, erlang(law, 5, 0.5), 0.04);
  expect_closed_form(7, law, 5, 0.8, 12e6, erlang(law, 5, 0.8), 0.03);
  expect_closed_form(8, law, 20, 0.8, 8e6, erlang(law, 20, 0.8), 0.05);
  expect_closed_form(9, law, 5, 0.95, 12e6, erlang(law, 5, 0.95), 0.08);
}

TEST(Queueing, AServerThatTakesTheSameTimeForEverybody) {
  const ServiceLaw law = constant_service(1e-3);
  expect_closed_form(10, law, 1, 0.5, 4e6, pollaczek(law, 0.5), 0.01);
  expect_closed_form(11, law, 1, 0.8, 6e6, pollaczek(law, 0.8), 0.02);
  expect_closed_form(12, law, 1, 0.95, 8e6, pollaczek(law, 0.95), 0.08);
}

TEST(Queueing, AServerOfAnyLaw) {
  const ServiceLaw even = lognormal_service(1e-3, 0.5);
  expect_closed_form(13, even, 1, 0.8, 6e6, pollaczek(even, 0.8), 0.02);
  const ServiceLaw uneven = lognormal_service(1e-3, 1);
  expect_closed_form(14, uneven, 1, 0.5, 6e6, pollaczek(uneven, 0.5), 0.02);
  const ServiceLaw coarse = uniform_service(1, 3, 1'000'000);
  expect_closed_form(15, coarse, 1, 0.8, 6e6, pollaczek(coarse, 0.8), 0.02);
  expect_closed_form(16, coarse, 1, 0.95, 8e6, pollaczek(coarse, 0.95), 0.08);
}

}  // namespace
}  // namespace tokenlift::queueing_test
