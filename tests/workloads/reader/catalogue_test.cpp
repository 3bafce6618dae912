#include "workloads/reader/catalogue.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "tests/testing.hpp"
#include "workloads/plan/fleet_plan.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/reader/scenario_reader.hpp"

namespace tokenlift::catalogue_test {
namespace {

TEST(Catalogue, BuiltinScenariosAreSound) {
  std::vector<std::string> names;
  for (const BuiltinScenario& builtin : builtin_scenarios()) {
    names.push_back(builtin.name);
    const Scenario scenario = parse_scenario(builtin.text, builtin.name, "", {});
    EXPECT_EQ(scenario.name, builtin.name);
    EXPECT_EQ(scenario.description, builtin.description);
    EXPECT_FALSE(builtin.description.empty());
    // Near to what such fleets carry: two small decoders on CPUs, a GPU or more to each replica.
    const bool accelerators = scenario.run.engine == Engine::simulated;
    const std::vector<std::int64_t> replicas = replicas_at_start(scenario);
    const double capacity =
        accelerators ? 2500.0 * std::accumulate(replicas.begin(), replicas.end(), 0.0) : 5000;
    EXPECT_EQ(warnings(resolve(scenario, capacity), builtin_profiles()), std::vector<std::string>{})
        << builtin.name;
  }
  EXPECT_TRUE(std::ranges::is_sorted(names));
  EXPECT_TRUE(std::ranges::find(names, "lift") != names.end());
}

TEST(Catalogue, Colossus1HasTheReportedGpus) {
  const auto& scenarios = builtin_scenarios();
  const auto found = std::ranges::find(scenarios, "colossus-1", &BuiltinScenario::name);
  ASSERT_NE(found, scenarios.end());
  const Scenario scenario = parse_scenario(found->text, found->name, "", {});
  EXPECT_EQ(replica_count(scenario), 55'000);
  // The reported mix sums to 230k.
  const std::map<std::string, double> reported = {{"H100", 150e3}, {"H200", 50e3}, {"GB200", 30e3}};
  std::int64_t gpus = 0;
  for (const Site& site : scenario.fleet.sites) {
    const Accelerator& accelerator = find_profile(site.profile)->accelerator.value();
    gpus += site.replicas * accelerator.count;
    EXPECT_NEAR(static_cast<double>(site.replicas * accelerator.count),
                reported.at(accelerator.name) * 220 / 230, static_cast<double>(accelerator.count));
  }
  EXPECT_EQ(gpus, 220'000);
}

TEST(Catalogue, ProfilesHaveShapes) {
  for (const char* name : {"cpu-tiny", "cpu-small", "cpu-base"}) {
    const Profile* profile = find_profile(name);
    ASSERT_NE(profile, nullptr) << name;
    EXPECT_FALSE(profile->description.empty());
    EXPECT_GT(profile->decoder->layers, 0);
    EXPECT_EQ(profile->decoder->d_model % profile->decoder->heads, 0);
    EXPECT_EQ(profile->decoder->heads % profile->decoder->kv_heads, 0);
  }
  EXPECT_EQ(find_profile("gpu"), nullptr);
}

// A file that is there and not embedded would be found by nobody.
TEST(Catalogue, EmbedsEveryFileOfItsFolders) {
  const auto files = [](const char* folder) {
    std::vector<std::string> names;
    const auto path = std::filesystem::path(source_folder()) / "workloads" / folder;
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      if (entry.path().extension() == ".toml") names.push_back(entry.path().stem());
    }
    std::ranges::sort(names);
    return names;
  };
  std::vector<std::string> scenarios;
  for (const BuiltinScenario& scenario : builtin_scenarios()) scenarios.push_back(scenario.name);
  std::vector<std::string> suites;
  for (const BuiltinSuite& suite : builtin_suites()) suites.push_back(suite.name);
  std::vector<std::string> profiles;
  for (const Profile& profile : builtin_profiles()) profiles.push_back(profile.name);
  EXPECT_EQ(scenarios, files("scenarios"));
  EXPECT_EQ(suites, files("suites"));
  EXPECT_EQ(profiles, files("profiles"));
}

}  // namespace
}  // namespace tokenlift::catalogue_test
