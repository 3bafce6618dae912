#include "bench/sweep/point.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "bench/sweep/sweeper.hpp"
#include "tests/bench/run/one_step_queue.hpp"
#include "workloads/writer/scenario_writer.hpp"

namespace tokenlift::point_test {
namespace {

const std::atomic<bool> kNeverStopped = false;

bool accepts_all(const std::string&, const std::string&) {
  return true;
}

/// Two servers that are asked for a share of what they can do.
SweepProblem queue_at_load(double load) {
  Scenario scenario = one_step_queue(exponential_service(1e-3), 2, load, 4'000, 7);
  scenario.tenants[0].arrivals.rate = {load, std::nullopt};
  return make_sweep_problem({scenario.name, "", to_toml(scenario)}, {}, {}, 2);
}

SweepReport swept(SweepProblem problem, const std::vector<std::string>& axes) {
  Workers workers(1);
  Sweeper sweeper(std::move(problem), {}, {}, workers, kNeverStopped, nullptr, {});
  std::vector<SweptKey> keys;
  for (const std::string& axis : axes) keys.push_back(parse_axis(axis, accepts_all));
  sweeper.sweep(keys, {});
  return sweeper.take();
}

double offered_at(const SweepReport& report, std::size_t point) {
  return *figure_of(report, report.points[point], "offered_requests_per_s")->value;
}

TEST(Point, ALoadStaysTheSameRateWhereTheFleetChanges) {
  const SweepReport report = swept(queue_at_load(0.75), {"fleet.site.site.replicas=1,2,4"});
  ASSERT_EQ(report.points.size(), 3U);
  // 0.75 of two servers is 1.5 of one.
  EXPECT_EQ(report.points[0].state, PointState::saturated);
  EXPECT_EQ(report.points[1].state, PointState::steady);
  EXPECT_EQ(report.points[2].state, PointState::steady);
  EXPECT_NEAR(offered_at(report, 1), 1'500, 60);
  EXPECT_DOUBLE_EQ(offered_at(report, 1), offered_at(report, 2));
  EXPECT_NEAR(*report.points[2].capacity_tokens_per_s, 2 * *report.points[1].capacity_tokens_per_s,
              1);
  ASSERT_FALSE(report.remarks.empty());
  EXPECT_NE(report.remarks[0].find("the fleet as the scenario states it"), std::string::npos);
}

TEST(Point, ALoadThatChangesBesideTheFleetIsOneOfTheFleetAsStated) {
  const SweepReport report = swept(
      queue_at_load(0.5), {"fleet.site.site.replicas=2,4", "tenant.users.arrivals.load=0.25,0.5"});
  ASSERT_EQ(report.points.size(), 4U);
  EXPECT_DOUBLE_EQ(offered_at(report, 0), offered_at(report, 2));
  EXPECT_DOUBLE_EQ(offered_at(report, 1), offered_at(report, 3));
  EXPECT_NEAR(offered_at(report, 0), 500, 40);
}

TEST(Point, ALoadThatAloneChangesNeedsNoRemark) {
  const SweepReport report = swept(queue_at_load(0.5), {"tenant.users.arrivals.load=0.25,0.5"});
  EXPECT_TRUE(report.remarks.empty());
  EXPECT_NEAR(offered_at(report, 1), 1'000, 50);
}

/// Nine tenths of the capacity are asked for: a fleet that keeps up.
constexpr const char* kBusyHall = R"(
name = "hall"
run = { engine = "virtual", duration = "32s", warmup = "2s" }
[[fleet.site]]
name = "hall"
replicas = 2
profile = "server"
max_batch = 4
max_step_tokens = 512
kv_tokens = 4096
[profile.server]
decode = { a = "10ms", b = "1ms", c = "10ns" }
prefill = { p0 = "5ms", p1 = "100us", p2 = "0ns" }
[[tenant]]
name = "users"
arrivals = { process = "poisson", load = 0.9 }
prompt_tokens = { distribution = "uniform", min = 50, max = 150 }
output_tokens = { distribution = "uniform", min = 5, max = 35 }
)";

SweepReport hall_at(const std::string& seed, const std::string& loads) {
  return swept(make_sweep_problem({"hall", "", kBusyHall}, {"run.seed=" + seed}, {}, 1),
               {"tenant.users.arrivals.load=" + loads});
}

TEST(Point, ABurstInTheFirstQuarterIsNoSaturation) {
  for (const char* const seed : {"100", "500", "800"}) {
    EXPECT_EQ(hall_at(seed, "0.8,0.9").points[1].state, PointState::steady) << seed;
  }
}

TEST(Point, ClearSaturationIsToldAfterAQuarter) {
  const SweepReport report = hall_at("1", "0.5,1.5");
  EXPECT_EQ(report.points[1].state, PointState::saturated);
  EXPECT_LT(report.points[1].requests, report.points[0].requests);
}

// $3,600 an hour.
TEST(Point, HasACostWhereThereIsAPrice) {
  const std::string price = "fleet.site.hall.price={ per_month = 2629800 }";
  const SweepReport report = swept(make_sweep_problem({"hall", "", kBusyHall}, {price}, {}, 1),
                                   {"tenant.users.arrivals.load=0.3,0.6"});
  for (const SweepPoint& point : report.points) {
    EXPECT_NEAR(*figure_of(report, point, "usd_per_hour")->value, 3600, 1e-3);
    const double throughput = *figure_of(report, point, "throughput_tokens_per_s")->value;
    EXPECT_NEAR(*figure_of(report, point, "usd_per_m_output_tokens")->value, 1e6 / throughput,
                1e-3 / throughput * 1e6);
    EXPECT_NEAR(*figure_of(report, point, "paid_use_share")->value,
                throughput / *point.capacity_tokens_per_s, 1e-9);
  }
  EXPECT_FALSE(figure_index(report, "site_power_mean_w")) << "no site states its power";
  EXPECT_FALSE(figure_index(hall_at("1", "0.3,0.6"), "usd_per_hour"));
}

}  // namespace
}  // namespace tokenlift::point_test
