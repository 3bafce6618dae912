#include "bench/sweep/point.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "bench/sweep/point_work.hpp"
#include "bench/sweep/sweeper.hpp"
#include "bench/sweep/task.hpp"
#include "reports/json/json_sweep.hpp"
#include "tests/bench/machine/played_ranks.hpp"
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

SweepReport swept(SweepProblem problem, const std::vector<std::string>& axes,
                  const SweepReport* known = nullptr, SweepWatch watch = {},
                  Ranks* ranks = nullptr) {
  WorkPool pool(1, ranks);
  Sweeper sweeper(std::move(problem), {}, {}, pool, kNeverStopped, known, std::move(watch));
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

TEST(Point, IsTheSameWhereAnotherRankRunsIt) {
  const std::vector<std::string> axes = {"tenant.users.arrivals.load=0.3,0.6,1.4,1.5"};
  const auto essence = [](SweepReport report) {
    report.started_at.clear();
    report.elapsed_s = 0;
    return to_json(report);
  };
  PlayedRanks ranks({{kPointWork, point_worker({}, kNeverStopped)}});
  EXPECT_EQ(essence(swept(queue_at_load(0.5), axes, nullptr, {}, &ranks)),
            essence(swept(queue_at_load(0.5), axes)));
  // Those that are known are not sent.
  const SweepReport known = swept(queue_at_load(0.5), axes);
  PlayedRanks others({});
  EXPECT_EQ(essence(swept(queue_at_load(0.5), axes, &known, {}, &others)), essence(known));
  EXPECT_EQ(others.computed(), 0U);
}

TEST(PointWork, GivesThePointThatThisProcessFinds) {
  const auto text_of = [](const SweepPoint& point) {
    SweepReport report;
    report.points = {point};
    return to_json(report);
  };
  const SweepProblem problem = queue_at_load(0.5);
  const PointWork work(problem);
  const auto worker = point_worker({}, kNeverStopped);
  PointRunner runner(problem, kNeverStopped);
  Experiment experiment({}, kNeverStopped, 1);
  for (const std::string load : {"0.6", "1.5", "nonsense"}) {
    const std::vector<std::string> settings = {"tenant.users.arrivals.load=" + load};
    const auto unwatched = [](auto&&...) { return std::unique_ptr<ProgressDisplay>(); };
    const SweepPoint returned = returned_point({false, worker(work.pack(settings))});
    EXPECT_EQ(text_of(returned), text_of(runner.run(settings, experiment, unwatched))) << load;
    EXPECT_EQ(returned.state == PointState::failed, load == "nonsense");
  }
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

TEST(Point, ASingleRunThatLooksSaturatedIsMadeAgain) {
  for (const char* const seed : {"4", "29", "58"}) {
    const SweepPoint point = hall_at(seed, "0.5,0.95").points[1];
    EXPECT_EQ(point.state, PointState::steady) << seed;
    EXPECT_EQ(point.runs, 2U) << seed;
  }
}

TEST(Point, ClearSaturationIsToldAfterAQuarter) {
  const SweepReport report = hall_at("1", "0.5,1.5");
  EXPECT_EQ(report.points[1].state, PointState::saturated);
  EXPECT_TRUE(report.points[1].shortened);
  EXPECT_FALSE(report.points[0].shortened);
  EXPECT_LT(report.points[1].requests, report.points[0].requests);
}

/// Half of the capacity is asked for at the end, of a load that grows all the time; or by people
/// who go on with what they began.
SweepReport hall_with(const std::vector<std::string>& settings, const std::string& loads) {
  return swept(make_sweep_problem({"hall", "", kBusyHall}, settings, {}, 3),
               {"tenant.users.arrivals.load=" + loads});
}
constexpr const char* kRamp =
    "tenant.users.arrivals.shape={ kind = \"ramp\", from = 0.1, to = 1, begin = \"0s\", length = "
    "\"62s\" }";
constexpr const char* kTalks =
    "tenant.users.sessions={ turns = { distribution = \"constant\", value = 10 }, think = \"5s\", "
    "max_context = 2048 }";

TEST(Point, OfALoadThatGrowsIsNotSaturated) {
  for (const char* const how : {kRamp, kTalks}) {
    const SweepReport report = hall_with({how, "run.duration=62s"}, "0.3,0.5");
    for (const SweepPoint& point : report.points) {
      EXPECT_EQ(point.state, PointState::steady) << how;
      EXPECT_TRUE(point.load_changes) << how;
      EXPECT_NE(figure_of(report, point, "ttft.p50_ms"), nullptr) << how;
    }
  }
}

TEST(Point, OfALoadThatLastsMayBe) {
  // Both have grown when the phase begins.
  const std::string done =
      "tenant.users.arrivals.shape={ kind = \"ramp\", from = 0.1, to = 1, "
      "begin = \"0s\", length = \"50s\" }";
  for (const std::string& how : {done, std::string(kTalks)}) {
    const SweepReport report = hall_with({how, "run.warmup=100s", "run.duration=300s"}, "0.3,1.6");
    EXPECT_EQ(report.points[0].state, PointState::steady) << how;
    EXPECT_FALSE(report.points[0].load_changes) << how;
    EXPECT_EQ(report.points[1].state, PointState::saturated) << how;
    EXPECT_FALSE(report.points[1].load_changes) << how;
  }
}

TEST(Sweeper, KeepsPointsAsTheyAreDoneAndGoesOnFromThem) {
  const std::vector<std::string> axis = {"tenant.users.arrivals.load=0.2,0.3,0.4"};
  std::vector<SweepReport> kept;
  SweepWatch watch;
  watch.kept = [&](const SweepReport& report) { kept.push_back(report); };
  watch.kept_every_s = 0;
  const SweepReport whole = swept(queue_at_load(0.5), axis, nullptr, watch);
  ASSERT_EQ(kept.size(), 4U);  // after each point, and at the end
  EXPECT_EQ(kept[0].points.size(), 1U);
  EXPECT_EQ(kept[0].points[0].values[0], "0.4");  // the last ones begin first
  EXPECT_EQ(kept[1].points.size(), 2U);
  EXPECT_EQ(kept[1].points[0].values[0], "0.3");
  // Points that are there are taken as they are.
  kept[1].points[0].requests = 1;
  const SweepReport rest = swept(queue_at_load(0.5), axis, &kept[1]);
  ASSERT_EQ(rest.points.size(), 3U);
  EXPECT_EQ(rest.points[1].requests, 1U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(rest.points[i].figures[0].value, whole.points[i].figures[0].value);
  }
}

TEST(Sweeper, KeepsWhatASearchHasTried) {
  SweepProblem problem = queue_at_load(0.5);
  auto [objective, figure] = add_objective(problem, read_objective("ttft.p50_ms <= 5"));
  const SweptKey key = parse_range("tenant.users.arrivals.load=0.2:0.9", accepts_all);
  std::vector<std::size_t> tries;
  SweepWatch watch;
  watch.kept = [&](const SweepReport& report) { tries.push_back(report.finds.at(0).tries.size()); };
  watch.kept_every_s = 0;
  WorkPool pool(1);
  Sweeper sweeper(std::move(problem), {}, {}, pool, kNeverStopped, nullptr, watch);
  sweeper.find({"", key, true, {objective}, {figure}});
  ASSERT_GT(tries.size(), 7U);
  for (std::size_t i = 0; i + 1 < tries.size(); ++i) EXPECT_EQ(tries[i], i + 1);
  EXPECT_EQ(tries.back(), sweeper.take().finds[0].tries.size());
}

TEST(Sweeper, RefusesGridsThatAreTooLarge) {
  const auto mistake_of = [](const std::vector<std::string>& axes) -> std::string {
    try {
      swept(queue_at_load(0.5), axes);
    } catch (const SweepMistake& mistake) {
      return mistake.what();
    }
    return "";
  };
  EXPECT_NE(mistake_of({"a=1,2", "b=1,2", "c=1,2", "d=1,2", "e=1,2"}).find("4 are the most"),
            std::string::npos);
  EXPECT_NE(mistake_of({"a=1,2", "a=3,4"}).find("two axes are over a"), std::string::npos);
  EXPECT_NE(mistake_of({"a=1:900:200", "b=1:900:200"}).find("10000 points"), std::string::npos);
}

TEST(Sweeper, APointTellsWhatAComparisonAndOthersNeed) {
  const SweepReport report = swept(queue_at_load(0.5), {"tenant.users.arrivals.load=0.2,1.6"});
  const SweepPoint& steady = report.points[0];
  EXPECT_EQ(steady.by_run.runs, 2U);
  EXPECT_GT(steady.by_run.figures.size(), 5U);
  EXPECT_EQ(*steady.output_tokens, 1);
  EXPECT_GT(*steady.prompt_tokens, 0);
  EXPECT_EQ(steady.fleet.replicas, 2);
  const SweepPoint& saturated = report.points[1];
  ASSERT_EQ(saturated.state, PointState::saturated);
  ASSERT_EQ(saturated.by_run.figures.size(), 1U);
  EXPECT_EQ(saturated.by_run.figures[0].name, "throughput");
  EXPECT_NE(report.scenario_json.find("\"load\""), std::string::npos);
}

TEST(SweepTask, IsMadeOfWords) {
  Sweeping asked;
  EXPECT_THROW(make_sweep_task(queue_at_load(0.5), asked), SweepMistake);
  asked.over = {"tenant.users.arrivals.load=0.2:0.6:3"};
  asked.time_ns = 2'000'000'000;
  SweepTask task = make_sweep_task(queue_at_load(0.5), asked);
  EXPECT_EQ(task.problem.repetitions, kUsualSweepRepetitions);
  EXPECT_EQ(task.effort.time_s, 2);
  ASSERT_EQ(task.axes.size(), 1U);
  asked.finds = {{true, "tenant.users.arrivals.load=0.2:0.6"}};
  EXPECT_THROW(make_sweep_task(queue_at_load(0.5), asked), SweepMistake);  // while what holds?
  asked.objectives = {read_objective("ttft.p50_ms <= 5")};
  asked.repetitions = 2;
  task = make_sweep_task(queue_at_load(0.5), asked);
  ASSERT_EQ(task.finds.size(), 1U);
  EXPECT_EQ(task.finds[0].objectives[0].path, "ttft.p50_ms.steady");
  EXPECT_EQ(task.problem.repetitions, 2U);
  SweepReport known;
  known.settings_digest = digest_of(task.problem);
  known.figures = task.problem.figures;
  require_same(task, known, "sweep.json");
  known.axes = {{"fleet.router", "", false}};
  known.points.emplace_back().values = {"random"};
  EXPECT_THROW(require_same(task, known, "sweep.json"), SweepMistake);
  known.points.clear();
  known.settings_digest = "other";
  EXPECT_THROW(require_same(task, known, "sweep.json"), SweepMistake);
}

TEST(Point, HasTheMeanCapacityOfAFleetThatChanges) {
  const SweepReport whole = hall_with({}, "0.2,0.3");
  const std::string leaves = "event=[{ at = \"4s\", leave = { site = \"hall\", replicas = 1 } }]";
  const SweepReport half = hall_with({leaves}, "0.2,0.3");
  const double all = *whole.points[0].capacity_tokens_per_s;
  EXPECT_NEAR(*half.points[0].capacity_tokens_per_s / all, 0.5, 0.01);
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
