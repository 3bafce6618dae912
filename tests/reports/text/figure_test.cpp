#include "reports/text/figure.hpp"

#include <gtest/gtest.h>

namespace tokenlift::figure_test {
namespace {

TEST(PercentFigure, IsAllOnlyWhereItIsAll) {
  EXPECT_EQ(percent_figure(1), "100 %");
  EXPECT_EQ(percent_figure(0.999925), "99.99 %");
  EXPECT_EQ(percent_figure(0.9999999), "99.99999 %");
  EXPECT_EQ(percent_figure(0.9949), "99.5 %");
  EXPECT_EQ(percent_figure(0.5), "50.0 %");
  EXPECT_EQ(percent_figure(0), "0 %");
  EXPECT_EQ(percent_figure(1.0004), "100 %") << "of what is stated, and a little more";
}

TEST(ChangeFigure, IsNoRatioWhereTheSignChanges) {
  EXPECT_EQ(change_figure(50, 25), "x0.500");
  EXPECT_EQ(change_figure(47.9, -1.38), "-49.3");
  EXPECT_EQ(change_figure(-2, -4), "x2.00");
}

}  // namespace
}  // namespace tokenlift::figure_test
