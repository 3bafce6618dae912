#include "bench/tune/surrogate.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "workloads/text/draw.hpp"

namespace tokenlift::surrogate_test {
namespace {

using Point = std::vector<double>;

double hill(const Point& at) {
  return 1000 * std::exp(-4 * (std::pow(at[0] - 0.63, 2) + std::pow(at[1] - 0.27, 2)));
}

/// A grid of side * side points, and so much chance in what each was worth.
std::vector<Observation> observed(int side, double chance, std::uint64_t seed = 1) {
  const Draws draws(seed, Purpose::tuning, 1);
  std::vector<Observation> all;
  for (int i = 0; i < side * side; ++i) {
    const Point point = {(i % side + 0.5) / side, (i / side + 0.5) / side};
    const double value = hill(point) + chance * draws.normal(static_cast<std::uint64_t>(i));
    all.push_back({point, value, 1});
  }
  return all;
}

std::vector<Point> grid(int side) {
  std::vector<Point> points;
  for (int i = 0; i < side * side; ++i) {
    points.push_back(
        {static_cast<double>(i % side) / (side - 1), static_cast<double>(i / side) / (side - 1)});
  }
  return points;
}

TEST(Surrogate, KnowsWhatItWasShownAndWhatLiesBetween) {
  const Surrogate model(observed(6, 0));
  for (const Observation& each : observed(6, 0)) {
    EXPECT_NEAR(model.at(each.point).mean, each.value, 2);
  }
  for (const Point& point : grid(7)) {
    const auto [least, most] = std::minmax(point[0], point[1]);
    if (least < 0.1 || most > 0.9) continue;  // that lies between none
    EXPECT_NEAR(model.at(point).mean, hill(point), 10) << point[0] << " " << point[1];
  }
}

TEST(Surrogate, IsLessSureAwayFromWhatItWasShown) {
  const Surrogate model({{{0.1}, 1, 1}, {{0.2}, 3, 1}, {{0.3}, 2, 1}});
  EXPECT_LT(model.at(Point{0.2}).deviation, model.at(Point{0.25}).deviation);
  EXPECT_LT(model.at(Point{0.25}).deviation, model.at(Point{0.6}).deviation);
  EXPECT_LT(model.at(Point{0.6}).deviation, model.at(Point{1.0}).deviation + 1e-9);
}

// What many runs say is more than what one says: an outlier of one run moves the mean less.
TEST(Surrogate, BelievesManyRunsMoreThanOne) {
  const auto mean_with = [](double runs) {
    std::vector<Observation> all = observed(6, 20);
    all.push_back({{0.5, 0.5}, hill({0.5, 0.5}) + 300, runs});
    return Surrogate(std::move(all)).at(Point{0.5, 0.5}).mean;
  };
  EXPECT_LT(mean_with(1), mean_with(100));
}

TEST(Surrogate, LooksFirstWhereTheTopIs) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const Surrogate model(observed(5, 10, seed));
    const std::vector<Point> points = grid(41);
    const Point& first = points[model.most_promising(points, 1).front()];
    EXPECT_NEAR(first[0], 0.63, 0.12) << seed;
    EXPECT_NEAR(first[1], 0.27, 0.12) << seed;
  }
}

TEST(Surrogate, ABatchHasNoPointTwiceAndDoesNotLieInOnePlace) {
  const Surrogate model(observed(4, 10));
  const std::vector<Point> points = grid(41);
  const std::vector<std::size_t> batch = model.most_promising(points, 8);
  ASSERT_EQ(batch.size(), 8U);
  EXPECT_EQ(std::set<std::size_t>(batch.begin(), batch.end()).size(), 8U);
  double apart = 0;
  for (const std::size_t each : batch) {
    apart = std::max(apart, std::hypot(points[each][0] - points[batch[0]][0],
                                       points[each][1] - points[batch[0]][1]));
  }
  EXPECT_GT(apart, 0.04);  // two steps of the grid are 0.05
  EXPECT_EQ(model.most_promising({points[0]}, 8), std::vector<std::size_t>{0});
  EXPECT_TRUE(model.most_promising({}, 8).empty());
}

// Nothing to tell apart, one point twice, and one alone: figures all the same.
TEST(Surrogate, HasFiguresWhereThereIsNothingToLearn) {
  for (const std::vector<Observation>& all :
       {std::vector<Observation>{{{0.5, 0.5}, 7, 1}},
        {{{0.5, 0.5}, 7, 1}, {{0.5, 0.5}, 7, 1}, {{0.1, 0.9}, 7, 4}},
        {{{0.5, 0.5}, 7, 1}, {{0.5, 0.5}, 9, 1}}}) {
    const Surrogate model(all);
    for (const Point& point : grid(5)) {
      EXPECT_TRUE(std::isfinite(model.at(point).mean));
      EXPECT_GE(model.at(point).deviation, 0);
    }
    EXPECT_EQ(model.most_promising(grid(5), 3).size(), 3U);
  }
}

}  // namespace
}  // namespace tokenlift::surrogate_test
