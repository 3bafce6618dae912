#include "bench/sweep/find.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <set>
#include <string>
#include <vector>

namespace tokenlift::find_test {
namespace {

using Curve = std::function<double(double)>;

/// Finds with "x <= bound" (or another relation) on a figure that is a function of the value, known
/// to within +-`noise` of itself.
struct Planted {
  Curve curve;
  double noise = 0.02;
  double saturated_from = INFINITY;
  std::function<bool(double)> is_unknown = [](double) { return false; };
  std::size_t calls = 0;
  std::set<std::string> values = {};

  SweepFind find(const std::string& range, bool most, const std::string& objective) {
    const bool whole = range.find('.') == std::string::npos;
    FindTask task;
    task.key = parse_range("key=" + range, [whole](const std::string&, const std::string& value) {
      return !whole || value.find('.') == std::string::npos;
    });
    task.most = most;
    task.objectives = {*parse_objective(objective).value};
    task.figures = {0};
    return find_value(task, [this](const std::vector<std::string>& tried) { return run(tried); });
  }

  std::vector<SweepPoint> run(const std::vector<std::string>& tried) {
    ++calls;
    std::vector<SweepPoint> points;
    for (const std::string& value : tried) {
      EXPECT_TRUE(values.insert(value).second) << value << " is run twice";
      SweepPoint point;
      point.values = {value};
      point.numbers = {*number_of(value)};
      const double figure = curve(point.numbers[0]);
      point.figures = {{figure, Interval{figure * (1 - noise), figure * (1 + noise)}, "", ""}};
      if (point.numbers[0] >= saturated_from) {
        point.state = PointState::saturated;
        point.figures = {{std::nullopt, std::nullopt, "", "saturated"}};
      }
      if (is_unknown(point.numbers[0])) point.figures = {{std::nullopt, std::nullopt, "", "few"}};
      points.push_back(std::move(point));
    }
    return points;
  }
};

double waiting(double load) {
  return load / (1 - load);
}

TEST(Find, FindsTheMostLoadWithAnInterval) {
  Planted planted{waiting, 0.02, 1.0};
  const SweepFind found = planted.find("0.1:1.2", true, "wait <= 3");
  EXPECT_EQ(found.outcome, FindOutcome::found);
  EXPECT_NEAR(*found.number, 0.75, 0.75 * kFindTolerance);
  EXPECT_EQ(number_of(found.value), found.number);
  ASSERT_TRUE(found.interval);
  // Where the ends of the figure's interval cross: 3 / 1.02 and 3 / 0.98.
  EXPECT_NEAR(found.interval->low, (3 / 1.02) / (1 + 3 / 1.02), 0.003);
  EXPECT_NEAR(found.interval->high, (3 / 0.98) / (1 + 3 / 0.98), 0.003);
  EXPECT_TRUE(found.against_order.empty());
  EXPECT_LE(planted.values.size(), 16U);
}

TEST(Find, TheAnswerWasTriedAndHolds) {
  for (const bool most : {true, false}) {
    for (int i = 1; i <= 20; ++i) {
      const double truth = 0.1 + 0.05137 * i;
      Planted planted{[&](double x) { return most ? x / truth : truth / x; }};
      const SweepFind found = planted.find("0.1:1.2", most, "wait <= 1");
      ASSERT_EQ(found.outcome, FindOutcome::found) << truth;
      EXPECT_EQ(planted.values.count(found.value), 1U) << found.value;
      EXPECT_EQ(number_of(found.value), found.number);
      EXPECT_LE(planted.curve(*found.number), 1) << found.value;
      EXPECT_GE(planted.curve(*found.number), 1 - 2 * kFindTolerance) << found.value;
      EXPECT_TRUE(found.interval->holds(*found.number));
    }
  }
}

TEST(Find, FindsTheMostWhereOnlySaturationStandsInTheWay) {
  Planted planted{[](double) { return 1.0; }, 0.02, 0.9};
  const SweepFind found = planted.find("0.1:1.2", true, "wait <= 3");
  EXPECT_EQ(found.outcome, FindOutcome::found);
  EXPECT_LT(*found.number, 0.9);
  EXPECT_NEAR(*found.number, 0.9, 0.01);
}

TEST(Find, FindsTheLeastWholeNumberExactly) {
  for (int truth = 2; truth <= 64; ++truth) {
    Planted planted{[truth](double n) { return n >= truth ? 0.999 : 0.5; }, 0.001};
    const SweepFind found = planted.find("1:64", false, "attainment >= 0.99");
    ASSERT_EQ(found.outcome, FindOutcome::found) << truth;
    EXPECT_EQ(*found.number, truth);
    EXPECT_EQ(found.value, std::to_string(truth));
    ASSERT_TRUE(found.interval);
    EXPECT_EQ(found.interval->low, truth);
    EXPECT_EQ(found.interval->high, truth);
  }
}

TEST(Find, OneReplicaIsTheLeastThereIs) {
  FindTask task;
  task.objectives = {*parse_objective("wait <= 3").value};
  task.figures = {0};
  task.most = false;
  const auto found_with = [&](const std::string& range, double noise) {
    task.key = parse_range(range, [](const std::string&, const std::string& value) {
      return value.find('.') == std::string::npos;
    });
    Planted planted{[](double n) { return 2.9 / n; }, noise};
    return find_value(task,
                      [&](const std::vector<std::string>& tried) { return planted.run(tried); });
  };
  const SweepFind found = found_with("fleet.site.hall.replicas=1:16", 0.01);
  EXPECT_EQ(found.outcome, FindOutcome::found);
  EXPECT_EQ(found.value, "1");
  ASSERT_TRUE(found.interval);
  EXPECT_EQ(found.interval->high, 1);
  // Not surely: 2.9 may be 3.2, and with 2 replicas it is 1.6 at the most.
  const SweepFind unsure = found_with("fleet.site.hall.replicas=1:16", 0.1);
  EXPECT_EQ(unsure.value, "1");
  EXPECT_EQ(unsure.interval->low, 1);
  EXPECT_EQ(unsure.interval->high, 2);
  EXPECT_EQ(found_with("fleet.site.hall.replicas=2:16", 0.01).outcome, FindOutcome::all_hold);
  EXPECT_EQ(found_with("fleet.site.hall.max_batch=1:16", 0.01).outcome, FindOutcome::all_hold);
}

TEST(Find, FindsTheMostWholeNumberExactly) {
  for (int truth = 3; truth <= 9; ++truth) {
    Planted planted{[truth](double n) { return n <= truth ? 1 : 9; }};
    EXPECT_EQ(planted.find("3:10", true, "wait < 5").value, std::to_string(truth));
  }
}

TEST(Find, DoubtsWholeNumbersThatTheIntervalsDoNotTellApart) {
  // At 10 the figure is 1 % beyond the bound, and known to 20 %.
  Planted planted{[](double n) { return 0.99 * 10 / n; }, 0.2};
  const SweepFind found = planted.find("1:64", false, "wait <= 1");
  EXPECT_EQ(found.value, "10");
  ASSERT_TRUE(found.interval);
  EXPECT_LT(found.interval->low, 10);
  EXPECT_GT(found.interval->high, 10);
}

TEST(Find, SaysWhereItLiesBeyondTheRange) {
  Planted low{waiting};
  EXPECT_EQ(low.find("0.1:0.7", true, "wait <= 3").outcome, FindOutcome::all_hold);
  Planted high{waiting};
  const SweepFind none = high.find("0.8:0.9", true, "wait <= 3");
  EXPECT_EQ(none.outcome, FindOutcome::none_holds);
  EXPECT_FALSE(none.number);
  EXPECT_NE(sentence_of(none).find("below 0.8"), std::string::npos);
}

TEST(Find, SaysThatItIsNotMonotone) {
  // It holds up to 0.3, and once more around 0.8.
  Planted planted{[](double x) { return x < 0.3 || std::abs(x - 0.8) < 0.1 ? 1 : 9; }};
  const SweepFind found = planted.find("0.1:1.2", true, "wait <= 3");
  EXPECT_EQ(found.outcome, FindOutcome::found);
  EXPECT_NEAR(*found.number, 0.3, 0.01);
  ASSERT_FALSE(found.against_order.empty());
  EXPECT_NE(sentence_of(found).find("not monotone"), std::string::npos);
}

TEST(Find, SaysThatItHoldsAtTheWrongEnd) {
  Planted planted{[](double x) { return x > 0.5 ? 1 : 9; }};
  const SweepFind found = planted.find("0.1:1.2", true, "wait <= 3");
  EXPECT_EQ(found.outcome, FindOutcome::all_hold);
  ASSERT_FALSE(found.against_order.empty());
  EXPECT_EQ(found.against_order[0], "0.1 (missed)");
  EXPECT_NE(sentence_of(found).find("met at 1.2"), std::string::npos);
}

TEST(Find, GivesNoAnswerFromWhatIsNotKnown) {
  Planted planted{waiting};
  planted.is_unknown = [](double x) { return x > 0.7 && x < 0.78; };
  const SweepFind found = planted.find("0.1:0.95", true, "wait <= 3");
  EXPECT_EQ(found.outcome, FindOutcome::not_known);
  EXPECT_FALSE(found.number);
  EXPECT_TRUE(found.against_order.empty());
  EXPECT_NE(sentence_of(found).find("too few requests for wait;"), std::string::npos)
      << sentence_of(found);
  Planted nowhere{waiting};
  nowhere.is_unknown = [](double) { return true; };
  EXPECT_EQ(nowhere.find("0.1:0.9", true, "wait <= 3").outcome, FindOutcome::not_known);
}

TEST(Find, AnswersWhereOnlyOtherValuesAreNotKnown) {
  Planted planted{waiting};
  planted.is_unknown = [](double x) { return x < 0.3; };
  const SweepFind found = planted.find("0.1:0.95", true, "wait <= 3");
  EXPECT_EQ(found.outcome, FindOutcome::found);
  EXPECT_NEAR(*found.number, 0.75, 0.75 * kFindTolerance);
  ASSERT_TRUE(found.interval);
  EXPECT_NEAR(found.interval->low, (3 / 1.02) / (1 + 3 / 1.02), 0.003);
  EXPECT_TRUE(found.against_order.empty());
  EXPECT_NE(sentence_of(found).find("not known at 0.1"), std::string::npos) << sentence_of(found);
}

TEST(Met, OfASaturatedPointIsWhatGrowthTells) {
  SweepPoint point;
  point.state = PointState::saturated;
  point.figures = {{std::nullopt, std::nullopt, "", "saturated"}};
  const auto met = [&](const char* text) { return met_at(point, *parse_objective(text).value, 0); };
  EXPECT_EQ(met("ttft.p99_ms <= 500"), Met::missed);
  EXPECT_EQ(met("ttft.p99_ms >= 500"), Met::unknown);
  EXPECT_EQ(met("attainment >= 0.9"), Met::missed);
  EXPECT_EQ(met("attainment <= 0.9"), Met::unknown);
  point.state = PointState::steady;
  EXPECT_EQ(met("ttft.p99_ms <= 500"), Met::unknown);
  point.figures[0].value = 400;
  EXPECT_EQ(met("ttft.p99_ms <= 500"), Met::met);
}

TEST(Find, EndsWithWhatThereIsWhenItIsStopped) {
  FindTask task;
  task.key =
      parse_range("key=0.1:1.2", [](const std::string&, const std::string&) { return true; });
  task.objectives = {*parse_objective("wait <= 3").value};
  task.figures = {0};
  const SweepFind found =
      find_value(task, [](const std::vector<std::string>&) { return std::vector<SweepPoint>(); });
  EXPECT_EQ(found.outcome, FindOutcome::interrupted);
  EXPECT_TRUE(found.tries.empty());
}

TEST(Standing, IsThatOfTheObjectiveThatIsMissedMost) {
  FindTask task;
  task.objectives = {*parse_objective("a <= 100").value, *parse_objective("b >= 0.5").value};
  task.figures = {0, 1};
  SweepPoint point;
  point.figures = {{50.0, Interval{40, 60}, "", ""}, {0.4, std::nullopt, "", ""}};
  const Standing distance = standing_of(point, task);
  EXPECT_DOUBLE_EQ(distance.middle, (0.4 - 0.5) / 0.5);
  EXPECT_DOUBLE_EQ(distance.worse, distance.middle);
  point.figures[1].value = 0.9;
  EXPECT_DOUBLE_EQ(standing_of(point, task).worse, 0.4);
  EXPECT_DOUBLE_EQ(standing_of(point, task).better, 0.6);
  point.figures[1].value.reset();
  EXPECT_EQ(standing_of(point, task).better, -INFINITY);
}

}  // namespace
}  // namespace tokenlift::find_test
