// What [sweep] says.

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/workloads/reader/mistakes.hpp"
#include "workloads/reader/scenario_reader.hpp"
#include "workloads/scenario/sweeping.hpp"
#include "workloads/writer/scenario_writer.hpp"

namespace tokenlift::sweep_reader_test {
namespace {

using Words = std::vector<std::string>;

// [sweep] begins in line 14.
const std::string kSwept = R"(name = "hall"
[run]
engine = "virtual"
duration = "40s"
[[fleet.site]]
name = "hall"
replicas = 2
[[tenant]]
name = "users"
arrivals = { process = "poisson", load = 0.7 }
prompt_tokens = { distribution = "constant", value = 128 }
output_tokens = { distribution = "constant", value = 64 }

)";

std::string swept_figures(const std::string& path, std::optional<double> bound) {
  const bool known = path == "attainment.steady" || path == "ttft.p99_ms.steady" ||
                     path == "tenants.usres.attainment.steady";
  if (!known) return "there is no figure \"" + path + "\"";
  return bound && *bound < 0 ? "no figure is negative" : "";
}

Scenario parse_swept(const std::string& text, const Words& words = {}) {
  return parse_scenario(text, "hall.toml", "", words, {}, swept_figures);
}

Sweeping sweeping_of(const std::string& sweep) {
  return parse_swept(kSwept + sweep).sweep.value();
}

TEST(Sweep, IsAbsentWhereNothingIsSaid) {
  EXPECT_FALSE(parse_swept(kSwept).sweep.has_value());
  EXPECT_EQ(sweeping_of("[sweep]\n"), Sweeping{});
}

TEST(Sweep, ReadsEveryKey) {
  const Sweeping sweep = sweeping_of(R"([sweep]
over = ["tenant.users.arrivals.load=0.1:1.2:12", "fleet.site.hall.max_batch=8,16"]
find = ["most tenant.users.arrivals.load=0.1:1.2", "least fleet.site.hall.replicas=1:64:log"]
while = ["attainment >= 0.99", "ttft.p99_ms.steady<500"]
figures = "ttft.p99_ms"
repetitions = 7
requests = 5_000_000
for = "2min"
)");
  EXPECT_EQ(sweep.over,
            (Words{"tenant.users.arrivals.load=0.1:1.2:12", "fleet.site.hall.max_batch=8,16"}));
  EXPECT_EQ(sweep.finds, (std::vector<SoughtValue>{{true, "tenant.users.arrivals.load=0.1:1.2"},
                                                   {false, "fleet.site.hall.replicas=1:64:log"}}));
  ASSERT_EQ(sweep.objectives.size(), 2U);
  EXPECT_EQ(sweep.objectives[0].text, "attainment.steady >= 0.99");
  EXPECT_EQ(sweep.objectives[1].text, "ttft.p99_ms.steady<500");
  EXPECT_EQ(sweep.figures, Words{"ttft.p99_ms.steady"});
  EXPECT_EQ(sweep.repetitions, 7U);
  EXPECT_EQ(sweep.requests, 5'000'000);
  EXPECT_EQ(sweep.time_ns, 120'000'000'000);
}

TEST(Sweep, IsWrittenAsItIsReadAndIsNoPartOfARun) {
  const Scenario scenario = parse_swept(kSwept + R"([sweep]
over = "tenant.users.arrivals.load=0.1:1.2:12"
find = "most tenant.users.arrivals.load=0.1:1.2"
while = "attainment >= 0.99"
figures = ["ttft.p99_ms"]
repetitions = 2
requests = 100
for = "90s"
)");
  EXPECT_EQ(parse_swept(to_toml(scenario)), scenario);
  Scenario bare = scenario;
  bare.sweep.reset();
  EXPECT_EQ(to_json(scenario), to_json(bare));
}

TEST(Sweep, WordsMaySetItsKeys) {
  const Scenario scenario =
      parse_swept(kSwept + "[sweep]\nover = \"tenant.users.arrivals.load=0.1,0.2\"\n",
                  {"sweep.repetitions=3", "sweep.over=fleet.site.hall.replicas=1,2,3"});
  EXPECT_EQ(scenario.sweep->over, Words{"fleet.site.hall.replicas=1,2,3"});
  EXPECT_EQ(scenario.sweep->repetitions, 3U);
}

TEST(Sweep, EveryMistakeHasItsPlace) {
  const std::string text = kSwept + R"([sweep]
over = [
  "tenant.users.arrivals.load=0.1:1.2:12",
  "fleet.site.hall.max_batch=8,16",
]
find = "most tenant.users.arrivals.load=0.1:1.2"
while = "attainment >= 0.99"
figures = ["ttft.p99_ms"]
repetitions = 7
)";
  ASSERT_TRUE(parse_swept(text).sweep);
  const std::vector<Edit> edits = {
      {"=0.1:1.2:12", "=0.1:1.2", 16, "is not KEY=FROM:TO:N", ""},
      {"=0.1:1.2:12", "=1.2:0.1:12", 16, "not less than", ""},
      {"arrivals.load=0.1:1.2:12", "arrivals.laod=0.1:1.2:12", 16, "laod", "load"},
      {"=0.1:1.2:12", "=-1:1.2:12", 16, "load=-1", ""},
      {"max_batch=8,16", "max_batch=8,many", 17, "max_batch=many", ""},
      {"fleet.site.hall.max_batch=8,16", "tenant.users.arrivals.load=1,2", 17, "two axes", ""},
      {"most tenant", "more tenant", 19, "is not \"most KEY=LOW:HIGH\"", ""},
      {"most tenant.users.arrivals.load=0.1:1.2", "most", 19, "is not \"most KEY=LOW:HIGH\"", ""},
      {"while = \"attainment >= 0.99\"\n", "", 19, "there is none", "while"},
      {"attainment >= 0.99", "atainment >= 0.99", 20, "no figure", ""},
      {"attainment >= 0.99", "attainment >= -1", 20, "negative", ""},
      {"attainment >= 0.99", "tenants.usres.attainment >= 0.9", 20, "no tenant \"usres\"", "users"},
      {"\"ttft.p99_ms\"", "\"ttfd.p99_ms\"", 21, "no figure", ""},
      {"repetitions = 7", "repetitions = 0", 22, "repetitions", ""},
      {"repetitions = 7", "repetition = 7", 22, "repetition", "repetitions"},
  };
  for (const Edit& edit : edits) {
    expect_found(mistakes_of([&] { parse_swept(replaced(text, edit.from, edit.to)); }), edit);
  }
}

std::string list_of(const std::string& word, std::size_t count) {
  std::string list;
  for (std::size_t i = 0; i < count; ++i) list += "\"" + word + "\", ";
  return "[" + list + "]";
}

TEST(Sweep, HasLimits) {
  const auto check = [](const std::string& sweep) { parse_swept(kSwept + "[sweep]\n" + sweep); };
  const std::string over = "over = [\"tenant.users.arrivals.load=0.1:1.2:1000\", ";
  check(over + "\"fleet.site.hall.max_batch=1:10:10\"]\n");
  expect_found(mistakes_of([&] { check(over + "\"fleet.site.hall.max_batch=1:11:11\"]\n"); }),
               {"", "", 15, "more than 10000 points together", ""});
  const std::string axes =
      over +
      R"("fleet.site.hall.max_batch=1,2", "tenant.users.prompt_tokens.value=1,2",
         "tenant.users.output_tokens.value=1,2")";
  check(axes + "]\n");
  expect_found(mistakes_of([&] { check(axes + ",\n\"fleet.site.hall.replicas=1,2\"]\n"); }),
               {"", "", 17, "5 axes: 4 are the most", ""});
  const auto finds = [](std::size_t count) {
    return "find = " + list_of("most tenant.users.arrivals.load=0.1:1.2", count) +
           "\nwhile = \"attainment >= 0.99\"\n";
  };
  check(finds(kMostFinds));
  expect_found(mistakes_of([&] { check(finds(kMostFinds + 1)); }),
               {"", "", 15, "17 values are searched", "16 are the most"});
}

TEST(Sweep, ValuesAreTriedOnlyWhereFiguresAreKnown) {
  // A point of a sweep is read with the table, and may be one at which other values are wrong.
  const std::string text = kSwept + "[sweep]\nover = \"tenant.users.arrivals.laod=1:2:3\"\n";
  EXPECT_FALSE(mistakes_of([&] { parse_swept(text); }).empty());
  EXPECT_TRUE(parse_scenario(text, "hall.toml", "", {}).sweep);
}

}  // namespace
}  // namespace tokenlift::sweep_reader_test
