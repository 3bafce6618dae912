// What input can make large has a limit, and a sentence that says it.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/workloads/reader/demo_scenario.hpp"
#include "workloads/plan/demand.hpp"
#include "workloads/reader/table_reader.hpp"
#include "workloads/scenario/job.hpp"
#include "workloads/scenario/scenario.hpp"
#include "workloads/scenario/suite.hpp"
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

// Those beyond are not looked at, and nobody is told that they are not there.
TEST(Limits, OfProfiles) {
  const auto with = [](std::size_t profiles) {
    std::string text = kText;
    for (std::size_t i = 0; i < profiles; ++i) {
      text += "[profile.p" + std::to_string(i) +
              "]\ndecode = { a = \"10ms\", b = \"1ms\", c = \"10ns\" }\n"
              "prefill = { p0 = \"5ms\", p1 = \"100us\", p2 = \"0ns\" }\n";
    }
    return mistakes_in(text, {"fleet.site.commodity.profile=p999", "run.engine=virtual"});
  };
  EXPECT_EQ(listed(with(kMostProfiles)), "no mistake");
  const std::vector<Mistake> mistakes = with(kMostProfiles + 1);
  ASSERT_EQ(mistakes.size(), 1U) << listed(mistakes);
  EXPECT_TRUE(says(mistakes, "1001 tables [profile.NAME]", "1000 are the most"));
}

// Wrong ones, each of which would be compared with every figure that there is.
TEST(Limits, OfFigures) {
  const auto with = [](const std::string& table, const std::string& key, std::size_t count) {
    const std::string figure = key == "figures" ? "\"no\"," : "\"no < 1\",";
    const auto unknown = [](const std::string& path, std::optional<double>) {
      return "no figure " + path;
    };
    return mistakes_of([&] {
      parse_scenario(kText + table + "\n" + key + " = [" + repeated(figure, count) + "]\n",
                     "demo.toml", "", {}, {}, unknown);
    });
  };
  for (const auto& [table, key] : std::vector<std::pair<std::string, std::string>>{
           {"[tune]", "constraints"}, {"[sweep]", "while"}, {"[sweep]", "figures"}}) {
    EXPECT_TRUE(says(with(table, key, kMostFigures), "no figure no", "")) << key;
    const std::vector<Mistake> mistakes = with(table, key, kMostFigures + 1);
    EXPECT_TRUE(says(mistakes, "\"" + key + "\" lists 101", "100 are the most"))
        << listed(mistakes);
    EXPECT_FALSE(says(mistakes, "no figure no", "")) << key;
  }
}

// The half of all tenants, named from the last to the first.
TEST(Limits, OfTenantsAThrottleMayNameThemAll) {
  constexpr std::size_t kMany = 4000;
  std::string tenants;
  std::string names;
  for (std::size_t i = 0; i < kMany; ++i) {
    tenants += "[[tenant]]\nname = \"t" + std::to_string(i) +
               "\"\narrivals = { process = \"poisson\", load = 0.0001 }\n"
               "prompt_tokens = { distribution = \"constant\", value = 8 }\n"
               "output_tokens = { distribution = \"constant\", value = 8 }\n";
    if (i % 2 == 1) names = "\"t" + std::to_string(i) + "\", " + names;
  }
  const Scenario scenario =
      parse(replaced(kText, "[[throttle]]", tenants + "[[throttle]]\ntenants = [" + names + "]"));
  ASSERT_EQ(scenario.throttles.at(0).tenants.size(), kMany / 2);
  for (const Tenant& tenant : scenario.tenants) {
    const bool named = tenant.name != "users" && std::stoul(tenant.name.substr(1)) % 2 == 1;
    EXPECT_EQ(looks_at(scenario.throttles[0], tenant), named) << tenant.name;
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

TEST(Limits, OfAScenarioFileOfASuite) {
  const std::string folder = testing::TempDir() + "tokenlift_limits_" + std::to_string(getpid());
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/large.toml") << std::string(kMostDocumentBytes + 1, '\n');
  const std::vector<Mistake> mistakes = mistakes_of([&] {
    parse_suite("[[case]]\nscenario = \"large.toml\"\n", "mine.toml", folder, {}, {},
                [](const std::string&, std::optional<double>) { return std::string(); });
  });
  std::filesystem::remove_all(folder);
  ASSERT_EQ(mistakes.size(), 1U);
  EXPECT_EQ(mistakes[0].message, "the text is larger than 8 MiB");
}

}  // namespace
}  // namespace tokenlift::limits_test
