#include "bench/sweep/curve.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "bench/sweep/axis.hpp"

namespace tokenlift::curve_test {
namespace {

/// A curve of e2e.p50_ms along "key=0:1:N"; saturated from there on.
SweepReport curve_of(const SweptKey& key, const std::function<double(double)>& latency,
                     double saturated_from = 2) {
  SweepReport report;
  report.phase = "steady";
  report.axes = {axis_of(key)};
  report.figures = {"e2e.p50_ms.steady"};
  for (const std::string& value : key.values) {
    SweepPoint point;
    point.values = {value};
    point.numbers = {*number_of(value)};
    point.figures = {{latency(point.numbers[0]), std::nullopt, "", ""}};
    if (point.numbers[0] >= saturated_from) {
      point.state = PointState::saturated;
      point.figures[0].value.reset();
    }
    report.points.push_back(std::move(point));
  }
  return report;
}

SweptKey along(const std::string& word) {
  return parse_axis(word, [](const std::string&, const std::string&) { return true; });
}

TEST(Curve, WantsNothingWhereItIsFlat) {
  const SweptKey key = along("key=0:1:11");
  EXPECT_TRUE(wanted_values(curve_of(key, [](double) { return 5.0; }), key, {}, 4).empty());
}

TEST(Curve, WantsPointsWhereItTurns) {
  const SweptKey key = along("key=0:1:11");
  const auto step = [](double x) { return x < 0.65 ? 5.0 : 50.0; };
  EXPECT_EQ(wanted_values(curve_of(key, step), key, {}, 4), (std::vector<std::string>{"0.65"}));
}

TEST(Curve, WantsTheBeginOfSaturationFirst) {
  const SweptKey key = along("key=0:1:11");
  const auto step = [](double x) { return x < 0.25 ? 5.0 : 50.0; };
  EXPECT_EQ(wanted_values(curve_of(key, step, 0.75), key, {}, 4),
            (std::vector<std::string>{"0.75", "0.25"}));
}

TEST(Curve, WantsWhereAnObjectiveIsCrossed) {
  const SweptKey key = along("key=0:1:11");
  const auto slow = [](double x) { return 100 + 20 * x; };
  const SweepReport report = curve_of(key, slow);
  EXPECT_TRUE(wanted_values(report, key, {}, 4).empty());
  EXPECT_EQ(wanted_values(report, key, {*parse_objective("e2e.p50_ms.steady <= 109").value}, 4),
            (std::vector<std::string>{"0.45"}));
}

TEST(Curve, StopsWhereGapsAreNarrow) {
  const SweptKey key = along("key=0:1:101");
  const auto steep = [](double x) { return 1 + 1000 * x; };
  EXPECT_TRUE(wanted_values(curve_of(key, steep), key, {}, 4).empty());
}

TEST(Knee, IsFoundWhereItWasPlanted) {
  // Flat, and from 0.6 on ten times as much in each tenth.
  const SweptKey key = along("key=0:1:11");
  const auto planted = [](double x) { return x <= 0.61 ? 5.0 : 5 * std::pow(10, (x - 0.6) * 10); };
  const std::optional<Knee> knee = knee_of(curve_of(key, planted));
  ASSERT_TRUE(knee);
  EXPECT_DOUBLE_EQ(knee->at, 0.6);
  EXPECT_DOUBLE_EQ(knee->from, 0.5);
  EXPECT_DOUBLE_EQ(knee->to, 0.7);
  EXPECT_NEAR(knee->rise_before, 1, 1e-12);
  EXPECT_NEAR(knee->rise_after, 1e4, 1e-6);
}

TEST(Knee, IsNotSeenWhereThereIsNone) {
  const SweptKey key = along("key=0:1:11");
  EXPECT_FALSE(knee_of(curve_of(key, [](double) { return 5.0; })));
  // Steady growth is a straight line on the logarithmic axis.
  EXPECT_FALSE(knee_of(curve_of(key, [](double x) { return std::exp(5 * x); })));
  // It levels off.
  EXPECT_FALSE(knee_of(curve_of(key, [](double x) { return 1 + 10 * std::sqrt(x); })));
  // Fewer than five steady points.
  const auto planted = [](double x) { return x < 0.25 ? 1.0 : 100.0; };
  EXPECT_FALSE(knee_of(curve_of(key, planted, 0.35)));
}

TEST(Curve, SaysWhereAnObjectiveIsNotKnown) {
  const SweptKey key = along("key=0:1:5");
  SweepReport report = curve_of(key, [](double x) { return 100 * x; });
  const Objective objective = *parse_objective("e2e.p50_ms.steady <= 60").value;
  report.points[0].figures[0].value.reset();
  EXPECT_EQ(crossing_sentence(report, objective),
            "e2e.p50_ms.steady <= 60 is crossed between 0.5 and 0.75, and not known at 0, where it "
            "has no value.");
  for (SweepPoint& point : report.points) point.figures[0].value.reset();
  EXPECT_EQ(crossing_sentence(report, objective),
            "e2e.p50_ms.steady <= 60 is not known at 0, 0.25, 0.5, 0.75 and 1, where it has no "
            "value.");
}

}  // namespace
}  // namespace tokenlift::curve_test
