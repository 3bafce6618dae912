// The scenario language: what sites draw and may draw.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/workloads/reader/mistakes.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/plan/power_plan.hpp"
#include "workloads/reader/catalogue.hpp"
#include "workloads/reader/scenario_reader.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift::power_language_test {
namespace {

constexpr std::int64_t kS = 1'000'000'000;

// Line numbers in the tests below are of this text.
const std::string kText = R"(name = "demo"
[run]
engine = "virtual"
duration = "100s"
[[fleet.site]]
name = "hall"
replicas = 40
profile = "h100-8b"
power = { limit = "30kW", pue = 1.15, per_accelerator_w = 300, control = "500ms", battery = { energy = "15kWh", power = "10kW" } }
[[fleet.site]]
name = "other"
profile = "own"
power = { when_over = "batch" }
[profile.own]
decode = { a = "6.28ms", b = "7.4us", c = "41.1ns" }
prefill = { p0 = "4.3ms", p1 = "15us", p2 = "0.976ns" }
[profile.own.accelerator]
name = "GPU"
bandwidth_tb_per_s = 3.35
tflop_per_s = 989
memory_gb = 80
power_w = 800
power = { idle_w = 80, prompt_w = 800, decode = { low_w = 300, high_w = 600, middle_log2 = 3 }, assumed = true }
[[tenant]]
name = "users"
arrivals = { process = "poisson", rate = "5/s" }
prompt_tokens = { distribution = "constant", value = 100 }
output_tokens = { distribution = "constant", value = 50 }
[[event]]
at = "50s"
power = { site = "hall", limit = "25kW", over = "5s", for = "20s" }
)";

Scenario parse(const std::string& text) {
  return parse_scenario(text, "demo.toml", "", {});
}

TEST(ParsePower, ReadsSitesProfilesAndEvents) {
  const Scenario scenario = parse(kText);
  PowerSettings hall;
  hall.limit_mw = 30'000'000;
  hall.pue = 1.15;
  hall.per_accelerator_mw = 300'000;
  hall.control_ns = kS / 2;
  hall.battery = Battery{15'000'000, 10'000'000};
  EXPECT_EQ(scenario.fleet.sites[0].power, hall);
  PowerSettings other;
  other.when_over = WhenOver::batch;
  EXPECT_EQ(scenario.fleet.sites[1].power, other);
  ASSERT_EQ(scenario.profiles.size(), 2U);
  const AcceleratorPower h100 = *scenario.profiles[0].accelerator->power;
  EXPECT_EQ(h100.idle_w, 75);
  EXPECT_EQ(h100.decode_high_w, 600);
  const AcceleratorPower own = *scenario.profiles[1].accelerator->power;
  EXPECT_EQ(own, (AcceleratorPower{80, 800, 300, 600, 3, "", true}));
  const Event& event = scenario.events[0];
  EXPECT_EQ(event.kind, EventKind::power);
  EXPECT_EQ(event.site, "hall");
  EXPECT_EQ(event.limit_mw, 25'000'000);
  EXPECT_EQ(event.over_ns, 5 * kS);
  EXPECT_EQ(event.for_ns, 20 * kS);
}

TEST(ParsePower, IsKeptOnlyOfProfilesWhoseSitesStateIt) {
  std::string text = replaced(kText, "power = { when_over = \"batch\" }", "");
  EXPECT_FALSE(parse(text).profiles[1].accelerator->power);
  text = replaced(text, ", decode = { low_w = 300, high_w = 600, middle_log2 = 3 }",
                  ", decode_w = 380");
  EXPECT_FALSE(parse(text).fleet.sites[1].power);
  EXPECT_EQ(parse(replaced(text, "profile = \"own\"", "profile = \"own\"\npower = {}"))
                .profiles[1]
                .accelerator->power->decode_low_w,
            380);
}

// Nobody has looked then whether the profile says what it draws.
TEST(ParsePower, ALimitOnAnEngineWithoutANameThatIsKnownIsNoSecondMistake) {
  const std::vector<Mistake> mistakes = mistakes_in(R"([run]
engine = "virtal"
duration = "60s"
[[fleet.site]]
name = "hall"
replicas = 4
profile = "h100-8b"
power = { limit = "30kW" }
[[tenant]]
name = "users"
arrivals = { process = "poisson", rate = "4/s" }
prompt_tokens = { distribution = "constant", value = 8 }
output_tokens = { distribution = "constant", value = 8 }
)");
  ASSERT_EQ(mistakes.size(), 1U) << listed(mistakes);
  EXPECT_EQ(mistakes[0].line, 2);
}

TEST(ParsePower, TellsWhatIsWrongWhereAndWhatToDo) {
  const std::string idle = "site \"hall\" draws 17.25kW with all its accelerators idle";
  const std::vector<Edit> edits = {
      {"limit = \"30kW\"", "limit = \"17kW\"", 9, idle + ", and may draw 17kW",
       "raise power.limit"},
      {"limit = \"25kW\"", "limit = \"17kW\"", 31, idle + ", and may draw 17kW from 50s on",
       "raise its limit"},
      {"limit = \"30kW\"", "limit = \"300\"", 9, "\"300\" has no unit", "\"300MW\" for megawatts"},
      {"limit = \"30kW\"", "limit = 300", 9, "not a power with a unit", "\"300MW\""},
      {"pue = 1.15", "pue = 0.9", 9, "\"pue\"", "1"},
      {"control = \"500ms\"", "control = \"0s\"", 9, "\"control\"", ""},
      {", power = \"10kW\"", "", 9, "battery lacks the key \"power\"", "how fast it is emptied"},
      {"energy = \"15kWh\"", "energy = \"15kW\"", 9, "unknown unit \"kW\"", "Wh"},
      {"\"batch\"", "\"less\"", 13, "\"less\"", "\"slow\""},
      {"decode = { low_w = 300, high_w = 600, middle_log2 = 3 }", "decode_w = 380", 13,
       "a smaller batch draws as much", "when_over = \"slow\""},
      {"high_w = 600", "high_w = 200", 23, "a larger batch draws less", "\"high_w\""},
      {"idle_w = 80", "idle_w = 380", 23, "less while it computes than while it is idle",
       "lower idle_w"},
      {"prompt_w = 800", "prompt_w = 900", 23, "draws 900 W, and its board 800 W at most",
       "raise power_w"},
      {"prompt_w = 800, ", "", 23, "lacks the key \"prompt_w\"", "prompt_w = 700"},
      {"middle_log2 = 3 }", "middle_log2 = 3 }, decode_w = 9", 23,
       "both \"decode\" and \"decode_w\" are given", ""},
      {"site = \"hall\", limit = \"25kW\"", "site = \"other\", limit = \"25kW\"", 31,
       "site \"other\" has no limit of power to change", "power = { limit = \"300MW\" }"},
      {"limit = \"25kW\", ", "", 31, "lacks the key \"limit\"", "what the site may draw"},
      {"engine = \"virtual\"", "engine = \"threads\"", 9,
       "no effect on engine \"threads\", which knows no power", "set run.engine = \"virtual\""},
      {"engine = \"virtual\"", "engine = \"threads\"", 31, "engine \"threads\" knows no power",
       "remove the event"},
  };
  for (const Edit& edit : edits) {
    const std::string text = replaced(kText, edit.from, edit.to);
    expect_found(mistakes_of([&] { parse(text); }), edit);
  }
}

TEST(ParsePower, NotesWhatFitsAndWhatIsAssumed) {
  const auto notes_of = [](const std::string& text) {
    std::string all;
    for (const std::string& note : power_notes(parse(text))) all += note + "\n";
    return all;
  };
  const std::string all = notes_of(kText);
  EXPECT_TRUE(contains(all,
                       "site 'hall' draws 17.25kW idle, 46kW with every board at its "
                       "nameplate, and may draw 30kW (25kW at the least): at nameplate it "
                       "does not fit\n"))
      << all;
  EXPECT_TRUE(contains(all,
                       "site 'other' draws 80W idle, 800W with every board at its "
                       "nameplate\n"))
      << all;
  EXPECT_TRUE(contains(all, "the fleet draws 17.33kW idle, 46.8kW")) << all;
  EXPECT_TRUE(contains(all, "what GPU draws in profile 'own' is assumed, not measured")) << all;
  EXPECT_TRUE(contains(notes_of(replaced(kText, "\"30kW\"", "\"50kW\"")),
                       "(25kW at the least): at nameplate it fits, but for events"));
  EXPECT_TRUE(
      contains(notes_of(replaced(replaced(kText, "\"30kW\"", "\"50kW\""), "\"25kW\"", "\"47kW\"")),
               "(47kW at the least): at nameplate it fits\n"));
}

TEST(ParsePower, WarnsOfABatteryThatNothingAsksFor) {
  const std::vector<Profile> profiles(builtin_profiles().begin(), builtin_profiles().end());
  const std::string text = replaced(replaced(kText, "limit = \"30kW\", ", ""),
                                    kText.substr(kText.find("[[event]]")), "");
  std::string all;
  for (const std::string& warning : warnings(parse(text), profiles)) all += warning + "\n";
  EXPECT_TRUE(contains(all, "site 'hall' has a battery and no limit of power")) << all;
}

}  // namespace
}  // namespace tokenlift::power_language_test
