// What input can make large has a limit, and a sentence that says it.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/workloads/reader/demo_scenario.hpp"
#include "workloads/reader/table_reader.hpp"
#include "workloads/scenario/job.hpp"
#include "workloads/scenario/scenario.hpp"
#include "workloads/scenario/tuning.hpp"

namespace tokenlift::limits_test {
namespace {

std::string repeated(const std::string& text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

bool says(const std::vector<Mistake>& mistakes, const std::string& message,
          const std::string& advice) {
  return std::ranges::any_of(mistakes, [&](const Mistake& mistake) {
    return contains(mistake.message, message) && contains(mistake.advice, advice);
  });
}

// The tables are empty, and therefore wrong as well: how many there are is said first.
TEST(Limits, OfTablesInAScenario) {
  const struct {
    std::string table;
    std::size_t most;
    std::size_t before;  // of them in kText
  } kinds[] = {{"[[throttle]]", kMostThrottles, 1}, {"[[fleet.site]]", kMostSites, 1},
               {"[[job]]", kMostJobs, 0},           {"[[throttle.schedule]]", 100, 0},
               {"[[event]]", kMostEvents, 1},       {"[[tune.parameters]]", kMostParameters, 0}};
  for (const auto& [table, most, before] : kinds) {
    const auto with = [&, &table = table](std::size_t count) {
      return mistakes_in(kText + repeated(table + "\n", count));
    };
    const std::string advice = std::to_string(most) + " are the most";
    EXPECT_FALSE(says(with(most - before), "tables", advice)) << table;
    EXPECT_TRUE(
        says(with(most - before + 1), std::to_string(most + 1) + " tables " + table, advice))
        << table;
  }
}

TEST(Limits, OfUsersInAll) {
  const auto with = [](const std::string& users) {
    const std::string text = replaced(kText, "[[throttle]]", R"([[tenant]]
name = "others"
users = 1
arrivals = { process = "poisson", load = 0.1 }
prompt_tokens = { distribution = "constant", value = 8 }
output_tokens = { distribution = "constant", value = 8 }

[[throttle]])");
    return mistakes_in(text, {"tenant.users.users=" + users});
  };
  EXPECT_EQ(listed(with("9999999")), "no mistake");
  EXPECT_TRUE(says(with("10000000"), "", "10000000 are the most")) << listed(with("10000000"));
}

TEST(Limits, OfNames) {
  const auto named = [](std::size_t bytes) {
    return mistakes_in(kText, {"tenant.users.name=" + std::string(bytes, 'n')});
  };
  EXPECT_EQ(listed(named(kLongestName)), "no mistake");
  EXPECT_TRUE(contains(listed(named(kLongestName + 1)), "name"));
}

TEST(Limits, OfStepsOfAShape) {
  const auto with = [](std::size_t steps) {
    std::string text;
    for (std::size_t i = 0; i < steps; ++i) text += "[\"" + std::to_string(i) + "ms\", 1.5], ";
    return mistakes_in(
        kText, {"tenant.users.arrivals.shape={ kind = \"steps\", steps = [" + text + "] }"});
  };
  EXPECT_FALSE(says(with(10'000), "an array of 1 to 10000 pairs", "")) << listed(with(10'000));
  EXPECT_TRUE(says(with(10'001), "an array of 1 to 10000 pairs", "")) << listed(with(10'001));
}

TEST(Limits, OfChoicesOfAParameter) {
  const auto with = [](std::size_t choices) {
    std::string text;
    for (std::size_t i = 0; i < choices; ++i) text += "\"" + std::to_string(i + 1) + "s\", ";
    return mistakes_in(kText +
                       "[tune]\nparameters = [{ key = \"throttle.output limit.max_wait\", "
                       "choices = [" +
                       text + "] }]\n");
  };
  EXPECT_FALSE(says(with(kMostChoices), "", "64 are the most")) << listed(with(kMostChoices));
  EXPECT_TRUE(says(with(kMostChoices + 1), "", "64 are the most")) << listed(with(65));
}

}  // namespace
}  // namespace tokenlift::limits_test
