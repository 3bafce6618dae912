// What is wrong with a scenario is found at its place, all of it at once, with advice.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/workloads/reader/demo_scenario.hpp"
#include "tests/workloads/reader/mistakes.hpp"
#include "workloads/text/utf8.hpp"

namespace tokenlift::scenario_mistakes_test {
namespace {

// Each edit of kText makes exactly one mistake.
const std::vector<Edit> kEdits = {
    {"duration = ", "durration = ", 2, "[run] lacks the key \"duration\"", "40s"},
    {"warmup = ", "warm_up = ", 4, "unknown key \"warm_up\" in [run]", "did you mean \"warmup\"?"},
    {"\"40s\"", "40", 3, "is an integer, not a duration", "duration = \"40s\""},
    {"\"40s\"", "\"40\"", 3, "no unit", "\"40s\""},
    {"\"40s\"", "\"40m\"", 3, "unknown unit \"m\"", "min"},
    {"\"40s\"", "\"-40s\"", 3, "negative", ""},
    {"\"40s\"", "\"0s\"", 3, "more than 0", ""},
    {"\"3s\"", "\"40s\"", 4, "takes the whole run", "shorter"},
    {"warmup", "seed = -1\nwarmup", 4, "too small", ""},
    {"warmup", "seed = 1.5\nwarmup", 4, "not a whole number", ""},
    {"warmup", "engine = \"thread\"\nwarmup", 4, "can't be \"thread\"", "\"threads\""},
    {"warmup", "engine = \"virtuel\"\nwarmup", 4, "can't be", "\"virtual\""},
    {"warmup", "max_in_flight = 0\nwarmup", 4, "too small", ""},
    {"\"5000/s\"", "5000", 7, "not a rate", "\"5000/s\""},
    {"capacity", "router = \"round robin\"\ncapacity", 7, "can't be", "\"round_robin\""},
    {"capacity", "load_report_interval = 10\ncapacity", 7, "not a duration", "\"10s\""},
    {"replicas = 2", "profile = \"h100-8b\"", 10, "has no decoder", "run.engine = \"virtual\""},
    {"replicas = 2", "replicas = 0", 10, "too small", ""},
    {"replicas = 2", "replicas = true", 10, "a boolean", ""},
    {"replicas = 2", "profile = \"cpu-smal\"", 10, "can't be", "\"cpu-small\""},
    {"replicas = 2", "kv_tokens = 1000", 10, "can have 1088", "raise kv_tokens"},
    {"\"commodity\"", "\"\"", 9, "can't be a name", "characters"},
    {"\"commodity\"", "\"a\\u0007b\"", 9, "can't be a name", "control characters"},
    {"\"commodity\"", "\"a\\u2028b\"", 9, "can't be a name", "control characters"},
    {"[[fleet.site]]\nname = \"commodity\"\nreplicas = 2\n", "", 6, "the fleet is empty", ""},
    {"\nname = \"users\"", "", 12, "lacks the key \"name\"", ""},
    {"load = 0.7", "load = 0", 14, "too small", ""},
    {"load = 0.7", "load = -0.7", 14, "too small", ""},
    {"load = 0.7", "load = nan", 14, "not finite", ""},
    {"load = 0.7", "load = inf", 14, "not finite", ""},
    {"load = 0.7", "load = \"0.7\"", 14, "a string, not a number", ""},
    {"load = 0.7", "rate = 12", 14, "not a rate", "\"12/s\""},
    {"load = 0.7", "rate = \"-12/s\"", 14, "not more than 0", ""},
    {"load = 0.7", "rate = \"12/s\", load = 0.7", 14, "both", "keep one"},
    {", load = 0.7", "", 14, "lacks a rate", "load = 0.7"},
    {"load = 0.7", "load = 0.7, cv = 2", 14, "no effect on process \"poisson\"", "\"gamma\""},
    {"\"poisson\"", "\"gamma\"", 14, "lacks the key \"cv\"", ""},
    {"\"poisson\", load = 0.7", "\"gamma\", load = 0.7, cv = 0", 14, "too small", ""},
    {"\"poisson\"", "\"posson\"", 14, "can't be", "\"poisson\""},
    {"cv = 0.6", "cv = -0.6", 15, "too small", ""},
    {"mean = 128, ", "", 15, "lacks the key \"mean\"", ""},
    {"mean = 128", "mean = 1e18", 15, "too large", ""},
    {"distribution = \"uniform\", ", "", 16, "lacks the key \"distribution\"", "uniform"},
    {"min = 16, max = 64", "min = 16, max = 4", 16, "larger than", ""},
    {"min = 16", "min = 0", 16, "too small", ""},
    {"max = 64", "max = 64.5", 16, "not a whole number", ""},
    {"max = 64 }", "max = 64 }\nmax_tokens = 63", 17, "up to 64", ""},
    {"max = 64 }", "max = 64 }\nslo = { ttft = \"0s\" }", 17, "more than 0", ""},
    {"max = 64 }", "max = 64 }\nslo = { tfft = \"1s\" }", 17, "unknown key", "\"ttft\""},
    {"max = 64 }", "max = 64 }\nretry = { policy = \"backoff\" }", 17, "can't be", "\"none\""},
    {"\"token_bucket\"", "\"leaky_buckets\"", 20, "can't be", "\"leaky_bucket\""},
    {"unit = \"output_tokens\"", "", 18, "lacks the key \"unit\"", ""},
    {"\"output_tokens\"", "\"output_token\"", 21, "can't be", "\"output_tokens\""},
    {"load = 0.4", "", 18, "lacks a rate", ""},
    {"burst = \"1s\"", "burst = 63", 23, "costs 64 output_tokens", "raise the burst"},
    {"burst = \"1s\"", "burst = 0", 23, "too small", ""},
    {"burst = \"1s\"", "burst = true", 23, "a boolean", ""},
    {"burst = \"1s\"", "when_full = \"reject\"\nmax_wait = \"1s\"", 24, "rejects", "remove"},
    {"lift = \"output limit\"", "lift = \"output limt\"", 27, "no throttle", "\"output limit\""},
    {"lift = \"output limit\"", "", 25, "does nothing", ""},
    {"\"15s\"", "\"3s\"", 26, "not between", "more than 3s and less than 40s"},
    {"\"15s\"", "\"40s\"", 26, "not between", ""},
    {"lift = ", "set = { throttle = \"output limit\", load = 0.5 }\nlift = ", 27, "not both", ""},
    {"lift = \"output limit\"", "set = { throttle = \"output limit\" }", 27, "nothing is set", ""},
    {"lift = \"output limit\"", "set = { throttle = \"output limit\", burst = 5 }", 27, "costs 64",
     ""},
    {"lift = \"output limit\"", "set = { load = 0.5 }", 27, "lacks the key \"throttle\"", ""},
    {"lift = ", "measure = 1\nlift = ", 27, "true or false", ""},
    {"[[event]]", "[event]", 25, "a table, not an array", "two brackets"},
    {"[[tenant]]", "[[tenants]]", 12, "unknown key \"tenants\"", "\"tenant\""},
};

TEST(Mistakes, EachIsFoundAtItsPlaceWithAdvice) {
  for (const Edit& edit : kEdits) {
    const std::string text = replaced(kText, edit.from, edit.to);
    const std::vector<Mistake> mistakes = mistakes_in(text);
    expect_found(mistakes, edit);
  }
}

// A mistake must not drag others behind it. Renamed keys make two by nature.
TEST(Mistakes, OneSlipIsOneMistake) {
  for (const Edit& edit : kEdits) {
    if (edit.from == "duration = " || edit.from == "[[tenant]]") continue;
    const std::vector<Mistake> mistakes = mistakes_in(replaced(kText, edit.from, edit.to));
    EXPECT_EQ(mistakes.size(), 1U) << ScenarioError(mistakes).what();
  }
}

TEST(Mistakes, AreReportedAllAtOnceInOrderOfPlace) {
  const std::string text = R"(colour = 1
[run]
duration = 40
[fleet]
[[fleet.site]]
name = "a"
replicas = 0
[[fleet.site]]
name = "a"
[[tenant]]
name = "users"
arrivals = { process = "poisson", rate = "0/s" }
prompt_tokens = { distribution = "constant", value = 0 }
output_tokens = { distribution = "constant", value = 4 }
[[event]]
at = "15"
lift = "nothing"
)";
  std::vector<int> lines;
  for (const Mistake& mistake : mistakes_in(text, {"run.sed=1", "fleet.site.b.replicas=1"})) {
    lines.push_back(mistake.source == "demo.toml" ? mistake.line : 0);
  }
  EXPECT_EQ(lines, (std::vector<int>{1, 3, 7, 9, 12, 13, 16, 17, 0, 0}));
}

// More than that a run.json does not hold.
TEST(Mistakes, MoreThanARunCanRecordIsRefusedBeforeItRuns) {
  const std::string ramps = [] {
    std::string text;
    for (int i = 0; i < 501; ++i) {
      text +=
          "\n[[event]]\nat = \"20s\"\nramp = { throttle = \"output limit\", "
          "to = { load = 0.5 }, over = \"10s\", steps = 200 }\n";
    }
    return text;
  }();
  std::vector<Mistake> mistakes = mistakes_in(kText + ramps);
  ASSERT_EQ(mistakes.size(), 1U);
  EXPECT_NE(mistakes[0].message.find("change more than 100000 times"), std::string::npos);
  EXPECT_EQ(mistakes[0].line, 29 + 4 * 499);
  std::string tenants;
  for (std::size_t i = 0; i < kMostTenants; ++i) {
    tenants += "\n[[tenant]]\nname = \"t" + std::to_string(i) +
               "\"\narrivals = { process = \"poisson\", load = 0.1 }\n"
               "prompt_tokens = { distribution = \"constant\", value = 8 }\n"
               "output_tokens = { distribution = \"constant\", value = 8 }\n";
  }
  mistakes = mistakes_in(kText + tenants);
  ASSERT_EQ(mistakes.size(), 1U);
  EXPECT_EQ(mistakes[0].message, "10001 tables [[tenant]]");
  EXPECT_EQ(mistakes[0].advice, "10000 are the most");
}

// Each would be drawn, whether anybody asks in it or not.
TEST(Mistakes, MoreBurstsThanCanBeDrawnInAMomentAreRefused) {
  const auto with_calm = [](const std::string& calm) {
    return mistakes_in(kText, {"tenant.users.arrivals.shape={ kind = \"mmpp\", high = 2, length = "
                               "\"1us\", calm = \"" +
                               calm + "\" }"});
  };
  EXPECT_EQ(listed(with_calm("4us")), "no mistake");
  const std::vector<Mistake> mistakes = with_calm("1us");
  ASSERT_EQ(mistakes.size(), 1U);
  EXPECT_EQ(mistakes[0].message, "the run would have about 2e+07 bursts");
  EXPECT_TRUE(contains(mistakes[0].advice, "raise length or calm"));
}

// As many as there are keys, in a time that is not that of their square; each is said of the first.
TEST(Mistakes, ManyAreCountedAndTheFirstAreSaid) {
  std::string text = kText;
  for (int i = 0; i < 100'000; ++i) text += "wrong" + std::to_string(i) + " = 1\n";
  std::string message;
  try {
    parse(text);
  } catch (const ScenarioError& error) {
    message = error.what();
    ASSERT_EQ(error.mistakes().size(), kMostMistakes);
    for (std::size_t i = 0; i < kMostMistakes; ++i) {
      const std::string name = "wrong" + std::to_string(i);
      EXPECT_TRUE(contains(error.mistakes()[i].message, "unknown key \"" + name + "\""));
      EXPECT_EQ(error.mistakes()[i].excerpt, name + " = 1");
    }
  }
  EXPECT_TRUE(message.ends_with("\nand 99950 other mistakes")) << message.substr(0, 1000);
  // All on one line, of half a megabyte.
  text = kText + "\n[[event]]\nlift = { ";
  for (int i = 0; i < 50'000; ++i) text += "w" + std::to_string(i) + " = 1, ";
  text.replace(text.size() - 2, 2, " }\n");
  EXPECT_LT(listed(mistakes_in(text)).size(), 20'000U);
}

// What tells the secret stands far to the left of what is kept, and so does the secret's beginning.
TEST(Mistakes, OfALongLineWhatIsAroundIsShown) {
  const std::string secret(20'000, 'x');
  const std::vector<Mistake> mistakes =
      mistakes_in(kText + "\nwrong = { password = '" + secret + "', }\n");
  ASSERT_FALSE(mistakes.empty());
  EXPECT_GT(mistakes[0].excerpt_column, 10'000);
  EXPECT_LE(mistakes[0].excerpt.size(), 2 * kKeptBeside);
  EXPECT_TRUE(mistakes[0].excerpt.starts_with("***")) << mistakes[0].excerpt.substr(0, 100);
  const std::string shown = to_string(mistakes[0]);
  EXPECT_TRUE(contains(shown, "    ...***")) << shown;
  EXPECT_FALSE(contains(shown, "xxx")) << shown;
}

TEST(Mistakes, TheirPlaceInALongLineIsUnderTheCaret) {
  std::string line;
  for (int i = 0; i < 10'000; ++i) line += i % 10 == 0 ? "é" : std::to_string(i % 10);
  for (const int column :
       {0, 1, 40, 49, 50, 60, 97, 150, 5'000, 9'950, 9'990, 10'000, 10'001, 20'000}) {
    const Mistake whole{"f", 1, column, "m", "", line};
    Mistake cut{"f", 1, column, "m", "", ""};
    take_excerpt(cut, line);
    EXPECT_EQ(cut.column, std::min(column, 10'001));
    EXPECT_LE(cut.excerpt.size(), 2 * kKeptBeside * 11 / 10 + 2);
    const std::string shown = to_string(cut);
    EXPECT_EQ(shown.substr(shown.find('\n')), to_string(whole).substr(to_string(whole).find('\n')));
    EXPECT_EQ(contains(shown, "    ..."), column > 49) << shown;
    EXPECT_EQ(contains(shown + "\n", "...\n"), column < 9'953) << shown;
    const std::size_t caret = shown.find('^');
    if (caret == std::string::npos) continue;
    const std::string excerpt = shown.substr(shown.find("\n    ") + 5);
    const std::size_t columns = caret - shown.rfind('\n') - 5;
    const Stretch before = stretch_of(excerpt, columns);
    if (column > 10'000) {
      EXPECT_EQ(excerpt[before.bytes], '\n');
    } else if (column % 10 != 1) {
      EXPECT_EQ(excerpt[before.bytes], static_cast<char>('0' + (column - 1) % 10)) << shown;
    } else {
      EXPECT_EQ(excerpt.substr(before.bytes, 2), "é") << shown;
    }
  }
}

// Of words, too: of 100,000 characters, each of two bytes.
TEST(Mistakes, QuoteWordsNoLongerThanNeedBe) {
  std::string word;
  for (int i = 0; i < 100'000; ++i) word += "é";
  EXPECT_EQ(in_quotes(word), "\"" + word.substr(0, 2 * kLongestQuoted) + "...\"");
  EXPECT_EQ(in_quotes(word.substr(0, 2 * kLongestQuoted)),
            "\"" + word.substr(0, 2 * kLongestQuoted) + "\"");
  const std::vector<Mistake> mistakes = mistakes_in(kText, {"run.engine=" + word});
  ASSERT_EQ(mistakes.size(), 1U);
  EXPECT_LT(to_string(mistakes[0]).size(), 4'000U);
}

// Two tenants replay one trace, and what is wrong with it is wrong once.
TEST(Mistakes, AreSaidOnce) {
  std::string text = kText.substr(0, kText.find("[[tenant]]"));
  for (const char* const name : {"a", "b"}) {
    text += "[[tenant]]\nname = \"" + std::string(name) +
            "\"\narrivals = { process = \"trace\", file = \"/proc/self/status\" }\n";
  }
  const std::vector<Mistake> mistakes = mistakes_in(text);
  ASSERT_EQ(mistakes.size(), 1U) << listed(mistakes);
  EXPECT_EQ(mistakes[0].source, "/proc/self/status");
  EXPECT_FALSE(contains(listed(mistakes), "other mistakes"));
}

TEST(Mistakes, AreNoLongerThanNeedBe) {
  const std::string name(100'000, 'n');
  const std::vector<Mistake> mistakes = mistakes_in(kText + "\n" + name + " = 1\n");
  ASSERT_FALSE(mistakes.empty());
  EXPECT_LT(mistakes[0].message.size(), kLongestMessage + 10);
  EXPECT_TRUE(contains(mistakes[0].message, "nnn...\""));
  EXPECT_LT(to_string(mistakes[0]).size(), 2000U);
}

TEST(Mistakes, TablesStandOnlySoDeepInEachOther) {
  const auto repeated = [](const std::string& text, int times) {
    std::string all;
    for (int i = 0; i < times; ++i) all += text;
    return all;
  };
  for (const std::string& deep :
       {repeated("a.", 1'000'000) + "a = 1", "[" + repeated("a . ", 40) + "a]",
        "[[" + repeated("'a'.", 40) + "a]]", "a = " + repeated("[", 100'000),
        "a = " + repeated("{ a = ", 40) + "1" + repeated(" }", 40)}) {
    const std::vector<Mistake> mistakes = mistakes_in(kText + "\n" + deep + "\n");
    ASSERT_EQ(mistakes.size(), 1U) << deep.substr(0, 100);
    EXPECT_EQ(mistakes[0].message, "tables or arrays stand more than 32 deep in each other");
    EXPECT_GT(mistakes[0].line, 20);
  }
  // What looks deep and is not.
  for (const std::string& flat :
       {"# " + repeated("a.", 100), "description = \"" + repeated("a.\\\"", 100) + "\"",
        "description = '''\n" + repeated("[a.", 100) + "\n'''",
        "description = \"\"\"\n\"" + repeated("{a.", 100) + "\"\"\""}) {
    const std::vector<Mistake> mistakes = mistakes_in(flat + "\n" + kText);
    EXPECT_TRUE(mistakes.empty()) << listed(mistakes);
  }
  EXPECT_EQ(mistakes_in(kText, {repeated("a.", 1'000'000) + "a=1"}).size(), 1U);
  EXPECT_TRUE(mistakes_in(kText, {"description=" + repeated("a.", 100)}).empty());
}

TEST(Mistakes, ATextIsOnlySoLarge) {
  const std::vector<Mistake> mistakes = mistakes_in(kText + std::string(kMostDocumentBytes, '\n'));
  ASSERT_EQ(mistakes.size(), 1U);
  EXPECT_EQ(to_string(mistakes[0]),
            "demo.toml: error: the text is larger than 8 MiB\n"
            "    many requests are a trace: name its file in arrivals");
}

TEST(Mistakes, AreRenderedWithTheLineAndACaret) {
  const Mistake mistake = mistakes_in(replaced(kText, "\"40s\"", "40")).at(0);
  EXPECT_EQ(to_string(mistake),
            "demo.toml:3:12: error: \"duration\" is an integer, not a duration with a unit\n"
            "    duration = 40\n"
            "               ^\n"
            "    for example duration = \"40s\"");
}

TEST(Mistakes, CaretCountsCodePointsAndEscapesStayHarmless) {
  const Mistake wide{"f.toml", 1, 4, "m", "", "\u00e9\u00e9 x"};
  EXPECT_EQ(to_string(wide), "f.toml:1:4: error: m\n    \u00e9\u00e9 x\n       ^");
  const Mistake hostile{"f\x1b.toml", 1, 2, "m\x1b[2J", "", "a\x1b[31m\xff\tb"};
  EXPECT_EQ(to_string(hostile), "f?.toml:1:2: error: m?[2J\n    a?[31m? b\n     ^");
  const Mistake turned{"f.toml",
                       1,
                       1,
                       "m\u202e\u2066",
                       "\u200f\u061c",
                       "\u202d"
                       "ab\u2029"};
  EXPECT_EQ(to_string(turned), "f.toml:1:1: error: m??\n    ?ab?\n    ^\n    ??");
}

TEST(Mistakes, LongLinesAreCutAroundTheCaret) {
  const Mistake mistake{"f.toml", 1,  5001,
                        "m",      "", std::string(5000, 'a') + "X" + std::string(5000, 'b')};
  const std::string text = to_string(mistake);
  EXPECT_LT(text.size(), 300U);
  const std::size_t line = text.find("\n    ") + 5;
  const std::size_t caret_line = text.find("\n    ", line) + 5;
  EXPECT_EQ(text.find('X', line) - line, text.find('^') - caret_line);
}

TEST(Mistakes, SyntaxErrorsHaveAPlace) {
  const std::vector<Mistake> mistakes = mistakes_in("[run]\nduration = \"40s\n");
  ASSERT_EQ(mistakes.size(), 1U);
  EXPECT_EQ(mistakes[0].line, 2);
  EXPECT_EQ(mistakes[0].excerpt, "duration = \"40s");
}

TEST(Mistakes, MixOfLoadsAndRatesNeedsACapacity) {
  const std::string no_capacity = replaced(kText, "capacity = \"5000/s\"\n", "");
  EXPECT_TRUE(mistakes_in(no_capacity).empty());
  const std::string second =
      "[[tenant]]\nname = \"b\"\narrivals = { process = \"poisson\", rate = \"1/s\" }\n"
      "prompt_tokens = { distribution = \"constant\", value = 4 }\n"
      "output_tokens = { distribution = \"constant\", value = 4 }\n";
  EXPECT_TRUE(mistakes_in(kText + second).empty());
  const std::vector<Mistake> mistakes = mistakes_in(no_capacity + second);
  ASSERT_EQ(mistakes.size(), 1U);
  EXPECT_EQ(mistakes[0].line, 13);
  EXPECT_TRUE(contains(mistakes[0].advice, "fleet.capacity"));
}

TEST(Mistakes, LoadOnEngineNullNeedsACapacity) {
  const std::string null = replaced(kText, "warmup", "engine = \"null\"\nwarmup");
  EXPECT_TRUE(mistakes_in(null).empty());
  const std::vector<Mistake> mistakes = mistakes_in(replaced(null, "capacity = \"5000/s\"\n", ""));
  ASSERT_EQ(mistakes.size(), 1U);
  EXPECT_TRUE(contains(mistakes[0].advice, "fleet.capacity"));
}

TEST(Mistakes, DoubleNamesButNotSeveralMeasuredEvents) {
  const std::string event = "[[event]]\nat = \"20s\"\nlift = \"output limit\"\nmeasure = true\n";
  EXPECT_TRUE(mistakes_in(kText + event).empty());
  EXPECT_TRUE(mistakes_in(kText + event + event).empty());
  const std::string throttle =
      "[[throttle]]\nname = \"output limit\"\nkind = \"token_bucket\"\nunit = \"requests\"\n"
      "rate = \"1/s\"\n";
  const std::vector<Mistake> twice = mistakes_in(kText + throttle);
  ASSERT_EQ(twice.size(), 1U);
  EXPECT_TRUE(contains(twice[0].message, "twice"));
}

}  // namespace
}  // namespace tokenlift::scenario_mistakes_test
