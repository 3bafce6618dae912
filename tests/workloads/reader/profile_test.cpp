// Profiles: physical floors, and the text that they are read from.

#include "workloads/scenario/profile.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "tests/workloads/reader/mistakes.hpp"
#include "workloads/reader/catalogue.hpp"
#include "workloads/reader/profile_text.hpp"
#include "workloads/writer/scenario_writer.hpp"

namespace tokenlift::profile_test {
namespace {

const Profile& builtin(const char* name) {
  const Profile* profile = find_profile(name);
  EXPECT_NE(profile, nullptr) << name;
  return *profile;
}

TEST(Floor, IsTheSlowerOfArithmeticAndReading) {
  Profile profile;
  profile.model = ModelSize{1e9, 2, 1e5};
  profile.accelerator = Accelerator{"x", 2, 1, 100, 10, 0};
  // Reading 2 GB at 2 TB/s takes 1 ms, one token's KV 50 ns; a token's 2 GFLOP at 200 TFLOP/s 10
  // us.
  EXPECT_DOUBLE_EQ(decode_floor_ps(profile, 1, 0), 1e9);
  EXPECT_DOUBLE_EQ(decode_floor_ps(profile, 1, 2000), 1.1e9);
  EXPECT_DOUBLE_EQ(decode_floor_ps(profile, 200, 2000), 2e9);
  EXPECT_DOUBLE_EQ(prefill_floor_ps(profile, 50), 1e9);
  EXPECT_DOUBLE_EQ(prefill_floor_ps(profile, 300), 3e9);
  // 90 % of 20 GB less 2 GB of weights.
  EXPECT_EQ(kv_room_tokens(profile), 160'000);
  profile.accelerator->memory_gb = 1;
  EXPECT_EQ(kv_room_tokens(profile), 0);
  profile.accelerator.reset();
  EXPECT_EQ(kv_room_tokens(profile), std::nullopt);
}

// Known crossings of the published fits: a + b B against 2 x 8.03e9 B / peak.
TEST(Floor, IsCrossedByLinearLawsWhereTheyAreKnownTo) {
  const std::pair<const char*, std::int64_t> crossings[] = {
      {"a100-8b", 439}, {"h200-8b", 636}, {"h100-8b", 711}, {"b200-8b", 915}};
  for (const auto& [name, sequences] : crossings) {
    const Profile& profile = builtin(name);
    const auto spare_ps = [&](std::int64_t batch) {
      return static_cast<double>(profile.cost->decode_ps(batch, 0)) -
             decode_floor_ps(profile, batch, 0);
    };
    EXPECT_GT(spare_ps(sequences - 1), 0) << name;
    EXPECT_LT(spare_ps(sequences + 1), 0) << name;
  }
}

TEST(FloorViolation, IsNoneInWhatIsBuiltIn) {
  int stated = 0;
  for (const Profile& profile : builtin_profiles()) {
    EXPECT_EQ(floor_violation(profile), "") << profile.name;
    stated += profile.cost && profile.model && profile.accelerator ? 1 : 0;
  }
  EXPECT_EQ(stated, 9);
}

TEST(FloorViolation, BeginsAboveTheMaxBatchOfTheBuiltInProfiles) {
  for (const char* name : {"a100-8b", "h100-8b", "h200-8b", "b200-8b"}) {
    Profile profile = builtin(name);
    ++profile.max_batch;
    EXPECT_TRUE(contains(floor_violation(profile),
                         "of " + std::to_string(profile.max_batch) + " sequences"))
        << name << floor_violation(profile);
    profile.max_batch = 0;  // no bound at all
    EXPECT_NE(floor_violation(profile), "") << name;
  }
}

TEST(FloorViolation, SaysWhereAndByHowMuch) {
  Profile profile = builtin("a100-8b");
  profile.max_batch = 450;
  EXPECT_EQ(
      floor_violation(profile),
      "a decode step of 450 sequences with 450 tokens of context costs 22.9212 ms, and physics "
      "allows no less than 23.1635 ms");
}

TEST(FloorViolation, FindsAPrefillThatASimulatorShips) {
  // 48 ms for 8192 tokens of an 8B model on an H100, where the arithmetic alone takes 133 ms.
  Profile profile = builtin("h100-8b");
  profile.cost->p0_ps = 0;
  profile.cost->p1_ps = 48'000'000'000 / 8192;
  profile.cost->p2_ps = 0;
  EXPECT_NE(floor_violation(profile), "");
  EXPECT_NEAR(prefill_floor_ps(profile, 8192) / 1e9, 133.03, 0.01);
}

TEST(FloorViolation, IsLookedForInTheMiddle) {
  // p1 is under the FLOPs' 16.24 us; p0 saves short prompts and p2 long ones, but not 3000 tokens.
  Profile profile = builtin("h100-8b");
  profile.cost = CostModel{7'000'000'000, 17'000'000, 41'100, 9'000'000'000, 10'200'000, 1'000};
  EXPECT_GT(static_cast<double>(profile.cost->chunk_ps(0, 1000)), prefill_floor_ps(profile, 1000));
  EXPECT_GT(static_cast<double>(profile.cost->chunk_ps(0, 9000)), prefill_floor_ps(profile, 9000));
  EXPECT_TRUE(contains(floor_violation(profile), "a prompt of 30"));
}

TEST(Price, OfALonePromptOfOneTokenIsOneReadingOfTheWeights) {
  const Profile& profile = builtin("h100-8b");
  const StepPrice price = price_of(profile);
  const std::int64_t reading_ps = 4'794'029'851;  // 16.06 GB at 3.35 TB/s: p0 is 4.3 ms
  EXPECT_EQ(price.prefill_ps(1, price.chunk_ps(0, 1), 0, 0),
            reading_ps + profile.overhead->per_step_ps);
}

// Eight prompts of 32 tokens cost 38 ms as eight calls, and one of 256 tokens 8.2 ms.
TEST(Price, OfManyShortPromptsIsThatOfOneLongOne) {
  const StepPrice price = price_of(builtin("h100-8b"));
  const auto one = static_cast<double>(price.prefill_ps(256, price.chunk_ps(0, 256), 0, 0));
  const auto eight = static_cast<double>(price.prefill_ps(256, 8 * price.chunk_ps(0, 32), 0, 0));
  EXPECT_NEAR(eight / one, 1, 0.01);
  EXPECT_NEAR(one * 1e-9, 8.2 + 1.41, 0.05);
}

// Any step of what is built in: the law alone would beat its arithmetic where many short prompts
// make a large step, or a large batch decodes beside a chunk.
TEST(Price, NeverBeatsPhysics) {
  for (const Profile& profile : builtin_profiles()) {
    if (!profile.accelerator) continue;
    Profile silicon = profile;
    silicon.overhead.reset();
    const StepPrice price = price_of(silicon);
    for (const std::int64_t sequences : {std::int64_t{0}, std::int64_t{1}, profile.max_batch}) {
      for (const std::int64_t prompts : {1, 40, 1000}) {
        for (const std::int64_t tokens : {1, 16, 635}) {
          const std::int64_t ps = price.prefill_ps(
              prompts * tokens, prompts * price.chunk_ps(0, tokens), sequences, sequences);
          EXPECT_GE(static_cast<double>(ps),
                    prefill_floor_ps(profile, prompts * tokens + sequences) * (1 - 1e-12))
              << profile.name << ", " << sequences << " decode, " << prompts << " of " << tokens;
        }
      }
    }
  }
}

// Against every step of a small machine: found if and only if there is one.
RC_GTEST_PROP(FloorViolation, AgreesWithTryingEveryStep, ()) {
  Profile profile;
  profile.name = "small";
  profile.model = ModelSize{1e6, 2, 2e4};
  // Weights are 2 MB, and 90 % of the memory has room for 100 to 120 tokens beside them.
  profile.accelerator = Accelerator{"x", 1, 1, 1, (2e6 + 2e4 * 110) / 0.9 / 1e9, 0};
  // Floors: reading 2 us and 20 ns a token, 2 us of arithmetic a token: costs are near to them.
  const auto near_to = [](std::int64_t ps) {
    return *rc::gen::inRange<std::int64_t>(ps / 2, 3 * ps);
  };
  profile.cost = CostModel{near_to(3'000'000), near_to(2'200'000), near_to(25'000),
                           near_to(9'000'000), near_to(2'200'000), near_to(5'000)};
  profile.max_batch = *rc::gen::inRange<std::int64_t>(0, 130);
  const std::int64_t room = kv_room_tokens(profile).value();
  RC_ASSERT(room >= 109 && room <= 110);
  const std::int64_t most = profile.max_batch > 0 ? std::min(profile.max_batch, room) : room;
  bool beaten = false;
  for (std::int64_t sequences = 1; sequences <= most; ++sequences) {
    for (std::int64_t kv_tokens = sequences; kv_tokens <= room; ++kv_tokens) {
      beaten |= static_cast<double>(profile.cost->decode_ps(sequences, kv_tokens)) <
                decode_floor_ps(profile, sequences, kv_tokens) * (1 - 1e-12);
    }
  }
  // Prefill is held at one reading of the weights, so that only its arithmetic can be beaten.
  for (std::int64_t end = 1; end <= room; ++end) {
    for (std::int64_t begin = 0; begin < end; ++begin) {
      const double held_ps = std::max(static_cast<double>(profile.cost->chunk_ps(begin, end)),
                                      prefill_floor_ps(profile, 0));
      beaten |= held_ps < prefill_floor_ps(profile, end - begin) * (1 - 1e-12);
    }
  }
  RC_CLASSIFY(beaten);
  RC_ASSERT(floor_violation(profile).empty() == !beaten);
}

// Line numbers in the tests below are of this text.
const std::string kText = R"([profile.my-gpu]
description = "mine"
source = "measured"
fit_error = 0.02
max_batch = 256
decode = { a = "6.28ms", b = "7.4us", c = "41.1ns" }
prefill = { p0 = "4.3ms", p1 = "17us", p2 = "0.976ns" }
model = { parameters = 8.03e9, kv_bytes_per_token = 131072 }
accelerator = { name = "H100", bandwidth_tb_per_s = 3.35, tflop_per_s = 989, memory_gb = 80 }
pricing = "mixed"
overhead = { per_step = "1.41ms", software_year = 2024, source = "a run" }
)";

std::vector<Mistake> mistakes_in(const std::string& text) {
  return mistakes_of([&] { parse_profiles(text, "mine.toml"); });
}

TEST(ParseProfiles, ReadsEveryKey) {
  Profile expected;
  expected.name = "my-gpu";
  expected.description = "mine";
  expected.source = "measured";
  expected.fit_error = 0.02;
  expected.max_batch = 256;
  expected.cost =
      CostModel{6'280'000'000, 7'400'000, 41'100, 4'300'000'000, 17'000'000, 976, Pricing::mixed};
  expected.overhead = Overhead{1'410'000'000, 2024, "a run"};
  expected.model = ModelSize{8.03e9, 2, 131072};
  expected.accelerator = Accelerator{"H100", 1, 3.35, 989, 80, 0};
  EXPECT_EQ(parse_profiles(kText, "mine.toml"), std::vector<Profile>{expected});
}

// What an older file says, and what our own decoder does.
TEST(ParseProfiles, PricesSeparatelyUnlessToldOtherwise) {
  const auto profiles = parse_profiles(replaced(kText, "pricing = \"mixed\"", ""), "mine.toml");
  EXPECT_EQ(profiles.at(0).cost->pricing, Pricing::separate);
}

TEST(BuiltInProfiles, ArePricedAsTheirMachinesCompute) {
  for (const Profile& profile : builtin_profiles()) {
    EXPECT_EQ(profile.cost->pricing, profile.decoder ? Pricing::separate : Pricing::mixed)
        << profile.name;
  }
}

TEST(ParseProfiles, TakesOverTheDecoderOfABuiltInName) {
  const auto profiles = parse_profiles(
      "[profile.cpu-small]\n"
      "decode = { a = \"2ms\", b = \"0.1ms\", c = \"1ns\" }\n"
      "prefill = { p0 = \"0s\", p1 = \"1us\", p2 = \"0s\" }\n",
      "calibrated.toml");
  ASSERT_EQ(profiles.size(), 1U);
  EXPECT_TRUE(profiles[0].decoder);
  EXPECT_EQ(profiles[0].decoder, builtin("cpu-small").decoder);
  EXPECT_EQ(profiles[0].cost->a_ps, 2'000'000'000);
}

TEST(ParseProfiles, NotesEachMistakeAtItsPlaceWithAdvice) {
  const Edit edits[] = {
      {"[profile.my-gpu]", "[profil.my-gpu]", 1, "unknown key \"profil\"", "\"profile\""},
      {"[profile.my-gpu]", "[profile.\"my\\tgpu\"]", 1, "can't be a name", "control characters"},
      {"[profile.my-gpu]", "[profile]", 2, "is a string, not a table", "{"},
      {"description", "descripton", 2, "unknown key", "\"description\""},
      {"0.02", "2", 4, "too large", "0 to 1"},
      {"256", "0", 5, "too small", ""},
      {"256", "900", 1, "a decode step of 900 sequences", "lower the max_batch"},
      {"max_batch = 256", "", 1, "beats physics", "state the max_batch"},
      {"\"6.28ms\"", "6.28", 6, "not a duration", "\"41ns\""},
      {"\"6.28ms\"", "\"6.28\"", 6, "no unit", "\"6.28ms\""},
      {"\"6.28ms\"", "\"-6.28ms\"", 6, "negative", ""},
      {"\"6.28ms\"", "\"6.28min\"", 6, "unknown unit", "ps, ns"},
      {"\"6.28ms\"", "\"1001s\"", 6, "too long", "1000s"},
      {"\"6.28ms\"", "\"0.628ms\"", 1, "beats physics", "max(FLOPs / peak"},
      {"a = \"6.28ms\", b = \"7.4us\"", "a = \"0s\", b = \"0s\"", 6, "stand still", "a or b"},
      {", c = \"41.1ns\"", "", 6, "lacks the key \"c\"", "c ="},
      {", c = \"41.1ns\"", ", c = \"41.1ns\", d = \"1s\"", 6, "unknown key \"d\"", ""},
      {"decode = {", "decoder = {", 6, "only built-in", "takes over"},
      {"p0 = \"4.3ms\", p1 = \"17us\"", "p0 = \"0s\", p1 = \"0s\"", 7, "stand still", "p0 or p1"},
      {"p1 = \"17us\"", "p1 = \"6us\"", 1, "a prompt of", ""},
      {"prefill = { p0 = \"4.3ms\", p1 = \"17us\", p2 = \"0.976ns\" }", "", 1,
       "lacks the key \"prefill\"", "p0 ="},
      {"parameters = 8.03e9, ", "", 8, "lacks the key \"parameters\"", "8.03e9"},
      {"131072", "0", 8, "too small", ""},
      {"8.03e9", "80e9", 9, "don't fit", "raise count"},
      {"name = \"H100\", ", "", 9, "lacks the key \"name\"", "H100"},
      {"3.35", "nan", 9, "not finite", ""},
      {"memory_gb = 80", "memory = 80", 9, "unknown key \"memory\"", "\"memory_gb\""},
      {"\"mixed\"", "\"mixt\"", 10, "can't be \"mixt\"", "\"mixed\""},
      {"per_step = \"1.41ms\", ", "", 11, "lacks the key \"per_step\"", "per_step ="},
      {"\"1.41ms\"", "1.41", 11, "not a duration", ""},
      {"software_year = 2024, ", "", 11, "lacks the key \"software_year\"", "2024"},
      {"2024", "24", 11, "too small", ""},
      {"source = \"a run\"", "sauce = \"a run\"", 11, "unknown key \"sauce\"", "\"source\""},
  };
  for (const Edit& edit : edits) {
    const std::vector<Mistake> mistakes = mistakes_in(replaced(kText, edit.from, edit.to));
    expect_found(mistakes, edit);
  }
}

TEST(ParseProfiles, ReportsAllMistakesAtOnce) {
  const std::vector<Mistake> mistakes =
      mistakes_in("colour = 1\n" + replaced(replaced(kText, "0.02", "2"), "6.28ms", "6.28") +
                  "[profile.other]\nmax_batch = 3\n");
  std::vector<int> lines;
  lines.reserve(mistakes.size());
  for (const Mistake& mistake : mistakes) lines.push_back(mistake.line);
  EXPECT_EQ(lines, (std::vector<int>{1, 5, 7, 13, 13}));
}

TEST(ParseProfiles, WantsAProfile) {
  ASSERT_EQ(mistakes_in("").size(), 1U);
  EXPECT_TRUE(contains(mistakes_in("")[0].advice, "calibrate"));
}

TEST(ToToml, OfTheBuiltInProfilesReadsBackEqual) {
  std::vector<Profile> priced;
  for (const Profile& profile : builtin_profiles()) {
    if (profile.cost) priced.push_back(profile);
  }
  EXPECT_EQ(parse_profiles(to_toml(priced), "profiles.toml"), priced);
}

}  // namespace
}  // namespace tokenlift::profile_test
