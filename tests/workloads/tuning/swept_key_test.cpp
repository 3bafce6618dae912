#include "workloads/tuning/swept_key.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tokenlift::swept_key_test {
namespace {

using Words = std::vector<std::string>;

bool accepts_all(const std::string&, const std::string&) {
  return true;
}
bool accepts_whole(const std::string&, const std::string& value) {
  return value.find('.') == std::string::npos;
}

Words values_of(const std::string& word, const Accepts& accepts = accepts_all) {
  return parse_axis(word, accepts).values;
}

std::string mistake_of(const std::string& word) {
  try {
    parse_axis(word, accepts_all);
  } catch (const SweepMistake& mistake) {
    return mistake.what();
  }
  return "";
}

TEST(SweptKey, GoesInEvenStepsFromEndToEnd) {
  EXPECT_EQ(values_of("a.load=0.1:0.5:5"), (Words{"0.1", "0.2", "0.3", "0.4", "0.5"}));
  EXPECT_EQ(values_of("a.load=1:2:5"), (Words{"1", "1.25", "1.5", "1.75", "2"}));
}

TEST(SweptKey, GoesInEqualRatiosWhereThatIsWanted) {
  EXPECT_EQ(values_of("a.load=0.1:10:3:log"), (Words{"0.1", "1", "10"}));
}

TEST(SweptKey, KeepsWholeNumbersWholeWhereNoOthersAreTaken) {
  EXPECT_EQ(values_of("a.replicas=1:4:7", accepts_whole), (Words{"1", "2", "3", "4"}));
  EXPECT_EQ(values_of("a.replicas=1:64:4:log", accepts_whole), (Words{"1", "4", "16", "64"}));
}

TEST(SweptKey, TakesDurationsAndRates) {
  const SweptKey waits = parse_axis("a.max_wait=500ms:2s:4", accepts_all);
  EXPECT_EQ(waits.values, (Words{"500ms", "1s", "1.5s", "2s"}));
  EXPECT_EQ(waits.unit, "s");
  EXPECT_DOUBLE_EQ(number_on(waits, "1.5s"), 1.5);
  const SweptKey rates = parse_axis("a.rate=60/min:3/s:3", accepts_all);
  EXPECT_EQ(rates.values, (Words{"1/s", "2/s", "3/s"}));
  EXPECT_EQ(rates.unit, "1/s");
}

TEST(SweptKey, TakesAListOfNumbersInTheirOrderAndOfWordsInTheirs) {
  const SweptKey numbers = parse_axis("a.max_batch=32,8,16", accepts_all);
  EXPECT_EQ(numbers.values, (Words{"8", "16", "32"}));
  EXPECT_TRUE(numbers.numeric);
  EXPECT_FALSE(numbers.is_range);
  const SweptKey words = parse_axis("fleet.router=random,least_loaded", accepts_all);
  EXPECT_EQ(words.values, (Words{"random", "least_loaded"}));
  EXPECT_FALSE(words.numeric);
  EXPECT_DOUBLE_EQ(number_on(words, "least_loaded"), 1);
}

TEST(SweptKey, SaysWhatIsWrong) {
  EXPECT_NE(mistake_of("load"), "");
  EXPECT_NE(mistake_of("load="), "");
  EXPECT_NE(mistake_of("=1:2:3"), "");
  EXPECT_NE(mistake_of("load=1:2"), "");
  EXPECT_NE(mistake_of("load=1:2:3:lin"), "");
  EXPECT_NE(mistake_of("load=2:1:3").find("not less"), std::string::npos);
  EXPECT_NE(mistake_of("load=1:2:1").find("from 2 to"), std::string::npos);
  EXPECT_NE(mistake_of("load=1:2:1001").find("from 2 to"), std::string::npos);
  EXPECT_NE(mistake_of("load=1s:2:3").find("same kind"), std::string::npos);
  EXPECT_NE(mistake_of("load=0:2:3:log").find("above 0"), std::string::npos);
  EXPECT_NE(mistake_of("load=low:high:3").find("no number"), std::string::npos);
  EXPECT_NE(mistake_of("load=1,1").find("all different"), std::string::npos);
  EXPECT_NE(mistake_of("load=1,,2").find("empty"), std::string::npos);
}

TEST(Range, HasNoCount) {
  EXPECT_EQ(parse_range("a.load=0.1:1.2", accepts_all).parameter.scale, ParameterScale::linear);
  EXPECT_EQ(parse_range("a.load=0.1:1.2:log", accepts_all).parameter.scale, ParameterScale::log);
  EXPECT_EQ(parse_range("a.replicas=1:64", accepts_whole).parameter.scale,
            ParameterScale::log_integer);
  EXPECT_EQ(parse_range("a.replicas=3:7", accepts_whole).parameter.scale, ParameterScale::integer);
  EXPECT_THROW(parse_range("a.load=0.1:1.2:5", accepts_all), SweepMistake);
  EXPECT_THROW(parse_range("a.load=1,2", accepts_all), SweepMistake);
}

}  // namespace
}  // namespace tokenlift::swept_key_test
