#include "workloads/text/did_you_mean.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace tokenlift::did_you_mean_test {
namespace {

TEST(DidYouMean, FindsWhatIsNearAndNothingElse) {
  const std::vector<std::string> words = {"poisson", "constant", "gamma", "trace"};
  EXPECT_EQ(did_you_mean("posson", words), "poisson");
  EXPECT_EQ(did_you_mean("poission", words), "poisson");
  EXPECT_EQ(did_you_mean("Poisson", words), "poisson");
  EXPECT_EQ(did_you_mean("opisson", words), "poisson");  // a swap is one edit
  EXPECT_EQ(did_you_mean("trcae", words), "trace");
  EXPECT_EQ(did_you_mean("weibull", words), std::nullopt);
  EXPECT_EQ(did_you_mean("", words), std::nullopt);
  EXPECT_EQ(did_you_mean("x", {"a"}), std::nullopt);
  EXPECT_EQ(did_you_mean("trac", {}), std::nullopt);
  EXPECT_EQ(did_you_mean(std::string(100'000, 'a'), words), std::nullopt);
}

}  // namespace
}  // namespace tokenlift::did_you_mean_test
